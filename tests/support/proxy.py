"""A TCP proxy that loses connections, as networks do."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 65536


class Proxy:
    """Passes bytes on with a little delay, until `cut`: what is under way then is lost.

    Delays are random in `latency` seconds; `lost` counts the bytes from the server that got lost.
    Bytes may also be torn apart anywhere, be held up (`stall`), or vanish (`swallow`); while it is
    `refusing`, who connects is reset at once.
    """

    def __init__(self, target: str, *, latency: float = 0.003, seed: int = 0, tearing: float = 0.0) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self.latency = latency
        self._tearing = tearing
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.refusing = False
        self._random = random.Random(seed)
        self._pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._swallowed: dict[asyncio.StreamWriter, asyncio.Barrier] = {}
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

    def cut(self, *, unnoticed: bool = False, reset: bool = False) -> int:
        """Break all connections, perhaps by a reset; how many.

        The server may not notice: for it they stay open.
        """
        pairs, self._pairs = self._pairs, {}
        for client, upstream in pairs.items():
            if reset:
                _reset_at_end(client)
                _reset_at_end(upstream)
            client.transport.abort()
            if not unnoticed:
                upstream.transport.abort()
        return len(pairs)

    def swallow(self) -> int:
        """Nothing passes through the connections of now any more, and nobody is told; how many."""
        pairs, self._pairs = self._pairs, {}
        for client in pairs:
            self._swallowed[client] = asyncio.Barrier(2)
        return len(pairs)

    def stall(self) -> None:
        """Hold everything up until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let everything pass that was held up."""
        self._flowing.set()

    async def stop(self) -> None:
        """End everything."""
        assert self._server is not None
        self.resume()
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.refusing:
            _reset_at_end(client)
            client.transport.abort()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(*self._target)
            self._pairs[client] = upstream
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, upstream, client))
                group.create_task(self._pass(answers, client, client, counted=True))
        except asyncio.CancelledError:
            pass  # of `stop`; up to Python 3.12.1 asyncio fails at cancelled tasks of connections
        finally:
            self._pairs.pop(client, None)
            self._swallowed.pop(client, None)
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
                for piece in self._tear(data):
                    await asyncio.sleep(self._random.uniform(0, self.latency))
                    await self._flowing.wait()
                    if client in self._pairs:
                        writer.write(piece)
                    elif counted:
                        self.lost += len(piece)  # cut; the server may go on for a while
        if client in self._swallowed:
            await self._swallowed[client].wait()  # until the other side has given up, too
        if client in self._pairs and writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()

    def _tear(self, data: bytes) -> tuple[bytes, ...]:
        if len(data) < 2 or self._random.random() >= self._tearing:
            return (data,)
        at = self._random.randrange(1, len(data))
        return data[:at], data[at:]


def _reset_at_end(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@asynccontextmanager
async def proxying(
    target: str, *, latency: float = 0.003, seed: int = 0, tearing: float = 0.0
) -> AsyncIterator[Proxy]:
    """A proxy in front of the server at `target`, until the block ends."""
    proxy = Proxy(target, latency=latency, seed=seed, tearing=tearing)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
