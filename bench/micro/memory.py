"""A server whose clients are in memory: bytes go into uvicorn's protocols and come out of transports.

What is used of Arcwire is what an application uses and how uvicorn starts the fast path, so that the
same file measures commits whose insides differ.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import uvicorn
import uvloop
from uvicorn.server import ServerState

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

    def time(self) -> float:
        return 1000.0


class Transport(asyncio.Transport):
    """Keeps what is written, as a socket that takes everything would; starts with uvicorn's protocol."""

    def __init__(self, host: "Host") -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False
        self.protocol: Any = host.new_protocol()
        self.protocol.connection_made(self)

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
        transport = Transport(self)
        target = "/socket.io/?EIO=4&transport=websocket"
        transport.feed(f"GET {target} HTTP/1.1\r\n{HEADERS}{UPGRADE}\r\n".encode())
        await transport.wait_for(b'"sid"')
        transport.feed(CONNECT)
        await transport.wait_for(b'"sid"')
        return transport

    async def open_polling(self) -> "PollingClient":
        """A client that polls and has joined the root namespace."""
        transport = Transport(self)
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
