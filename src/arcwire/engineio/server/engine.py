"""The table of sessions, and who is let in."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

from arcwire.engineio.config import TRANSPORTS, EngineConfig
from arcwire.engineio.link import (
    Admission,
    Headers,
    HttpExchange,
    LinkReceiver,
    Request,
    Response,
    WebSocketLink,
)
from arcwire.engineio.protocol.batch import BATCH, PARAMETER
from arcwire.engineio.protocol.dialect import V3, V4, Dialect, dialect_of
from arcwire.engineio.protocol.handshake import Refusal, open_packet_parts, verify
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession
from arcwire.engineio.server.admission import Gate, Refused, describe, generate_id
from arcwire.engineio.server.connection import Connection, MessageReceiver
from arcwire.engineio.server.hooks import HeadersHook, Hooks, Middleware, Rejection
from arcwire.engineio.server.polling import Answers, failure_response, poll_response, post_response
from arcwire.engineio.server.repeats import Repeats
from arcwire.engineio.timers import Timers

logger = logging.getLogger("arcwire.engineio")
_T = TypeVar("_T")
_M = TypeVar("_M", bound=Middleware)
_H = TypeVar("_H", bound=HeadersHook)
_O = TypeVar("_O", bound=Callable[[Rejection], object])


class Engine:
    """An Engine.IO server without a host: `RequestHandler` for hosts, connections for the application.

    `accept` is called with each new connection, before any message of it, and returns what
    receives its messages. It may send, and must neither close the connection nor raise. An engine
    belongs to the event loop in which it is first used.
    """

    def __init__(self, config: EngineConfig, accept: Callable[[Connection], MessageReceiver]) -> None:
        self.config = config
        self.max_payload = config.max_payload
        self._dialects: tuple[Dialect, ...] = (V4, V3) if config.allow_eio3 else (V4,)
        self._warned_of_eio3 = False
        self.per_message_deflate = config.deflate
        self._accept = accept
        self._connections: dict[str, Connection] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: Timers | None = None
        self._hooks = Hooks()
        self._gate = Gate(config, self._hooks, self._check, self._connections.__contains__)
        self.answers = Answers(config, self._hooks)
        # Requests that wait for functions of the application.
        self._admissions: dict[HttpExchange, asyncio.Task[None]] = {}
        self._initial = _message_packet(config.initial_packet)
        upgrades = ["websocket"] if config.allow_upgrades and "websocket" in config.transports else []
        self._open_packets = {
            (transport, batches): open_packet_parts(
                upgrades if transport == "polling" else [],
                ping_interval=config.ping_interval,
                ping_timeout=config.ping_timeout,
                max_payload=config.max_payload,
                batches=batches,
            )
            for transport in TRANSPORTS
            for batches in (False, True)
        }

    # -- for the application ----------------------------------------------------

    @property
    def connections(self) -> Iterator[Connection]:
        """A snapshot of the connections that are open or closing."""
        return iter(list(self._connections.values()))

    @property
    def clients_count(self) -> int:
        """How many sessions are open or closing."""
        return len(self._connections)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the engine belongs to; None before the first connection."""
        return self._loop

    @property
    def timers(self) -> Timers:
        """The timer of this engine and of what is built on it, once there is a connection."""
        assert self._timers is not None
        return self._timers

    def now(self) -> float:
        """The time by which all deadlines go: that of the event loop, in seconds."""
        assert self._loop is not None
        return self._loop.time()

    def use(self, middleware: _M) -> _M:
        """Register a middleware, also as a decorator.

        It gets each request that opens a session or a WebSocket, before anything is checked, and may
        be a coroutine function. What it returns are header fields for the answer; raising
        `ConnectionRefused` refuses the request with code 3. What it has found out it can leave in
        `request.state`.
        """
        return self._hooks.use(middleware)

    def on_initial_headers(self, hook: _H) -> _H:
        """Register a function that returns header fields for the answer that opens a session, on both
        transports; also as a decorator."""
        return self._hooks.on_initial_headers(hook)

    def on_headers(self, hook: _H) -> _H:
        """Register a function that returns header fields for every answer of the engine, that which
        opens a WebSocket too; also as a decorator."""
        return self._hooks.on_headers(hook)

    def on_connection_error(self, observer: _O) -> _O:
        """Register a function that is told of each request that is not let in; also as a decorator."""
        return self._hooks.on_connection_error(observer)

    async def cors_fields(self, request: Request) -> Headers:
        """The CORS fields for an answer that is not the engine's own, to a request below its path."""
        return await self._gate.cors_fields(request)

    def refuse_newcomers(self) -> None:
        """Open no more sessions: who asks for one gets 503. Those that are open go on."""
        self._gate.closed = True

    def shutdown(self) -> None:
        """End all sessions with SERVER_SHUTTING_DOWN; clients see a lost connection and reconnect."""
        admissions, self._admissions = self._admissions, {}
        for exchange, task in admissions.items():
            task.cancel()
            exchange.on_abort = None
            exchange.respond(Response(503, [], b"", close=True))
        for connection in self.connections:
            connection.shutdown()

    async def close(self) -> None:
        """As `shutdown`, for hosts that await the end of an application."""
        self.shutdown()

    # -- RequestHandler, for hosts ------------------------------------------------

    def handle_request(self, exchange: HttpExchange) -> None:
        """Answer a request that does not ask for a WebSocket, now or later."""
        request = exchange.request
        sid = request.query.get("sid")
        connection = self._find(sid) if sid else None
        if connection is None or self._gate.is_preflight(request):
            self._handle_stranger(exchange)
            return
        fields = connection.fields
        refused = self._check(request, request.header(b"origin"), upgrade=False)
        if refused is not None:
            exchange.respond(self._gate.refuse(request, refused, fields))
        elif request.method == "GET":
            self._receive_poll(connection, exchange)
        elif request.method == "POST":
            self._receive_post(connection, exchange)
        else:
            refused = Refused(Refusal.BAD_METHOD, {"method": request.method})
            exchange.respond(self._gate.refuse(request, refused, fields))

    async def admit(self, request: Request) -> Admission | Response:
        """Check a request for a WebSocket: let in, or the answer that refuses it."""
        return await self._gate.admit(request, upgrade=True)

    def admit_now(self, request: Request) -> Admission | Response | None:
        """As `admit`; None, and nothing done, where functions of the application have to be asked."""
        return None if self._gate.may_wait else _run(self._gate.admit(request, upgrade=True))

    def open_link(self, request: Request, link: WebSocketLink, sid: str | None = None) -> LinkReceiver:
        """A WebSocket that `admit` let in with this `sid` is open."""
        present = request.query.get("sid")
        if not present:
            sid = sid or generate_id()
            if sid not in self._connections:
                return self._open_websocket(request, link, sid)
        else:
            connection = self._find(present)
            if connection is not None:
                return connection.open_probe(link)
        link.close(1005, "")  # since it was let in, its session has ended, or its id was given away
        return _NOBODY

    def trust(self, sid: str) -> None:
        """The host may answer later requests of this session without asking the application."""
        connection = self._find(sid)
        if connection is not None:
            connection.trusted = True

    def trusts(self, sid: str) -> bool:
        """Whether `trust` was called for this session and it still exists."""
        connection = self._find(sid)
        return connection is not None and connection.trusted

    # -- for connections ----------------------------------------------------------

    def forget(self, connection: Connection) -> None:
        """Nothing of this session is left."""
        self._connections.pop(connection.sid, None)
        self.timers.cancel(connection)

    # -- inside ---------------------------------------------------------------------

    def _find(self, sid: str) -> Connection | None:
        # The one place where sessions are looked up: one that lives in another process is found here.
        return self._connections.get(sid)

    def _check(self, request: Request, origin: str | None, *, upgrade: bool) -> Refused | None:
        """The rules of the protocol."""
        query = request.query
        sid = query.get("sid")
        connection = self._find(sid) if sid else None
        session_transport = None if connection is None else connection.transport
        refusal = verify(
            method=request.method,
            transport=query.get("transport"),
            eio=query.get("EIO"),
            sid=sid,
            upgrade=upgrade,
            origin=origin,
            session_transport=session_transport,
            transports=self.config.transports,
            dialects=self._dialects if connection is None else (connection.dialect,),
        )
        if refusal is Refusal.UNSUPPORTED_PROTOCOL_VERSION and not self._warned_of_eio3:
            self._warned_of_eio3 = True
            logger.warning(
                "refused a client that does not speak protocol 4 of Engine.IO (EIO=%.20r); "
                "allow_eio3=True lets clients of Socket.IO 2 in (this is said once)",
                query.get("EIO"),
            )
        if refusal is None:
            return None
        session_protocol = None if connection is None else connection.protocol
        return Refused(refusal, describe(refusal, request, session_transport, session_protocol))

    def _handle_stranger(self, exchange: HttpExchange) -> None:
        """Answer a request that opens a session, or belongs to none."""
        if not self._gate.may_wait:
            self._answer_stranger(exchange, _run(self._gate.admit(exchange.request, upgrade=False)))
            return
        task = asyncio.get_running_loop().create_task(self._admit_later(exchange))
        self._admissions[exchange] = task

        def on_abort() -> None:
            del self._admissions[exchange]
            task.cancel()

        exchange.on_abort = on_abort

    async def _admit_later(self, exchange: HttpExchange) -> None:
        outcome = await self._gate.admit(exchange.request, upgrade=False)
        if self._admissions.pop(exchange, None) is None:
            return  # a function of the application took no notice of its cancellation
        exchange.on_abort = None
        self._answer_stranger(exchange, outcome)

    def _answer_stranger(self, exchange: HttpExchange, outcome: Admission | Response) -> None:
        if isinstance(outcome, Response):
            exchange.respond(outcome)
        else:
            self._open_polling(exchange, outcome)

    def _open(
        self, request: Request, link: WebSocketLink | None, sid: str, fields: Headers
    ) -> tuple[Connection, bytes]:
        config = self.config
        transport = "polling" if link is None else "websocket"
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._timers = loop, Timers(loop)
        query = request.query
        jsonp = config.allow_eio3 and "j" in query
        dialect = dialect_of(query.get("EIO"))
        batches = dialect is V4 and query.get(PARAMETER) == BATCH
        session = ServerSession(
            sid,
            transport,
            ping_interval=config.ping_interval,
            ping_timeout=config.ping_timeout,
            upgrade_timeout=config.upgrade_timeout,
            now=loop.time(),
            dialect=dialect,
            # A client may ask for text in place of binary data (`forceBase64` in JavaScript), and a
            # script can carry nothing else.
            base64=jsonp or bool(query.get("b64")),
        )
        connection = Connection(self, session, request, link, batches=batches)
        connection.fields = fields
        self._connections[sid] = connection
        before, behind = self._open_packets[transport, batches]
        return connection, b"%b%b%b" % (before, sid.encode(), behind)

    def _open_polling(self, exchange: HttpExchange, admission: Admission) -> None:
        assert admission.sid is not None
        connection, packet = self._open(exchange.request, None, admission.sid, admission.session_headers)
        packets = [packet] if self._initial is None else [packet, self._initial]
        body, _ = connection.dialect.encode_payload(packets, True)
        response = poll_response(body, connection.sid, script=connection.script)
        response.headers += admission.headers
        self.answers.send(exchange, response, connection.fields, may_compress=True)
        connection.start(self._accept(connection))
        exchange.request.settle()

    def _open_websocket(self, request: Request, link: WebSocketLink, sid: str) -> LinkReceiver:
        connection, packet = self._open(request, link, sid, ())
        link.send_packet(packet)
        if isinstance(self._initial, Binary):
            connection.send_binary(self._initial)
        elif self._initial is not None:
            link.send_packet(self._initial)
        connection.start(self._accept(connection))
        request.settle()
        return connection.link_receiver

    def _receive_poll(self, connection: Connection, exchange: HttpExchange) -> None:
        answered = _repeats(connection).poll(exchange.request.query.get("t"))
        if answered is not None:
            connection.send_answer(exchange, answered)
        elif not connection.poll(exchange):
            self.answers.send(exchange, failure_response(400), connection.fields)

    def _receive_post(self, connection: Connection, exchange: HttpExchange) -> None:
        def fail(status: int) -> None:
            self.answers.send(exchange, failure_response(status), connection.fields)

        repeats, stamp = _repeats(connection), exchange.request.query.get("t")
        if repeats.is_posted(stamp):
            done = partial(self.answers.send, exchange, post_response(), connection.fields)
            exchange.read_body(self.max_payload, lambda _: done(), partial(fail, 413))
            return
        binary = exchange.request.header(b"content-type") == "application/octet-stream"
        if binary and connection.dialect.decode_binary_payload is None:
            connection.abort(CloseReason.TRANSPORT_ERROR, "a post with binary content")
            fail(400)
            return
        if not connection.begin_post():
            fail(400)
            return

        def on_abort() -> None:
            connection.abort(CloseReason.TRANSPORT_ERROR, "the client dropped a post")

        def on_body(body: bytes) -> None:
            exchange.on_abort = None
            notices, valid = connection.end_post(body, binary=binary)
            if valid:
                repeats.posted(stamp)
                self.answers.send(exchange, post_response(), connection.fields)
            else:
                fail(400)
            connection.act(notices)

        def on_overflow() -> None:
            exchange.on_abort = None
            fail(413)
            connection.abort(CloseReason.PAYLOAD_TOO_LARGE, f"a post of more than {self.max_payload} bytes")

        exchange.on_abort = on_abort
        exchange.read_body(self.max_payload, on_body, on_overflow)


def _message_packet(data: str | bytes | None) -> bytes | None:
    if data is None:
        return None
    return b"4" + data.encode() if isinstance(data, str) else Binary(data)


def _repeats(connection: Connection) -> Repeats:
    if connection.repeats is None:
        connection.repeats = Repeats(connection.request.query.get("t"))
    return connection.repeats


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    raise RuntimeError("it waits")


class _Nobody:
    """Receives for a WebSocket that came too late."""

    def receive_text(self, packet: str) -> None: ...
    def receive_binary(self, data: bytes) -> None: ...
    def link_drained(self) -> None: ...
    def link_closed(self, reason: CloseReason, description: str) -> None: ...


_NOBODY = _Nobody()
