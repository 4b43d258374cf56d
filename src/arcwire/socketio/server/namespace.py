"""A namespace: handlers, middlewares, and the sockets of one path."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from threading import get_ident
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from arcwire.errors import ConnectionRefused
from arcwire.socketio.acks import Answer, ManyAnswers
from arcwire.socketio.adapter import Adapter, LocalAdapter
from arcwire.socketio.broadcast import Broadcast, Emission
from arcwire.socketio.callables import describe
from arcwire.socketio.catch_all import CatchAll, Hooks, Listener, read_middleware
from arcwire.socketio.decoding import InvalidPayload, Parameter
from arcwire.socketio.failures import explain, read_error_handler
from arcwire.socketio.handlers import Ack, EventHandlers
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.protocol.json_codec import JsonCodec
from arcwire.socketio.recovery import Session
from arcwire.socketio.registration import Registration
from arcwire.socketio.returns import Decode
from arcwire.socketio.server.data import DataType
from arcwire.socketio.server.deduplicating import open_socket
from arcwire.socketio.server.methods import handlers_of
from arcwire.socketio.server.population import Population
from arcwire.socketio.server.recoverable import RecoverableSocket
from arcwire.socketio.server.socket import Socket
from arcwire.socketio.signature import Signature
from arcwire.socketio.tasks import run_in_thread

if TYPE_CHECKING:
    from arcwire.socketio.server.multiplexer import Multiplexer
    from arcwire.socketio.server.server import Server

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

_DEFAULT_CODEC = JsonCodec()

logger = logging.getLogger("arcwire.socketio")

_SOCKET_MARKER: dict[type, str] = {Socket: "socket"}
_EVENT_MARKERS: dict[type, str] = {Socket: "socket", Ack: "ack"}


class Namespace(Registration, Population, CatchAll):
    """The sockets, handlers and middlewares of one path.

    `data` is the class of `socket.data`, if it shall not be a dict. A namespace may be made alone in
    any module and included in a server later:

        chat = Namespace("/chat")

        @chat.on("say")
        async def say(socket: Socket, text: str) -> None: ...

        io.include(chat)

    Or as a class, with handlers that are methods: see `on`.
    """

    def __init__(self, name: str, *, data: Callable[[], Any] | None = None) -> None:
        if not isinstance(name, str) or "," in name:
            raise ValueError(f"a namespace is named by a path without commas, got {name!r}")
        self.name = name if name.startswith("/") else f"/{name}"
        self.adapter: Adapter = LocalAdapter(self)
        self.codec: Codec = _DEFAULT_CODEC
        self.event_handlers = EventHandlers(_EVENT_MARKERS, ("socket",), self)
        self.disconnect_handlers: list[Signature] = []
        self.session_expired_handlers: list[Signature] = []
        self._connect_handlers: list[_ConnectHandler] = []
        self._middlewares: list[Signature] = []
        self.error_handlers: list[Signature] = []
        self.hooks = Hooks()
        self._ack_ids = itertools.count()
        self._server: Server | None = None
        # The namespaces that a broadcast goes to in place of this one; see `ParentNamespace`.
        self.parts: Collection[Namespace] | None = None
        self.data_type = DataType()
        if data is not None:
            self.data_type.give(data)
        for registrar, args, options in handlers_of(self):
            getattr(self, registrar)(*args, **options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {len(self.adapter.members)} sockets>"

    # -- handlers -----------------------------------------------------------------

    def on_connect(self, handler: F) -> F:
        """Register what to do when a socket wants to connect; also a decorator.

        Called with the socket and, if it takes a second argument, what the client sent as `auth`
        (a dict, or decoded into the parameter's type). Raise ConnectionRefused to refuse. The
        client is in, and its events are handled, when all such handlers are done, within
        `connect_timeout` seconds; what is sent to it before, by broadcasts too, it gets then.
        """
        self._connect_handlers.append(_ConnectHandler(handler, self))
        return handler

    def on_disconnect(self, handler: F) -> F:
        """Register what to do when a socket is gone; also a decorator.

        Called with as many of socket, reason (`DisconnectReason`) and description as it takes, for
        each socket whose connection handlers were all done. `socket.rooms` are those it was in.
        """
        self.disconnect_handlers.append(self.read_disconnect_handler(handler))
        return handler

    def on_session_expired(self, handler: F) -> F:
        """Register what to do when a lost client did not come back in time; also a decorator.

        Called with the session (`id`, `rooms`, `data`) of each socket that ended because its
        connection was lost, once it can no longer be continued: the place to tidy up what
        `on_disconnect` left for a client that may come back. Needs `connection_state_recovery`. Not
        called when the server is closed.
        """
        signature = Signature(
            handler, where="on_session_expired", markers={Session: "session"}, leading=("session",)
        )
        if signature.parameters:
            raise TypeError(f"on_session_expired calls {describe(handler)} with the session only")
        self.session_expired_handlers.append(signature)
        return handler

    def use(self, middleware: F) -> F:
        """Register a middleware: called with each socket that wants to connect, before the handlers.

        Also a decorator. Middlewares run one after the other; raise ConnectionRefused to refuse.
        """
        signature = self._read(middleware, "use")
        if signature.parameters:
            raise TypeError(f"use calls {describe(middleware)} with the socket only")
        self._middlewares.append(signature)
        return middleware

    def use_event(self, middleware: F) -> F:
        """Register a middleware for events: called with each `Event` before its handlers.

        Also a decorator. Middlewares run one after the other, after the `on_any` listeners; those
        of the namespace before those of the socket (`Socket.use`). They may look at the arguments
        and change them. Raise EventError to keep the event from its handlers; it answers the
        client's acknowledgement. Later events of the socket wait for their turn, at most 1000.
        """
        self.hooks.middlewares += (read_middleware(middleware, "use_event", _SOCKET_MARKER),)
        self.hooks.intercepts = True
        return middleware

    def on_error(self, handler: F) -> F:
        """Register what is told of exceptions in handlers, middlewares and listeners; also a decorator.

        Called with as many of the exception, the socket and the event's name ("connect" and
        "disconnect" for those handlers) as it takes, in place of the error in the log. If it raises
        EventError, that answers the client's acknowledgement instead of `internal`. Those of the
        server are called for namespaces that have none of their own.
        """
        self.error_handlers.append(read_error_handler(handler, _SOCKET_MARKER))
        return handler

    # -- sending --------------------------------------------------------------------

    def to(self, *rooms: str) -> Broadcast:
        """The members of these rooms. A socket in several of them gets an event once."""
        return Broadcast(self).to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Broadcast:
        """Everybody without the members of these rooms."""
        return Broadcast(self).except_(*rooms)

    @property
    def volatile(self) -> Broadcast:
        """Everybody who can take an event now; see `Broadcast.volatile`."""
        return Broadcast(self).volatile

    @property
    def local(self) -> Broadcast:
        """Everybody who is connected to this node."""
        return Broadcast(self).local

    def compress(self, compress: bool) -> Broadcast:
        """Everybody; `compress` says whether transports that compress may compress the event."""
        return Broadcast(self).compress(compress)

    def timeout(self, seconds: float) -> Broadcast:
        """Everybody, with a limit for acknowledgements."""
        return Broadcast(self).timeout(seconds)

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event to everybody; see `Broadcast.emit`."""
        return Broadcast(self).emit(event, *args)

    def send(self, *args: object) -> Emission:
        """Send an event named "message" to everybody."""
        return Broadcast(self).emit("message", *args)

    @overload
    def emit_with_ack(self, event: str, *args: object) -> ManyAnswers[Any]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: type[R]) -> ManyAnswers[R]: ...
    @overload
    def emit_with_ack(self, event: str, *args: object, returns: UnionType | None) -> ManyAnswers[Any]: ...
    def emit_with_ack(self, event: str, *args: object, returns: Any = Any) -> ManyAnswers[Any]:
        """Send an event to everybody and wait for all; see `Broadcast.emit_with_ack`."""
        return Broadcast(self).emit_with_ack(event, *args, returns=returns)

    @property
    def sockets(self) -> dict[str, Socket]:
        """The connected sockets of this process by id: a snapshot."""
        members = cast("Collection[Socket]", self.adapter.members)
        return {socket.id: socket for socket in members if socket.connected}

    @property
    def params(self) -> Mapping[str, Any]:
        """What the name says; empty unless a pattern made this namespace."""
        return {}

    # -- for handlers -------------------------------------------------------------------

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """The parameters in the name, and their types."""
        return {}

    def claim_data(self, type_: Any, where: str) -> None:
        """A handler takes `Socket[type_]`: `socket.data` is of this type from now on.

        Raises TypeError when it is another already, or cannot be made without arguments.
        """
        self.data_type.claim(type_, where)

    def new_data(self) -> Any:
        """What `socket.data` is in the beginning."""
        return self.data_type.new()

    # -- for sockets and broadcasts -----------------------------------------------------

    @property
    def server(self) -> "Server":
        """The server that includes this namespace."""
        if self._server is None:
            raise RuntimeError(f"namespace {self.name!r} is not included in a server")
        return self._server

    def bind(self, server: "Server") -> None:
        """Belong to a server, for good."""
        if self._server is not None and self._server is not server:
            raise ValueError(f"namespace {self.name!r} belongs to another server already")
        if self._server is None:
            self._server = server
            self.codec = server.codec
            self.data_type.fallback = server.data_type
            self.adapter = server.new_adapter(self)

    def next_ack_id(self) -> int:
        """An id for a packet that wants acknowledgements."""
        return next(self._ack_ids)

    def open_answers(self, timeout: float | None, decode: Decode | None = None) -> ManyAnswers:
        """A new collection of acknowledgements."""
        return ManyAnswers(None if self._server is None else self._server.engine.loop, timeout, decode)

    def watch(self, answer: Answer[Any], timeout: float | None) -> None:
        """Arm the timeout of an acknowledgement that is waited for."""
        if timeout is not None and not answer.settled:
            engine = self.server.engine
            engine.timers.schedule(answer, engine.now() + timeout)
            answer.on_settled(partial(engine.timers.cancel, answer))

    def on_loop(self, function: Callable[..., None], *args: object) -> None:
        """Call it on the loop's thread: now when this is that thread, else soon and in order."""
        server = self._server
        if server is None or server.thread is None or server.thread == get_ident():
            function(*args)
        else:
            server.call_soon(function, *args)

    async def call(self, signature: Signature, args: tuple[Any, ...]) -> Any:
        """Call a function of the application, on the loop or in a thread."""
        if signature.is_async:
            return await signature.function(*args)
        return await self.call_in_thread(signature.function, args)

    async def call_in_thread(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call a plain function in a thread, with the context variables of here."""
        return await run_in_thread(self.server.executor, function, args)

    @property
    def own_hooks(self) -> Hooks:
        """See `CatchAll`."""
        return self.hooks

    def open_hooks(self) -> Hooks:
        """See `CatchAll`."""
        return self.hooks

    def read_listener(self, function: Callable[..., Any], where: str, *, incoming: bool) -> Listener:
        """See `CatchAll`."""
        return Listener(self.read_any(function, where, incoming=incoming, leading=("socket",)), where)

    def read_any(
        self, function: Callable[..., Any], where: str, *, incoming: bool, leading: tuple[str, ...]
    ) -> Signature:
        """Read the signature of a listener for all events. Raises TypeError."""
        markers = _EVENT_MARKERS if incoming else _SOCKET_MARKER
        return Signature(function, where=where, markers=markers, leading=leading)

    def open_handlers(self) -> EventHandlers:
        """See `Registration`."""
        return self.event_handlers

    def new_socket_handlers(self) -> EventHandlers:
        """For the handlers of one socket."""
        return EventHandlers(_EVENT_MARKERS, (), self)

    def read_disconnect_handler(self, handler: Callable[..., Any]) -> Signature:
        """Read the signature of a disconnection handler. Raises TypeError."""
        signature = self._read(handler, "on_disconnect")
        if len(signature.slots) > 3:
            raise TypeError(
                f"on_disconnect calls {describe(handler)} with socket, reason and description; it wants more"
            )
        return signature

    def new_socket(self, multiplexer: "Multiplexer", auth: dict[str, Any]) -> Socket:
        """The socket of a client that wants to connect."""
        if "retry" in auth:
            return open_socket(self, multiplexer, auth)
        if self.server.recovery is None:
            return Socket(self, multiplexer, auth)
        return RecoverableSocket.open(self, multiplexer, auth)

    def session_expired(self, session: Session) -> None:
        """See `RecoveringHome`."""
        for signature in self.session_expired_handlers:
            self.server.start(self._tell_expired(signature, session))

    def admit(self, socket: Socket) -> None:
        """Decide whether a socket may connect, and connect it."""
        if self._middlewares or self._connect_handlers:
            self.server.start(self._admit(socket))
        else:
            socket.accept()
            socket.release()

    def arrive(self) -> None:
        """There is one more socket, which may still be connecting."""

    def depart(self) -> None:
        """A socket is gone, also one that never was let in."""

    # -- inside ---------------------------------------------------------------------

    def _read(self, function: Callable[..., Any], where: str) -> Signature:
        return Signature(function, where=where, markers=_SOCKET_MARKER, leading=("socket",), scope=self)

    def _share(self, other: "Namespace") -> None:
        """Have the handlers and middlewares of another namespace, also those to come."""
        self.event_handlers = other.event_handlers
        self.disconnect_handlers = other.disconnect_handlers
        self.session_expired_handlers = other.session_expired_handlers
        self._connect_handlers = other._connect_handlers
        self._middlewares = other._middlewares
        self.error_handlers = other.error_handlers
        self.hooks = other.hooks
        self.data_type = other.data_type

    async def _tell_expired(self, signature: Signature, session: Session) -> None:
        try:
            await self.call(signature, (session,))
        except Exception:
            logger.exception("a handler for expired sessions failed for %r", session)

    async def _admit(self, socket: Socket) -> None:
        limit = self.server.connect_timeout
        try:
            async with asyncio.timeout(limit) as scope:
                for middleware in () if socket.skips_middlewares else self._middlewares:
                    await self.call(middleware, (socket,))
                if socket.gone:
                    return  # before any handler heard of it, so none hears of its end
                socket.enter()
                for handler in self._connect_handlers:
                    await self.call(handler.signature, handler.bind(socket))
        except ConnectionRefused as refusal:
            self._refuse(socket, refusal.message, refusal.data)
        except InvalidPayload as error:
            data = {"code": "invalid", "message": error.message, "path": error.path}
            self._refuse(socket, "invalid auth", data)
        except Exception as error:
            if scope.expired():
                logger.warning("%r was not let in within %g seconds", socket, limit)
                self._refuse(socket, "timeout")
            else:
                self._refuse(socket, "internal error")
                await explain(socket, error, "connect", "a connection handler or middleware")
        else:
            if not socket.gone:
                socket.accept()
                socket.release()
            else:
                socket.announce_end()

    def _refuse(self, socket: Socket, message: str, data: object = None) -> None:
        if not socket.gone:
            socket.refuse(message, data)


class _ConnectHandler:
    """A connection handler: takes the socket, and perhaps what the client sent as `auth`."""

    __slots__ = ("_auth", "signature")

    def __init__(self, function: Callable[..., Any], namespace: Namespace) -> None:
        self.signature = namespace._read(function, "on_connect")
        if len(self.signature.parameters) > 1:
            raise TypeError(
                f"on_connect calls {describe(function)} with the socket and the client's auth; it wants more"
            )
        self._auth: Parameter | None = next(iter(self.signature.parameters), None)

    def bind(self, socket: Socket) -> tuple[Any, ...]:
        """The arguments of the call. Raises InvalidPayload."""
        if self._auth is None:
            return (socket,)
        return (socket, self._auth.convert(socket.auth))
