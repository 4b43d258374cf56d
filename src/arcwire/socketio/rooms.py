"""Who is in which room, and the other way round."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

T = TypeVar("T")

_NOBODY: frozenset[object] = frozenset()


class Rooms(Generic[T]):
    """A two-way index of rooms and members.

    Leaving all rooms costs as much as the member had rooms, however many rooms there are.
    """

    __slots__ = ("_members", "_rooms")

    def __init__(self) -> None:
        self._members: dict[str, set[T]] = {}
        self._rooms: dict[T, set[str]] = {}

    def join(self, member: T, rooms: Iterable[str]) -> None:
        """Add a member to rooms; rooms it is in already stay."""
        joined = self._rooms.setdefault(member, set())
        for room in rooms:
            if room not in joined:
                joined.add(room)
                self._members.setdefault(room, set()).add(member)
        if not joined:
            del self._rooms[member]

    def leave(self, member: T, room: str) -> None:
        """Remove a member from a room; harmless when it is not in it."""
        joined = self._rooms.get(member)
        if joined is None or room not in joined:
            return
        joined.remove(room)
        if not joined:
            del self._rooms[member]
        self._drop(member, room)

    def leave_all(self, member: T) -> None:
        """Remove a member from all its rooms."""
        for room in self._rooms.pop(member, ()):
            self._drop(member, room)

    def rooms_of(self, member: T) -> frozenset[str]:
        """A snapshot of the rooms of a member."""
        return frozenset(self._rooms.get(member, ()))

    def members(self, room: str) -> AbstractSet[T]:
        """The members of a room: a view that changes with it."""
        return self._members.get(room, _NOBODY)  # type: ignore[arg-type]

    def sizes(self) -> dict[str, int]:
        """How many members each room has."""
        return {room: len(members) for room, members in self._members.items()}

    def __contains__(self, room: str) -> bool:
        return room in self._members

    def __len__(self) -> int:
        """How many rooms have members."""
        return len(self._members)

    def _drop(self, member: T, room: str) -> None:
        members = self._members[room]
        members.remove(member)
        if not members:
            del self._members[room]
