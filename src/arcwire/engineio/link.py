"""The contracts between the engine and its hosts.

A host (`arcwire.hosts`) owns sockets, HTTP parsing and WebSocket framing; the engine owns
sessions. All calls in both directions are plain, synchronous, and made on the event loop's thread,
so a message costs no task switch between the host's callback and the application.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.protocol.reasons import CloseReason

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class Request:
    """What the engine needs to know of an HTTP request, or of the one that asks for a WebSocket.

    `headers` are pairs of lower-case name and value, as in ASGI; or `head` has the same as it came: for
    each field CR, LF, name, colon and value, all of them checked; requests with the same head may share
    in `found` what was asked for. `path` is the decoded path as the client sent it (mount prefix
    included). `client` is `(host, port)` or None where the host does not know (Unix sockets). `secure`
    tells TLS. Where proxies are trusted, the engine corrects both.
    """

    __slots__ = (
        "_found",
        "_head",
        "_lower",
        "_query",
        "_state",
        "client",
        "method",
        "path",
        "query_string",
        "secure",
    )

    def __init__(
        self,
        *,
        method: str,
        path: str,
        query_string: bytes,
        headers: Headers = (),
        head: bytes | None = None,
        found: dict[bytes, str | None] | None = None,
        client: tuple[str, int] | None,
        secure: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string.decode("latin-1")
        self._query: dict[str, str] | None = None
        # One bytes object instead of a tuple and two bytes objects a header: a connection keeps
        # its request for `socket.handshake`, and most are never asked for it.
        self._head = b"".join([b"\r\n%b:%b" % pair for pair in headers]) if head is None else head
        self._lower: bytes | None = None
        self._found = found
        self.client = client
        self.secure = secure
        self._state: dict[str, Any] | None = None

    @property
    def query(self) -> dict[str, str]:
        """The decoded query string; of a repeated key the last value."""
        query = self._query
        if query is None:
            query = self._query = parse_query(self.query_string)
        return query

    @property
    def state(self) -> dict[str, Any]:
        """What middlewares found out: engine middlewares put it here, and of what ASGI middlewares
        around the engine left in their scope there are `user`, `auth` and `session`."""
        if self._state is None:
            self._state = {}
        return self._state

    @property
    def headers(self) -> dict[str, str]:
        """Header fields by lower-case name; fields sent more than once are joined by `, `."""
        fields: dict[str, str] = {}
        for line in self._head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip(" \t")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return fields

    def header(self, name: bytes) -> str | None:
        """The first header field of this lower-case name, without building them all."""
        found = self._found
        if found is None:
            return self._find(name)
        if name not in found:
            found[name] = self._find(name)
        return found[name]

    def _find(self, name: bytes) -> str | None:
        lower = self._lower
        if lower is None:
            lower = self._lower = self._head.lower()
        start = lower.find(b"\r\n%b:" % name)
        if start < 0:
            return None
        start += len(name) + 3
        end = lower.find(b"\r\n", start)
        return self._head[start : end if end >= 0 else None].decode("latin-1").strip(" \t")

    def settle(self) -> None:
        """The request is kept for long: drop what can be made again."""
        self._lower = self._query = self._found = None


def parse_query(text: str) -> dict[str, str]:
    """Decode a query string; of a repeated key the last value wins."""
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True))
    # The common case, five times as fast: a client's polls have nothing to decode.
    pairs = [part.partition("=") for part in text.split("&")]
    return {key: value for key, separator, value in pairs if key or separator}


class Response:
    """A complete HTTP answer.

    `close` asks the host to end the connection after it. `sid` names the session that this answer
    opens, if it opens one.
    """

    __slots__ = ("body", "close", "headers", "sid", "status")

    def __init__(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        *,
        close: bool = False,
        sid: str | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.close = close
        self.sid = sid


class Admission:
    """A request that is let in.

    `sid` names the session that it opens, None for a WebSocket of a session that exists. `headers` go
    with the answer (of a WebSocket: 101), `session_headers` with it and all later answers of a polling
    session.
    """

    __slots__ = ("headers", "session_headers", "sid")

    def __init__(self, sid: str | None, headers: list[tuple[bytes, bytes]], session_headers: Headers) -> None:
        self.sid = sid
        self.headers = headers
        self.session_headers = session_headers


class HttpExchange(Protocol):
    """One HTTP request and its answer; implemented by hosts."""

    request: Request
    on_abort: Callable[[], None] | None
    """Set by the engine; called at most once, when the client went away before the answer, or
    (after `read_body`) before the end of the body. Never called after `respond`."""

    def respond(self, response: Response) -> None:
        """Send the answer. Called exactly once, unless `on_abort` was called; may come later than
        the call that passed the exchange to the engine. `content-length` is set by the host."""

    def read_body(
        self, limit: int, on_body: Callable[[bytes], None], on_overflow: Callable[[], None]
    ) -> None:
        """Collect the request body and call `on_body` with it.

        A body longer than `limit` bytes, announced by Content-Length or found while reading, is
        never buffered beyond the limit: `on_overflow` is called instead. May call back at once.
        """


class PreparedMessage:
    """A message that goes to many links: each form is made once, on first use, then shared.

    `payload` is the content of an Engine.IO message packet: UTF-8 text, or, if `binary`, bytes.
    Without `compress` no transport compresses it; that is the only way to say so, also for a message
    to one link, so that the ordinary sends need not ask.
    """

    __slots__ = ("_compressed", "_frame", "_text", "binary", "compress", "payload")

    def __init__(self, payload: bytes, *, binary: bool = False, compress: bool = True) -> None:
        self.payload = payload
        self.binary = binary
        self.compress = compress
        self._compressed: dict[Compression, bytes] | None = None
        self._frame: bytes | None = None
        self._text: str | None = None

    @property
    def frame(self) -> bytes:
        """The unmasked WebSocket frame that carries the packet."""
        if self._frame is None:
            self._frame = binary_frame(self.payload) if self.binary else message_frame(self.payload)
        return self._frame

    @property
    def text(self) -> str:
        """The text packet (not for binary messages) for hosts that do their own framing."""
        if self._text is None:
            self._text = "4" + self.payload.decode()
        return self._text

    def compressed(self, compression: "Compression") -> bytes:
        """The frame that `compression` makes of it."""
        if self._compressed is None:
            self._compressed = {}
        frame = self._compressed.get(compression)
        if frame is None:
            frame = self._compressed[compression] = compression.frame(self)
        return frame


class Compression(Protocol):
    """A way to compress for which hosts have one object, so that links can share its frames."""

    def frame(self, message: PreparedMessage) -> bytes:
        """The unmasked WebSocket frame that carries the packet."""


class WebSocketLink(Protocol):
    """One open WebSocket; implemented by hosts. Text arguments are UTF-8 bytes.

    Sends keep their order and never block; after `close`, `abort` or the end of the connection
    they are ignored. What is sent within one tick of the event loop should leave in one write.
    Where the host compresses, it may compress all that is not marked otherwise.
    """

    receiver: "LinkReceiver"
    """Where what arrives is delivered; the engine replaces it when a probe becomes a session's link."""

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        """Send a text frame with a complete Engine.IO packet (`b"2"`, `b"3probe"`)."""

    def write_packet(self, packet: bytes) -> None:
        """As `send_packet`, and write at once all that was sent: this is the end of the tick."""

    def send_text(self, payload: bytes) -> None:
        """Send a message packet: a text frame of `b"4" + payload`."""

    def send_binary(self, payload: bytes) -> None:
        """Send a binary message: a binary frame of `payload`."""

    def send_prepared(self, message: PreparedMessage) -> None:
        """Send a message that was prepared once for many links, or is not to be compressed."""

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then a close frame with this code (1005: a frame without a code),
        and end the connection, within a few seconds even if the peer does not read."""

    def abort(self) -> None:
        """End the connection at once; what is queued is lost."""

    def buffered_bytes(self) -> int:
        """Bytes accepted by the sends and not yet taken by the operating system."""


class LinkReceiver(Protocol):
    """Where a host delivers what a WebSocket receives; implemented by the engine."""

    def receive_text(self, packet: str) -> None:
        """A complete text message arrived. Never raises."""

    def receive_binary(self, data: bytes) -> None:
        """A complete binary message arrived. Never raises."""

    def link_drained(self) -> None:
        """The write buffer went below its low-water mark after having been above its high one."""

    def link_closed(self, reason: CloseReason, description: str) -> None:
        """The WebSocket ended; nothing follows. Called exactly once for every link, also after
        `close` and `abort`. `reason` is TRANSPORT_CLOSE when the peer closed (description with the
        close code), PAYLOAD_TOO_LARGE, SERVER_SHUTTING_DOWN, else TRANSPORT_ERROR."""


class RequestHandler(Protocol):
    """The engine, as hosts see it. All methods are called on the loop's thread and never raise.

    Only `admit` waits, for functions of the application; `handle_request` answers later instead, and
    `admit_now` leaves it to `admit`.
    """

    max_payload: int
    """Largest WebSocket message in bytes; a host refuses a larger one before it is buffered."""
    per_message_deflate: PerMessageDeflate | None
    """How messages on WebSockets are compressed, by hosts that make the frames themselves."""

    def handle_request(self, exchange: HttpExchange) -> None:
        """Answer a request that does not ask for a WebSocket, now or later."""

    async def admit(self, request: Request) -> Admission | Response:
        """Check a request for a WebSocket: let in, or the answer that refuses it."""

    def admit_now(self, request: Request) -> Admission | Response | None:
        """As `admit`; None, and nothing done, where functions of the application have to be asked."""

    def open_link(self, request: Request, link: WebSocketLink, sid: str | None = None) -> LinkReceiver:
        """A WebSocket that `admit` let in with this `sid` is open (the 101 answer has been written)."""

    def trust(self, sid: str) -> None:
        """The host may answer later requests of this session without asking the application."""

    def trusts(self, sid: str) -> bool:
        """Whether `trust` was called for this session and it still exists."""


# RFC 6455 section 5.2: FIN and opcode, then the length in 7, 7+16 or 7+64 bits; a server does not
# mask. Small frames take their header from a table: one concatenation, no branches on digits.
_TEXT_HEADERS = tuple(bytes((0x81, size)) for size in range(126))
_BINARY_HEADERS = tuple(bytes((0x82, size)) for size in range(126))
MESSAGE_HEADERS = tuple(bytes((0x81, size + 1)) + b"4" for size in range(125))
"""What precedes the payload of a small text message in its frame, by its size."""


def _long_header(first: int, size: int) -> bytes:
    if size < 0x10000:
        return bytes((first, 126)) + size.to_bytes(2, "big")
    return bytes((first, 127)) + size.to_bytes(8, "big")


def packet_frame(packet: bytes) -> bytes:
    """Frame a complete text packet."""
    size = len(packet)
    return (_TEXT_HEADERS[size] if size < 126 else _long_header(0x81, size)) + packet


def message_frame(payload: bytes) -> bytes:
    """Frame `b"4" + payload` without building that string first."""
    size = len(payload)
    if size < 125:
        return MESSAGE_HEADERS[size] + payload
    return b"%b4%b" % (_long_header(0x81, size + 1), payload)


def binary_frame(payload: bytes) -> bytes:
    """Frame a binary message."""
    size = len(payload)
    return (_BINARY_HEADERS[size] if size < 126 else _long_header(0x82, size)) + payload


def compressed_frame(data: bytes, *, binary: bool) -> bytes:
    """Frame what permessage-deflate made of a message (RFC 7692 section 6: RSV1 marks it)."""
    size = len(data)
    first = 0xC2 if binary else 0xC1
    return (bytes((first, size)) if size < 126 else _long_header(first, size)) + data
