"""A TCP proxy that loses connections, as networks do."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 65536


class Proxy:
    """Passes bytes on with a little delay, until `cut`: what is under way then is lost.

    Delays are random in `latency` seconds; `lost` counts the bytes from the server that got lost.
    """

    def __init__(self, target: str, *, latency: float = 0.003, seed: int = 0) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self._latency = latency
        self._random = random.Random(seed)
        self._pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""
        self.lost = 0

    @property
    def connections(self) -> int:
        """How many connections pass through now."""
        return len(self._pairs)

    async def start(self) -> None:
        """Accept connections on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname())

    def cut(self, *, unnoticed: bool = False) -> int:
        """Break all connections; how many. The server may not notice: for it they stay open."""
        pairs, self._pairs = self._pairs, {}
        for client, upstream in pairs.items():
            client.transport.abort()
            if not unnoticed:
                upstream.transport.abort()
        return len(pairs)

    async def stop(self) -> None:
        """End everything."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(*self._target)
            self._pairs[client] = upstream
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, upstream, client))
                group.create_task(self._pass(answers, client, client, counted=True))
        finally:
            self._pairs.pop(client, None)
            for writer in (client, upstream):
                if writer is not None:
                    writer.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        *,
        counted: bool = False,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await asyncio.sleep(self._random.uniform(0, self._latency))
                if client in self._pairs:
                    writer.write(data)
                elif counted:
                    self.lost += len(data)  # cut; the server may go on for a while
        if client in self._pairs and writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()


@asynccontextmanager
async def proxying(target: str, *, latency: float = 0.003, seed: int = 0) -> AsyncIterator[Proxy]:
    """A proxy in front of the server at `target`, until the block ends."""
    proxy = Proxy(target, latency=latency, seed=seed)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
