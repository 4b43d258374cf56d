"""Running coroutines and functions of the application."""

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def start(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a coroutine now: it runs until it first suspends before this returns."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:
    import dis
    from types import CodeType
    from typing import Generic, cast

    class _Done(Generic[T]):
        """What a coroutine came to that needed no task: so much of a task as its caller asks for."""

        __slots__ = ("_error", "_value")

        def __init__(self, value: T | None, error: BaseException | None) -> None:
            self._value = value
            self._error = error

        def done(self) -> bool:
            return True

        def result(self) -> T:
            if self._error is not None:
                raise self._error
            return self._value  # type: ignore[return-value]

    # By the identity of a code object, which is kept so that nothing else gets it.
    _codes: dict[int, tuple[CodeType, bool]] = {}

    def _suspends(code: CodeType) -> bool:
        known = _codes.get(id(code))
        if known is None:
            # Whatever a coroutine awaits, it suspends by this instruction.
            waits = any(each.opname == "YIELD_VALUE" for each in dis.get_instructions(code))
            known = _codes[id(code)] = (code, waits)
        return known[1]

    # How many tasks of a loop wait for their first step, which nothing may overtake; by identity.
    _starting: dict[int, int] = {}

    def _started(loop: int) -> None:
        _starting[loop] -= 1
        if not _starting[loop]:
            del _starting[loop]

    def start(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a coroutine in the order of the calls: in the next tick, or now if it awaits nothing.

        Then it runs without a task: `asyncio.current_task()` is that of the caller, or None.
        """
        assert loop is not None
        if id(loop) in _starting or _suspends(coroutine.cr_code):  # type: ignore[attr-defined]
            task = asyncio.Task(coroutine, loop=loop)
            _starting[id(loop)] = _starting.get(id(loop), 0) + 1
            loop.call_soon(_started, id(loop))
            return task
        try:
            contextvars.copy_context().run(coroutine.send, None)
        except StopIteration as end:
            return cast("asyncio.Task[T]", _Done(end.value, None))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return cast("asyncio.Task[T]", _Done(None, error))
        raise AssertionError("a coroutine suspended that awaits nothing")


async def run_in_thread(executor: Executor, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a plain function in a thread, with the context variables of here."""
    call = partial(contextvars.copy_context().run, function, *args)
    result = await asyncio.get_running_loop().run_in_executor(executor, call)
    # A plain function may return a coroutine: functools.wraps around one, a lambda.
    return await result if inspect.isawaitable(result) else result


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
