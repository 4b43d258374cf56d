"""A socket with flags for what is sent to it."""

from collections.abc import Generator
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msgspec.structs import replace

from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Broadcast, Emission
from arcwire.socketio.handlers import check_event
from arcwire.socketio.outgoing import OutgoingEvent, encode
from arcwire.socketio.returns import answer_decoder
from arcwire.socketio.selection import Flags, Selection, check_timeout

if TYPE_CHECKING:
    from arcwire.engineio.server import Connection
    from arcwire.socketio.server.socket import Socket

R = TypeVar("R")


class SocketEmission(Emission):
    """What `emit` of a socket returns."""

    __slots__ = ("_connection",)

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the client has taken most of what was sent, or is gone."""
        return self._connection.drain().__await__()


class Flagging:
    """The flags for what is sent to a socket, or to others on its behalf; they may be combined.

    A flag returns an object that has it, so it holds for what is sent through that object, and never
    finds its way to another event. `to` and its relatives take the flags along.
    """

    __slots__ = ()

    def flag(self, **flags: Any) -> "FlaggedSocket":
        """The socket with these flags too."""
        raise NotImplementedError

    @property
    def volatile(self) -> "FlaggedSocket":
        """Drop the event when the client cannot take it now: `socket.volatile.emit(...)`.

        That is when it polls and no poll waits (also for a moment while it moves to WebSocket),
        when more than 64 KiB wait for it, and before it is let in.
        """
        return self.flag(volatile=True)

    @property
    def local(self) -> "FlaggedSocket":
        """Only sockets of this node: `socket.local.to("a").emit(...)`."""
        return self.flag(local=True)

    def compress(self, compress: bool) -> "FlaggedSocket":
        """Whether transports that compress may compress the event; they may unless told."""
        return self.flag(compress=bool(compress))

    def timeout(self, seconds: float) -> "FlaggedSocket":
        """Wait at most this long for acknowledgements: `socket.timeout(5).emit_with_ack(...)`."""
        return self.flag(timeout=check_timeout(seconds))

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to this client."""
        raise NotImplementedError

    def send(self, *args: object) -> Emission:
        """Send an event named "message" to this client."""
        return self.emit("message", *args)

    @property
    def broadcast(self) -> Broadcast:
        """Everybody in the namespace but this socket."""
        raise NotImplementedError

    def to(self, *rooms: str) -> Broadcast:
        """The members of these rooms, without this socket."""
        return self.broadcast.to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Broadcast:
        """Everybody in the namespace, without the members of these rooms and this socket."""
        return self.broadcast.except_(*rooms)


class FlaggedSocket(Flagging):
    """A socket with flags. Immutable: it may be kept and used again."""

    __slots__ = ("_flags", "_socket")

    def __init__(self, socket: "Socket", flags: Flags) -> None:
        self._socket = socket
        self._flags = flags

    # -- sending --------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """As `Socket.emit`."""
        check_event(event, where="emit")
        self._socket.namespace.on_loop(self._socket.send_event, self._flags, self._encode(event, args))
        return SocketEmission(self._socket.connection)

    @overload
    def emit_with_ack(self, event: str, *args: object) -> SingleAnswer[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> SingleAnswer[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> SingleAnswer[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> SingleAnswer[Any]:
        """As `Socket.emit_with_ack`. Awaiting also raises AckTimeout and EventDropped.

        AckTimeout: the time is up. EventDropped: the event is volatile, and was not sent.
        """
        check_event(event, where="emit_with_ack")
        decode = answer_decoder(returns)
        socket = self._socket
        id = socket.namespace.next_ack_id()
        outgoing = self._encode(event, args, id)
        answer: SingleAnswer[Any] = SingleAnswer(socket.server.engine.loop, self._flags.timeout, decode)
        socket.namespace.on_loop(self._ask, outgoing, id, answer)
        return answer

    @property
    def broadcast(self) -> Broadcast:
        """Everybody in the namespace but this socket."""
        socket = self._socket
        return Broadcast(socket.namespace, Selection(excluded=frozenset((socket.id,)), flags=self._flags))

    def flag(self, **flags: Any) -> "FlaggedSocket":
        """See `Flagging`."""
        return FlaggedSocket(self._socket, replace(self._flags, **flags))

    # -- inside ---------------------------------------------------------------------

    def _encode(self, event: str, args: tuple[object, ...], id: int | None = None) -> OutgoingEvent:
        socket = self._socket
        compress = self._flags.compress
        return encode(socket.server.codec, socket.namespace.name, event, args, id, compress=compress)

    def _ask(self, event: OutgoingEvent, id: int, answer: SingleAnswer) -> None:
        socket = self._socket
        if self._flags.volatile and not (socket.writable or socket.gone):
            answer.drop(socket, "a volatile event that the client could not take")
            return
        socket.accept()
        socket.expect_ack(id, answer)
        if not answer.settled:
            answer.on_settled(partial(socket.forget_ack, id))
            socket.namespace.watch(answer, self._flags.timeout)
            socket.deliver(event)
