"""What plain calls return that may be awaited."""

import contextlib
from asyncio import Task, current_task
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Outcome(Coroutine[Any, Any, T_co]):
    """The outcome of a call that has begun already: await it, as often as need be, or not at all.

    It is a coroutine too, which is what `asyncio.create_task` and `TaskGroup.create_task` ask for. Unlike
    one it may be left alone, any number of tasks may be made of it, and a task that is cancelled before it
    began gives it up all the same.
    """

    __slots__ = ("_waits",)

    _waits: dict[Task[Any] | None, Generator[Any, Any, T_co]]
    """What tasks that were made of it are waiting in; there is none before the first."""

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Wait for it."""
        raise NotImplementedError

    def send(self, value: Any, /) -> Any:
        """See `Coroutine`: the next step of this task's wait."""
        return self._step("send", value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        """See `Coroutine`."""
        if not self._begun:
            with contextlib.suppress(Exception):
                self.send(None)  # or the wait would not hear of it
        return self._step("throw", kind if value is None else value)

    def close(self) -> None:
        """See `Coroutine`: end this task's wait. The call goes on."""
        if self._begun:
            self._waits.pop(current_task()).close()

    @property
    def _begun(self) -> bool:
        return hasattr(self, "_waits") and current_task() in self._waits

    def _step(self, how: str, value: Any) -> Any:
        if not hasattr(self, "_waits"):
            self._waits = {}
        task = current_task()
        wait = self._waits.get(task)
        if wait is None:
            wait = self._waits[task] = self.__await__()
        try:
            return getattr(wait, how)(value)
        except BaseException:
            # It is over: with its outcome, which StopIteration carries, or an error.
            self._waits.pop(task, None)
            raise
