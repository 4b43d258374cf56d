"""What a task awaits to be woken at once."""

import asyncio
from asyncio import current_task
from collections.abc import Callable
from contextvars import Context
from typing import Any


class Waiter:
    """One task waits for this: a coroutine yields it to its task, as it would yield a future.

    A future wakes a task in the next turn of the loop, after it has asked the system for news once more.
    Here the task goes on within the call of `wake`, before whatever its caller handles next, as handlers of
    events do. So what a packet brings is used in the order of the packets.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_cancelled", "_context", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callback: Callable[[Waiter], object] | None = None
        self._context: Context | None = None
        self._cancelled: tuple[Any, ...] | None = None
        self._asyncio_future_blocking = True

    def wake(self) -> None:
        """Let the task go on: now, or soon where another task runs. Harmless when it was cancelled."""
        callback, self._callback = self._callback, None
        if callback is None:
            return
        if self._context is not None and current_task(self._loop) is None:
            self._context.run(callback, self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    def wake_soon(self) -> None:
        """Let the task go on in the next turn of the loop."""
        callback, self._callback = self._callback, None
        if callback is not None:
            self._loop.call_soon(callback, self, context=self._context)

    # -- what a task asks of a future ---------------------------------------------------

    def add_done_callback(
        self, callback: Callable[["Waiter"], object], *, context: Context | None = None
    ) -> None:
        """The task waits from now on."""
        self._callback = callback
        self._context = context

    def result(self) -> None:
        """Raises CancelledError when the task was cancelled."""
        if self._cancelled is not None:
            raise asyncio.CancelledError(*self._cancelled)

    def cancel(self, msg: object = None) -> bool:
        """The task is cancelled; whether it still waited."""
        if self._callback is None:
            return False
        self._cancelled = () if msg is None else (msg,)
        self.wake_soon()
        return True
