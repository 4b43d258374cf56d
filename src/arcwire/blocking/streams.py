"""Events and states as iterators that wait."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Generic, Self, TypeVar

from arcwire.blocking.portal import Portal
from arcwire.errors import Disconnected
from arcwire.socketio.client import State, Stream, StreamedEvent

T = TypeVar("T")


class Items(Generic[T]):
    """What happens from its making on, in order: `for item in items`. For one thread at a time.

    Nothing is lost between two items, nor when a wait for one is interrupted.
    """

    __slots__ = ("_portal", "_read", "_stream")

    def __init__(self, portal: Portal, stream: Stream[T]) -> None:
        self._portal = portal
        self._stream = stream
        # Many cross from the loop at once, so that an item costs no visit there.
        self._read: deque[T] = deque()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._read and not self._more(None):
            raise StopIteration
        return self._read.popleft()

    def get(self, timeout: float | None = None) -> T:
        """The next item. Raises TimeoutError after `timeout` seconds, and EOFError when there is no other.

        What ends a stream with an error, BufferFull or a `ConnectError`, is raised here and by iterating.
        """
        if not self._read and not self._more(timeout):
            raise EOFError("nothing follows: the socket is closed, or this iterator")
        return self._read.popleft()

    def __len__(self) -> int:
        """How many items wait to be read."""
        return len(self._read) + len(self._stream)

    def __bool__(self) -> bool:
        return True

    @property
    def dropped(self) -> int:
        """How many items were dropped because too many waited."""
        return self._stream.dropped

    def close(self) -> None:
        """End it: what waits can still be read, and nothing is added. Harmless at its end."""
        self._portal.finish(self._stream.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _more(self, timeout: float | None) -> bool:
        """Take what is there, at least one item; False at the end."""
        try:
            return self._portal.wait(self._wait(timeout))
        except Disconnected:
            if not self._portal.closed:
                raise
        # There is no loop any more, and what came before its end needs none.
        while len(self._stream):
            try:
                anext(self._stream).send(None)
            except StopIteration as taken:
                self._read.append(taken.value)
        return bool(self._read)

    async def _wait(self, seconds: float | None) -> bool:
        """As `_more`, on the loop."""
        stream, read = self._stream, self._read
        try:
            async with asyncio.timeout(seconds):
                read.append(await anext(stream))
            while len(stream):
                read.append(await anext(stream))  # does not wait
        except StopAsyncIteration:
            return False
        except TimeoutError:
            raise TimeoutError(f"nothing came within {seconds:g} seconds") from None
        return True


class Events(Items[StreamedEvent]):
    """The events of some names, or of all, as they arrive: `name`, `args`, `wants_ack`, `answer(...)`."""

    __slots__ = ()


class States(Items[State]):
    """The state of a socket, and each that follows."""

    __slots__ = ()
