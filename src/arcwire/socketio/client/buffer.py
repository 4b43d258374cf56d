"""Events that were emitted while there is no connection, until there is one."""

from collections import deque
from collections.abc import Iterator

import msgspec

from arcwire.errors import ArcwireError, BufferFull, EventDropped
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.client.streams import Overflow, check_overflow

OVERHEAD = 200
"""Bytes that keeping an event takes beside its content, about."""


class OfflineBuffer(msgspec.Struct, frozen=True, kw_only=True):
    """How many events may wait for a connection, for each namespace, and what happens to the others.

    Raises ValueError for numbers that are negative.
    """

    max_events: int = 10_000
    """Events that may wait; 0 for none."""
    max_bytes: int = 16 * 1024 * 1024
    """Bytes that they may take, about."""
    overflow: Overflow = "raise"
    """`emit` raises BufferFull, or the oldest events are dropped ("drop_oldest"), or the one that is
    emitted ("drop_newest"). Of an event that is dropped the acknowledgement ends with EventDropped."""

    def __post_init__(self) -> None:
        for name in ("max_events", "max_bytes"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} is a number that is not negative, got {value!r}")
        check_overflow(self.overflow)


class Outgoing:
    """An event that was encoded, with what waits for its acknowledgement, if anything."""

    __slots__ = ("answer", "args", "attachments", "compress", "id", "name", "payload", "size")

    def __init__(
        self,
        name: str,
        args: tuple[object, ...],
        payload: bytes,
        attachments: list[bytes] | None,
        compress: bool,
        id: int | None = None,
        answer: "SingleAnswer | None" = None,
    ) -> None:
        self.name = name
        self.args = args
        self.payload = payload
        self.attachments = attachments
        self.compress = compress
        self.id = id
        self.answer = answer
        self.size = OVERHEAD + len(payload)
        if attachments is not None:
            self.size += sum(map(len, attachments))

    def fail(self, error: ArcwireError) -> None:
        """It is not sent: tell who waits for the acknowledgement."""
        if self.answer is not None:
            self.answer.settle(error=error)


class Buffer:
    """The events of one socket that wait, in the order in which they were emitted."""

    __slots__ = ("_events", "_options", "size")

    def __init__(self, options: OfflineBuffer) -> None:
        self._options = options
        self._events: deque[Outgoing] = deque()
        self.size = 0
        """Bytes that they take, about."""

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Outgoing]:
        return iter(tuple(self._events))

    @property
    def is_high(self) -> bool:
        """Whether half of what may wait does."""
        options = self._options
        return self.size * 2 > options.max_bytes or len(self._events) * 2 > options.max_events

    def add(self, event: Outgoing) -> None:
        """Keep an event, or do what the policy says. Raises BufferFull."""
        if not self._has_room(event):
            self._make_room(event)
            if not self._has_room(event):
                event.fail(EventDropped("too many events wait for the connection"))
                return
        self._events.append(event)
        self.size += event.size

    def remove(self, event: Outgoing) -> None:
        """Forget an event; harmless when it does not wait."""
        try:
            self._events.remove(event)
        except ValueError:
            return
        self.size -= event.size

    def take(self) -> Outgoing | None:
        """The oldest event, which does not wait any more; None where none does."""
        if not self._events:
            return None
        event = self._events.popleft()
        self.size -= event.size
        return event

    def _has_room(self, event: Outgoing) -> bool:
        options = self._options
        return len(self._events) < options.max_events and self.size + event.size <= options.max_bytes

    def _make_room(self, event: Outgoing) -> None:
        options = self._options
        if options.overflow == "raise":
            if len(self._events) >= options.max_events:
                limit, what = "max_events", f"{len(self._events)} events"
            else:
                limit, what = "max_bytes", f"{self.size} bytes and {event.size} more"
            raise BufferFull(f"{what} would wait for the connection: the limit is {limit}", limit)
        if options.overflow == "drop_oldest" and event.size <= options.max_bytes and options.max_events:
            while self._events and not self._has_room(event):
                oldest = self._events.popleft()
                self.size -= oldest.size
                oldest.fail(EventDropped("newer events took its place in the buffer"))
