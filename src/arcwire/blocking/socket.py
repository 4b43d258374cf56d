"""One namespace of a server, for code without an event loop."""

from collections.abc import Callable, Mapping
from threading import get_ident
from types import TracebackType, UnionType
from typing import Any, Self, TypeVar, overload

from arcwire.blocking.portal import INSIDE, Portal
from arcwire.blocking.settling import Settling
from arcwire.blocking.streams import Events, States
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Emission as AsyncEmission
from arcwire.socketio.catch_all import CatchAll, Hooks, Listener
from arcwire.socketio.client import ClientSocket, State
from arcwire.socketio.client.flagged import FlaggedClientSocket
from arcwire.socketio.client.streams import MAX_WAITING, Overflow
from arcwire.socketio.handlers import EventHandlers
from arcwire.socketio.registration import Registration

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
T = TypeVar("T")

AuthData = Mapping[str, Any] | None
AuthSource = AuthData | Callable[[], AuthData]


class Emission:
    """What `emit` returns: the event is on its way; `wait` is back-pressure."""

    __slots__ = ("_emission", "_portal")

    def __init__(self, portal: Portal, emission: AsyncEmission) -> None:
        self._portal = portal
        self._emission = emission

    def wait(self) -> None:
        """Wait while more than 64 KiB are on their way; with `retries`, until the window has room.

        Raises what awaiting the emission of `arcwire.ClientSocket` raises.
        """
        self._portal.wait(_finish(self._emission))


