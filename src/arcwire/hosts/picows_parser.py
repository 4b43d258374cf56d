"""picows' parser on a connection that is not picows' own.

picows makes its protocols for servers and clients that it starts itself. Here one gets a canned
handshake and a stand-in for its transport; see docs/decisions/0002-links-on-picows.md.
"""

import asyncio
import hashlib
import logging
import threading
from binascii import b2a_base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from picows import WSAutoPingStrategy, WSListener, WSTransport, WSUpgradeResponse
from picows.common import WSUpgradeRequest, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # left out of picows' stubs

logger = logging.getLogger("arcwire.hosts.picows")

HANDSHAKE: Final = b"GET / HTTP/1.1\r\n\r\n"
"""What a parser has to read first. The fields that are missing it gets without reading them: `_FIELDS`."""

_READ_BUFFER: Final = 2048


class Listener(WSListener):
    """What a parser tells, beside what picows' own protocol does."""

    __slots__ = ()

    def refused(self, code: int) -> None:
        """picows rejects what comes next; `code` is the close code for it."""
        raise NotImplementedError

    def connection_ended(self) -> None:
        """The peer ended its side of the TCP connection; the transport closes after what is queued."""
        raise NotImplementedError

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        raise NotImplementedError


def make_parser(link: Listener, max_frame_size: int) -> "Parser":
    """A parser for `link` that refuses frames above `max_frame_size` bytes by their header.

    It has to be fed with `HANDSHAKE`, then with what the peer sends.
    """
    carrier = _Carrier(link)
    return _make_parser(carrier, carrier.accept, max_frame_size, client=False)


def make_client_parser(link: Listener, max_frame_size: int) -> "Parser":
    """The same on the client's side, and with the handshake behind it."""
    carrier = _ClientCarrier(link)
    parser = _make_parser(carrier, carrier.listen, max_frame_size, client=True)
    buffer = parser.get_buffer(-1)
    buffer[: len(carrier.answer)] = carrier.answer
    parser.buffer_updated(len(carrier.answer))
    return parser


def accept_key(key: bytes) -> bytes:
    """What a server answers to this Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(key + _KEY_SUFFIX, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False)


def _make_parser(
    carrier: "_Carrier", listener_factory: Callable[..., object], max_frame_size: int, *, client: bool
) -> "Parser":
    parser = Parser(
        host_port="localhost" if client else None,
        ws_path=None,
        is_client_side=client,
        ws_listener_factory=listener_factory,
        logger=_PARSER_LOG,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=None,
        auto_ping_reply_timeout=None,
        auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=False,
        max_frame_size=max_frame_size,
        extra_headers=None,
        read_buffer_init_size=_READ_BUFFER,
    )
    parser.connection_made(carrier)
    return parser


class Parser(WSProtocol):  # type: ignore[misc]  # no stub
    """picows' protocol; what it would keep from its listener goes to the link."""

    __slots__ = ()

    # Never called; but where a protocol has none, uvloop keeps that of the protocol before, and with
    # it all that belonged to the handshake.
    data_received = None

    def eof_received(self) -> bool:
        self.listener.connection_ended()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.listener.connection_lost(exc)


class Drain(asyncio.Protocol):
    """Discards what a peer sends after the end of its WebSocket."""

    __slots__ = ("_link",)

    def __init__(self, link: Listener) -> None:
        self._link = link

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.connection_lost(exc)


class _NoSocket:
    def fileno(self) -> int:
        return -1

    def setsockopt(self, *args: Any) -> None: ...

    def getsockopt(self, *args: Any) -> int:
        return 0


_NO_SOCKET: Final = _NoSocket()
_EXTRA_INFO: Final[dict[str, object]] = {"socket": _NO_SOCKET, "ssl_object": _NO_SOCKET}


