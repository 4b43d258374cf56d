"""One client in one namespace."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from threading import get_ident
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from arcwire.engineio.link import PreparedMessage
from arcwire.socketio.acks import Answer, SingleAnswer
from arcwire.socketio.broadcast import Broadcast, Emission
from arcwire.socketio.catch_all import CatchAll, Event, Hooks, Listener, read_middleware
from arcwire.socketio.dispatch import announce_end, dispatch
from arcwire.socketio.handlers import Ack, EventHandlers, check_event
from arcwire.socketio.handshake import Handshake
from arcwire.socketio.interception import intercept, watch
from arcwire.socketio.lanes import Lane
from arcwire.socketio.outgoing import OutgoingEvent, prepare
from arcwire.socketio.protocol.json_codec import decode_json
from arcwire.socketio.protocol.packet import DISCONNECT, RESERVED_EVENTS, Packet, PacketError
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.registration import Registration
from arcwire.socketio.selection import DEFAULT_FLAGS, Flags, Selection, check_rooms
from arcwire.socketio.server.flagged import FlaggedSocket, Flagging, SocketEmission
from arcwire.socketio.signature import Signature

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar  # type checkers have it

    from arcwire.engineio.server import Connection
    from arcwire.socketio.server.multiplexer import Multiplexer
    from arcwire.socketio.server.namespace import Namespace
    from arcwire.socketio.server.server import Server

    D = DefaultTypeVar("D", default=Any)
else:
    D = TypeVar("D")

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

MAX_BACKLOG = 1000
"""Events that may wait for a connection handler; a client that sends more is not a client."""

MAX_PENDING_ACKS = 10_000
"""Acknowledgements that one socket may owe: a client that never answers must not fill the memory."""


class _State(Enum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


_CONNECTING = _State.CONNECTING
_CONNECTED = _State.CONNECTED


class Socket(Registration, Flagging, CatchAll, Generic[D]):
    """One client in one namespace.

    `emit`, `join`, `leave`, `disconnect` and acknowledgements may be used from any thread; calls
    from one thread take effect in their order.

    `Socket[UserData]` is a socket whose `data` is a `UserData`: see `data`.
    """

    __slots__ = (
        "__weakref__",
        "_acks",
        "_auth",
        "_backlog",
        "_data",
        "_emission",
        "_gone",
        "_held",
        "_multiplexer",
        "_on_disconnect",
        "_state",
        "event_handlers",
        "hooks",
        "id",
        "lanes",
        "namespace",
        "queue",
        "server",
    )

    id: str
    """20 characters, unguessable; also the name of a room with this socket alone.

    Of clients of Socket.IO 2 it is made of the session id, which is a secret: they expect that.
    """
    namespace: "Namespace"
    """The namespace that this socket is in."""
    server: "Server"
    """The server of that namespace."""

    def __init__(self, namespace: "Namespace", multiplexer: "Multiplexer", auth: dict[str, Any]) -> None:
        self.server = namespace.server
        self.id = multiplexer.new_id(namespace.name)
        self.namespace = namespace
        namespace.arrive()
        self._multiplexer = multiplexer
        self._auth = auth
        self._state = _State.CONNECTING
        self._data: D | None = None
        # What is sent before the client has been let in waits for CONNECT.
        self._held: list[PreparedMessage] | None = []
        # What arrives before the connection handlers are done waits for them.
        self._backlog: list[Packet] | None = []
        self._acks: dict[int, Answer[Any]] | None = None
        self.event_handlers: EventHandlers | None = None
        self.hooks = namespace.hooks
        # Events that wait for a middleware, which works on an earlier one.
        self.queue: deque[Event] | None = None
        # Events that wait for others whose handlers are not done.
        self.lanes: dict[object, Lane] | None = None
        self._on_disconnect: list[Signature] | None = None
        # Reason, description and rooms, once it is gone.
        self._emission: SocketEmission | None = None  # one for all, made with the first
        self._gone: tuple[DisconnectReason, str, frozenset[str]] | None = None

    def __repr__(self) -> str:
        return f"<Socket {self.id} of {self.namespace.name!r}, {self._state.value}>"

    # -- what it knows --------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the client has been let in and is still there."""
        return self._state is _CONNECTED

    @property
    def data(self) -> D:
        """The application's own data about this socket: a dict, or what the application says.

        It says so by `Server(data=UserData)` or `Namespace(name, data=UserData)`, a class that can be
        called without arguments, or by a handler that takes a `Socket[UserData]`.
        """
        if self._data is None:
            self._data = self.namespace.new_data()
        return self._data

    @property
    def recovered(self) -> bool:
        """Whether it continues an earlier socket whose connection was lost, with its id, rooms and data.

        Only with `Server(connection_state_recovery=...)`.
        """
        return False

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that this socket is in, that of its own among them: a snapshot.

        After the disconnection, the rooms that it was in.
        """
        if self._gone is not None:
            return self._gone[2]
        return self.namespace.adapter.rooms_of(self)

    @property
    def connection(self) -> "Connection":
        """The Engine.IO connection below, shared by all namespaces of the client."""
        return self._multiplexer.connection

    @property
    def handshake(self) -> Handshake:
        """How the connection was opened."""
        multiplexer = self._multiplexer
        return Handshake.read(multiplexer.connection.request, self._auth, multiplexer.issued)

    # -- sending --------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to this client; dropped when it is gone.

        A plain call that keeps the order. Awaiting what it returns waits while more than 64 KiB
        are on their way to this client, and also ends when the client goes. Raises TypeError or
        ValueError for a reserved name and for arguments without a JSON form.
        """
        if type(event) is not str or event in RESERVED_EVENTS:
            check_event(event, where="emit")
        if self.hooks.watches:
            return FlaggedSocket(self, DEFAULT_FLAGS).emit(event, *args)
        server = self.server
        payload, attachments = server.codec.encode_event(self.namespace.name, event, args)
        if get_ident() == server.thread:
            if attachments is None and self._state is _CONNECTED and not server.codec.binary:
                self._multiplexer.connection.send_text(payload)  # nearly always
            else:
                self._send(payload, attachments)
        else:
            self.namespace.on_loop(self._send, payload, attachments)
        if self._emission is None:
            self._emission = SocketEmission(self._multiplexer.connection)
        return self._emission

    @overload
    def emit_with_ack(self, event: str, *args: object) -> SingleAnswer[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> SingleAnswer[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> SingleAnswer[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> SingleAnswer[Any]:
        """Send an event and wait for the client's acknowledgement.

        Awaiting gives what the client answered: a value, None for nothing, a tuple for several.
        Raises Disconnected when the client goes first. Without `timeout` it may wait for ever.
        `returns` is a type to decode the answer into; InvalidAnswer is raised when it does not fit.

        In a connection handler this lets the client in: refusing it afterwards disconnects it.
        """
        return FlaggedSocket(self, DEFAULT_FLAGS).emit_with_ack(event, *args, returns=returns)

    @property
    def broadcast(self) -> Broadcast:
        """Everybody in the namespace but this socket."""
        return Broadcast(self.namespace, Selection(excluded=frozenset((self.id,))))

    # -- rooms ----------------------------------------------------------------------

    def join(self, *rooms: str) -> None:
        """Enter rooms. Does nothing once the socket is gone."""
        self.namespace.on_loop(self._join, check_rooms(rooms))

    def leave(self, room: str) -> None:
        """Leave a room; harmless when not in it."""
        self.namespace.on_loop(self.namespace.adapter.leave, self, *check_rooms((room,)))

    # -- handlers of this socket ------------------------------------------------------

    def open_handlers(self) -> EventHandlers:
        """See `Registration`."""
        if self.event_handlers is None:
            self.event_handlers = self.namespace.new_socket_handlers()
        return self.event_handlers

    def use(self, middleware: F) -> F:
        """Register a middleware for the events of this socket; also a decorator.

        See `Namespace.use_event`, whose middlewares come first.
        """
        hooks = self.open_hooks()
        hooks.middlewares += (read_middleware(middleware, "socket.use", {Socket: "socket"}),)
        return middleware

    def on_disconnect(self, handler: F) -> F:
        """Register what to do when this socket is gone; also a decorator.

        Called with as many of socket, reason and description as it takes.
        """
        signature = self.namespace.read_disconnect_handler(handler)
        self._on_disconnect = [*(self._on_disconnect or ()), signature]
        return handler

    # -- end ------------------------------------------------------------------------

    def disconnect(self, close: bool = False) -> None:
        """Send the client away from this namespace, or, with `close`, end its whole connection.

        The client does not come back by itself in either case: it is told that the server ended it.
        """
        self.namespace.on_loop(self._disconnect, close)

    # -- Member, for adapters -----------------------------------------------------------

    @property
    def writable(self) -> bool:
        """Whether the client can take an event now."""
        return self._state is _CONNECTED and self._multiplexer.connection.writable

    def deliver(self, event: OutgoingEvent) -> None:
        """Send an event."""
        if self._state is _CONNECTED:
            connection = self._multiplexer.connection
            for message in event.messages:
                connection.send_prepared(message)
        elif self._held is not None:
            self._held.extend(event.messages)
        else:
            return
        if self.hooks.watches:
            watch(self, event)

    def expect_ack(self, id: int, answer: Answer[Any]) -> None:
        """Report the acknowledgement with this id to `answer`, or the end of this socket.

        Of a socket that owes `MAX_PENDING_ACKS` no other is expected.
        """
        if self._gone is not None:
            answer.lose(self, self._gone[0])
            return
        if self._acks is None:
            self._acks = {}
        elif len(self._acks) >= MAX_PENDING_ACKS:
            answer.drop(self, f"{MAX_PENDING_ACKS} acknowledgements of this client are missing")
            return
        self._acks[id] = answer

    def forget_ack(self, id: int) -> None:
        """Nobody waits for this acknowledgement any more."""
        if self._acks is not None:
            self._acks.pop(id, None)

    # -- AckSender, for handlers --------------------------------------------------------

    def send_ack(self, id: int, args: tuple[object, ...]) -> None:
        """Answer the event with this id; dropped when the client is gone."""
        server = self.server
        payload, attachments = server.codec.encode_ack(self.namespace.name, id, args)
        if get_ident() == server.thread:
            if attachments is None and self._state is _CONNECTED and not server.codec.binary:
                self._multiplexer.connection.send_text(payload)  # nearly always
            else:
                self._send(payload, attachments)
        else:
            self.namespace.on_loop(self._send, payload, attachments)

    # -- for FlaggedSocket ---------------------------------------------------------------

    def flag(self, **flags: Any) -> FlaggedSocket:
        """See `Flagging`."""
        return FlaggedSocket(self, Flags(**flags))

    def send_event(self, flags: Flags, event: OutgoingEvent) -> None:
        """Send an event as its flags say."""
        if not flags.volatile or self.writable:
            self.deliver(event)

    # -- for CatchAll and the interception ---------------------------------------------------

    @property
    def own_hooks(self) -> Hooks | None:
        """See `CatchAll`."""
        return None if self.hooks is self.namespace.hooks else self.hooks

    def open_hooks(self) -> Hooks:
        """See `CatchAll`."""
        if self.own_hooks is None:
            self.hooks = Hooks(self.namespace.hooks)
        return self.hooks

    def read_listener(self, function: Callable[..., Any], where: str, *, incoming: bool) -> Listener:
        """See `CatchAll`."""
        where = f"socket.{where}"
        return Listener(self.namespace.read_any(function, where, incoming=incoming, leading=()), where)

    def handle(self, packet: Packet, ack: Ack | None = None) -> None:
        """Call the handlers of an event. Raises PacketError."""
        dispatch(self, packet, ack)

    # -- for the namespace and the multiplexer --------------------------------------------

    @property
    def auth(self) -> dict[str, Any]:
        """What the client sent with CONNECT."""
        return self._auth

    @property
    def greeting(self) -> dict[str, object]:
        """What the client gets when it is let in."""
        return {"sid": self.id}

    @property
    def skips_middlewares(self) -> bool:
        """Whether middlewares have nothing to decide about this socket."""
        return False

    @property
    def gone(self) -> bool:
        """Whether it is disconnected."""
        return self._gone is not None

    @property
    def owes_ack(self) -> bool:
        """Whether an acknowledgement of this client is waited for."""
        return bool(self._acks)

    def enter(self) -> None:
        """The middlewares are done: broadcasts reach it from now on, though they are held."""
        if self._state is _CONNECTING:
            self.namespace.adapter.add(self)

    def accept(self) -> None:
        """Let the client in: it gets CONNECT, and then what was sent to it before."""
        if self._state is not _CONNECTING:
            return
        self.enter()
        self._state = _CONNECTED
        self._multiplexer.entered()
        connection = self._multiplexer.connection
        self._multiplexer.send_connect(self.namespace.name, self.greeting)
        held, self._held = self._held, None
        for message in held or ():
            connection.send_prepared(message)

    def release(self) -> None:
        """The connection handlers are done: handle what arrived meanwhile."""
        backlog, self._backlog = self._backlog, None
        for packet in backlog or ():
            if self._gone is None:
                self._multiplexer.guard(self.receive_event, packet)

    def refuse(self, message: str, data: object) -> None:
        """Do not let the client in; one that is in already is sent away."""
        if self._state is not _CONNECTING:
            self._disconnect(False)
            return
        self._multiplexer.expel(self)
        self.end(DisconnectReason.SERVER_NAMESPACE_DISCONNECT, "refused")
        self._multiplexer.send_refusal(self.namespace.name, message, data)

    def end(self, reason: DisconnectReason, description: str) -> None:
        """It is gone. Whoever waits for an acknowledgement is told; then the handlers run."""
        if self._gone is not None:
            return
        self._gone = (reason, description, self.namespace.adapter.remove(self))
        self._state = _State.DISCONNECTED
        self._held = None
        self.namespace.depart()
        acks, self._acks = self._acks, None
        for answer in (acks or {}).values():
            answer.lose(self, reason)
        if self._backlog is not None:
            self._backlog = []  # its connection handlers still run; they come first
        elif self.queue is None:
            self.announce_end()

    def announce_end(self) -> None:
        """Run the handlers for the disconnection: once, after the connection handlers are done."""
        assert self._gone is not None
        reason, description, _ = self._gone
        for signature in (*self.namespace.disconnect_handlers, *(self._on_disconnect or ())):
            announce_end(self, signature, reason, description)

    def receive_event(self, packet: Packet) -> None:
        """An event arrived. Raises PacketError."""
        if self._backlog is None:
            if self.hooks.intercepts:
                intercept(self, packet)
            else:
                dispatch(self, packet)
        elif len(self._backlog) < MAX_BACKLOG:
            self._backlog.append(packet)
        else:
            raise PacketError("too many events before the connection handlers were done")

    def receive_ack(self, packet: Packet) -> None:
        """An acknowledgement arrived; ignored when nobody waits for it. Raises PacketError."""
        answer = None if self._acks is None or packet.id is None else self._acks.pop(packet.id, None)
        if packet.json is not None:
            args = decode_json(packet.json)
            if not isinstance(args, list):
                raise PacketError("invalid payload: an acknowledgement is a list")
        else:
            args = packet.data
        if answer is not None:
            answer.receive(self, args)

    # -- inside -----------------------------------------------------------------------

    def _send(self, payload: bytes, attachments: list[bytes] | None) -> None:
        if self._state is _CONNECTED:
            connection = self._multiplexer.connection
            if self.server.codec.binary:
                connection.send_binary(payload)
            else:
                connection.send_text(payload)
            if attachments is not None:
                for attachment in attachments:
                    connection.send_binary(attachment)
        elif self._held is not None:
            self._held += prepare(self.server.codec, payload, attachments)

    def _join(self, rooms: tuple[str, ...]) -> None:
        if self._gone is None:
            self.namespace.adapter.join(self, rooms)

    def _disconnect(self, close: bool) -> None:
        if self._gone is not None:
            return
        multiplexer = self._multiplexer
        if close:
            for socket in multiplexer.sockets:
                socket._disconnect(False)
            multiplexer.connection.close()
            return
        self.accept()
        multiplexer.expel(self)
        multiplexer.send_control(DISCONNECT, self.namespace.name)
        self.end(DisconnectReason.SERVER_NAMESPACE_DISCONNECT, "disconnected by the server")
