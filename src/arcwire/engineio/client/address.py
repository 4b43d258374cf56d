"""Where a client connects to: what a URL says."""

import base64
import contextlib
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.protocol.batch import BATCH, LIMIT, PARAMETER
from arcwire.engineio.protocol.dialect import V4

_SECURE = {"http": False, "https": True, "ws": False, "wss": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A server. `unix` is the path of its socket, if it has no port.

    `authority` is what requests call it (host, and port unless it is the usual one); what `host` may have
    more is the zone of an IPv6 address, as in `fe80::1%eth0`, which means something on this machine alone.
    `credentials` is the value of the field `Authorization`, "" for none.
    """

    secure: bool
    host: str
    port: int
    authority: str
    unix: str = ""
    credentials: str = ""
    query: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if self.unix:
            return f"unix:{self.unix}"
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    def target(self, config: EngineClientConfig, transport: str, sid: str | None = None) -> str:
        """Path and query of a request. `config` has what counts for this transport."""
        query = {
            **dict(self.query),
            **config.parameters,
            "EIO": str(config.protocol),
            "transport": transport,
        }
        if config.protocol == V4.revision and config.max_message_size >= LIMIT:
            query[PARAMETER] = BATCH
        if sid is not None:
            query["sid"] = sid
        if config.timestamp_requests or (config.timestamp_requests is None and transport == "polling"):
            query[config.timestamp_param] = secrets.token_urlsafe(6)
        if config.force_base64:
            query["b64"] = "1"
        path = quote(config.path, safe="/:@!$&'()*+,;=~%") + ("/" if config.add_trailing_slash else "")
        return f"{path or '/'}?{urlencode(query, quote_via=quote)}"

    def headers(self, config: EngineClientConfig) -> dict[str, str]:
        """Header fields of a request, cookies included; names as they are written."""
        fields = {"Host": self.authority, "User-Agent": "arcwire", "Accept": "*/*"}
        if self.credentials:
            fields["Authorization"] = self.credentials
        cookie = config.jar.header(f"{self.web}{config.path}/")
        if cookie:
            fields["Cookie"] = cookie
        lower = {name.lower() for name in config.extra_headers}
        kept = {name: value for name, value in fields.items() if name.lower() not in lower}
        return {**kept, **config.extra_headers}

    @property
    def web(self) -> str:
        """The beginning of URLs at this server."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def read_url(url: str) -> Address:
    """Read `http(s)://`, `ws(s)://` or `unix:/path/of/socket`, the latter with a query if need be.

    A URL without a scheme is one of https. Raises ValueError.
    """
    if url.startswith("//"):
        url = f"https:{url}"
    elif "://" not in url and not url.startswith("unix:"):
        url = f"https://{url}"
    parts = urlsplit(url)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "unix":
        if not parts.path or parts.netloc:
            raise ValueError(f"the URL of a Unix socket is unix: and an absolute path, got {url!r}")
        return Address(
            secure=False,
            host="localhost",
            port=0,
            authority="localhost",
            unix=unquote(parts.path),
            query=query,
        )
    secure = _SECURE.get(parts.scheme)
    if secure is None:
        raise ValueError(
            f"{parts.scheme}:// is no scheme for a server; there are http, https, ws, wss and unix"
        )
    if not parts.hostname or any(character.isspace() for character in parts.hostname):
        raise ValueError(f"the URL {url!r} has no host")
    usual = 443 if secure else 80
    port = _port(parts, usual)
    host = _host(parts.hostname)
    name = f"[{host.partition('%')[0]}]" if ":" in host else host
    credentials = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Address(
        secure=secure,
        host=host,
        port=port,
        authority=name if port == usual else f"{name}:{port}",
        credentials=credentials,
        query=query,
    )


def _host(name: str) -> str:
    """What is connected to: all of ASCII, and addresses in their usual form."""
    if ":" in name:
        return unquote(name)  # RFC 6874: the zone follows %25
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            raise ValueError(f"the host {name!r} of the URL is no host name") from None
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(name))  # 127.1, say
    return name


def _port(parts: SplitResult, usual: int) -> int:
    try:
        port = usual if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise ValueError(f"the port in {parts.netloc.rpartition('@')[2]!r} is no number from 1 to 65535")
    return port
