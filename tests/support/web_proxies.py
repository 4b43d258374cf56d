"""Proxies as they stand between a client and the world: HTTP and SOCKS 5."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class WebProxy:
    """Where it is, and what it was asked to connect to."""

    def __init__(self, credentials: str | None, refuse: int | None) -> None:
        self.url = ""
        self.asked: list[str] = []
        self._credentials = credentials
        self._refuse = refuse
        self._tasks: set[asyncio.Task[None]] = set()

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Cancelled at the end of the test: CPython 3.12's streams want to know nothing of that.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        first: bytes = b"",
    ) -> None:
        answers, upstream = await asyncio.open_connection(host, port)
        upstream.write(first)

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    target.write(data)
                target.write_eof()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pass_on(reader, upstream))
                group.create_task(pass_on(answers, writer))
        finally:
            upstream.transport.abort()


class HttpProxy(WebProxy):
    """CONNECT, and requests for whole URLs. `refuse` is the status that CONNECT gets."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        self.asked.append(f"{method} {target.partition('?')[0]}")
        if self._credentials is not None:
            expected = base64.b64encode(self._credentials.encode()).decode()
            if f"proxy-authorization: basic {expected}".lower() not in head.lower():
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
        if method == "CONNECT":
            if self._refuse is not None:
                writer.write(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % self._refuse)
                return
            host, _, port = target.rpartition(":")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._join(reader, writer, host, int(port))
        else:
            parts = urlsplit(target)
            assert parts.hostname is not None
            first = head.replace(f"{parts.scheme}://{parts.netloc}", "", 1).encode("latin-1")
            await self._join(reader, writer, parts.hostname, parts.port or 80, first)


class SocksProxy(WebProxy):
    """SOCKS 5 (RFC 1928), with user and password (RFC 1929)."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        if self._credentials is not None:
            writer.write(b"\x05\x02")
            _, size = await reader.readexactly(2)
            user = (await reader.readexactly(size)).decode()
            (size,) = await reader.readexactly(1)
            password = (await reader.readexactly(size)).decode()
            good = f"{user}:{password}" == self._credentials
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        else:
            writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            (size,) = await reader.readexactly(1)
            host = (await reader.readexactly(size)).decode()
        else:
            host = ".".join(str(byte) for byte in await reader.readexactly(4))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{host}:{port}")
        code = 2 if self._refuse is not None else 0
        writer.write(b"\x05%c\x00\x01\x00\x00\x00\x00\x00\x00" % code)
        if not code:
            await self._join(reader, writer, host, port)


@asynccontextmanager
async def web_proxy(
    kind: type[WebProxy], *, credentials: str | None = None, refuse: int | None = None
) -> AsyncIterator[WebProxy]:
    """A proxy on a free port, until the block ends. `credentials` are `user:password`."""
    proxy = kind(credentials, refuse)
    server = await asyncio.start_server(proxy._run, "127.0.0.1", 0)
    scheme = "http" if kind is HttpProxy else "socks5"
    proxy.url = "{}://{}:{}".format(scheme, *server.sockets[0].getsockname())
    try:
        yield proxy
    finally:
        server.close()
        for task in list(proxy._tasks):
            task.cancel()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)
