"""Arcwire's client under the benchmark of clients; see drive.py.

python arcwire_client.py URL
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop
from drive import TEXT, Driver, drive

from arcwire import Client


class Arcwire(Driver):
    """A client for each connection, in one loop."""

    async def connect(self) -> Any:
        client = Client(self.url, transports=("websocket",))
        await client.connect()
        return client.socket

    async def call(self, socket: Any, times: int) -> None:
        for _ in range(times):
            await socket.emit_with_ack("ack", TEXT)

    def emit(self, socket: Any) -> None:
        socket.emit("echo", TEXT)

    def on_echo(self, socket: Any, function: Callable[[], None]) -> None:
        @socket.on("echo")
        async def echo(text: str) -> None:
            function()


def blocking(url: str, seconds: float) -> dict[str, Any]:
    """The median time of a call through the blocking facade, in a process that does nothing else."""
    from arcwire import blocking

    times: list[float] = []
    with blocking.Client(url, transports=("websocket",)) as socket:
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            socket.emit_with_ack("ack", TEXT)
            times.append(time.perf_counter() - start)
    return {"median": statistics.median(times), "done": len(times)}


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(drive(Arcwire(sys.argv[1]), blocking))
