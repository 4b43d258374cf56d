"""The way of one blocking client to the loop's thread."""

import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any, ParamSpec, TypeVar

from arcwire.blocking import loop_thread
from arcwire.blocking.loop_thread import LoopThread
from arcwire.blocking.settling import Settling
from arcwire.errors import Disconnected

T = TypeVar("T")
P = ParamSpec("P")

Last = Callable[[], Coroutine[Any, Any, None]]

INSIDE: ContextVar[object] = ContextVar("arcwire_blocking_inside", default=None)
"""The `token` of the portal whose client called this: handlers inherit it from their connection."""


class Portal:
    """Uses the loop's thread from the first call on until it is closed. From any thread.

    `last` is the client's `close`, which is run then, also when the program ends or the garbage collector
    finds that nobody has this any more.
    """

    __slots__ = (
        "__weakref__",
        "_closed",
        "_finalizer",
        "_last",
        "_lock",
        "_pid",
        "_thread",
        "token",
        "unsettled",
    )

    def __init__(self, last: Last) -> None:
        self.token = object()  # not this itself, which the connection would keep alive
        self.unsettled: set[Settling] = set()
        """What keeps events for the threads that connected; of the loop's thread."""
        self._last = last
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._finalizer: Callable[[], object] | None = None
        self._pid = 0
        self._closed = False

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on the loop's thread."""
        return self._thread is not None and self._thread.is_current

    @property
    def closed(self) -> bool:
        """Whether it is used no more."""
        return self._closed

    def call(self, function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
        """Call a function that does not wait, on the loop; at once where this is its thread.

        Raises what it raises, and Disconnected once this is closed.
        """
        thread = self._thread or self._open()
        if thread.is_current:
            return function(*args, **keywords)
        return thread.call(function, *args, **keywords)

    def finish(self, function: Callable[[], None]) -> None:
        """Call a function that ends something, as `call` does; once this is closed, all has ended."""
        with contextlib.suppress(Disconnected):
            self.call(function)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, and wait for it. See `LoopThread.run`."""
        try:
            thread = self._thread or self._open()
        except BaseException:
            coroutine.close()
            raise
        return thread.run(coroutine)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The same, for what tells that the caller is done with connecting and registering."""
        if self.unsettled:
            try:
                self.call(self._settle, threading.get_ident())
            except BaseException:
                coroutine.close()
                raise
        return self.run(coroutine)

    def close(self) -> None:
        """Do the last thing, and use the thread no more. Harmless when closed. In a handler of the client it
        begins to, and does not wait.

        Raises RuntimeError on the loop's thread, which would wait for itself.
        """
        if self.is_current:
            raise RuntimeError("close() waits for the event loop, whose thread this is: call it elsewhere")
        with self._lock:
            thread, self._thread = self._thread, None
            finalizer, self._finalizer = self._finalizer, None
            self._closed = True
            _open.discard(self)
        if thread is None:
            return
        if isinstance(finalizer, weakref.finalize):
            finalizer.detach()
        if self._pid == os.getpid() and INSIDE.get() is self.token:
            # A handler of this client, whose end closing waits for: so this does not wait for closing.
            thread.start(self._last(), partial(loop_thread.release, thread))
            return
        try:
            if self._pid == os.getpid():
                thread.run(self._last())
        finally:
            loop_thread.release(thread)

    def _settle(self, thread: int) -> None:
        for settling in tuple(self.unsettled):
            settling.had_turn(thread)

    def _open(self) -> LoopThread:
        with self._lock:
            if self._closed:
                raise Disconnected("the client is closed")
            if self._thread is None:
                thread = self._thread = loop_thread.acquire()
                self._pid = os.getpid()
                self._finalizer = finalizer = weakref.finalize(self, _forgotten, thread, self._last)
                finalizer.atexit = False  # see below
                _open.add(self)
            return self._thread


_open: weakref.WeakSet[Portal] = weakref.WeakSet()


def _forgotten(thread: LoopThread, last: Last) -> None:
    """Nobody has the client any more. Called by the garbage collector, in any thread: must not wait."""
    thread.start(last(), partial(loop_thread.release, thread))


@atexit.register
def _close_all() -> None:
    """The program ends: servers are told, rather than left to find out."""
    for portal in list(_open):
        with contextlib.suppress(Exception):
            portal.close()