class _Carrier:
    """What picows takes for its transport.

    It keeps picows' hands off the socket: options that Unix sockets lack and that the event loops
    have set already, and writes that would overtake queued frames. picows writes only twice here:
    the answer to the handshake, which the peer must not see, and a close frame when it refuses what
    the peer sent.
    """

    __slots__ = ("_link",)

    # A function of C, as picows asks often.
    get_extra_info = _EXTRA_INFO.get

    def __init__(self, link: Listener) -> None:
        self._link = link

    def accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        """What picows asks for a listener, before it looks at the fields."""
        request.headers = _FIELDS
        return WSUpgradeResponseWithListener(_RESPONSE, self._link)

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray) -> None:
        if data[0] == 0x88:
            start = 2 if data[1] < 126 else 4
            self._link.refused(int.from_bytes(data[start : start + 2], "big"))

    def close(self) -> None:
        """The link sees to its end itself."""


class _Response(WSUpgradeResponse):
    """picows' answer to the handshake, one for all parsers."""

    def __init__(self) -> None:
        self.status = HTTPStatus.SWITCHING_PROTOCOLS
        self.headers = cast("Any", {})  # picows adds a field that nobody reads

    def to_bytes(self) -> bytearray:
        return bytearray(1)  # not a close frame: that is all a carrier looks for


class _ClientCarrier(_Carrier):
    """The same on the client's side: here picows writes the request of a handshake first."""

    __slots__ = ("answer",)

    answer: bytes

    def listen(self, request: WSUpgradeRequest, response: WSUpgradeResponse) -> Listener:
        """What picows asks for a listener."""
        return self._link

    def write(self, data: bytes | bytearray) -> None:
        if data[0] == 0x88:
            # A close frame: flags and opcode, a length below 126, the mask, the masked code.
            self._link.refused((data[6] ^ data[2]) << 8 | (data[7] ^ data[3]))
        else:
            key = data.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            self.answer = _CLIENT_HANDSHAKE + accept_key(bytes(key)) + b"\r\n\r\n"


class Masker:
    """Makes the frames of clients, whose content is masked (RFC 6455 section 5.3).

    `mask` takes the opcode, the content, and whether FIN and RSV1 are set; then `take` returns the frame.
    These are functions of C: messages pass here. For one thread only: see `masker`.
    """

    __slots__ = ("mask", "take")

    def __init__(self) -> None:
        frames: list[bytes] = []
        make_transport = cast("Callable[..., WSTransport]", WSTransport)
        transport = make_transport(True, _FrameSink(frames), _PARSER_LOG, _NO_LOOP)
        self.mask = cast("Callable[..., None]", transport.send)
        self.take = frames.pop


class _MaskerOfThread(threading.local):
    def __init__(self) -> None:
        self.masker = Masker()


class _FrameSink:
    """What a masker takes for its transport."""

    def __init__(self, frames: list[bytes]) -> None:
        self.write = frames.append

    def get_extra_info(self, name: str) -> object:
        # With TLS picows writes by `write` alone.
        return _NO_SOCKET if name == "socket" else True

    def get_write_buffer_size(self) -> int:
        return 0


class _NoLoop:
    def create_future(self) -> None: ...


class _ParserLog:
    """picows' logger: what peers do wrong is no news to an operator, what picows does wrong is."""

    def isEnabledFor(self, level: int) -> bool:
        return False

    def debug(self, *args: Any) -> None: ...

    info = warning = error = log = debug

    def exception(self, message: str, *args: Any) -> None:
        logger.exception(message, *args)


_NO_LOOP: Final = _NoLoop()
_PARSER_LOG: Final = _ParserLog()
_FIELDS: Final[Any] = {
    "upgrade": "websocket",
    "connection": "upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
_RESPONSE: Final = _Response()
_CLIENT_HANDSHAKE: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
)
_KEY_SUFFIX: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_of_thread = _MaskerOfThread()


def masker() -> Masker:
    """The masker of this thread."""
    return _of_thread.masker
