"""Sockets that were fetched: of this process or of another one, with the same methods."""

from collections.abc import Callable, Generator
from typing import Any, Protocol

from arcwire.errors import Disconnected
from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.adapter import SocketDescription
from arcwire.socketio.handshake import Handshake
from arcwire.socketio.outcome import Outcome


class Asker(Protocol):
    """What `timeout` returns."""

    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> Any:
        """Send an event and wait for the acknowledgement."""


class FetchedSocket(Protocol):
    """What `fetch_sockets` returns: a `Socket` of this process, or a `RemoteSocket`."""

    @property
    def id(self) -> str:
        """The socket's id, also the name of a room of its own."""

    @property
    def handshake(self) -> Handshake:
        """How its connection was opened."""

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms it is in; for a socket of another process, those it was in when it was fetched."""

    @property
    def data(self) -> Any:
        """The application's data; for a socket of another process a copy."""

    def emit(self, event: str, *args: object) -> Any:
        """Send an event to this client."""

    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> Any:
        """Send an event and wait for the acknowledgement: await what it returns."""

    def timeout(self, seconds: float) -> Asker:
        """Wait at most this long for an acknowledgement."""

    def join(self, *rooms: str) -> None:
        """Enter rooms."""

    def leave(self, room: str) -> None:
        """Leave a room."""

    def disconnect(self, close: bool = False) -> None:
        """Send the client away from the namespace, or end its whole connection."""


class Reach(Protocol):
    """The broadcast that means one socket."""

    def emit(self, event: str, *args: object) -> Any:
        """See `Broadcast`."""

    @property
    def emit_with_ack(self) -> Callable[..., ManyAnswers]:
        """See `Broadcast`."""

    def timeout(self, seconds: float) -> "Reach":
        """See `Broadcast`."""

    def sockets_join(self, *rooms: str) -> None:
        """See `Broadcast`."""

    def sockets_leave(self, *rooms: str) -> None:
        """See `Broadcast`."""

    def disconnect_sockets(self, *, close: bool = False) -> None:
        """See `Broadcast`."""


class RemoteAnswer(Outcome[Any]):
    """The answer of a socket of another process: await it, or, in a thread, call `result`.

    Raises Disconnected when no such socket is there any more, AckTimeout as `ManyAnswers` does.
    """

    __slots__ = ("_answers",)

    def __init__(self, answers: ManyAnswers) -> None:
        self._answers = answers

    def __await__(self) -> Generator[Any, None, Any]:
        return self._take((yield from self._answers.__await__()))

    def result(self) -> Any:
        """Wait for the answer in a thread."""
        return self._take(self._answers.result())

    def _take(self, answers: list[Any]) -> Any:
        if not answers:
            raise Disconnected("the socket is not connected")
        return answers[0]


class RemoteSocket:
    """A socket that is connected to another process.

    What is known of it is a copy of the moment when it was fetched; what it is told is sent to it
    as a broadcast to the room of its own, from any thread.
    """

    __slots__ = ("_reach", "data", "handshake", "id", "rooms")

    id: str
    """The socket's id, also the name of a room of its own."""
    handshake: Handshake
    """How its connection was opened."""
    rooms: frozenset[str]
    """The rooms it was in, that of its own among them."""
    data: Any
    """A copy of the application's data: changes stay here."""

    def __init__(self, description: SocketDescription, reach: Reach) -> None:
        self.id = description.id
        self.handshake = description.handshake
        self.rooms = description.rooms
        self.data = description.data
        self._reach = reach

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    def emit(self, event: str, *args: object) -> Any:
        """Send an event to this client; see `Broadcast.emit`."""
        return self._reach.emit(event, *args)

    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> RemoteAnswer:
        """Send an event and wait for the client's acknowledgement: what it answered."""
        return RemoteAnswer(self._reach.emit_with_ack(event, *args, returns=returns))

    def timeout(self, seconds: float) -> "RemoteDeadline":
        """Wait at most this long for acknowledgements: `socket.timeout(5).emit_with_ack(...)`."""
        return RemoteDeadline(self._reach.timeout(seconds))

    def join(self, *rooms: str) -> None:
        """Enter rooms."""
        self._reach.sockets_join(*rooms)

    def leave(self, room: str) -> None:
        """Leave a room; harmless when not in it."""
        self._reach.sockets_leave(room)

    def disconnect(self, close: bool = False) -> None:
        """Send the client away from the namespace, or, with `close`, end its whole connection."""
        self._reach.disconnect_sockets(close=close)


class RemoteDeadline:
    """A socket of another process with a timeout for its acknowledgements."""

    __slots__ = ("_reach",)

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> RemoteAnswer:
        """As `RemoteSocket.emit_with_ack`; awaiting also raises AckTimeout when the time is up."""
        return RemoteAnswer(self._reach.emit_with_ack(event, *args, returns=returns))
