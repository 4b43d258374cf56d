"""An event loop in a thread of its own, for code that has none.

One thread serves all blocking clients of a process. It starts with the first of them and ends with the
last; importing starts nothing.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar

from arcwire.errors import Disconnected

T = TypeVar("T")
P = ParamSpec("P")

_LOOK = 0.5
"""Seconds after which a thread that waits looks whether it was interrupted."""

_new_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    from uvloop import new_event_loop as _new_loop
except ImportError:  # Windows
    from asyncio import new_event_loop as _new_loop


class LoopThread:
    """Runs functions and coroutines on a loop in another thread, and waits for what comes of them.

    Usable from any number of threads, except its own, which would wait for itself: RuntimeError.
    """

    def __init__(self) -> None:
        self._users = 0
        self._pid = os.getpid()
        # What is submitted before the end runs; nothing is submitted after it and waits for ever.
        # Reentrant: the garbage collector may find a client that was forgotten within a call.
        self._gate = threading.RLock()
        self._ended = False
        self._background: set[asyncio.Task[None]] = set()
        self.loop = _new_loop()
        # A daemon, or a program that forgets to close a client would never end.
        self._thread = threading.Thread(target=self._serve, name="arcwire-loop", daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on the loop's thread."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
        """Call a plain function on the loop, in the order of the calls; returns or raises what it does."""
        self._check()
        call = _Call[T]()
        self._submit(call.run, function, args, keywords)
        return call.wait()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop; returns or raises what it does.

        KeyboardInterrupt, or whatever else a signal handler raises here, cancels the coroutine and is
        raised when that is done. A second one does not wait.
        """
        call = _Call[T](coroutine)
        try:
            self._check()
        except BaseException:
            coroutine.close()
            raise
        try:
            self._submit(call.start, self.loop)
            return call.wait()
        except BaseException:
            if not call.done:
                # Whether or not it had come to the loop before: what is called there keeps its order.
                self._submit(call.give_up)
                call.join()
            raise

    # -- life ------------------------------------------------------------------------

    def acquire(self) -> None:
        """One user more."""
        self._users += 1

    def release(self) -> bool:
        """One user less; whether it was the last, so that the thread ends."""
        self._users -= 1
        if self._users or os.getpid() != self._pid:
            return False
        with self._gate:
            self._ended = True
            self.loop.call_soon_threadsafe(self.loop.stop)
        if not self.is_current:
            self._thread.join()
        return True

    def start(self, coroutine: Coroutine[Any, Any, None], done: Callable[[], None]) -> None:
        """Run a coroutine on the loop, and then call `done` there, without waiting for it."""

        def begin() -> None:
            task = self.loop.create_task(coroutine)
            self._background.add(task)
            task.add_done_callback(finish)

        def finish(task: asyncio.Task[None]) -> None:
            self._background.discard(task)
            done()

        with self._gate:
            if self._ended or os.getpid() != self._pid:
                coroutine.close()
            else:
                self.loop.call_soon_threadsafe(begin)

    def _check(self) -> None:
        if self.is_current:
            raise RuntimeError(
                "the blocking client was called on its event loop's thread, which would wait for itself:"
                " use plain functions as handlers, or the asynchronous arcwire.Client"
            )
        if os.getpid() != self._pid:
            raise RuntimeError(
                "this client was connected before the process forked, and belongs to the parent:"
                " make a new one in the child"
            )

    def _submit(self, callback: Callable[..., object], *args: object) -> None:
        with self._gate:
            if self._ended:
                raise Disconnected("the client is closed")
            self.loop.call_soon_threadsafe(callback, *args)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._finish()

    def _finish(self) -> None:
        """Nothing is left running or open."""
        loop = self.loop
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


class _Call(Generic[T]):
    """A call on its way to the loop and back."""

    __slots__ = ("_coroutine", "_error", "_finished", "_task", "_value", "done")

    def __init__(self, coroutine: Coroutine[Any, Any, T] | None = None) -> None:
        self.done = False
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        # A lock that the loop releases: half the price of threading.Event, and signals interrupt it.
        self._finished = threading.Lock()
        self._finished.acquire()

    # On the loop's thread.

    def run(self, function: Callable[..., T], args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        try:
            self._value = function(*args, **keywords)
        except BaseException as error:
            self._error = error
        self._finish()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._coroutine is not None
        self._task = loop.create_task(self._coroutine)
        self._task.add_done_callback(self._settle)

    def give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self.done and self._coroutine is not None:
            self._coroutine.close()
            self._finish()

    def _settle(self, task: asyncio.Task[T]) -> None:
        self._task = None
        if task.cancelled():
            self._error = Disconnected("the client was closed meanwhile")
        elif (error := task.exception()) is not None:
            self._error = error
        else:
            self._value = task.result()
        self._finish()

    def _finish(self) -> None:
        self.done = True
        self._finished.release()

    # On the thread of the caller.

    def wait(self) -> T:
        self.join()
        error = self._error
        if error is None:
            return self._value  # type: ignore[return-value]
        try:
            raise error
        finally:
            self._error = error = None  # or the traceback would keep itself alive

    def join(self) -> None:
        # Not for ever at once: a signal that comes right before the system begins to wait ends no wait, nor
        # does any on Windows.
        while not self._finished.acquire(timeout=_LOOK):
            pass
        self._finished.release()


# -- the one of this process ------------------------------------------------------------

_lock = threading.Lock()
_current: LoopThread | None = None
_abandoned: list[LoopThread] = []


def acquire() -> LoopThread:
    """The process's loop thread, started if nobody uses it yet; `release` it when done."""
    global _current
    with _lock:
        if _current is None:
            _current = LoopThread()
        _current.acquire()
        return _current


def release(thread: LoopThread) -> None:
    """The counterpart of `acquire`."""
    global _current
    with _lock:
        if thread.release() and thread is _current:
            _current = None


def _forget() -> None:
    """In a child process: the thread is the parent's, and so is all that its loop watches.

    It is kept, because collecting it would unregister the parent's connections: after a fork both
    processes have the same epoll instance.
    """
    global _current, _lock
    _lock = threading.Lock()
    if _current is not None:
        _abandoned.append(_current)
        _current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
