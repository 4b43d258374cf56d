"""A socket with flags for what is sent to it."""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Broadcast, Emission
from arcwire.socketio.selection import Flags, Selection, check_timeout

if TYPE_CHECKING:
    from arcwire.socketio.server.socket import Socket


class FlaggedSocket:
    """What `volatile`, `compress`, `local` and `timeout` of a socket give; they may be combined.

    Immutable: a flag returns a new object, so one may be kept and used again, and no flag finds its
    way to another event. `to` and its relatives take the flags along.
    """

    __slots__ = ("_flags", "_socket")

    def __init__(self, socket: "Socket", flags: Flags) -> None:
        self._socket = socket
        self._flags = flags

    # -- flags ----------------------------------------------------------------------

    @property
    def volatile(self) -> "FlaggedSocket":
        """Drop the event when the client cannot take it now; see `Socket.volatile`."""
        return self._flag(volatile=True)

    @property
    def local(self) -> "FlaggedSocket":
        """Only sockets of this node, for `to` and its relatives."""
        return self._flag(local=True)

    def compress(self, compress: bool) -> "FlaggedSocket":
        """Whether transports that compress may compress the event; they may unless told."""
        return self._flag(compress=bool(compress))

    def timeout(self, seconds: float) -> "FlaggedSocket":
        """Wait at most this long for acknowledgements."""
        return self._flag(timeout=check_timeout(seconds))

    # -- sending --------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """As `Socket.emit`."""
        return self._socket.emit_flagged(self._flags, event, args)

    def send(self, *args: object) -> Emission:
        """Send an event named "message"."""
        return self.emit("message", *args)

    def emit_with_ack(self, event: str, *args: object) -> SingleAnswer:
        """As `Socket.emit_with_ack`. Awaiting also raises AckTimeout and EventDropped.

        AckTimeout: the time is up. EventDropped: the event is volatile, and was not sent.
        """
        return self._socket.ask_flagged(self._flags, event, args)

    # -- many -----------------------------------------------------------------------

    def to(self, *rooms: str) -> Broadcast:
        """The members of these rooms, without this socket."""
        return self.broadcast.to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Broadcast:
        """Everybody in the namespace, without the members of these rooms and this socket."""
        return self.broadcast.except_(*rooms)

    @property
    def broadcast(self) -> Broadcast:
        """Everybody in the namespace but this socket."""
        socket = self._socket
        return Broadcast(socket.namespace, Selection(excluded=frozenset((socket.id,)), flags=self._flags))

    def _flag(self, **flags: Any) -> "FlaggedSocket":
        return FlaggedSocket(self._socket, replace(self._flags, **flags))
