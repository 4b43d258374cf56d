"""Events and states as asynchronous iterators."""

import asyncio
from collections import deque
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from arcwire.errors import BufferFull
from arcwire.socketio.catch_all import Event
from arcwire.socketio.handlers import Ack
from arcwire.socketio.protocol.packet import Packet

T = TypeVar("T")

Overflow: TypeAlias = Literal["raise", "drop_oldest", "drop_newest"]
"""What to do when a buffer is full: raise BufferFull, or drop what came first, or what comes now."""

MAX_WAITING = 1000
"""Items that may wait to be read, by default."""


def check_overflow(overflow: str) -> None:
    """Raise ValueError for what is no policy."""
    if overflow not in ("raise", "drop_oldest", "drop_newest"):
        raise ValueError(f"overflow is 'raise', 'drop_oldest' or 'drop_newest', got {overflow!r}")


class Stream(Generic[T]):
    """What happens from its making on, in order: `async for item in stream`.

    Nothing is lost between two items, whatever the loop's body waits for; `limit` says how many may wait,
    and `overflow` what happens to the others. Whoever lets go of the stream, by leaving the loop for
    example, ends it. Cancelling a wait loses nothing.
    """

    __slots__ = (
        "__weakref__",
        "_ended",
        "_error",
        "_held",
        "_items",
        "_limit",
        "_news",
        "_overflow",
        "dropped",
    )

    def __init__(self, held: "set[Stream[Any]]", limit: int, overflow: Overflow) -> None:
        if not isinstance(limit, int) or limit < 1:
            raise ValueError(f"limit is a number of items, at least one, got {limit!r}")
        check_overflow(overflow)
        # Its source knows it weakly, except while somebody waits: asyncio knows tasks weakly too.
        self._held = held
        self._items: deque[T] = deque()
        self._limit = limit
        self._overflow = overflow
        self._news: asyncio.Future[None] | None = None
        self._ended = False
        self._error: Exception | None = None
        self.dropped = 0
        """How many items were dropped because too many waited."""

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            self._held.add(self)
            try:
                await asyncio.shield(self._news)
            finally:
                self._held.discard(self)
        return self._items.popleft()

    def __len__(self) -> int:
        """How many items wait to be read."""
        return len(self._items)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """End it: what waits can still be read, and nothing is added."""
        self.end(None)

    # -- for the socket ---------------------------------------------------------------

    def put(self, item: T) -> None:
        """Add an item, unless it is at its end."""
        if self._ended:
            return
        if len(self._items) >= self._limit:
            if self._overflow == "raise":
                self.end(BufferFull(f"{self._limit} items of a stream have not been read", "limit"))
                return
            self.dropped += 1
            if self._overflow == "drop_newest":
                return
            self._items.popleft()
        self._items.append(item)
        self._announce()

    def end(self, error: Exception | None) -> None:
        """Nothing follows: whoever has read what waits gets the error, or the loop just ends."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._announce()

    def _announce(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)


class StreamedEvent(Event):
    """An event of a stream: `name`, `args` as they came, and `answer` where the server asks for one."""

    __slots__ = ("_ack",)

    def __init__(self, socket: object, packet: Packet, ack: Ack | None) -> None:
        """Raises PacketError."""
        super().__init__(socket, packet)
        self._ack = ack

    def answer(self, *args: object) -> None:
        """Acknowledge with these arguments. Only the first answer counts, that of a handler too.

        Does nothing where the server did not ask (`wants_ack`). Raises TypeError or ValueError for
        values that have no JSON form.
        """
        if self._ack is not None:
            self._ack(*args)


class EventStream(Stream[StreamedEvent]):
    """The events of some names, or of all, as they arrive."""

    __slots__ = ("names",)

    def __init__(
        self, names: frozenset[str], held: "set[Stream[Any]]", limit: int, overflow: Overflow
    ) -> None:
        super().__init__(held, limit, overflow)
        self.names = names
        """Those that it has; empty for all."""

    def __aiter__(self) -> "EventStream":
        return self
