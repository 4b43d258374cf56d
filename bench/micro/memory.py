"""A server whose clients are in memory: bytes go into uvicorn's protocols and come out of transports. And a
client whose server is.

What is used of Arcwire is what an application uses and how uvicorn starts the fast path, so that the
same file measures commits whose insides differ.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import uvicorn
import uvloop
from uvicorn.server import ServerState

from arcwire import Client

HEADERS = (
    "Host: 127.0.0.1:3000\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: */*\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Origin: http://127.0.0.1:3000\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n"
)
"""What a browser sends with each request."""

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

MAX_TICKS = 1000
"""Turns of the loop within which an answer comes."""

MASK = b"\x11\x22\x33\x44"


class Loop(uvloop.Loop):  # type: ignore[misc]  # a class of Cython
    """A loop on which no time passes: deadlines fall into the same slots in every run."""

    connecting: "asyncio.Future[Transport]"
    """What a client connects; to be made before it does."""

    def time(self) -> float:
        return 1000.0

    async def create_unix_connection(  # type: ignore[override]  # only what the client needs of it
        self, make_protocol: Callable[[], Any], *args: Any, **options: Any
    ) -> tuple["Transport", Any]:
        """A connection to whoever awaits `connecting`."""
        transport = Transport(make_protocol())
        self.connecting.set_result(transport)
        return transport, transport.protocol


class Transport(asyncio.Transport):
    """Keeps what is written, as a socket that takes everything would."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False
        self._answers: Iterator[bytes] | None = None
        self._answered: asyncio.Future[None]
        self.protocol = protocol
        protocol.connection_made(self)

    def feed(self, data: bytes) -> None:
        """The peer sends `data`."""
        get_buffer = getattr(self.protocol, "get_buffer", None)
        if get_buffer is None:
            self.protocol.data_received(data)
        else:
            get_buffer(-1)[: len(data)] = data
            self.protocol.buffer_updated(len(data))

    def drop(self) -> None:
        """The connection is lost."""
        self.closed = True
        self.protocol.connection_lost(None)

    def take(self) -> bytes:
        """What was written since the last call."""
        written = b"".join(self.written)
        self.written.clear()
        return written

    def answer_with(self, answers: Iterable[bytes]) -> asyncio.Future[None]:
        """Feed one of these each time that something was written: in the next turn of the loop, and outside
        of any task, as from a socket. What is returned is done when there was no more to answer with."""
        self._answers = iter(answers)
        self._answered = asyncio.get_running_loop().create_future()
        return self._answered

    def _answer(self) -> None:
        self.written.clear()
        assert self._answers is not None
        answer = next(self._answers, None)
        if answer is not None:
            self.feed(answer)
        else:
            self._answers = None
            self._answered.set_result(None)

    async def wait_for(self, part: bytes) -> bytes:
        """What was written, once `part` is in it."""
        for _ in range(MAX_TICKS):
            written = self.take()
            if part in written:
                return written
            self.written.append(written)
            await asyncio.sleep(0)
        raise RuntimeError(f"{part!r} was not written, but {self.take()!r}")

    def write(self, data: Any) -> None:
        if self._answers is not None and not self.written:
            asyncio.get_running_loop().call_soon(self._answer)
        self.written.append(data)

    def writelines(self, list_of_data: Any) -> None:
        self.written.extend(list_of_data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 3000)}.get(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast("asyncio.BaseProtocol", self.protocol)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_reading(self) -> bool:
        return True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...


class Host:
    """Uvicorn's fast path for an application, without sockets."""

    def __init__(self, application: Any) -> None:
        self._config = uvicorn.Config(
            application,
            http="arcwire.hosts.uvicorn:HttpProtocol",
            ws="arcwire.hosts.uvicorn:WebSocketProtocol",
            ws_per_message_deflate=False,
            access_log=False,
            log_config=None,
        )
        self._config.load()
        self._state = ServerState()
        self._state.default_headers = [
            (b"date", b"Thu, 01 Jan 2026 00:00:00 GMT"),
            (b"server", b"uvicorn"),
        ]

    def new_protocol(self) -> asyncio.Protocol:
        """What uvicorn makes for each TCP connection."""
        make = cast("Callable[..., asyncio.Protocol]", self._config.http_protocol_class)
        return make(config=self._config, server_state=self._state, app_state={})

    async def open_websocket(self) -> Transport:
        """A client that has opened a WebSocket and joined the root namespace."""
        transport = Transport(self.new_protocol())
        target = "/socket.io/?EIO=4&transport=websocket"
        transport.feed(f"GET {target} HTTP/1.1\r\n{HEADERS}{UPGRADE}\r\n".encode())
        await transport.wait_for(b'"sid"')
        transport.feed(CONNECT)
        await transport.wait_for(b'"sid"')
        return transport

    async def open_polling(self) -> "PollingClient":
        """A client that polls and has joined the root namespace."""
        transport = Transport(self.new_protocol())
        transport.feed(f"GET /socket.io/?EIO=4&transport=polling&t=abc HTTP/1.1\r\n{HEADERS}\r\n".encode())
        opened = await transport.wait_for(b'"sid"')
        client = PollingClient(transport, opened.partition(b'"sid":"')[2].partition(b'"')[0].decode())
        await client.exchange("40", b'"sid"')
        return client


class PollingClient:
    """One session that polls, with both requests on one connection."""

    def __init__(self, transport: Transport, sid: str) -> None:
        self.transport = transport
        target = f"/socket.io/?EIO=4&transport=polling&t=abc&sid={sid} HTTP/1.1\r\n{HEADERS}"
        self._get = f"GET {target}\r\n".encode()
        self._post = f"POST {target}Content-type: text/plain;charset=UTF-8\r\n"

    async def exchange(self, payload: str, expected: bytes) -> None:
        """Post a payload, then poll for what holds the `expected` bytes."""
        transport = self.transport
        transport.feed(f"{self._post}Content-Length: {len(payload)}\r\n\r\n{payload}".encode())
        await transport.wait_for(b"\r\n\r\nok")
        transport.feed(self._get)
        await transport.wait_for(expected)


def client_frame(payload: bytes) -> bytes:
    """A masked text frame, of at most 65,535 bytes."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    masked = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    return head + MASK + masked


CONNECT = client_frame(b"40")


def server_frame(payload: bytes) -> bytes:
    """A text frame that is not masked, of at most 65,535 bytes."""
    size = len(payload)
    return (bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


async def open_client(*, batches: bool) -> tuple[Client, Transport]:
    """A client that has joined the root namespace of a server in memory, and what is between them.

    `batches` is whether the server agrees to them.
    """
    client = Client("unix:/in/memory", transports=("websocket",))
    loop = cast("Loop", asyncio.get_running_loop())
    loop.connecting = loop.create_future()
    connecting = asyncio.ensure_future(client.connect())
    transport = await loop.connecting
    request = await transport.wait_for(b"\r\n\r\n")
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + KEY_SUFFIX, usedforsecurity=False).digest())
    transport.feed(SWITCHING % accept)
    transport.feed(server_frame(OPEN % (b',"arcwire":"batch"' if batches else b"")))
    await transport.wait_for(b"\x81\x82")  # the head of a masked frame of two bytes: `40`
    transport.feed(server_frame(b'40{"sid":"0123456789abcdef"}'))
    await connecting
    return client, transport


KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n\r\n"
)
OPEN = (
    b'0{"sid":"0123456789abcdefghij","upgrades":[],"pingInterval":25000,"pingTimeout":20000,'
    b'"maxPayload":1000000%b}'
)
