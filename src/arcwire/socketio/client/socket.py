"""One namespace of a server, as its client uses it."""

import logging
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable, Mapping
from time import time
from types import TracebackType, UnionType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from arcwire.errors import ArcwireError, Disconnected
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Emission
from arcwire.socketio.catch_all import CatchAll, Event, Hooks, Listener, read_middleware
from arcwire.socketio.client.flagged import ClientFlagging, FlaggedClientSocket
from arcwire.socketio.client.lifecycle import CONNECTING, LifecycleHandler
from arcwire.socketio.client.membership import AuthSource, Connecting, Membership
from arcwire.socketio.client.namespace import ClientNamespace
from arcwire.socketio.client.observers import Observers
from arcwire.socketio.client.options import SocketOptions
from arcwire.socketio.client.outbox import TRUST, Outbox
from arcwire.socketio.client.states import State, StateName
from arcwire.socketio.client.streams import MAX_WAITING, EventStream, Overflow, Stream
from arcwire.socketio.dispatch import dispatch
from arcwire.socketio.failures import explain, read_error_handler
from arcwire.socketio.handlers import Ack, EventHandlers, check_event
from arcwire.socketio.interception import intercept
from arcwire.socketio.lanes import Lane
from arcwire.socketio.protocol.packet import RESERVED_EVENTS, Packet
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.registration import Registration
from arcwire.socketio.selection import DEFAULT_FLAGS, Flags
from arcwire.socketio.signature import Signature

if TYPE_CHECKING:
    from arcwire.socketio.client.manager import Manager

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

# Acknowledgements name the connection on which they were asked for above the digits of their ids: one
# that is given after that connection is gone must not answer another question of the next one.
_GENERATION = 1 << 60

_CLOSED = StateName.CLOSED
_OPEN = StateName.OPEN

logger = logging.getLogger("arcwire.socketio")


