"""The table of sessions, and who is let in."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import HttpExchange, LinkReceiver, Request, Response, WebSocketLink
from arcwire.engineio.protocol.dialect import V3, V4, Dialect, dialect_of
from arcwire.engineio.protocol.handshake import Refusal, open_packet, verify
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession
from arcwire.engineio.server.connection import Connection, MessageReceiver
from arcwire.engineio.server.polling import (
    answer_poll,
    answer_post,
    refusal_response,
    refuse,
    refuse_post,
)
from arcwire.engineio.server.timers import Timers

logger = logging.getLogger("arcwire.engineio")

_SID_BYTES = 15  # 20 characters in base64


def generate_id() -> str:
    """20 characters from the operating system's cryptographic source, safe in URLs."""
    return secrets.token_urlsafe(_SID_BYTES)


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

    def shutdown(self) -> None:
        """End all sessions with SERVER_SHUTTING_DOWN; clients see a lost connection and reconnect."""
        for connection in self.connections:
            connection.shutdown()

    async def close(self) -> None:
        """As `shutdown`, for hosts that await the end of an application."""
        self.shutdown()

    # -- RequestHandler, for hosts ------------------------------------------------

    def handle_request(self, exchange: HttpExchange) -> None:
        """Answer a request that does not ask for a WebSocket, now or later."""
        request = exchange.request
        connection, refusal = self._verify(request, upgrade=False)
        if refusal is not None:
            refuse(exchange, refusal)
        elif connection is None:
            self._open_polling(exchange)
        elif request.method == "GET":
            if not connection.poll(exchange):
                refuse_post(exchange, 400)
        elif request.method == "POST":
            self._receive_post(connection, exchange)
        else:
            refuse(exchange, Refusal.BAD_METHOD)

    def refuse_upgrade(self, request: Request) -> Response | None:
        """Check a request for a WebSocket; None lets it in."""
        _, refusal = self._verify(request, upgrade=True)
        return None if refusal is None else refusal_response(refusal)

    def open_link(self, request: Request, link: WebSocketLink) -> LinkReceiver:
        """A WebSocket that `refuse_upgrade` let in is open."""
        sid = request.query.get("sid")
        if not sid:
            return self._open_websocket(request, link)
        connection = self._find(sid)
        if connection is not None:
            return connection.open_probe(link)
        link.close(1005, "")  # ended since it was let in
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

    def _verify(self, request: Request, *, upgrade: bool) -> tuple[Connection | None, Refusal | None]:
        query = request.query
        sid = query.get("sid")
        connection = self._find(sid) if sid else None
        refusal = verify(
            method=request.method,
            transport=query.get("transport"),
            eio=query.get("EIO"),
            sid=sid,
            upgrade=upgrade,
            origin=request.header(b"origin"),
            session_transport=None if connection is None else connection.transport,
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
        return connection, refusal

    def _open(self, request: Request, link: WebSocketLink | None) -> tuple[Connection, bytes]:
        config = self.config
        transport = "polling" if link is None else "websocket"
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._timers = loop, Timers(loop)
        query = request.query
        jsonp = config.allow_eio3 and "j" in query
        session = ServerSession(
            generate_id(),
            transport,
            ping_interval=config.ping_interval,
            ping_timeout=config.ping_timeout,
            upgrade_timeout=config.upgrade_timeout,
            now=loop.time(),
            dialect=dialect_of(query.get("EIO")),
            # A client may ask for text in place of binary data (`forceBase64` in JavaScript), and a
            # script can carry nothing else.
            base64=jsonp or bool(query.get("b64")),
        )
        connection = Connection(self, session, request, link)
        self._connections[session.sid] = connection
        offered = config.allow_upgrades and transport == "polling" and "websocket" in config.transports
        packet = open_packet(
            session.sid,
            ["websocket"] if offered else [],
            ping_interval=config.ping_interval,
            ping_timeout=config.ping_timeout,
            max_payload=config.max_payload,
        )
        return connection, packet

    def _open_polling(self, exchange: HttpExchange) -> None:
        connection, packet = self._open(exchange.request, None)
        body, _ = connection.dialect.encode_payload([packet], True)
        answer_poll(exchange, body, connection.sid, script=connection.script)
        connection.start(self._accept(connection))

    def _open_websocket(self, request: Request, link: WebSocketLink) -> LinkReceiver:
        connection, packet = self._open(request, link)
        link.send_packet(packet)
        connection.start(self._accept(connection))
        return connection.link_receiver

    def _receive_post(self, connection: Connection, exchange: HttpExchange) -> None:
        binary = exchange.request.header(b"content-type") == "application/octet-stream"
        if binary and connection.dialect.decode_binary_payload is None:
            connection.abort(CloseReason.TRANSPORT_ERROR, "a post with binary content")
            refuse_post(exchange, 400)
            return
        if not connection.begin_post():
            refuse_post(exchange, 400)
            return

        def on_abort() -> None:
            connection.abort(CloseReason.TRANSPORT_ERROR, "the client dropped a post")

        def on_body(body: bytes) -> None:
            exchange.on_abort = None
            notices, valid = connection.end_post(body, binary=binary)
            if valid:
                answer_post(exchange)
            else:
                refuse_post(exchange, 400)
            connection.act(notices)

        def on_overflow() -> None:
            exchange.on_abort = None
            refuse_post(exchange, 413)
            connection.abort(CloseReason.PAYLOAD_TOO_LARGE, f"a post of more than {self.max_payload} bytes")

        exchange.on_abort = on_abort
        exchange.read_body(self.max_payload, on_body, on_overflow)


class _Nobody:
    """Receives for a WebSocket that came too late."""

    def receive_text(self, packet: str) -> None: ...
    def receive_binary(self, data: bytes) -> None: ...
    def link_drained(self) -> None: ...
    def link_closed(self, reason: CloseReason, description: str) -> None: ...


_NOBODY = _Nobody()
