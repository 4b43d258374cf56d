"""The sockets of a namespace and how a broadcast reaches them: the contract, and this node alone."""

import logging
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, TypeAlias

import msgspec

from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.handshake import Handshake
from arcwire.socketio.outgoing import OutgoingEvent
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.rooms import Rooms
from arcwire.socketio.selection import Selection

logger = logging.getLogger("arcwire.socketio")


class Member(Protocol):
    """A socket of this process, as adapters see it."""

    @property
    def id(self) -> str:
        """The socket's id, which is also the name of a room of its own."""

    @property
    def connected(self) -> bool:
        """Whether its client has been let in; what is delivered before waits for that."""

    @property
    def writable(self) -> bool:
        """Whether its client can take an event now; volatile ones are dropped otherwise."""

    def deliver(self, event: OutgoingEvent) -> None:
        """Send an event."""

    def expect_ack(self, id: int, answer: ManyAnswers) -> None:
        """Report the acknowledgement of the packet with this id, or the end of the socket."""

    def forget_ack(self, id: int) -> None:
        """Nobody waits for this acknowledgement any more."""

    def disconnect(self, close: bool = False) -> None:
        """Send the client away from the namespace, or, with `close`, end its whole connection."""


class SocketDescription(msgspec.Struct, frozen=True):
    """What an adapter tells of a socket that is connected to another process."""

    id: str
    handshake: Handshake
    rooms: frozenset[str]
    data: Any
    """A copy of the application's data, as far as it could travel."""


class RoomObserver:
    """What happens to rooms, for operators: override what is of interest.

    Called on the loop's thread right after it happened; an exception is logged and goes no further.
    The room that every socket has of its own is reported like others.
    """

    def room_created(self, room: str) -> None:
        """A room has its first member; `room_joined` follows."""

    def room_joined(self, room: str, id: str) -> None:
        """The socket with this id entered a room."""

    def room_left(self, room: str, id: str) -> None:
        """The socket with this id left a room, also because it is gone."""

    def room_deleted(self, room: str) -> None:
        """A room has no members any more."""


class Home(Protocol):
    """The namespace that an adapter works for, as the adapter sees it."""

    name: str
    codec: Codec

    async def receive_server_event(self, event: str, args: Sequence[object]) -> object:
        """Another server emitted an event to this one; the answer of its handlers. Does not raise."""


class Adapter(Protocol):
    """Knows the sockets of one namespace, on every server of a cluster, and reaches them.

    Each namespace has an adapter of its own, made by the factory that `Server(adapter=)` was given.
    Members are the sockets of this process. A `Selection` means sockets of all servers, except in
    `select`. All methods are called on the loop's thread; what is not `async` must not block, and
    takes effect for the members of this process in the order of the calls. A socket whose client
    has not been let in yet (`connected` is False) gets broadcasts, and is neither asked nor counted.

    `arcwire.testing.check_adapter` checks an implementation against this contract.
    """

    # -- the members of this process --------------------------------------------------

    @property
    def members(self) -> Collection[Any]:
        """All members: a view that changes with them."""

    def add(self, member: Member) -> None:
        """A socket may be reached from now on; harmless when it could be already."""

    def remove(self, member: Member) -> frozenset[str]:
        """A socket is gone; the rooms it was in, that of its own among them."""

    def find(self, id: str) -> Member | None:
        """The member with this id."""

    def join(self, member: Member, rooms: Sequence[str]) -> None:
        """Add a member to rooms; those that it is in already stay."""

    def leave(self, member: Member, room: str) -> None:
        """Remove a member from a room; harmless when it is not in it."""

    def rooms_of(self, member: Member) -> frozenset[str]:
        """The rooms of a member, that of its own among them: a snapshot."""

    def rooms(self) -> dict[str, int]:
        """The rooms that were joined and how many members each has, on this process."""

    def select(self, selection: Selection) -> Collection[Member]:
        """The members that a selection means, each once: a snapshot."""

    def observe(self, observer: RoomObserver) -> Callable[[], None]:
        """Report what happens to rooms of this process; calling the result ends it."""

    # -- all servers --------------------------------------------------------------------

    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        """Send an event to the selected sockets, each once."""

    def broadcast_with_ack(
        self, selection: Selection, event: OutgoingEvent, id: int, answer: ManyAnswers
    ) -> None:
        """As `broadcast`, to sockets that can answer: `answer` collects the acknowledgements."""

    async def fetch(self, selection: Selection) -> Sequence[Member | SocketDescription]:
        """The selected sockets: members of this process, descriptions of the others."""

    async def count(self, selection: Selection) -> int:
        """How many sockets are selected."""

    def sockets_join(self, selection: Selection, rooms: Sequence[str]) -> None:
        """Add the selected sockets to rooms."""

    def sockets_leave(self, selection: Selection, rooms: Sequence[str]) -> None:
        """Remove the selected sockets from rooms."""

    def disconnect_sockets(self, selection: Selection, close: bool) -> None:
        """Send the selected sockets away; see `Member.disconnect`."""

    def server_side_emit(self, event: str, args: Sequence[object]) -> None:
        """Send an event to all other servers; see `Home.receive_server_event`."""

    async def server_side_emit_with_ack(
        self, event: str, args: Sequence[object], seconds: float
    ) -> list[object]:
        """As `server_side_emit`; the answers of the other servers, [] when there are none.

        Raises AckTimeout with the answers that came when some are missing after `seconds`.
        """

    def close(self) -> None:
        """The namespace ends: let go of what the adapter holds."""


AdapterFactory: TypeAlias = Callable[[Home], Adapter]
"""Makes the adapter of a namespace."""


