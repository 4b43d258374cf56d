"""An engine's peers without a network: an HTTP exchange and a WebSocket in memory.

Both keep to the contracts of `arcwire.engineio.link` as a host does, so that what an engine does
with them it does with every host: nothing is sent after the end, `link_closed` comes exactly once
and never from within a call of the engine.
"""

import asyncio
import json
from collections.abc import Callable
from urllib.parse import urlencode

from arcwire.engineio.link import (
    Admission,
    HttpExchange,
    LinkReceiver,
    PreparedMessage,
    Request,
    Response,
    WebSocketLink,
)
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Engine


class MemoryExchange:
    """One HTTP request; `response` is its answer, None while there is none."""

    def __init__(self, request: Request, body: bytes | None = b"") -> None:
        self.request = request
        self.on_abort: Callable[[], None] | None = None
        self.response: Response | None = None
        self.arrived = body
        """The request body; None while it is on its way."""
        self._limit = 0
        self._on_body: Callable[[bytes], None] | None = None
        self._on_overflow: Callable[[], None] | None = None

    def respond(self, response: Response) -> None:
        assert self.response is None, "answered twice"
        self.response = response

    def read_body(
        self, limit: int, on_body: Callable[[bytes], None], on_overflow: Callable[[], None]
    ) -> None:
        self._limit, self._on_body, self._on_overflow = limit, on_body, on_overflow
        if self.arrived is not None:
            self.deliver(self.arrived)

    def deliver(self, body: bytes) -> None:
        """The rest of the request arrives."""
        assert self._on_body is not None
        assert self._on_overflow is not None
        if len(body) > self._limit:
            self._on_overflow()
        else:
            self._on_body(body)

    def vanish(self) -> None:
        """The client goes away before the answer."""
        assert self.response is None
        on_abort, self.on_abort = self.on_abort, None
        if on_abort is not None:
            on_abort()

    @property
    def status(self) -> int:
        assert self.response is not None, "no answer yet"
        return self.response.status

    @property
    def body(self) -> str:
        assert self.response is not None, "no answer yet"
        return self.response.body.decode()


class MemoryLink:
    """One WebSocket; `frames` is what the client got: text as str, binary as bytes."""

    receiver: LinkReceiver

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.uncompressed: list[str | bytes] = []
        """Those of the frames that a link may not compress."""
        self.close_frame: tuple[int, str] | None = None
        self.waiting_bytes = 0
        """What `buffered_bytes` says; a test sets it for a client that does not read."""
        self._ended = False

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        self._send(packet.decode(), compress)

    def write_packet(self, packet: bytes) -> None:
        self.send_packet(packet)

    def send_text(self, payload: bytes) -> None:
        self._send("4" + payload.decode())

    def send_binary(self, payload: bytes) -> None:
        self._send(bytes(payload))

    def send_prepared(self, message: PreparedMessage) -> None:
        self._send(bytes(message.payload) if message.binary else message.text, message.compress)

    def close(self, code: int, reason: str) -> None:
        if self.open:
            self.close_frame = (code, reason)
            self._end_soon(CloseReason.TRANSPORT_CLOSE, "the client answered the close frame")

    def abort(self) -> None:
        self._end_soon(CloseReason.TRANSPORT_ERROR, "aborted")

    def buffered_bytes(self) -> int:
        return self.waiting_bytes

    # The client's side.

    @property
    def open(self) -> bool:
        return self.close_frame is None and not self._ended

    def receive(self, *frames: str | bytes) -> None:
        """Frames of the client arrive."""
        for frame in frames:
            if isinstance(frame, str):
                self.receiver.receive_text(frame)
            else:
                self.receiver.receive_binary(frame)

    def vanish(self, reason: CloseReason = CloseReason.TRANSPORT_ERROR) -> None:
        """The connection is lost."""
        if not self._ended:
            self._ended = True
            self.receiver.link_closed(reason, "lost")

    def take(self) -> list[str | bytes]:
        """What came since the last call."""
        frames, self.frames = self.frames, []
        return frames

    def _send(self, frame: str | bytes, compress: bool = True) -> None:
        if self.open:
            self.frames.append(frame)
            if not compress:
                self.uncompressed.append(frame)

    def _end_soon(self, reason: CloseReason, description: str) -> None:
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().call_soon(lambda: self.receiver.link_closed(reason, description))


def request(method: str = "GET", **query: str) -> Request:
    """A request of Engine.IO; the query is `EIO=4` and what is given."""
    return Request(
        method=method,
        path="/engine.io/",
        query_string=urlencode({"EIO": "4", **query}).encode(),
        headers=[(b"host", b"example.test")],
        client=("192.0.2.1", 50000),
        secure=False,
    )


class MemoryClient:
    """One client of an engine, made by `over_polling` or `over_websocket`."""

    def __init__(self, engine: Engine, sid: str) -> None:
        self.engine = engine
        self.sid = sid

    @classmethod
    def over_polling(cls, engine: Engine, **query: str) -> "MemoryClient":
        exchange = MemoryExchange(request(transport="polling", **query))
        engine.handle_request(exchange)
        return cls(engine, json.loads(exchange.body[1:])["sid"])

    @classmethod
    def over_websocket(cls, engine: Engine, **query: str) -> tuple["MemoryClient", MemoryLink]:
        link = open_link(engine, request(transport="websocket", **query))
        first = link.frames.pop(0)
        assert isinstance(first, str)
        return cls(engine, json.loads(first[1:])["sid"]), link

    def poll(self) -> MemoryExchange:
        return self._exchange("GET", b"")

    def post(self, body: bytes | None) -> MemoryExchange:
        """Send a body; None for one that is on its way."""
        return self._exchange("POST", body)

    def probe(self) -> MemoryLink:
        """A WebSocket that wants to take over."""
        return open_link(self.engine, request(transport="websocket", sid=self.sid))

    def upgrade(self) -> MemoryLink:
        """All of an upgrade."""
        link = self.probe()
        link.receive("2probe")
        assert link.take() == ["3probe"]
        link.receive("5")
        return link

    def _exchange(self, method: str, body: bytes | None) -> MemoryExchange:
        exchange = MemoryExchange(request(method, transport="polling", sid=self.sid), body)
        self.engine.handle_request(exchange)
        return exchange


def open_link(engine: Engine, of: Request) -> MemoryLink:
    """Open a WebSocket as a host does; not where the application has to be waited for."""
    admitted = admit(engine, of)
    assert isinstance(admitted, Admission)
    link = MemoryLink()
    link.receiver = engine.open_link(of, link, admitted.sid)
    return link


def admit(engine: Engine, of: Request) -> Admission | Response:
    """What an engine says to a request for a WebSocket; not where the application has to be waited for."""
    coroutine = engine.admit(of)
    try:
        coroutine.send(None)
    except StopIteration as end:
        outcome: Admission | Response = end.value
        return outcome
    raise AssertionError("the engine waits")


_exchange_conforms: type[HttpExchange] = MemoryExchange
_link_conforms: type[WebSocketLink] = MemoryLink
