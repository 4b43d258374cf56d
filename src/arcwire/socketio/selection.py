"""Which sockets of a namespace a broadcast goes to, and how."""

import msgspec


class Flags(msgspec.Struct, frozen=True):
    """How an event is sent."""

    volatile: bool = False
    """Dropped for clients that cannot take it now."""
    compress: bool = True
    """Transports that compress may compress it."""
    local: bool = False
    """Only to the sockets of this node."""
    timeout: float | None = None
    """Seconds to wait for acknowledgements (or for other nodes); None: no limit of its own."""


DEFAULT_FLAGS = Flags()


class Selection(msgspec.Struct, frozen=True):
    """The union of `rooms` (empty: everybody) without the members of the rooms in `excluded`.

    Each socket is also alone in a room of its own, named by its id.
    """

    rooms: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    flags: Flags = DEFAULT_FLAGS

    def to(self, rooms: tuple[str, ...]) -> "Selection":
        """Also these rooms."""
        return Selection(self.rooms.union(check_rooms(rooms)), self.excluded, self.flags)

    def except_(self, rooms: tuple[str, ...]) -> "Selection":
        """Without the members of these rooms."""
        return Selection(self.rooms, self.excluded.union(check_rooms(rooms)), self.flags)

    def having(self, flags: Flags) -> "Selection":
        """The same sockets with these flags."""
        return Selection(self.rooms, self.excluded, flags)


def check_rooms(rooms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of rooms. Raises TypeError for what is not a name."""
    for room in rooms:
        if not isinstance(room, str):
            raise TypeError(f"a room is named by a string, got {room!r}; several rooms are several arguments")
    return rooms


def check_timeout(seconds: float) -> float:
    """Return a timeout. Raises ValueError for what is not a positive number of seconds."""
    if not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError(f"a timeout is a positive number of seconds, got {seconds!r}")
    return seconds