class LocalAdapter:
    """All sockets of a namespace are connected to this process: there are no other servers."""

    __slots__ = ("_members", "_observers", "_rooms")

    def __init__(self, home: Home) -> None:
        self._members: dict[str, Member] = {}
        self._rooms: Rooms[Member] = Rooms()
        self._observers: tuple[RoomObserver, ...] = ()

    # -- the members ----------------------------------------------------------------

    @property
    def members(self) -> Collection[Member]:
        """See `Adapter`."""
        return self._members.values()

    def add(self, member: Member) -> None:
        """See `Adapter`."""
        if self._observers and member.id not in self._members:
            self._members[member.id] = member
            self._tell_entered(member.id, member.id, created=True)
        self._members[member.id] = member

    def remove(self, member: Member) -> frozenset[str]:
        """See `Adapter`."""
        rooms = self.rooms_of(member)
        known = self._members.get(member.id) is member
        if known:
            del self._members[member.id]
        self._rooms.leave_all(member)
        if self._observers and known:
            for room in rooms:
                self._tell_left(room, member.id)
        return rooms

    def find(self, id: str) -> Member | None:
        """See `Adapter`."""
        return self._members.get(id)

    def join(self, member: Member, rooms: Sequence[str]) -> None:
        """See `Adapter`."""
        if not self._observers:
            self._rooms.join(member, rooms)
            return
        for room in rooms:
            if member not in self._rooms.members(room):
                created = room not in self._rooms
                self._rooms.join(member, (room,))
                self._tell_entered(room, member.id, created=created)

    def leave(self, member: Member, room: str) -> None:
        """See `Adapter`."""
        was_in = bool(self._observers) and member in self._rooms.members(room)
        self._rooms.leave(member, room)
        if was_in:
            self._tell_left(room, member.id)

    def rooms_of(self, member: Member) -> frozenset[str]:
        """See `Adapter`."""
        return self._rooms.rooms_of(member) | {member.id}

    def rooms(self) -> dict[str, int]:
        """See `Adapter`."""
        return self._rooms.sizes()

    def select(self, selection: Selection) -> Collection[Member]:
        """See `Adapter`."""
        if not selection.rooms:
            selected: Collection[Member] = list(self._members.values())
        elif len(selection.rooms) == 1:
            selected = self._in(next(iter(selection.rooms)))
        else:
            selected = set[Member]().union(*map(self._in, selection.rooms))
        if selection.excluded:
            excluded = set[Member]().union(*map(self._in, selection.excluded))
            return [member for member in selected if member not in excluded]
        return selected

    def observe(self, observer: RoomObserver) -> Callable[[], None]:
        """See `Adapter`."""
        self._observers = (*self._observers, observer)

        def end() -> None:
            self._observers = tuple(each for each in self._observers if each is not observer)

        return end

    # -- sending ------------------------------------------------------------------------

    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        """See `Adapter`."""
        members = self.select(selection)
        if selection.flags.volatile:
            members = [member for member in members if member.writable]
        for member in members:
            member.deliver(event)

    def broadcast_with_ack(
        self, selection: Selection, event: OutgoingEvent, id: int, answer: ManyAnswers
    ) -> None:
        """See `Adapter`."""

        def forget() -> None:
            for member in answer.pending:
                member.forget_ack(id)

        members = {member for member in self.select(selection) if member.connected}
        if selection.flags.volatile:
            members = {member for member in members if member.writable}
        answer.expect(members)
        answer.on_settled(forget)
        for member in members:
            member.expect_ack(id, answer)
            member.deliver(event)

    # -- asking and moving many -----------------------------------------------------------

    async def fetch(self, selection: Selection) -> Sequence[Member | SocketDescription]:
        """See `Adapter`."""
        return [member for member in self.select(selection) if member.connected]

    async def count(self, selection: Selection) -> int:
        """See `Adapter`."""
        return sum(1 for member in self.select(selection) if member.connected)

    def sockets_join(self, selection: Selection, rooms: Sequence[str]) -> None:
        """See `Adapter`."""
        for member in self.select(selection):
            self.join(member, rooms)

    def sockets_leave(self, selection: Selection, rooms: Sequence[str]) -> None:
        """See `Adapter`."""
        for member in self.select(selection):
            for room in rooms:
                self.leave(member, room)

    def disconnect_sockets(self, selection: Selection, close: bool) -> None:
        """See `Adapter`."""
        for member in self.select(selection):
            member.disconnect(close)

    # -- other servers ----------------------------------------------------------------------

    def server_side_emit(self, event: str, args: Sequence[object]) -> None:
        """See `Adapter`. There is no other server."""

    async def server_side_emit_with_ack(
        self, event: str, args: Sequence[object], seconds: float
    ) -> list[object]:
        """See `Adapter`. There is no other server, so nobody answers."""
        return []

    def close(self) -> None:
        """See `Adapter`."""
        self._observers = ()

    # -- inside -------------------------------------------------------------------------

    def _in(self, room: str) -> Collection[Member]:
        own = self._members.get(room)
        members: AbstractSet[Member] = self._rooms.members(room)
        if own is None:
            return list(members)
        return [*members, own] if own not in members else list(members)

    def _tell_entered(self, room: str, id: str, *, created: bool) -> None:
        for observer in self._observers:
            try:
                if created:
                    observer.room_created(room)
                observer.room_joined(room, id)
            except Exception:
                logger.exception("an observer of rooms failed")

    def _tell_left(self, room: str, id: str) -> None:
        deleted = room not in self._rooms and room not in self._members
        for observer in self._observers:
            try:
                observer.room_left(room, id)
                if deleted:
                    observer.room_deleted(room)
            except Exception:
                logger.exception("an observer of rooms failed")


_conforms: AdapterFactory = LocalAdapter
