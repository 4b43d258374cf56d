"""Connection state recovery: what was sent lately, and the sessions of clients that may come back.

A namespace numbers its events: the *position*. Every event carries its position to the client, as
its last argument (the *offset*), and the client returns the last one it saw when it comes back. So a
session is continued by sending what was meant for it after that position. Nothing here reads a
clock: `now` is an argument.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from arcwire.socketio.selection import Selection, check_timeout

OVERHEAD = 500
"""Bytes that keeping an event takes beside its content, about."""


MAX_PAST = 1000
"""Rooms that a session left and that are remembered, so that what it missed there can be sent."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Options of connection state recovery. Limits hold for each namespace.

    Raises ValueError for a number that is not positive.
    """

    max_disconnection_duration: float = 120.0
    """Seconds that a client may be away."""
    skip_middlewares: bool = True
    """Whether middlewares leave out clients that come back. Connection handlers never do."""
    max_packets: int = 100_000
    """Events that are kept; beyond that the oldest is dropped, and clients that would need it start anew."""
    max_bytes: int = 64 * 1024 * 1024
    """Bytes that kept events may take, about; beyond that as above."""
    max_sessions: int = 100_000
    """Clients that are waited for; beyond that the one that has been away longest is given up."""

    def __post_init__(self) -> None:
        check_timeout(self.max_disconnection_duration)
        for name in ("max_packets", "max_bytes", "max_sessions"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a positive number, got {value!r}")


class Membership:
    """When a session was in which rooms, by positions; None is the room that everybody is in.

    So a client gets what was sent to a room while it was in it: all of that also when it left the
    room since, and nothing that was sent before it entered.
    """

    __slots__ = ("_past", "_since", "floor")

    def __init__(self) -> None:
        self._since: dict[str | None, int] = {}
        self._past: deque[tuple[str | None, int, int]] = deque()
        self.floor = 0
        """What was before is not known any more: the rooms that were left were too many."""

    def enter(self, room: str | None, position: int) -> None:
        """It gets what follows this position; harmless when it is in the room already."""
        self._since.setdefault(room, position)

    def leave(self, room: str | None, position: int) -> None:
        """It gets nothing that follows this position."""
        since = self._since.pop(room, position)
        if since < position:
            self._past.append((room, since, position))
            if len(self._past) > MAX_PAST:
                self.floor = self._past.popleft()[2]

    @property
    def now(self) -> list[str]:
        """The rooms that it is in."""
        return [room for room in self._since if room is not None]

    def spans(self) -> dict[str | None, list[tuple[int, float]]]:
        """For each room the positions between which it was in it: after the first, up to the second."""
        spans: dict[str | None, list[tuple[int, float]]] = {
            room: [(since, float("inf"))] for room, since in self._since.items()
        }
        for room, since, until in self._past:
            spans.setdefault(room, []).append((since, until))
        return spans


class Session:
    """What is kept of a client that is away, or that came back."""

    __slots__ = ("data", "deadline", "id", "membership", "pid", "start")

    def __init__(self, pid: str, id: str, start: int, membership: Membership, data: Any) -> None:
        self.pid = pid
        """The secret by which the client is known when it comes back."""
        self.id = id
        """The id of its socket, which stays the same."""
        self.start = start
        """The position at which the session began: where a client continues that saw no event."""
        self.membership = membership
        self.data = data
        """The application's data of the socket."""
        self.deadline = 0.0
        """When it is given up (loop time)."""

    def __repr__(self) -> str:
        return f"<Session {self.id}>"

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that its socket was in."""
        return frozenset(self.membership.now)


class Entry:
    """One event that is kept: the content of its messages, and for whom it was."""

    __slots__ = ("compress", "payloads", "position", "selection", "size", "time")

    def __init__(
        self, position: int, selection: Selection, payloads: Sequence[bytes], compress: bool, time: float
    ) -> None:
        self.position = position
        self.selection = selection
        self.payloads = payloads
        self.compress = compress
        self.time = time
        self.size = OVERHEAD + (len(payloads[0]) if len(payloads) == 1 else sum(map(len, payloads)))


class _Lost:
    """The last event that was dropped of a room, and the last that others were excluded from."""

    __slots__ = ("before", "excluded", "position")

    def __init__(self, position: int, excluded: frozenset[str], before: int) -> None:
        self.position = position
        self.excluded = excluded
        self.before = before


class _Stay:
    """A membership, to be asked often."""

    __slots__ = ("rooms",)

    def __init__(self, membership: Membership) -> None:
        self.rooms = membership.spans()

    def meant(self, room: str | None, excluded: Iterable[str], at: int) -> bool:
        """Whether what was sent to a room at a position was for this session."""
        return self._was_in(room, at) and not any(self._was_in(each, at) for each in excluded)

    def _was_in(self, room: str | None, at: int) -> bool:
        return any(since < at <= until for since, until in self.rooms.get(room, ()))


_EVERYBODY: tuple[None] = (None,)


class Log:
    """The events of a namespace, by position and by room.

    Dropping an event leaves a note in its rooms, so that it is known exactly who would have needed
    it: a client of quiet rooms can come back although busy rooms had their events dropped.
    """

    __slots__ = (
        "_entries",
        "_epoch",
        "_floor",
        "_lost",
        "_max_bytes",
        "_max_packets",
        "_retention",
        "_rooms",
        "position",
        "size",
    )

    def __init__(self, options: Recovery, *, epoch: str, retention: float) -> None:
        self.position = 0
        # Tells offsets of this log from those of others: of another process, of an earlier run.
        self._epoch = f"{epoch}-"
        self._max_packets = options.max_packets
        self._max_bytes = options.max_bytes
        self._retention = retention
        self._entries: deque[Entry] = deque()
        self._rooms: dict[str | None, dict[int, Entry]] = {}
        self.size = 0
        """Bytes that the kept events take, about."""
        self._lost: dict[str | None, _Lost] = {}
        # Notes that were dropped themselves were about this position and earlier ones.
        self._floor = 0

    def __len__(self) -> int:
        """How many events are kept."""
        return len(self._entries)

    @property
    def offset(self) -> str:
        """The current position, as clients get it."""
        return f"{self._epoch}{self.position}"

    def read(self, offset: object, start: int) -> int:
        """The position that a client returned, of a session that began at `start`.

        What is not an offset of this session, the client had from another one: it saw no event of
        this one.
        """
        if isinstance(offset, str) and offset.startswith(self._epoch):
            digits = offset[len(self._epoch) :]
            if digits.isdecimal() and digits.isascii() and len(digits) < 20:
                position = int(digits)
                if start <= position <= self.position:
                    return position
        return start

    def keep(self, selection: Selection, payloads: Sequence[bytes], compress: bool, now: float) -> None:
        """Keep an event, which has the current position; others go for it if need be."""
        position, rooms = self.position, self._rooms
        entry = Entry(position, selection, payloads, compress, now)
        self._entries.append(entry)
        self.size += entry.size
        for room in selection.rooms or _EVERYBODY:
            if room in rooms:
                rooms[room][position] = entry
            else:
                rooms[room] = {position: entry}
        while self.size > self._max_bytes or len(self._entries) > self._max_packets:
            self._drop()

    @property
    def deadline(self) -> float | None:
        """When the oldest event has been kept long enough."""
        return self._entries[0].time + self._retention if self._entries else None

    def purge(self, now: float) -> None:
        """Drop what has been kept long enough."""
        while self._entries and self._entries[0].time + self._retention <= now:
            self._drop()

    def forget(self, id: str) -> None:
        """No client with this id will come back."""
        self._lost.pop(id, None)

    def missed(self, membership: Membership, position: int) -> list[Entry] | None:
        """What was for such a session after a position, in order. None: not all of it is kept."""
        stay = _Stay(membership)
        if position < max(self._floor, membership.floor):
            return None
        if any(self._lacks(room, stay, position) for room in stay.rooms):
            return None
        missed: dict[int, Entry] = {}
        for room in stay.rooms:
            for at, entry in reversed(self._rooms.get(room, {}).items()):
                if at <= position:
                    break
                if stay.meant(room, entry.selection.excluded, at):
                    missed[at] = entry
        return [missed[at] for at in sorted(missed)]

    def _lacks(self, room: str | None, stay: "_Stay", position: int) -> bool:
        """Whether an event of a room was dropped that was for such a session, after a position."""
        lost = self._lost.get(room)
        if lost is None:
            return False
        if lost.position > position and stay.meant(room, lost.excluded, lost.position):
            return True
        return lost.before > position and stay.meant(room, frozenset(), lost.before)

    def _drop(self) -> None:
        entry = self._entries.popleft()
        self.size -= entry.size
        excluded = entry.selection.excluded
        for room in entry.selection.rooms or _EVERYBODY:
            entries = self._rooms[room]
            del entries[entry.position]
            if not entries:
                del self._rooms[room]
            earlier = self._lost.pop(room, None)
            if earlier is None:
                before = 0
            else:
                before = earlier.before if earlier.excluded == excluded else earlier.position
            self._lost[room] = _Lost(entry.position, excluded, before)
        while len(self._lost) > self._max_packets:
            note = self._lost.pop(next(iter(self._lost)))
            self._floor = max(self._floor, note.position)
