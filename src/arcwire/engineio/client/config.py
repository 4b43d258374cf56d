"""Settings of a client's connection, checked once."""

import dataclasses
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from arcwire.engineio.client.cookies import Cookies
from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.protocol.dialect import V3, V4, Dialect

TRANSPORTS: Final = ("websocket", "polling")

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")

# Header fields that are the protocol's own.
_OWN_FIELDS: Final = frozenset({
    "connection", "upgrade", "content-length", "transfer-encoding",
    "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol",
})  # fmt: skip

_PER_TRANSPORT: Final = frozenset({
    "path", "query", "extra_headers", "timestamp_requests", "timestamp_param", "force_base64",
    "add_trailing_slash", "protocols", "request_timeout", "per_message_deflate", "max_message_size",
})  # fmt: skip


_DEFLATE: Final = PerMessageDeflate()


class Memory:
    """What connections with the same settings pass on to those that come after them."""

    __slots__ = ("websocket_worked",)

    def __init__(self) -> None:
        self.websocket_worked = False
        """Whether the last connection carried a WebSocket; for `remember_upgrade`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineClientConfig:
    """Options of a client's connection. Durations are seconds, sizes bytes.

    Names and meanings are those of JavaScript's client; what it has for browsers alone is not here.
    Raises ValueError for a value that cannot work. One object may serve any number of connections, one
    after the other or at the same time: they share its cookies.
    """

    path: str = "/engine.io"
    """Where the server answers. The path of the URL is not used."""
    protocol: Literal[4, 3] = 4
    """The revision of Engine.IO: 3 for servers of Socket.IO 2 and older."""
    transports: Sequence[str] = TRANSPORTS
    """Which to use, in this order. `("polling", "websocket")` is what JavaScript's client does: polling,
    then an upgrade."""
    try_all_transports: bool = True
    """Whether the next transport is tried where the first failed for a reason that concerns it alone. A
    name that cannot be resolved, say, is the same for all."""
    upgrade: bool = True
    """Whether a polling connection moves to a WebSocket where the server offers it."""
    remember_upgrade: bool = False
    """Whether to begin with a WebSocket if that is what the last connection ended up with."""
    upgrade_timeout: float = 10.0
    """Time for an upgrade, from the first packet on the WebSocket on."""
    timeout: float | None = 20.0
    """Time for opening, with all transports that are tried; None for no limit."""
    request_timeout: float | None = None
    """Time for each request of polling, those that wait for messages included; None for no limit."""

    query: Mapping[str, str] | str = field(default_factory=dict)
    """Added to the query of each request; wins over what the URL has."""
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields of each request."""
    transport_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other values for one transport, as in `{"polling": {"extra_headers": {"x-real": "1"}}}`."""
    timestamp_requests: bool | None = None
    """Whether requests carry something that makes each URL unique; None: those of polling do."""
    timestamp_param: str = "t"
    """The name of that parameter."""
    force_base64: bool = False
    """Ask for text alone, and send it: binary messages are base64."""
    add_trailing_slash: bool = True
    """Whether the path ends in a slash."""
    protocols: Sequence[str] = ()
    """Sub-protocols that are offered to the server (RFC 6455 section 1.9)."""
    cookies: Cookies | Mapping[str, str] = field(default_factory=Cookies)
    """Cookies of all requests; those that servers set are kept in it."""

    max_message_size: int = 100 * 1024 * 1024
    """Largest message and largest answer to a poll that is taken."""
    per_message_deflate: PerMessageDeflate | bool = False
    """Whether to offer compression of messages on WebSockets, and how; True for the defaults. What is of
    the server in its names is of the server here too."""

    ssl_context: ssl.SSLContext | None = None
    """For servers with TLS; takes the place of the next three."""
    ca_file: str | Path | None = None
    """Certificates (PEM) of the authorities that are trusted, instead of the system's."""
    client_certificate: (
        str | Path | tuple[str | Path, str | Path] | tuple[str | Path, str | Path, str] | None
    ) = None
    """This client's certificate: a PEM file with the key in it, or both apart, and the key's passphrase."""
    insecure: bool = False
    """Take any certificate: for tests alone."""
    server_hostname: str | None = None
    """The name that the certificate has to be for, if not that of the URL."""
    local_address: str | tuple[str, int] | None = None
    """The address of this machine to connect from, or address and port; `"0.0.0.0"` and `"::"` are any of
    IPv4 and of IPv6 alone."""
    proxy: str | None = None
    """URL of a proxy: `http://`, `socks5://`, `socks5h://` (which resolves names itself), `socks4://` or
    `socks4a://`, with the port, and with `user:password@` before the host if need be."""
    trust_env: bool = True
    """Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count where `proxy` is not given."""

    memory: Memory = field(default_factory=Memory, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_transports()
        self._check_times()
        self._check_request()
        self._check_network()

    @property
    def dialect(self) -> Dialect:
        """What `protocol` means."""
        return V4 if self.protocol == 4 else V3

    @property
    def deflate(self) -> PerMessageDeflate | None:
        """What `per_message_deflate` means."""
        option = self.per_message_deflate
        if isinstance(option, PerMessageDeflate):
            return option
        return _DEFLATE if option else None

    @property
    def jar(self) -> Cookies:
        """What `cookies` means."""
        assert isinstance(self.cookies, Cookies)
        return self.cookies

    @property
    def local(self) -> tuple[str, int] | None:
        """What `local_address` means."""
        address = self.local_address
        return (address, 0) if isinstance(address, str) else address

    @property
    def parameters(self) -> Mapping[str, str]:
        """What `query` means."""
        assert not isinstance(self.query, str)
        return self.query

    def of(self, transport: str) -> "EngineClientConfig":
        """These options with what `transport_options` says of a transport."""
        options = self.transport_options.get(transport)
        if not options:
            return self
        config = dataclasses.replace(self, **options, transport_options={})
        object.__setattr__(config, "memory", self.memory)
        return config

    def _check_transports(self) -> None:
        set_ = object.__setattr__
        if isinstance(self.transports, str):
            set_(self, "transports", (self.transports,))
        known = ", ".join(TRANSPORTS)
        if not self.transports or any(name not in TRANSPORTS for name in self.transports):
            raise ValueError(f"transports must be some of {known}, got {self.transports!r}")
        set_(self, "transports", tuple(dict.fromkeys(self.transports)))
        if self.protocol not in (3, 4):
            raise ValueError(f"protocol must be 4 or 3, got {self.protocol!r}")
        for transport, options in self.transport_options.items():
            if transport not in TRANSPORTS:
                raise ValueError(f"transport_options: {transport!r} is no transport; there are {known}")
            unknown = set(options) - _PER_TRANSPORT
            if unknown:
                allowed = ", ".join(sorted(_PER_TRANSPORT))
                raise ValueError(
                    f"transport_options: {', '.join(sorted(unknown))} cannot be set for one transport; "
                    f"there are {allowed}"
                )
            self.of(transport)

    def _check_times(self) -> None:
        for name in ("timeout", "request_timeout", "upgrade_timeout"):
            value = getattr(self, name)
            if value is None and name != "upgrade_timeout":
                continue
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
                raise ValueError(f"{name} must be a positive number of seconds, got {value!r}")
        if not isinstance(self.max_message_size, int) or self.max_message_size < 1:
            raise ValueError(f"max_message_size must be a positive number, got {self.max_message_size!r}")

    def _check_request(self) -> None:
        set_ = object.__setattr__
        if not self.path.startswith("/") or re.search(r"[\x00-\x20?#\x7f]", self.path):
            raise ValueError(f"path must be a URL path such as '/socket.io', got {self.path!r}")
        set_(self, "path", self.path.rstrip("/"))
        query = self.query
        pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True) if isinstance(query, str) else query
        set_(self, "query", {str(key): str(value) for key, value in dict(pairs).items()})
        for name, value in self.extra_headers.items():
            if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name) or name.lower() in _OWN_FIELDS:
                raise ValueError(f"extra_headers: {name!r} cannot be set")
            if not isinstance(value, str) or _BAD_VALUE.search(value):
                raise ValueError(f"extra_headers: the value of {name} is not one that HTTP allows")
        set_(self, "extra_headers", dict(self.extra_headers))
        if isinstance(self.protocols, str):
            set_(self, "protocols", (self.protocols,))
        for protocol in self.protocols:
            if not isinstance(protocol, str) or not _FIELD_NAME.fullmatch(protocol):
                raise ValueError(f"protocols: {protocol!r} is no name of a sub-protocol")
        set_(self, "protocols", tuple(self.protocols))
        if not isinstance(self.cookies, Cookies):
            set_(self, "cookies", Cookies(self.cookies))

    def _check_network(self) -> None:
        if not isinstance(self.per_message_deflate, PerMessageDeflate | bool):
            given = repr(self.per_message_deflate)
            raise ValueError(f"per_message_deflate must be True, False or a PerMessageDeflate, got {given}")
        if self.proxy is not None:
            check_proxy(self.proxy)


_PROXY_SCHEMES: Final = ("http", "socks5", "socks5h", "socks4", "socks4a")


def check_proxy(url: str) -> None:
    """Raise ValueError unless it is the URL of a proxy that can be used."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _PROXY_SCHEMES or not rest:
        raise ValueError(
            f"proxy must be a URL that begins with one of {', '.join(_PROXY_SCHEMES)} and ://, got {scheme!r}"
        )
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname and parts.hostname.encode("idna") and parts.port)
    except ValueError:
        usable = False
    if not usable:
        shown = f"{scheme}://{rest.rpartition('@')[2]}"
        raise ValueError(f"proxy must have a host name and a port from 1 to 65535, got {shown!r}")
