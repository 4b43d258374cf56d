"""The cookie that carries the session id, for load balancers that keep a client on one server."""

from arcwire.engineio.config import CookieOptions


def cookie_field(options: CookieOptions, sid: str) -> tuple[bytes, bytes]:
    """The `Set-Cookie` field of the answer that opens a session (RFC 6265 section 4.1)."""
    parts = [f"{options.get('name', 'io')}={sid}"]
    if "max_age" in options:
        parts.append(f"Max-Age={options['max_age']}")
    if "domain" in options:
        parts.append(f"Domain={options['domain']}")
    if options.get("path", "/"):
        parts.append(f"Path={options.get('path', '/')}")
    if options.get("http_only", True):
        parts.append("HttpOnly")
    if options.get("secure"):
        parts.append("Secure")
    if options.get("partitioned"):
        parts.append("Partitioned")
    same_site = options.get("same_site", "lax")
    if same_site is not None:
        parts.append(f"SameSite={same_site.capitalize()}")
    return b"set-cookie", "; ".join(parts).encode("latin-1")
