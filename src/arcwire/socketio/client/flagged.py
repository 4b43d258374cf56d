"""A client's socket with flags for what is sent to the server."""

from collections.abc import Generator
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msgspec.structs import replace

from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Emission
from arcwire.socketio.selection import Flags, check_timeout

if TYPE_CHECKING:
    from arcwire.socketio.client.socket import ClientSocket

R = TypeVar("R")


class ClientEmission(Emission):
    """What `emit` of a client's socket returns."""

    __slots__ = ("_socket",)

    def __init__(self, socket: "ClientSocket") -> None:
        self._socket = socket

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until most of what was emitted has left, or the socket is closed."""
        return self._socket.drain().__await__()


class ClientFlagging:
    """The flags for what is sent to the server; they may be combined.

    A flag returns an object that has it, so it holds for what is sent through that object, and never
    finds its way to another event.
    """

    __slots__ = ()

    def flag(self, **flags: Any) -> "FlaggedClientSocket":
        """The socket with these flags too."""
        raise NotImplementedError

    @property
    def volatile(self) -> "FlaggedClientSocket":
        """Drop the event when it cannot leave now: `socket.volatile.emit(...)`.

        That is while there is no connection, or more than 64 KiB wait to be sent. Such events are never
        buffered, and never sent again.
        """
        return self.flag(volatile=True)

    def compress(self, compress: bool) -> "FlaggedClientSocket":
        """Whether transports that compress may compress the event; they may unless told."""
        return self.flag(compress=bool(compress))

    def timeout(self, seconds: float) -> "FlaggedClientSocket":
        """Wait at most this long for acknowledgements: `socket.timeout(5).emit_with_ack(...)`.

        With `retries`, for that of each try.
        """
        return self.flag(timeout=check_timeout(seconds))

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to the server."""
        raise NotImplementedError

    def send(self, *args: object) -> Emission:
        """Send an event named "message" to the server."""
        return self.emit("message", *args)


class FlaggedClientSocket(ClientFlagging):
    """A client's socket with flags. Immutable: it may be kept and used again."""

    __slots__ = ("_flags", "_socket")

    def __init__(self, socket: "ClientSocket", flags: Flags) -> None:
        self._socket = socket
        self._flags = flags

    def emit(self, event: str, *args: object) -> Emission:
        """As `ClientSocket.emit`."""
        return self._socket.emit_flagged(self._flags, event, args)

    @overload
    def emit_with_ack(self, event: str, *args: object) -> SingleAnswer[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> SingleAnswer[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> SingleAnswer[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> SingleAnswer[Any]:
        """As `ClientSocket.emit_with_ack`. Awaiting also raises AckTimeout and EventDropped.

        AckTimeout: the time is up. EventDropped: the event is volatile, and was not sent.
        """
        return self._socket.ask(self._flags, event, args, returns)

    def flag(self, **flags: Any) -> "FlaggedClientSocket":
        """See `ClientFlagging`."""
        return FlaggedClientSocket(self._socket, replace(self._flags, **flags))
