"""Sending to many: the one place where `to`, `except_`, the flags, `emit` and the rest are written."""

from collections.abc import Callable, Collection, Generator
from types import UnionType
from typing import Any, Protocol, TypeVar, cast, overload

from msgspec.structs import replace

from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.adapter import Adapter, SocketDescription
from arcwire.socketio.handlers import check_event
from arcwire.socketio.outgoing import OutgoingEvent, encode
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.remote import FetchedSocket, RemoteSocket
from arcwire.socketio.returns import Decode, answer_decoder
from arcwire.socketio.selection import Selection, check_rooms, check_timeout

R = TypeVar("R")


class Emission:
    """What `emit` returns. The event is on its way in any case; awaiting it means back-pressure."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        """Return once the next event may be emitted without piling up."""
        return
        yield


EMITTED = Emission()
"""For what nobody needs to wait for."""


class Space(Protocol):
    """The namespace, as a broadcast sees it."""

    name: str
    adapter: Adapter
    codec: Codec

    @property
    def parts(self) -> "Collection[Space] | None":
        """The namespaces that a broadcast goes to in place of this one; usually None."""

    def next_ack_id(self) -> int:
        """An id for a packet that wants acknowledgements. From any thread."""

    def open_answers(self, timeout: float | None, decode: Decode | None = None) -> ManyAnswers:
        """A new collection of acknowledgements. From any thread."""

    def on_loop(self, function: Callable[..., None], *args: object) -> None:
        """Call it on the loop's thread: now when this is that thread, else soon and in order."""

    def watch(self, answers: ManyAnswers, timeout: float | None) -> None:
        """Arm the timeout of a collection. On the loop's thread."""


class Broadcast:
    """A choice of sockets of one namespace, and what can be done with them.

    Immutable: every method that narrows or widens the choice, and every flag, returns a new object,
    so a choice may be kept and used again. Room names are strings; several are several arguments.
    """

    __slots__ = ("_selection", "_space")

    def __init__(self, space: Space, selection: Selection | None = None) -> None:
        self._space = space
        self._selection = Selection() if selection is None else selection

    def to(self, *rooms: str) -> "Broadcast":
        """Also the members of these rooms. A socket in several of them gets an event once."""
        return Broadcast(self._space, self._selection.to(rooms))

    in_ = to

    def except_(self, *rooms: str) -> "Broadcast":
        """Without the members of these rooms."""
        return Broadcast(self._space, self._selection.except_(rooms))

    # -- flags ----------------------------------------------------------------------

    @property
    def volatile(self) -> "Broadcast":
        """Leave out the clients that cannot take an event now: rather lost than late.

        Those are clients that poll and have no poll waiting (also for a moment while they move to
        WebSocket), those for which more than 64 KiB wait, and those that are not let in yet.
        """
        return self._flag(volatile=True)

    @property
    def local(self) -> "Broadcast":
        """Only sockets that are connected to this node."""
        return self._flag(local=True)

    def compress(self, compress: bool) -> "Broadcast":
        """Whether transports that compress may compress the event; they may unless told."""
        return self._flag(compress=bool(compress))

    def timeout(self, seconds: float) -> "Broadcast":
        """Wait at most this long for acknowledgements."""
        return self._flag(timeout=check_timeout(seconds))

    # -- sending --------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event; encoded once for all. From any thread, in the order of the calls.

        Raises TypeError or ValueError for a reserved name and for arguments without a JSON form.
        """
        check_event(event, where="emit")
        if self._space.parts is not None:
            for space in self._spaces:
                Broadcast(space, self._selection).emit(event, *args)
            return EMITTED
        outgoing = self._encode(event, args)
        self._space.on_loop(self._space.adapter.broadcast, self._selection, outgoing)
        return EMITTED

    def send(self, *args: object) -> Emission:
        """Send an event named "message"."""
        return self.emit("message", *args)

    @overload
    def emit_with_ack(self, event: str, *args: object) -> ManyAnswers[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> ManyAnswers[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> ManyAnswers[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> ManyAnswers[Any]:
        """Send an event and wait for the acknowledgement of every socket that got it.

        Awaiting gives the list of answers in the order of their arrival: what each client passed
        to its acknowledgement, None for nothing, a tuple for several values. Sockets that go away
        are not waited for. Raises AckTimeout, with the answers that came, when `timeout` was set.
        `async for` gives the answers as they come; see `ManyAnswers`. `returns` is a type to decode
        each answer into; InvalidAnswer, with the valid ones, is raised when one does not fit.
        """
        check_event(event, where="emit_with_ack")
        decode = answer_decoder(returns)
        space = self._space
        if space.parts is not None:
            raise TypeError("a parent collects no acknowledgements: ask its children one by one")
        id = space.next_ack_id()
        outgoing = self._encode(event, args, id)
        answers = space.open_answers(self._selection.flags.timeout, decode)
        space.on_loop(self._ask, outgoing, id, answers)
        return answers

    # -- sockets ----------------------------------------------------------------------

    async def fetch_sockets(self) -> list[FetchedSocket]:
        """The connected sockets: `Socket` objects of this process, `RemoteSocket` of others."""
        return [
            RemoteSocket(each, Broadcast(space).to(each.id))
            if isinstance(each, SocketDescription)
            else cast("FetchedSocket", each)
            for space in self._spaces
            for each in await space.adapter.fetch(self._selection)
        ]

    async def count(self) -> int:
        """How many sockets are connected, without fetching them."""
        return sum([await space.adapter.count(self._selection) for space in self._spaces])

    def sockets_join(self, *rooms: str) -> None:
        """Add the sockets to rooms. From any thread."""
        check_rooms(rooms)
        for space in self._spaces:
            space.on_loop(space.adapter.sockets_join, self._selection, rooms)

    def sockets_leave(self, *rooms: str) -> None:
        """Remove the sockets from rooms. From any thread."""
        check_rooms(rooms)
        for space in self._spaces:
            space.on_loop(space.adapter.sockets_leave, self._selection, rooms)

    def disconnect_sockets(self, *, close: bool = False) -> None:
        """Send the clients away from this namespace; `close` ends their whole connections.

        From any thread. Clients do not come back by themselves.
        """
        for space in self._spaces:
            space.on_loop(space.adapter.disconnect_sockets, self._selection, close)

    # -- inside ---------------------------------------------------------------------

    @property
    def _spaces(self) -> "Collection[Space]":
        parts = self._space.parts
        return (self._space,) if parts is None else list(parts)

    def _flag(self, **flags: Any) -> "Broadcast":
        selection = self._selection
        return Broadcast(self._space, selection.having(replace(selection.flags, **flags)))

    def _encode(self, event: str, args: tuple[object, ...], id: int | None = None) -> OutgoingEvent:
        space = self._space
        compress = self._selection.flags.compress
        return encode(space.codec, space.name, event, args, id, compress=compress)

    def _ask(self, outgoing: OutgoingEvent, id: int, answers: ManyAnswers) -> None:
        self._space.adapter.broadcast_with_ack(self._selection, outgoing, id, answers)
        self._space.watch(answers, self._selection.flags.timeout)
