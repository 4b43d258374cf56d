"""An HTTP/1.1 client that sends exactly the bytes it is given and shows the bytes it gets."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

PATIENCE = 10.0
"""Seconds after which something that should happen at once has not happened."""


class Answer(NamedTuple):
    """One HTTP answer; `raw` is all of it, with the value of `date` blanked."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, bodiless: bool = False) -> Answer:
        """The next answer; `bodiless` for those to HEAD."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:-2])
            size = 0 if bodiless else int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(size)
            if headers.get("transfer-encoding") == "chunked":
                body = await self._chunks()
        raw = re.sub(rb"\r\ndate: [^\r]*", b"\r\ndate: -", head + body)
        return Answer(int(lines[0].split(" ")[1]), headers, body, raw)

    async def ask(self, data: bytes) -> Answer:
        self.send(data)
        return await self.answer(bodiless=data.startswith(b"HEAD"))

    async def rest(self) -> bytes:
        """What comes until the server ends the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    def vanish(self) -> None:
        """End the connection without a goodbye."""
        self.writer.transport.abort()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body


@asynccontextmanager
async def connect(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawClient]:
    """Connect to a server by its URL (`http://...`, `https://...` with `tls`, `unix:/path`)."""
    if url.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix:"))
    else:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
    try:
        yield RawClient(reader, writer)
    finally:
        with suppress(AttributeError):  # CPython 3.11.2, of a TLS transport closed twice
            writer.transport.abort()
        with suppress(OSError):  # the server was faster
            await writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true; for what has nothing to be awaited."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
