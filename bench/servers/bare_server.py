"""As little as the load generator accepts, on the libraries that Arcwire uses: the limit of the tools.

    python bare_server.py PORT WORK

uvloop reads and writes, picows opens WebSockets and finds frames, msgspec decodes and encodes; in between
there is one Python function for a frame and one for an event, and what is sent within a tick of the event
loop is one write for each socket. Everything else of a Socket.IO server is left out: sessions and their
ids, heartbeats, namespaces, rooms, state, middlewares, user code that may wait (handlers are plain
functions), long-polling, limits, checks of what comes (only the order of the typed event is checked,
because that is its work), buffers that are full, errors, logs.
"""

import asyncio
import sys
from collections.abc import Callable

import msgspec
import uvloop
from msgspec import ValidationError
from order_msgspec import Order, Receipt
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

OPEN = b'0{"sid":"bare","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
CONNECTED = b'40{"sid":"bare"}'


class Connection(WSListener):
    __slots__ = ("frames", "transport")

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport.underlying_transport
        connections[self] = None
        self.send(text_frame(OPEN))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is TEXT:
            packet = frame.get_payload_as_bytes()
            start = packet.find(b'["', 2, 20)
            if start > 0:
                HANDLERS[packet[start + 2 : packet.find(b'"', start + 2)]](self, packet, start)
            elif packet == b"40":
                self.send(text_frame(CONNECTED))
        elif kind is BINARY:
            self.send(frame_of(0x82, frame.get_payload_as_bytes()))
        elif kind is CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        connections.pop(self, None)

    def send(self, frame: bytes) -> None:
        """Write it with all others of this tick of the loop."""
        if not self.frames:
            if not waiting:
                asyncio.get_running_loop().call_soon(flush)
            waiting.append(self)
        self.frames.append(frame)


def flush() -> None:
    for connection in waiting:
        frames = connection.frames
        connection.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        frames.clear()
    waiting.clear()


def echo(connection: Connection, packet: bytes, start: int) -> None:
    _, text = decode(packet[start:])
    connection.send(text_frame(b"42" + encode(("echo", text))))


def ack(connection: Connection, packet: bytes, start: int) -> None:
    _, text = decode(packet[start:])
    connection.send(text_frame(b"43%b%b" % (packet[2:start], encode((text,)))))


def order(connection: Connection, packet: bytes, start: int) -> None:
    answer: object
    try:
        _, value = decode_order(packet[start:])
        answer = Receipt(value.id, value.item, value.quantity * value.price, value.express)
    except ValidationError as error:
        answer = {"error": str(error)}
    connection.send(text_frame(b"43%b%b" % (packet[2:start], encode((answer,)))))


def binary(connection: Connection, packet: bytes, start: int) -> None:
    """The attachment follows, and is sent back when it comes."""
    content = decode(packet[start:])
    connection.send(text_frame(b"451-" + encode(content)))


def broadcast(_connection: Connection, packet: bytes, start: int) -> None:
    _, text = decode(packet[start:])
    frame = text_frame(b"42" + encode(("news", text)))
    for each in connections:
        each.transport.write(frame)


def text_frame(packet: bytes) -> bytes:
    size = len(packet)
    return HEADERS[size] + packet if size < 126 else frame_of(0x81, packet)


def frame_of(first: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return bytes((first, size)) + data
    if size < 0x10000:
        return b"%c\x7e%b%b" % (first, size.to_bytes(2, "big"), data)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8, "big"), data)


HANDLERS: dict[bytes, Callable[[Connection, bytes, int], None]] = {
    b"echo": echo,
    b"ack": ack,
    b"order": order,
    b"binary": binary,
    b"broadcast": broadcast,
}
HEADERS = tuple(bytes((0x81, size)) for size in range(126))
TEXT, BINARY, CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CLOSE
decode = msgspec.json.Decoder().decode
decode_order = msgspec.json.Decoder(tuple[str, Order]).decode
encode = msgspec.json.Encoder().encode
connections: dict[Connection, None] = {}  # in the order in which they came
waiting: list[Connection] = []


def accept(_request: WSUpgradeRequest) -> Connection:
    return Connection()


async def main() -> None:
    # glibc learns from a large block that is freed to keep the memory of large messages, which it would else
    # give back and fetch again for each. Larger programs have taught it that by their imports.
    bytes(16 << 20)
    server = await ws_create_server(accept, "127.0.0.1", int(sys.argv[1]), backlog=2048, use_aiofastnet=False)
    await server.serve_forever()


uvloop.run(main())
