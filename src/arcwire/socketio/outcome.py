"""What plain calls return that may be awaited."""

import contextlib
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Outcome(Coroutine[Any, Any, T_co]):
    """The outcome of a call that has begun already: await it, as often as need be, or not at all.

    It is a coroutine too, which is what `asyncio.create_task` and `TaskGroup.create_task` ask for. Unlike
    one it may be left alone, and a task that is cancelled before it began gives it up all the same.
    """

    __slots__ = ("_steps",)

    _steps: Generator[Any, Any, T_co]

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Wait for it."""
        raise NotImplementedError

    def send(self, value: Any, /) -> Any:
        """See `Coroutine`: the next step of one wait."""
        return self._begun().send(value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        """See `Coroutine`."""
        if not hasattr(self, "_steps"):
            with contextlib.suppress(Exception):
                self.send(None)  # or the wait would not hear of it
        return self._begun().throw(kind if value is None else value)

    def close(self) -> None:
        """See `Coroutine`: end the wait. The call goes on."""
        self._begun().close()

    def _begun(self) -> Generator[Any, Any, T_co]:
        try:
            return self._steps
        except AttributeError:
            self._steps = self.__await__()
            return self._steps
