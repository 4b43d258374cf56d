"""A Socket.IO client without a network: a WebSocket link in memory on a server's engine.

It speaks packets as text, so that tests see every byte, and lets the test decide the order of
everything.
"""

import asyncio
import json
from collections.abc import Callable

from arcwire import Server, Socket
from arcwire.engineio.link import LinkReceiver, PreparedMessage, Request
from arcwire.engineio.protocol.reasons import CloseReason


class MemoryLink:
    """Implements `WebSocketLink`; keeps what is sent."""

    receiver: LinkReceiver

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.uncompressed: list[str | bytes] = []
        """Those of `sent` that no transport may compress, as text or bytes of the message."""
        self.closed: tuple[int, str] | None = None
        self.stalled = 0

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        self._send(packet.decode())

    def send_text(self, payload: bytes) -> None:
        self._send("4" + payload.decode())

    def send_binary(self, payload: bytes) -> None:
        self._send(bytes(payload))

    def send_prepared(self, message: PreparedMessage) -> None:
        if not message.compress:
            self.uncompressed.append(bytes(message.payload) if message.binary else message.payload.decode())
        self._send(bytes(message.payload) if message.binary else message.text)

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.closed = (1006, "")

    def buffered_bytes(self) -> int:
        return self.stalled

    def _send(self, data: str | bytes) -> None:
        if self.closed is None:
            self.sent.append(data)


class MemoryClient:
    """One client connection; `inbox` holds what arrived, without the Engine.IO digit."""

    def __init__(self, io: Server, *, query: str = "", headers: dict[str, str] | None = None) -> None:
        request = Request(
            method="GET",
            path="/socket.io/",
            query_string=f"EIO=4&transport=websocket{query}".encode(),
            headers=[(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            client=("192.0.2.7", 1234),
            secure=False,
        )
        self.io = io
        self.link = MemoryLink()
        self.link.receiver = io.engine.open_link(request, self.link)

    @property
    def inbox(self) -> list[str | bytes]:
        return [
            data if isinstance(data, bytes) else data[1:]
            for data in self.link.sent
            if isinstance(data, bytes) or data[0] == "4"
        ]

    @property
    def closed(self) -> bool:
        return self.link.closed is not None

    def send(self, *packets: str | bytes) -> None:
        """Send Socket.IO packets; bytes are attachments."""
        for packet in packets:
            if isinstance(packet, bytes):
                self.link.receiver.receive_binary(packet)
            else:
                self.link.receiver.receive_text("4" + packet)

    def drop(self, reason: CloseReason = CloseReason.TRANSPORT_CLOSE) -> None:
        """The connection ends, as a host would report it."""
        self.link.closed = (1006, "")
        self.link.receiver.link_closed(reason, "dropped by the test")

    async def connect(self, namespace: str = "/", auth: object = None) -> str:
        """Join a namespace; its socket id."""
        head = "0" if namespace == "/" else f"0{namespace},"
        self.send(head + ("" if auth is None else json.dumps(auth)))
        packet = await self.wait_for(lambda data: isinstance(data, str) and data.startswith(head))
        assert isinstance(packet, str)
        sid = json.loads(packet[len(head) :])["sid"]
        assert isinstance(sid, str)
        return sid

    async def enter(self, namespace: str = "/", auth: object = None) -> Socket:
        """Join a namespace; the server's socket."""
        sid = await self.connect(namespace, auth)
        return self.io.of(namespace).sockets[sid]

    async def wait_for(self, matches: Callable[[str | bytes], bool]) -> str | bytes:
        """The first thing in the inbox that matches."""
        found: list[str | bytes] = []

        def look() -> bool:
            found[:] = [data for data in self.inbox if matches(data)]
            return bool(found)

        await until(look)
        return found[0]

    async def ask(self, id: int, event: str, *args: object) -> object:
        """Send an event with an id and return the arguments of its acknowledgement."""
        self.send(f"2{id}{json.dumps([event, *args])}")
        head = f"3{id}["
        packet = await self.wait_for(lambda data: isinstance(data, str) and data.startswith(head))
        assert isinstance(packet, str)
        return json.loads(packet[len(head) - 1 :])


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)