class ClientSocket(Membership, Registration, ClientFlagging, CatchAll):
    """One namespace of a server, over connections that may come and go.

    Handlers stay over all connections. Everything may be used from any thread, once it was connected
    for the first time; calls from one thread take effect in their order.
    """

    __slots__ = (
        "__weakref__",
        "_ended",
        "_generation",
        "_options",
        "_outbox",
        "deduplicated",
        "event_handlers",
        "hooks",
        "lanes",
        "observers",
        "queue",
        "server",
    )

    deduplicated: bool
    """Whether the server leaves out events that `retries` send again."""

    def __init__(self, manager: "Manager", name: str, auth: AuthSource, options: SocketOptions) -> None:
        super().__init__(manager, auth, options.timeout)
        self._options = options
        self.server = manager
        """What runs its handlers; see `Recipient`."""
        self.namespace = ClientNamespace(name, manager, self, _EVENT_MARKERS)
        self.deduplicated = False
        self.hooks = Hooks()
        self.observers = Observers()
        # None: they are the namespace's, which has no other socket.
        self.event_handlers: EventHandlers | None = None
        self.lanes: dict[object, Lane] | None = None
        self.queue: deque[Event] | None = None
        # Disconnections whose handlers wait for a middleware.
        self._ended: list[tuple[DisconnectReason, str]] = []
        self._generation = -_GENERATION
        self._outbox = Outbox(self, manager, options)
        self.receive_ack = self._outbox.acknowledge

    def __repr__(self) -> str:
        connection = self._connection
        how = "" if connection is None else f" over {connection.transport}"
        id = "" if self.id is None else f" {self.id}"
        return f"<ClientSocket{id} of {self.namespace.name!r}, {self.state.name}{how}>"

    # -- what it knows ------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the namespace is usable now."""
        return self._connection is not None

    @property
    def active(self) -> bool:
        """Whether it is connected or tries to be."""
        return self.state.name is not _CLOSED

    @property
    def recovered(self) -> bool:
        """Whether it continues an earlier session and missed nothing (connection state recovery)."""
        return self.state.recovered

    @property
    def transport(self) -> str | None:
        """ "polling" or "websocket"; None while it is not connected."""
        return None if self._connection is None else self._connection.transport

    def of(self, namespace: str, *, auth: AuthSource = None) -> "ClientSocket":
        """The socket of another namespace, over the same connection; see `Client.of`."""
        return self._manager.socket(namespace, auth=auth)

    # -- connecting ---------------------------------------------------------------------

    def connect(self, *, retry: bool | None = None) -> "Connecting":
        """Connect, or do it now where the next attempt is waited for; harmless when connected.

        A plain call. Await what it returns, or make a task of it, for this socket once the namespace is
        usable; that raises why it is not: ConnectRefused, another ConnectError, or Disconnected. A first
        attempt that fails is the end of it unless `retry` says otherwise (by default the option
        `retry_connect`); a connection that was there comes back in any case, as the options of reconnection
        say. Cancelling the await gives up what it began.

        Raises Disconnected when the client is closed, RuntimeError when there is no event loop.
        """
        self._manager.check_open()
        connecting = Connecting(self)
        keeps_trying = self._options.retry_connect if retry is None else retry
        self._manager.on_loop(self.begin, keeps_trying, connecting)
        return connecting

    def disconnect(self) -> None:
        """Leave the namespace; harmless when not connected. What is buffered stays, for `connect`.

        The connection is closed with the last of its namespaces.
        """
        self._manager.on_loop(self.leave)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    # -- sending ------------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to the server; while there is no connection it waits for one.

        A plain call that keeps the order. Awaiting what it returns waits while more than 64 KiB are on
        their way, and also ends when the socket is closed. Raises TypeError or ValueError for a
        reserved name and for arguments without a JSON form, PayloadTooLarge for what the server would
        not take, BufferFull when too much waits (see `OfflineBuffer`), Disconnected when the client is
        closed. With `retries`, awaiting waits until the window has room for what was emitted, and raises
        AckTimeout or Disconnected if this event was given up.
        """
        if type(event) is not str or event in RESERVED_EVENTS:
            check_event(event, where="emit")
        manager = self._manager
        outbox = self._outbox
        connection = outbox.direct
        if (
            connection is None
            or self.hooks.watches
            or _get_running_loop() is not manager.loop
            or not 0 <= time() - outbox.trusted < TRUST
        ):
            manager.check_open()
            return outbox.emit(DEFAULT_FLAGS, event, args)
        codec = manager.codec
        payload, attachments = codec.encode_event(self.namespace.name, event, args)
        if attachments is not None:
            outbox.send_all(connection, payload, attachments)
        elif codec.binary:
            connection.send_binary(payload)
        else:
            connection.send_text(payload)
        return outbox.emission

    @overload
    def emit_with_ack(self, event: str, *args: object) -> SingleAnswer[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> SingleAnswer[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> SingleAnswer[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> SingleAnswer[Any]:
        """Send an event and wait for the server's acknowledgement.

        Awaiting gives what the server answered: a value, None for nothing, a tuple for several. It always
        ends: with Disconnected when the connection is lost first, or the socket is closed; with AckTimeout
        after `ack_timeout` seconds, if there is such a limit. With `retries` that limit counts for each try,
        and while there is no connection it does not count: it ends when the last try has failed, and waits
        for a connection as long as the socket is not closed.
        `returns` is a type to decode the answer into; InvalidAnswer is raised when it does not fit.
        Raises what `emit` raises.
        """
        if type(event) is not str or event in RESERVED_EVENTS:
            check_event(event, where="emit_with_ack")
        return self._outbox.ask(DEFAULT_FLAGS, event, args, returns)

    async def drain(self) -> None:
        """Wait until at most 64 KiB wait to be sent, or the socket is closed. Cancelling it loses nothing."""
        await self._outbox.drain()

    # -- receiving ----------------------------------------------------------------------

    def events(self, *names: str, limit: int = MAX_WAITING, overflow: Overflow = "raise") -> EventStream:
        """The events of these names, or all events, from now on: `async for event in socket.events()`.

        Each has `name` and `args`, as they came, and `answer` for the acknowledgement. The stream goes on
        over lost connections. It ends when the socket is closed by either side; when it is closed for an
        error, because a connection did not come back for example, reading raises that error. Of `limit`
        events that have not been read, more are too many: then reading raises BufferFull after the last
        of them, or, as `overflow` says, the oldest or the newest are dropped.

        Raises Disconnected when the client is closed.
        """
        for name in names:
            check_event(name, where="events")
        self._manager.check_open()
        stream = EventStream(frozenset(names), self.observers.held, limit, overflow)
        self._manager.on_loop(self.observers.add_events, stream)
        return stream

    def states(self) -> Stream[State]:
        """The state now, and each that follows: `async for state in socket.states()`.

        It ends with the client. The last 1000 that have not been read are kept. Raises Disconnected when the
        client is closed.
        """
        self._manager.check_open()
        stream: Stream[State] = Stream(self.observers.held, MAX_WAITING, "drop_oldest")
        stream.put(self.state)
        self._manager.on_loop(self.observers.add_states, stream)
        return stream

    def on_connect(self, handler: F) -> F:
        """Register what to do each time the namespace has become usable; also a decorator.

        What was buffered has been sent by then. Handlers of events that it registers (with `on` or `once`)
        belong to this connection: they are gone with it, so that the next call does not double them.
        Other handlers are better registered outside.
        """
        self.observers.connect.append(LifecycleHandler(handler, "on_connect", 0, ClientSocket))
        return handler

    def on_disconnect(self, handler: F) -> F:
        """Register what to do each time the namespace was usable and is not any more; also a decorator.

        Called with as many of reason (`DisconnectReason`) and description as it takes. It comes back by
        itself unless `socket.active` is False.
        """
        self.observers.disconnect.append(LifecycleHandler(handler, "on_disconnect", 2, ClientSocket))
        return handler

    def on_connect_error(self, handler: F) -> F:
        """Register what to do each time an attempt to connect failed; also a decorator.

        Called with the error, a `ConnectError`. The next attempt is made by itself unless
        `socket.active` is False: after ConnectRefused, for example, which the handler may answer with a
        new `socket.auth` and `socket.connect()`.
        """
        self.observers.connect_error.append(LifecycleHandler(handler, "on_connect_error", 1, ClientSocket))
        return handler

    def on_state(self, handler: F) -> F:
        """Register what to do with each new `State`; also a decorator."""
        self.observers.state.append(LifecycleHandler(handler, "on_state", 1, ClientSocket))
        return handler

    def on_error(self, handler: F) -> F:
        """Register what is told of exceptions in handlers; also a decorator.

        As `Namespace.on_error` of the server: called with as many of the exception, the socket and the
        event's name as it takes, in place of the error in the log.
        """
        self.namespace.error_handlers.append(read_error_handler(handler, _SOCKET_MARKER))
        return handler

    def use(self, middleware: F) -> F:
        """Register a middleware for the events that arrive; also a decorator. See `Namespace.use_event`."""
        self.hooks.middlewares += (read_middleware(middleware, "socket.use", _SOCKET_MARKER),)
        self.hooks.intercepts = True
        return middleware

    # -- Registration, CatchAll, ClientFlagging -------------------------------------------

    def open_handlers(self) -> EventHandlers:
        """See `Registration`."""
        return self.namespace.handlers

    @property
    def own_hooks(self) -> Hooks:
        """See `CatchAll`."""
        return self.hooks

    def open_hooks(self) -> Hooks:
        """See `CatchAll`."""
        return self.hooks

    def read_listener(self, function: Callable[..., Any], where: str, *, incoming: bool) -> Listener:
        """See `CatchAll`."""
        where = f"socket.{where}"
        markers = _EVENT_MARKERS if incoming else _SOCKET_MARKER
        return Listener(Signature(function, where=where, markers=markers), where)

    def flag(self, **flags: Any) -> FlaggedClientSocket:
        """See `ClientFlagging`."""
        return FlaggedClientSocket(self, Flags(**flags))

    # -- Recipient, for the dispatch --------------------------------------------------------

    @property
    def gone(self) -> bool:
        """Whether handlers for a disconnection wait for those of events."""
        return bool(self._ended)

    def handle(self, packet: Packet, ack: Ack | None = None) -> None:
        """See `Recipient`."""
        if self.observers.event_streams:
            ack = self.observers.put_event(self, packet, ack, packet.name in self.namespace.handlers)
        dispatch(self, packet, ack)

    def send_ack(self, id: int, args: tuple[object, ...]) -> None:
        """Answer the event with this id; dropped when its connection is gone."""
        payload, attachments = self._manager.codec.encode_ack(self.namespace.name, id % _GENERATION, args)
        self._manager.on_loop(self._send_ack, id, payload, attachments)

    def announce_end(self) -> None:
        """See `Recipient`."""
        ended, self._ended = self._ended, []
        for reason, description in ended:
            self._call(self.observers.disconnect, "disconnect", reason, description)

    # -- for flagged sockets ------------------------------------------------------------------

    def emit_flagged(self, flags: Flags, event: str, args: tuple[object, ...]) -> Emission:
        """Send an event as its flags say."""
        check_event(event, where="emit")
        self._manager.check_open()
        return self._outbox.emit(flags, event, args)

    def ask(self, flags: Flags, event: str, args: tuple[object, ...], returns: Any) -> SingleAnswer[Any]:
        """Send an event as its flags say, and wait for its acknowledgement."""
        check_event(event, where="emit_with_ack")
        return self._outbox.ask(flags, event, args, returns)

    # -- Membership -------------------------------------------------------------------------------

    def greet(self) -> dict[str, Any]:
        """See `Membership`."""
        return self._outbox.greet()

    def opened(self, greeting: Mapping[str, Any]) -> None:
        """See `Membership`."""
        assert self._connection is not None
        self._generation += _GENERATION
        self.deduplicated = self._outbox.retries is not None and greeting.get("retry") is True
        self._outbox.open(self._connection)

    def lost(self, reason: DisconnectReason, description: str) -> None:
        """See `Membership`."""
        self._ended.append((reason, description))
        self.namespace.handlers.forget_connection()
        self._outbox.lose(reason, description)

    def ended(self, error: ArcwireError, for_good: bool) -> None:
        """See `Membership`."""
        self._outbox.end(error, for_good=for_good)

    def tell(self, state: State) -> None:
        """See `Membership`."""
        observers = self.observers
        observers.put_state(state)
        self._call(observers.state, "state", state)
        if state.name is _OPEN:
            self._call(observers.connect, "connect")
            return
        if self._ended and self.queue is None:
            self.announce_end()
        if state.error is not None:
            self._call(observers.connect_error, "connect_error", state.error)
        if state.name is _CLOSED and self.state is state:
            observers.end_events(state.error or _lasting(state))

    def receive_event(self, packet: Packet) -> None:
        """See `Membership`. Raises PacketError."""
        if self._held is not None or self._pid is not None:
            super().receive_event(packet)
        elif self.hooks.intercepts or self.observers.event_streams:
            self.handle_event(packet)
        else:
            # Nearly every event comes this way.
            if packet.id is not None:
                packet.id += self._generation
            dispatch(self, packet)

    def handle_event(self, packet: Packet) -> None:
        """See `Membership`. Raises PacketError."""
        if packet.id is not None:
            packet.id += self._generation
        if self.hooks.intercepts:
            intercept(self, packet)
        else:
            self.handle(packet)

    # -- inside -----------------------------------------------------------------------------------

    def _call(self, handlers: list[LifecycleHandler], event: str, *values: object) -> None:
        for handler in tuple(handlers):
            self._manager.start(self._run(handler, event, values), self)

    async def _run(self, handler: LifecycleHandler, event: str, values: tuple[object, ...]) -> None:
        if event == "connect":
            CONNECTING.set(self)
        try:
            await self.namespace.call(handler, handler.bind(self, values))
        except Exception as error:
            await explain(self, error, event, f"a handler (on_{event})")

    def _send_ack(self, id: int, payload: bytes, attachments: list[bytes] | None) -> None:
        if id - id % _GENERATION == self._generation:
            self._outbox.send_ack(payload, attachments)


def _lasting(state: State) -> Exception | None:
    """What readers of streams are told of the end: nothing, when one side wanted it."""
    if state.reason in (
        None,
        DisconnectReason.CLIENT_NAMESPACE_DISCONNECT,
        DisconnectReason.SERVER_NAMESPACE_DISCONNECT,
    ):
        return None
    return Disconnected(f"the socket is closed: {state.description}", state.reason)


_SOCKET_MARKER: dict[type, str] = {ClientSocket: "socket"}
_EVENT_MARKERS: dict[type, str] = {ClientSocket: "socket", Ack: "ack"}
