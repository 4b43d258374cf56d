"""A server that says what a test wants it to, to clients that must cope."""

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from support.frames import frame
from support.raw_http import PATIENCE

Serve = Callable[["StubConnection"], Awaitable[None]]


class StubConnection:
    """One connection of a client. `head` is its request, decoded; `target` what it asks for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = ""

    @property
    def method(self) -> str:
        return self.head.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; of several the last."""
        lines = self.head.split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines if line)
        return {name.lower(): value for name, _, value in pairs}

    async def read_head(self) -> bool:
        """The next request; False if the client is gone."""
        try:
            self.head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        return True

    async def read_body(self) -> bytes:
        """The body of that request."""
        return await self.reader.readexactly(int(self.headers.get("content-length", "0")))

    def answer(self, status: str, body: bytes = b"", headers: str = "") -> None:
        """Answer it; `headers` are whole lines."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.writer.write(head.encode("latin-1") + body)

    def accept(self, headers: str = "", early: bytes = b"") -> None:
        """Open a WebSocket; `early` leaves in the same write."""
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        answer = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {answer}\r\n{headers}\r\n".encode("latin-1")
            + early
        )

    def send_frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> None:
        """Send a frame as servers do."""
        self.writer.write(frame(opcode, payload, fin=fin, rsv=rsv, masked=False))

    async def receive_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the client's next frame, which must be whole and masked."""
        async with asyncio.timeout(PATIENCE):
            first, length = await self.reader.readexactly(2)
            assert first & 0xF0 == 0x80, "a whole frame without reserved bits"
            assert length & 0x80, "a mask"
            size = length & 0x7F
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            mask = await self.reader.readexactly(4)
            masked = await self.reader.readexactly(size)
        return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))


class StubServer:
    """Where it is, and the requests that came: method and target."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[StubConnection] = []
        self.connections = 0


@asynccontextmanager
async def stub_server(
    serve: Serve, *, tls: ssl.SSLContext | None = None, path: str | None = None
) -> AsyncIterator[StubServer]:
    """Serve each connection with `serve`, whose request has been read, on a free port or a Unix socket.

    A connection ends when `serve` returns. What `serve` raises fails the test.
    """
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        connection = StubConnection(reader, writer)
        stub.connections += 1
        try:
            if await connection.read_head():
                stub.requests.append(connection)
                await serve(connection)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the latter at the end of the test
        except Exception as error:
            failures.append(error)
        finally:
            writer.close()
            tasks.discard(task)

    if path is not None:
        server: asyncio.Server = await asyncio.start_unix_server(accept, path)
        stub = StubServer(f"unix:{path}")
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        stub = StubServer(
            f"{'https' if tls else 'http'}://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        )
    try:
        yield stub
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not failures, failures
