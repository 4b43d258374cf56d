"""The sockets of a namespace, and how a broadcast reaches them, on this node."""

from collections.abc import Collection, Sequence
from typing import Protocol

from arcwire.engineio.link import PreparedMessage
from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.rooms import Rooms
from arcwire.socketio.selection import Selection


class Member(Protocol):
    """A socket, as adapters see it."""

    @property
    def id(self) -> str:
        """The socket's id, which is also the name of a room of its own."""

    @property
    def connected(self) -> bool:
        """Whether its client has been let in; what is delivered before waits for that."""

    def deliver(self, messages: Sequence[PreparedMessage]) -> None:
        """Send the messages of one packet, in order."""

    def expect_ack(self, id: int, answer: ManyAnswers) -> None:
        """Report the acknowledgement of the packet with this id, or the end of the socket."""

    def forget_ack(self, id: int) -> None:
        """Nobody waits for this acknowledgement any more."""


class LocalAdapter:
    """All sockets of a namespace that are connected to this process."""

    __slots__ = ("_members", "_rooms")

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._rooms: Rooms[Member] = Rooms()

    def add(self, member: Member) -> None:
        """A socket may be reached from now on."""
        self._members[member.id] = member

    def remove(self, member: Member) -> frozenset[str]:
        """A socket is gone; the rooms it was in."""
        rooms = self.rooms_of(member)
        self._members.pop(member.id, None)
        self._rooms.leave_all(member)
        return rooms

    def find(self, id: str) -> Member | None:
        """The socket with this id."""
        return self._members.get(id)

    @property
    def members(self) -> Collection[Member]:
        """All sockets: a view that changes with them."""
        return self._members.values()

    def join(self, member: Member, rooms: Sequence[str]) -> None:
        """Add a socket to rooms."""
        self._rooms.join(member, rooms)

    def leave(self, member: Member, room: str) -> None:
        """Remove a socket from a room."""
        self._rooms.leave(member, room)

    def rooms_of(self, member: Member) -> frozenset[str]:
        """The rooms of a socket, that of its own among them."""
        return self._rooms.rooms_of(member) | {member.id}

    def select(self, selection: Selection) -> Collection[Member]:
        """The sockets that a selection means, each once: a snapshot."""
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

    def broadcast(self, selection: Selection, messages: Sequence[PreparedMessage]) -> None:
        """Send the messages of one packet to the selected sockets."""
        for member in self.select(selection):
            member.deliver(messages)

    def broadcast_with_ack(
        self, selection: Selection, messages: Sequence[PreparedMessage], id: int, answer: ManyAnswers
    ) -> None:
        """As `broadcast`, to sockets that can answer: `answer` collects the acknowledgements."""

        def forget() -> None:
            for member in answer.missing:
                member.forget_ack(id)

        members = {member for member in self.select(selection) if member.connected}
        answer.expect(members)
        answer.on_settled(forget)
        for member in members:
            member.expect_ack(id, answer)
            member.deliver(messages)

    def _in(self, room: str) -> Collection[Member]:
        own = self._members.get(room)
        members = self._rooms.members(room)
        if own is None:
            return list(members)
        return [*members, own] if own not in members else list(members)
