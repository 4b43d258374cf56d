"""Running coroutines of the application."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

if sys.version_info >= (3, 12):

    def start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a coroutine now: it runs until it first suspends before this returns."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a coroutine in the next tick, in the order of the calls."""
        return loop.create_task(coroutine)


class Tasks:
    """Owns what it starts, until it is done. The coroutines must not raise."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Start a coroutine; see `start`."""
        task = start(loop, coroutine)
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return task

    def __len__(self) -> int:
        """How many are not done."""
        return len(self._running)

    async def join(self) -> None:
        """Wait until all are done, also those that are started meanwhile."""
        while self._running:
            await asyncio.wait(self._running)
