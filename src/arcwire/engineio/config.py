"""Settings of the engine, checked once."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal, TypeAlias, TypedDict

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import Request

TRANSPORTS = ("polling", "websocket")

AllowRequest: TypeAlias = Callable[[Request], bool | str | Awaitable[bool | str | None] | None]
"""Decides on a request that opens a session: True lets it in, a string refuses it with that message."""
GenerateId: TypeAlias = Callable[[Request], str | Awaitable[str]]
"""Makes the id of the session that a request opens."""
OriginRule: TypeAlias = str | re.Pattern[str]
"""An origin as browsers write it, or a pattern that has to match all of it."""
AllowedOrigins: TypeAlias = OriginRule | Sequence[OriginRule] | Callable[[str], bool | Awaitable[bool]]
"""Origins whose pages may use the server; `"*"` for all, or a function that decides."""

COMPRESSION_THRESHOLD = 1024

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.\-]*://[^/\s?#@A-Z]*")  # of files it is "file://"
_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_COOKIE_PART = re.compile(r"[\x20-\x3a\x3c-\x7e]*")


class CookieOptions(TypedDict, total=False):
    """The cookie that carries the session id."""

    name: str
    """"io" by default."""
    path: str | None
    """"/" by default; None leaves it out."""
    domain: str
    max_age: int
    """Seconds; by default the cookie lasts until the browser ends."""
    http_only: bool
    """True by default: no script of the page can read it."""
    secure: bool
    same_site: Literal["strict", "lax", "none"] | None
    """"lax" by default; None leaves it out."""
    partitioned: bool


class HttpOptions(TypedDict, total=False):
    """Who is let in, and what answers carry: these fields of `EngineConfig`."""

    allow_request: AllowRequest | None
    generate_id: GenerateId | None
    cors_allowed_origins: AllowedOrigins | None
    cors_credentials: bool
    cors_allowed_headers: Sequence[str] | None
    cors_exposed_headers: Sequence[str]
    cors_max_age: int | None
    cookie: CookieOptions | bool
    initial_packet: str | bytes | None
    http_compression: bool | int
    trusted_proxies: Sequence[str]
    add_trailing_slash: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConfig:
    """Options of an engine. Durations are seconds, sizes bytes; defaults are the reference's.

    Raises ValueError for a value that cannot work.
    """

    path: str = "/engine.io"
    """Where the engine answers, below the mount point of its host application."""
    transports: tuple[str, ...] = TRANSPORTS
    ping_interval: float = 25.0
    """Time between a pong and the next ping."""
    ping_timeout: float = 20.0
    """Time a client has to answer a ping."""
    upgrade_timeout: float = 10.0
    """Time a client has to complete an upgrade once its WebSocket is open."""
    max_payload: int = 1_000_000
    """Largest request body and WebSocket message that a client may send."""
    allow_upgrades: bool = True
    """Whether the handshake offers WebSocket to polling clients."""
    allow_eio3: bool = False
    """Whether clients of protocol 3 (Socket.IO 2 and older) are let in, and JSONP is answered."""
    per_message_deflate: PerMessageDeflate | bool = False
    """How messages on WebSockets are compressed; True for the defaults, False for not at all."""

    allow_request: AllowRequest | None = None
    """Asked for each request that opens a session, after all other checks. What does not return True
    is refused with 403: `ConnectionRefused` and strings tell the client why."""
    generate_id: GenerateId | None = None
    """Makes session ids; 20 random characters by default. They must be unique and hard to guess."""
    cors_allowed_origins: AllowedOrigins | None = None
    """Origins of pages that may use the server, beside its own. Without it, no CORS headers are sent,
    and WebSockets are open to pages of the server's own origin only."""
    cors_credentials: bool = False
    """Whether such pages may send cookies."""
    cors_allowed_headers: Sequence[str] | None = None
    """Header fields that such pages may send; None for all."""
    cors_exposed_headers: Sequence[str] = ()
    """Header fields of answers that such pages may read."""
    cors_max_age: int | None = None
    """Seconds for which browsers may remember the answer to a preflight request."""
    cookie: CookieOptions | bool = False
    """Whether the answer that opens a session sets a cookie with its id, on both transports."""
    initial_packet: str | bytes | None = None
    """A message that each session gets at once, within the answer that opens it."""
    http_compression: bool | int = True
    """Whether polling answers are compressed, or from how many bytes on (True: 1024)."""
    trusted_proxies: Sequence[str] = ()
    """Addresses and networks of proxies that are believed who the client is; "*" for all."""
    add_trailing_slash: bool = True
    """Whether the path ends in a slash; if not, it is answered with and without one."""

    def __post_init__(self) -> None:
        for name in ("ping_interval", "ping_timeout", "upgrade_timeout"):
            value = getattr(self, name)
            # The handshake announces whole milliseconds (protocol v4, "Handshake").
            if not isinstance(value, int | float) or not 0.001 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of seconds of at least 0.001, got {value!r}")
        if not isinstance(self.max_payload, int) or self.max_payload < 1:
            raise ValueError(f"max_payload must be a positive number of bytes, got {self.max_payload!r}")
        unknown = [name for name in self.transports if name not in TRANSPORTS]
        if unknown or not self.transports or isinstance(self.transports, str):
            known = ", ".join(TRANSPORTS)
            raise ValueError(f"transports must be some of {known}, got {self.transports!r}")
        if not self.path.startswith("/") or not self.path.strip("/"):
            raise ValueError(f"path must be a URL path such as '/socket.io', got {self.path!r}")
        if not isinstance(self.per_message_deflate, PerMessageDeflate | bool):
            given = repr(self.per_message_deflate)
            raise ValueError(f"per_message_deflate must be True, False or a PerMessageDeflate, got {given}")
        self._check_origins()
        self._check_answers()
        object.__setattr__(self, "path", self.path.rstrip("/"))
        object.__setattr__(self, "transports", tuple(self.transports))

    def _check_origins(self) -> None:
        allowed = self.cors_allowed_origins
        if allowed is None or callable(allowed):
            return
        for rule in [allowed] if isinstance(allowed, str | re.Pattern) else allowed:
            if isinstance(rule, re.Pattern) or (rule == "*" and rule is allowed):
                continue
            if not isinstance(rule, str) or not _ORIGIN.fullmatch(rule):
                raise ValueError(
                    f"cors_allowed_origins: {rule!r} is not an origin. Write it as browsers do, for example"
                    " 'https://app.example' or 'http://localhost:8000': scheme and host in lower case,"
                    " no path and no slash at the end; '*' stands alone."
                )
        if self.cors_credentials and allowed == "*":
            raise ValueError(
                "cors_credentials needs the names of the origins: browsers send no cookies to a server that"
                " lets all in. List them in cors_allowed_origins."
            )

    def _check_answers(self) -> None:
        for name in ("cors_allowed_headers", "cors_exposed_headers", "trusted_proxies"):
            value = getattr(self, name)
            if isinstance(value, str | bytes):
                raise ValueError(f"{name} must be a list of strings, got {value!r}")
            object.__setattr__(self, name, None if value is None else tuple(value))
        for proxy in self.trusted_proxies:
            try:
                ip_network("0.0.0.0/0" if proxy == "*" else proxy, strict=False)
            except ValueError as error:
                raise ValueError(f"trusted_proxies must be IP addresses or networks: {error}") from None
        if not isinstance(self.http_compression, int) or self.http_compression < 0:
            raise ValueError(
                f"http_compression must be True, False or a number of bytes, got {self.http_compression!r}"
            )
        if not isinstance(self.initial_packet, str | bytes | None):
            raise ValueError(f"initial_packet must be text or bytes, got {self.initial_packet!r}")
        if self.cookie_options is not None:
            _check_cookie(self.cookie_options)

    @property
    def cookie_options(self) -> CookieOptions | None:
        """The settings that `cookie` means."""
        if isinstance(self.cookie, bool):
            return {} if self.cookie else None
        return self.cookie

    @property
    def compression_threshold(self) -> float:
        """The size in bytes from which on polling answers are compressed."""
        if self.http_compression is True:
            return COMPRESSION_THRESHOLD
        return float("inf") if self.http_compression is False else self.http_compression

    @property
    def deflate(self) -> PerMessageDeflate | None:
        """The settings that `per_message_deflate` means."""
        option = self.per_message_deflate
        if isinstance(option, PerMessageDeflate):
            return option
        return PerMessageDeflate() if option else None


def _check_cookie(options: CookieOptions) -> None:
    unknown = set(options) - set(CookieOptions.__annotations__)
    if unknown:
        known = ", ".join(sorted(CookieOptions.__annotations__))
        raise ValueError(f"cookie: unknown option {', '.join(sorted(unknown))}; there are {known}")
    if not _COOKIE_NAME.fullmatch(options.get("name", "io")):
        raise ValueError(f"cookie: {options['name']!r} is not a name for a cookie")
    for part in (options.get("path"), options.get("domain")):
        if part is not None and not _COOKIE_PART.fullmatch(part):
            raise ValueError(f"cookie: {part!r} cannot stand in a cookie")
    if options.get("same_site", "lax") not in ("strict", "lax", "none", None):
        raise ValueError(f"cookie: same_site must be strict, lax, none or None, got {options['same_site']!r}")
