"""What stands between a client and its server and does not do as it should: gateways and portals."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, **options: object) -> AsyncIterator[str]:
    """Call `handler` with each TCP connection until the block ends; the URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, EOFError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of a request. Raises IncompleteReadError at the end of the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head, await reader.readexactly(length)


def response(status: str, content_type: str, body: str, *fields: str) -> bytes:
    """A whole response, after which the connection ends."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "Connection: close", *fields, "", body]).encode()


def answering(answer: bytes) -> Handler:
    """Answers every request with the same."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(65536):
        pass


class Gateway:
    """A reverse proxy for HTTP in front of `target`; answers by itself with what it is told to.

    `websockets` is what it answers to a request for a WebSocket, `failing` to any: None lets it pass.
    """

    def __init__(self, target: str, *, websockets: bytes | None = None) -> None:
        self._target = urlsplit(target)
        self.websockets = websockets
        self.failing: bytes | None = None
        self.refused = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        wants_websocket = b"\r\nupgrade: websocket" in head.lower()
        refusal = self.failing or (self.websockets if wants_websocket else None)
        if refusal is not None:
            self.refused += 1
            writer.write(refusal)
            await writer.drain()
            return
        answers, upstream = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            if not wants_websocket:
                line, _, fields = head.partition(b"\r\n")
                kept = [each for each in fields.split(b"\r\n") if not each.lower().startswith(b"connection:")]
                head = b"\r\n".join([line, b"Connection: close", *kept])
            upstream.write(head + body)
            await _pass_both_ways(reader, writer, answers, upstream)
        finally:
            upstream.transport.abort()


async def _pass_both_ways(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answers: asyncio.StreamReader,
    upstream: asyncio.StreamWriter,
) -> None:
    """Until one side ends."""
    ways = [asyncio.ensure_future(_pass(reader, upstream)), asyncio.ensure_future(_pass(answers, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        with suppress(OSError):
            await writer.drain()
            writer.write_eof()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
