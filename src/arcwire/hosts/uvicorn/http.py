"""The front of the fast path: requests of Engine.IO's clients, answered without ASGI.

`HttpProtocol` (`--http arcwire.hosts.uvicorn:HttpProtocol`) reads requests at a glance and hands those
to the engine that the application would only pass on to it: later requests of a polling session that
took the offer of docs/decisions/0001-hand-over.md, and all requests, where the application is that of
the engine itself (docs/decisions/0017-speed-of-connections.md). No scope, task or event per request,
one write per answer; a WebSocket's connection goes straight to its link.

Whatever else comes, or comes in another shape, it leaves to `GeneralProtocol`, with the connection.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import quote

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState

from arcwire.engineio.link import Admission, HttpExchange, LinkReceiver, Request, Response
from arcwire.hosts.picows import PicowsLink, open_link
from arcwire.hosts.picows_parser import accept_key
from arcwire.hosts.uvicorn.general import INTERNAL_ERROR, GeneralProtocol, header_block
from arcwire.hosts.uvicorn.handshake import head
from arcwire.hosts.uvicorn.requests import Fields, GlancedRequest, Unreadable
from arcwire.hosts.uvicorn.routes import Route, routes_of

logger = logging.getLogger("uvicorn.error")

_METHOD: Final = re.compile(rb"[A-Z]{1,20}(?: |\Z)")  # what any request begins with
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes: RFC 6455 section 4.1


class HttpProtocol(asyncio.Protocol):
    """One TCP connection of uvicorn.

    Graceful shutdown: a long poll would keep uvicorn waiting until the next ping, 25 seconds by
    default, and only after that uvicorn tells the application (its lifespan) that it stops. So
    `shutdown` ends the connections of polls that wait; the engine learns it through `on_abort`, the
    client sees a broken poll and reconnects. Every other request is finished first, as in uvicorn.
    """

    __slots__ = (
        "_app_state",
        "_client",
        "_config",
        "_discarding",
        "_ending",
        "_exchange",
        "_fields",
        "_fields_of_posts",
        "_idle_since",
        "_loop",
        "_reading",
        "_rest",
        "_routes",
        "_secure",
        "_state",
        "_timer",
        "_transport",
        "_write_paused",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._routes = routes_of(server_state, config)
        self._transport: asyncio.Transport
        self._client: tuple[str, int] | None = None
        self._secure: bool | None = None  # not known before the first request
        self._exchange: _Exchange | None = None  # the request that has no answer
        # Those of the last GET and the last POST: they are the same in the next ones.
        self._fields: Fields | None = None
        self._fields_of_posts: Fields | None = None
        self._rest = b""  # what came behind it
        self._discarding = 0  # bytes of a body that nobody wants any more
        self._reading = True
        self._write_paused = False
        self._ending = False
        self._idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connections: set[Any] = self._state.connections
        connections.add(self)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None and not self._write_paused and not self._rest:
            self._read(data)
        elif exchange is not None and exchange.missing:
            exchange.receive(data)
        else:
            self.keep_rest(data)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abort()

    def shutdown(self) -> None:
        """uvicorn stops."""
        if self._exchange is None or self._exchange.is_poll:
            self._transport.close()
        else:
            self._ending = True

    # Requests

    def keep_rest(self, data: bytes) -> None:
        """Keep what came behind a request without an answer, or what the client's answers are in the way
        of."""
        self._rest += data
        if len(self._rest) > HIGH_WATER_LIMIT and self._reading:
            self._reading = False
            self._transport.pause_reading()
        if _METHOD.match(self._rest) is None:
            exchange, self._exchange = self._exchange, None
            if exchange is not None:
                exchange.abort()
            self._pass_on(self._rest)

    def _read(self, data: bytes) -> None:
        if self._discarding:
            self._discarding -= len(data)
            if self._discarding <= 0:
                self._transport.close()
            return
        try:
            glanced = GlancedRequest(data, self._fields_of_posts if data[:1] == b"P" else self._fields)
            route = self._routes.find(glanced.path) if self._routes.fronted else None
        except Unreadable:
            route = None
        if route is None:
            self._pass_on(data)
        elif glanced.fields.upgrades:
            if not self._answer_upgrade(glanced, route):
                self._pass_on(data)
        elif glanced.missing and glanced.missing + len(glanced.body) > route.handler.max_payload:
            self._pass_on(data)
        else:
            if glanced.method == b"GET":
                self._fields = glanced.fields
            else:
                self._fields_of_posts = glanced.fields
            request = self._request(glanced, route)
            if route.direct or self._is_trusted(request, route):
                exchange = self._exchange = _Exchange(self, request, route, glanced)
                route.handler.handle_request(exchange)
            else:
                self._pass_on(data)

    def _is_trusted(self, request: Request, route: Route) -> bool:
        sid = request.query.get("sid")
        return sid is not None and route.handler.trusts(sid)

    def _request(self, glanced: GlancedRequest, route: Route) -> Request:
        if self._secure is None:
            self._secure = is_ssl(self._transport)
            # Not uvicorn's `get_remote_addr`: that asks the socket, what the transport has done already.
            peer = self._transport.get_extra_info("peername")
            self._client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        client, secure = self._client, self._secure
        if self._routes.forwards and glanced.fields.forwarded:
            client, secure = self._routes.forwarded(client, secure, glanced.fields.pairs())
        return Request(
            method=glanced.method.decode(),
            path=route.path,
            query_string=glanced.query,
            head=glanced.fields.raw,
            found=glanced.fields.found,
            client=client,
            secure=secure,
        )

    def _pass_on(self, data: bytes) -> None:
        """Leave the connection, from this request on."""
        self._leave()
        protocol = GeneralProtocol(self._config, self._state, self._app_state, self._loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        if not self._reading:
            self._transport.resume_reading()
        protocol.data_received(data)
        if self._ending:
            protocol.shutdown()

    def _leave(self) -> None:
        connections: set[Any] = self._state.connections
        connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Answers

    def answer(self, exchange: "_Exchange", response: Response) -> None:
        """Write the answer; then the next request may come.

        If a part of the request's body is missing, it is read and thrown away before the connection ends
        (for `timeout_keep_alive` seconds at most): closing at once would reset it, and a reset can take
        the answer away from a client that is still sending.
        """
        keep_alive = exchange.keep_alive and not (response.close or self._ending or exchange.missing)
        status = response.status
        try:
            fields = header_block(tuple(response.headers))
        except ValueError as error:
            logger.error("Answering 500 instead of %d: %s", status, error)
            response, status, fields, keep_alive = INTERNAL_ERROR, 500, b"", False
        if self._routes.logs:
            self._routes.log(exchange.request, status)
        body = response.body
        self._transport.write(
            b"%b%b%b%b%b%b"
            % (
                STATUS_LINE[status],
                self._routes.default_block(self._state.default_headers),
                fields,
                b"" if status in (204, 304) else b"content-length: %d\r\n" % len(body),
                b"\r\n" if keep_alive else b"connection: close\r\n\r\n",
                body,
            )
        )
        self._exchange = None
        self._discarding = exchange.missing
        self._state.total_requests += 1
        if response.sid is not None and exchange.route.direct:
            exchange.route.handler.trust(response.sid)
        if not keep_alive and not self._discarding:
            self._transport.close()
            return
        self._idle_since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._config.timeout_keep_alive, self._end_if_idle)
        if self._rest:
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        """Read what came while a request had no answer, or the client did not read them."""
        if self._exchange is not None or self._write_paused or self._transport.is_closing():
            return
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if self._rest:
            data, self._rest = self._rest, b""
            self._read(data)

    def _end_if_idle(self) -> None:
        """End a connection on which no request came for a time; one timer serves many requests."""
        self._timer = None
        if self._exchange is not None:
            return  # the answer starts it anew
        left = self._idle_since + self._config.timeout_keep_alive - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._end_if_idle)
        else:
            self._transport.close()

    # WebSockets

    def _answer_upgrade(self, glanced: GlancedRequest, route: Route) -> bool:
        """Answer a request for a WebSocket; False if it is left to others."""
        handler, fields = route.handler, glanced.fields
        plain = (
            route.direct
            and self._routes.upgrades
            and handler.per_message_deflate is None
            and fields.version == b"13"
            and _KEY.fullmatch(fields.key) is not None
        )
        if not plain:
            return False
        request = self._request(glanced, route)
        admitted = handler.admit_now(request)
        if admitted is None:
            return False
        if isinstance(admitted, Admission):
            self._open(request, route, admitted, glanced)
        else:
            self._refuse(request, admitted)
        return True

    def _open(self, request: Request, route: Route, admission: Admission, glanced: GlancedRequest) -> None:
        if logger.isEnabledFor(logging.INFO):
            self._log(request, "[accepted]")
        self._leave()
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n%b%b\r\n"
            % (
                accept_key(glanced.fields.key),
                self._routes.default_block(self._state.default_headers),
                header_block(tuple(admission.headers)) if admission.headers else b"",
            )
        )
        connections: set[Any] = self._state.connections

        def open_receiver(link: PicowsLink) -> LinkReceiver:
            connections.add(link)
            # Before all frames, and in one write with the first.
            link._queue(answer)
            return route.handler.open_link(request, link, admission.sid)

        try:
            open_link(
                self._transport,
                route.handler.max_payload,
                open_receiver,
                early=glanced.body,
                on_lost=connections.discard,
            )
        except Exception:
            logger.exception("A WebSocket could not be opened")

    def _refuse(self, request: Request, response: Response) -> None:
        self._log(request, str(response.status))
        body = response.body
        headers = [*response.headers, (b"content-length", b"%d" % len(body)), *self._state.default_headers]
        headers.append((b"connection", b"close"))
        if all(name != b"content-type" for name, _ in response.headers):
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
        self._transport.write(head(response.status, headers) + body)
        self._transport.close()

    def _log(self, request: Request, outcome: str) -> None:
        address = ":".join(map(str, request.client)) if request.client else ""
        query = f"?{request.query_string}" if request.query_string else ""
        logger.info('%s - "WebSocket %s%s" %s', address, quote(request.path), query, outcome)


class _Exchange:
    """One request and its answer; see `HttpExchange`. `missing` are bytes of its body still to come."""

    __slots__ = ("_body", "_on_body", "_protocol", "keep_alive", "missing", "on_abort", "request", "route")

    def __init__(
        self, protocol: HttpProtocol, request: Request, route: Route, glanced: GlancedRequest
    ) -> None:
        self.request = request
        self.on_abort: Callable[[], None] | None = None
        self.route = route
        self.keep_alive = glanced.fields.keep_alive
        self.missing = glanced.missing
        self._body: bytes | bytearray = glanced.body
        self._on_body: Callable[[bytes], None] | None = None
        self._protocol: HttpProtocol | None = protocol

    @property
    def is_poll(self) -> bool:
        """Whether it waits for what the server has to send."""
        return self.request.method == "GET" and bool(self.request.query.get("sid"))

    def respond(self, response: Response) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.answer(self, response)

    def read_body(
        self, limit: int, on_body: Callable[[bytes], None], on_overflow: Callable[[], None]
    ) -> None:
        if len(self._body) + self.missing > limit:
            on_overflow()
        else:
            self._on_body = on_body
            self._deliver()

    def receive(self, data: bytes) -> None:
        """A part of the body came."""
        if isinstance(self._body, bytes):
            self._body = bytearray(self._body)
        self._body += data[: self.missing]
        rest = data[self.missing :]
        self.missing = max(self.missing - len(data), 0)
        if rest and self._protocol is not None:
            self._protocol.keep_rest(rest)
        self._deliver()

    def _deliver(self) -> None:
        on_body = self._on_body
        if on_body is not None and not self.missing:
            self._on_body = None
            on_body(bytes(self._body))

    def abort(self) -> None:
        """The connection has ended."""
        self._protocol = self._on_body = None
        if self.on_abort is not None:
            self.on_abort()


_conforms: type[HttpExchange] = _Exchange
