"""As little as the benchmark of clients accepts, on the libraries that Arcwire uses; see drive.py.

python bare_client.py URL

uvloop reads and writes (all of a tick in one call of the system), picows finds and masks frames, msgspec
decodes and encodes; in between there is one Python function for a frame and a plain callback for what it
brings. Everything else of a client is left out: heartbeats, namespaces, buffers, reconnection, state,
checks, limits, errors, coroutines that wait for an answer.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop
from drive import TEXT, Driver, drive
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


class Connection(WSListener):
    transport: WSTransport

    def __init__(self) -> None:
        self.connected = asyncio.get_running_loop().create_future()
        self.asked = 0
        self.waiting: dict[bytes, Callable[[], None]] = {}
        self.on_echo: Callable[[], None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        packet = frame.get_payload_as_bytes()
        start = packet.find(b"[", 2, 20)
        if packet.startswith(b"43"):
            decode(packet[start:])
            self.waiting.pop(packet[2:start])()
        elif packet.startswith(b"42"):
            decode(packet[start:])
            assert self.on_echo is not None
            self.on_echo()
        elif packet.startswith(b"40"):
            self.connected.set_result(None)
        elif packet.startswith(b"0"):
            transport.send(WSMsgType.TEXT, b"40")

    def ask(self, answered: Callable[[], None]) -> None:
        self.asked += 1
        id = b"%d" % self.asked
        self.waiting[id] = answered
        self.transport.send(WSMsgType.TEXT, b"42%b%b" % (id, encode(("ack", TEXT))))


class Bare(Driver):
    """A connection for each client, in one loop."""

    async def connect(self) -> Any:
        url = self.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        _, connection = await ws_connect(Connection, url, use_aiofastnet=False)
        await connection.connected
        return connection

    async def call(self, connection: Any, times: int) -> None:
        over = asyncio.get_running_loop().create_future()

        def next_call() -> None:
            nonlocal times
            if times:
                times -= 1
                connection.ask(next_call)
            else:
                over.set_result(None)

        next_call()
        await over

    def emit(self, connection: Any) -> None:
        connection.transport.send(WSMsgType.TEXT, b"42" + encode(("echo", TEXT)))

    def on_echo(self, connection: Any, function: Callable[[], None]) -> None:
        connection.on_echo = function


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(drive(Bare(sys.argv[1])))