class Sending:
    """What is sent to the server: by a socket, or by a socket with flags."""

    __slots__ = ("_portal", "_sender")

    def __init__(self, portal: Portal, sender: ClientSocket | FlaggedClientSocket) -> None:
        self._portal = portal
        self._sender = sender

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to the server; while there is no connection it waits for one.

        Does not wait for the network. Raises TypeError or ValueError for a reserved name and for
        arguments without a JSON form, PayloadTooLarge for what the server would not take, BufferFull
        when too much waits, Disconnected when the client is closed.
        """
        return Emission(self._portal, self._portal.call(self._sender.emit, event, *args))

    def send(self, *args: object) -> Emission:
        """Send an event named "message" to the server."""
        return self.emit("message", *args)

    @overload
    def emit_with_ack(self, event: str, *args: object) -> Any: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> R: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> Any: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> Any:
        """Send an event, wait for the server's acknowledgement, and return it.

        That is a value, None for nothing, a tuple for several. Raises Disconnected when the connection is
        lost first, AckTimeout when the time is up (`timeout`, or the option `ack_timeout`), EventDropped
        when it is volatile and was not sent, InvalidAnswer when the answer does not fit `returns`, a type
        to decode it into; and what `emit` raises.
        """
        return self._portal.wait(self._ask(event, args, returns))

    @property
    def volatile(self) -> "FlaggedSocket":
        """Drop the event when it cannot leave now: `socket.volatile.emit(...)`."""
        return FlaggedSocket(self._portal, self._sender.volatile)

    def compress(self, compress: bool) -> "FlaggedSocket":
        """Whether transports that compress may compress the event; they may unless told."""
        return FlaggedSocket(self._portal, self._sender.compress(compress))

    def timeout(self, seconds: float) -> "FlaggedSocket":
        """Wait at most this long for acknowledgements: `socket.timeout(5).emit_with_ack(...)`."""
        return FlaggedSocket(self._portal, self._sender.timeout(seconds))

    async def _ask(self, event: str, args: tuple[object, ...], returns: Any) -> Any:
        answer: SingleAnswer[Any] = self._sender.emit_with_ack(event, *args, returns=returns)
        return await answer


class FlaggedSocket(Sending):
    """A socket with flags for what is sent to the server. Immutable: it may be kept and used again."""

    __slots__ = ()


class Socket(Sending, Registration, CatchAll):
    """One namespace of a server, over connections that may come and go.

    A facade: each method does what that of `arcwire.ClientSocket` does, on the loop's thread, and waits
    until it is done. Usable from any thread.

    Handlers are plain functions, which run in threads, or `async def`, which run on the loop's thread and
    must not call this socket. They stay over all connections.
    """

    __slots__ = ("_settling", "asynchronous")

    asynchronous: ClientSocket
    """The asynchronous socket behind it; only for the loop's thread, that is for `async def` handlers."""

    def __init__(self, portal: Portal, socket: ClientSocket) -> None:
        super().__init__(portal, socket)
        self.asynchronous = socket
        self._settling = Settling(socket, portal.unsettled)

    def __repr__(self) -> str:
        return f"<blocking {self.asynchronous!r}>"

    # -- what it knows ------------------------------------------------------------------

    @property
    def id(self) -> str | None:
        """The id that the server gave it; None while it is not connected."""
        return self.asynchronous.id

    @property
    def namespace(self) -> str:
        """The name of the namespace, with its slash."""
        return self.asynchronous.namespace.name

    @property
    def state(self) -> State:
        """What it is doing, and why."""
        return self.asynchronous.state

    @property
    def connected(self) -> bool:
        """Whether the namespace is usable now."""
        return self.asynchronous.connected

    @property
    def active(self) -> bool:
        """Whether it is connected or tries to be."""
        return self.asynchronous.active

    @property
    def recovered(self) -> bool:
        """Whether it continues an earlier session, whose events it did not miss."""
        return self.asynchronous.recovered

    @property
    def transport(self) -> str | None:
        """`"polling"` or `"websocket"`; None while it is not connected."""
        return self.asynchronous.transport

    @property
    def deduplicated(self) -> bool:
        """Whether the server leaves out events that `retries` send again."""
        return self.asynchronous.deduplicated

    @property
    def auth(self) -> Any:
        """What is shown to be let in: a dict, or a function that gives one each time.

        It may be replaced, for the next connection.
        """
        return self.asynchronous.auth

    @auth.setter
    def auth(self, auth: AuthSource) -> None:
        self.asynchronous.auth = auth

    # -- connecting ---------------------------------------------------------------------

    def connect(self, *, retry: bool | None = None) -> Self:
        """Connect, and return when the namespace is usable; harmless when it is.

        Raises why it is not: ConnectRefused, another ConnectError, or Disconnected. `retry` as in
        `arcwire.ClientSocket.connect`. Interrupting it gives up what it began.
        """
        self._portal.run(self._connect(retry, get_ident()))
        return self

    def disconnect(self) -> None:
        """Leave the namespace; harmless when not connected, or closed."""
        self._portal.finish(self.asynchronous.disconnect)

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    async def _connect(self, retry: bool | None, thread: int) -> None:
        INSIDE.set(self._portal.token)
        await self.asynchronous.connect(retry=retry)
        self._settling.begin(thread)

    # -- receiving ----------------------------------------------------------------------

    def events(self, *names: str, limit: int = MAX_WAITING, overflow: Overflow = "raise") -> Events:
        """The events of these names, or all events, from now on: `for event in socket.events("tick")`.

        See `arcwire.ClientSocket.events`. `events(...).get(timeout=5)` waits for one.
        """
        self._settling.listens()
        socket = self.asynchronous
        stream = self._portal.call(socket.events, *names, limit=limit, overflow=overflow)
        return Events(self._portal, stream)

    def states(self) -> States:
        """The state now, and each that follows: `for state in socket.states()`. It ends with the client.

        Raises Disconnected when the client is closed.
        """
        return States(self._portal, self._portal.call(self.asynchronous.states))

    # -- handlers -----------------------------------------------------------------------

    def on_connect(self, handler: F) -> F:
        """Register what to do each time the namespace has become usable; also a decorator."""
        return self.asynchronous.on_connect(handler)

    def on_disconnect(self, handler: F) -> F:
        """Register what to do each time the namespace is not usable any more; also a decorator.

        Called with as many of reason (`DisconnectReason`) and description as it takes.
        """
        return self.asynchronous.on_disconnect(handler)

    def on_connect_error(self, handler: F) -> F:
        """Register what to do each time an attempt to connect failed; also a decorator.

        Called with the error, a `ConnectError`.
        """
        return self.asynchronous.on_connect_error(handler)

    def on_state(self, handler: F) -> F:
        """Register what to do with each new `State`; also a decorator."""
        return self.asynchronous.on_state(handler)

    def on_error(self, handler: F) -> F:
        """Register what is told of exceptions in handlers; also a decorator."""
        return self.asynchronous.on_error(handler)

    def use(self, middleware: F) -> F:
        """Register a middleware for the events that arrive; also a decorator."""
        return self.asynchronous.use(middleware)

    # -- Registration, CatchAll -----------------------------------------------------------

    def open_handlers(self) -> EventHandlers:
        """See `Registration`."""
        self._settling.listens()
        return self.asynchronous.open_handlers()

    @property
    def hooks(self) -> Hooks:  # type: ignore[override]
        """See `CatchAll`."""
        return self.asynchronous.hooks

    @property
    def own_hooks(self) -> Hooks | None:
        """See `CatchAll`."""
        return self.asynchronous.own_hooks

    def open_hooks(self) -> Hooks:
        """See `CatchAll`."""
        self._settling.listens()
        return self.asynchronous.open_hooks()

    def read_listener(self, function: Callable[..., Any], where: str, *, incoming: bool) -> Listener:
        """See `CatchAll`."""
        return self.asynchronous.read_listener(function, where, incoming=incoming)


async def _finish(awaitable: Any) -> None:
    await awaitable
