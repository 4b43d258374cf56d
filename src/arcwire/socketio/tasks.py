"""Running coroutines and functions of the application."""

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def start(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a coroutine now: it runs until it first suspends before this returns."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def start(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a coroutine in the next tick, in the order of the calls."""
        return asyncio.Task(coroutine, loop=loop)


def run_in_context(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[], Any]:
    """A call for another thread that sees the context variables of this one."""
    return partial(contextvars.copy_context().run, function, *args)


class Tasks:
    """Owns running tasks, until they are done. Somebody else sees to what they raise."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], object] = {}

    def own(self, task: asyncio.Task[Any], beneficiary: object = None) -> None:
        """Keep a task alive until it is done. `beneficiary` is for whom it runs."""
        self._running[task] = beneficiary
        task.add_done_callback(self._running.pop)

    def cancel(self) -> None:
        """Cancel all that are not done, but for the one that does this."""
        for task in self._others(asyncio.current_task()):
            task.cancel()

    def beneficiaries(self) -> set[object]:
        """For whom tasks run."""
        return set(self._running.values())

    def __len__(self) -> int:
        """How many are not done."""
        return len(self._running)

    async def finish(self, grace: float) -> int:
        """Wait until all are done, also those that are started meanwhile, but for the one that waits.

        Those that take longer than `grace` seconds are cancelled; how many that were.
        """
        current = asyncio.current_task()
        try:
            async with asyncio.timeout(grace):
                while others := self._others(current):
                    await asyncio.wait(others)
        except TimeoutError:
            late = self._others(current)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            return len(late)
        return 0

    def _others(self, current: asyncio.Task[Any] | None) -> list[asyncio.Task[Any]]:
        return [task for task in self._running if task is not current]
