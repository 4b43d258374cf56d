"""Which sockets of a namespace a broadcast goes to."""

import msgspec


class Selection(msgspec.Struct, frozen=True):
    """The union of `rooms` (empty: everybody) without the members of the rooms in `excluded`.

    Each socket is also alone in a room of its own, named by its id.
    """

    rooms: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def to(self, rooms: tuple[str, ...]) -> "Selection":
        """Also these rooms."""
        return Selection(self.rooms.union(check_rooms(rooms)), self.excluded)

    def except_(self, rooms: tuple[str, ...]) -> "Selection":
        """Without the members of these rooms."""
        return Selection(self.rooms, self.excluded.union(check_rooms(rooms)))


def check_rooms(rooms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of rooms. Raises TypeError for what is not a name."""
    for room in rooms:
        if not isinstance(room, str):
            raise TypeError(f"a room is named by a string, got {room!r}; several rooms are several arguments")
    return rooms
