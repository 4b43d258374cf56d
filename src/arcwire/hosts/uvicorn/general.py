"""HTTP of all kinds: uvicorn's own protocol, which answers the polls of known sessions by itself.

`GeneralProtocol` is uvicorn's HTTP protocol with two additions, both decided in
docs/decisions/0001-hand-over.md: it offers `arcwire.http` to the application on requests that could open
a polling session, and it answers the later requests of a session that took the offer: no scope, task or
event per request, one write per answer.

Whatever is not plainly such a request is left to uvicorn, which also keeps its promises for it:
WebSocket upgrades, pipelined requests behind an unanswered one, a peer that does not read its
answers, a server above `limit_concurrency`.
"""

import asyncio
import re
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any, TypeAlias, cast

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string
from uvicorn.server import ServerState

from arcwire.engineio.link import HttpExchange, Request, Response
from arcwire.hosts.uvicorn.routes import routes_of

_Scope: TypeAlias = MutableMapping[str, Any]


class GeneralProtocol(HttpToolsProtocol):
    """One HTTP connection of uvicorn.

    Graceful shutdown: a long poll would keep uvicorn waiting until the next ping, 25 seconds by
    default, and only after that uvicorn tells the application (its lifespan) that it stops. So
    `shutdown` ends the connections of polls that wait; the engine learns it through `on_abort`, the
    client sees a broken poll and reconnects. Every other request is finished first, as in uvicorn.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.routes = self.app = routes_of(server_state, config)
        self.receiving: _Exchange | None = None
        """The exchange of the request that is being parsed, if it is answered here."""
        self.answering: _Exchange | None = None
        """The exchange without an answer; a connection has one at most."""
        self._linger: asyncio.TimerHandle | None = None

    # What the parser found.

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            self.receiving = cast("_Exchange", _IGNORED)  # behind an answer that ended the connection
            return
        path, _, query = self.url.partition(b"?")
        route = self.routes.find(path)
        if route is not None and b"sid=" in query and self._may_answer():
            exchange = self._exchange(route.path, query)
            sid = exchange.request.query.get("sid")
            if sid is not None and route.handler.trusts(sid):
                self.receiving = self.answering = exchange
                # The base class looks at its current cycle to queue pipelined requests.
                self.cycle = cast("RequestResponseCycle", exchange)
                route.handler.handle_request(exchange)
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.receiving is not None:
            self.receiving.receive(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        exchange, self.receiving = self.receiving, None
        if exchange is None:
            super().on_message_complete()
        elif self._linger is not None:
            self.transport.close()
        else:
            exchange.complete()

    def _may_answer(self) -> bool:
        """Whether the request is one that needs nothing of what uvicorn does for applications."""
        limit = self.limit_concurrency
        return not (
            self._unanswered() is not None
            or self.flow.write_paused
            or self.parser.should_upgrade()
            or b"#" in self.url
            or (limit is not None and max(len(self.connections), len(self.tasks)) >= limit)
        )

    def _unanswered(self) -> RequestResponseCycle | None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    def _exchange(self, path: str, query: bytes) -> "_Exchange":
        scope = cast("_Scope", self.scope)
        fields = dict(self.headers)
        self.routes.resolve_forwarded(scope, fields)
        method = self.parser.get_method().decode("ascii")
        http_version = self.parser.get_http_version()
        if self.access_log:
            scope.update(method=method, path=path, query_string=query, http_version=http_version)
        request = Request(
            method=method,
            path=path,
            query_string=query,
            headers=self.headers,
            client=scope["client"],
            secure=scope["scheme"] in ("https", "wss"),
        )
        keep_alive = http_version != "1.0" and self.parser.should_keep_alive()
        return _Exchange(self, request, scope, fields, keep_alive)

    # The connection's life.

    def answer(self, exchange: "_Exchange", response: Response, *, keep_alive: bool, received: bool) -> None:
        """Write `response`, then go on as uvicorn does after an answer.

        If the body of the request has not been `received`, the rest of it is read and thrown away
        before the connection ends (for `timeout_keep_alive` seconds at most): closing at once would
        reset it, and a reset can take the answer away from a client that is still sending.
        """
        try:
            fields = header_block(tuple(response.headers))
        except ValueError as error:
            self.logger.error("Answering 500 instead of %d: %s", response.status, error)
            response, fields, keep_alive = INTERNAL_ERROR, b"", False
        if self.access_log:
            scope = cast("Any", exchange.scope)
            self.access_logger.info(
                '%s - "%s %s HTTP/%s" %d',
                get_client_addr(scope),
                scope["method"],
                get_path_with_query_string(scope),
                scope["http_version"],
                response.status,
            )
        body = response.body
        status = response.status
        bodiless = status in (204, 304)
        self.transport.write(
            b"".join(
                (
                    STATUS_LINE[status],
                    self.routes.default_block(self.server_state.default_headers),
                    fields,
                    b"" if bodiless else b"content-length: %d\r\n" % len(body),
                    b"\r\n" if keep_alive else b"connection: close\r\n\r\n",
                    b"" if bodiless or exchange.request.method == "HEAD" else body,
                )
            )
        )
        self.answering = None
        if self.cycle is cast("Any", exchange):
            self.cycle = None  # type: ignore[assignment]  # as before the first request
        if keep_alive:
            pass
        elif received:
            self.transport.close()
        else:
            self._linger = self.loop.call_later(self.timeout_keep_alive, self.transport.close)
        self.on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self.answering, self.receiving = self.answering, None, None
        if exchange is not None and self.cycle is cast("Any", exchange):
            self.cycle = None  # type: ignore[assignment]
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)
        if exchange is not None:
            exchange.abort()

    def shutdown(self) -> None:
        if self._holds_poll():
            self.transport.close()
        else:
            super().shutdown()

    def _holds_poll(self) -> bool:
        if self.answering is not None:
            return self.answering.received
        cycle = self._unanswered()
        if cycle is None:
            return False
        # A poll that goes through the application, of a session that did not take the offer.
        query = cycle.scope["query_string"]
        return cycle.scope["method"] == "GET" and b"EIO=" in query and b"sid=" in query


class _Exchange:
    """One request that is answered without the application; see `HttpExchange`.

    To the base class it is a cycle of which `response_complete` is read and `keep_alive` is set.
    """

    __slots__ = (
        "_announced",
        "_body",
        "_expects_100",
        "_limit",
        "_on_body",
        "_on_overflow",
        "_protocol",
        "keep_alive",
        "on_abort",
        "received",
        "request",
        "response_complete",
        "scope",
    )

    def __init__(
        self,
        protocol: GeneralProtocol,
        request: Request,
        scope: _Scope,
        fields: dict[bytes, bytes],
        keep_alive: bool,
    ) -> None:
        self.request = request
        self.on_abort: Callable[[], None] | None = None
        self.scope = scope
        self.keep_alive = keep_alive
        self.response_complete = False
        self._announced = int(fields.get(b"content-length", b"0"))
        self.received = self._announced == 0 and b"transfer-encoding" not in fields
        """Whether nothing of the request's body is outstanding."""
        self._protocol = protocol
        self._expects_100 = protocol.expect_100_continue
        self._body: bytes | bytearray = b""
        self._limit: int | None = None
        self._on_body: Callable[[bytes], None] | None = None
        self._on_overflow: Callable[[], None] | None = None

    def respond(self, response: Response) -> None:
        if self.response_complete:
            return
        self.response_complete = True
        self._drop_body()
        keep_alive = self.keep_alive and self.received and not response.close
        self._protocol.answer(self, response, keep_alive=keep_alive, received=self.received)

    def read_body(
        self, limit: int, on_body: Callable[[bytes], None], on_overflow: Callable[[], None]
    ) -> None:
        self._limit, self._on_body, self._on_overflow = limit, on_body, on_overflow
        if max(self._announced, len(self._body)) > limit:
            self._overflow()
        elif self.received:
            self._deliver()
        else:
            if self._expects_100:
                self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._protocol.flow.resume_reading()

    def receive(self, data: bytes) -> None:
        """Take a part of the body."""
        if self.response_complete or (self._limit is not None and self._on_body is None):
            return
        if not self._body:
            self._body = data
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += data
        if self._limit is None:
            # Nobody has asked for the body yet, so nobody has said how much of it may be kept.
            if len(self._body) > HIGH_WATER_LIMIT:
                self._protocol.flow.pause_reading()
        elif len(self._body) > self._limit:
            self._overflow()

    def complete(self) -> None:
        """The body has ended."""
        self.received = True
        if not self.response_complete and self._on_body is not None:
            self._deliver()

    def abort(self) -> None:
        """The connection has ended."""
        if not self.response_complete:
            self.response_complete = True
            self._drop_body()
            if self.on_abort is not None:
                self.on_abort()

    def _deliver(self) -> None:
        body, on_body = self._body, self._on_body
        self._drop_body()
        if on_body is not None:
            on_body(bytes(body))

    def _overflow(self) -> None:
        on_overflow = self._on_overflow
        self._drop_body()
        if on_overflow is not None:
            on_overflow()

    def _drop_body(self) -> None:
        self._body = b""
        self._on_body = self._on_overflow = None


class _Ignored:
    """A request that nobody answers."""

    def receive(self, data: bytes) -> None: ...
    def complete(self) -> None: ...


_IGNORED = _Ignored()

INTERNAL_ERROR = Response(500, [], b"Internal Server Error")

# RFC 9110 sections 5.1 and 5.5: what would end a field, or make two of one, must not be in it.
_INVALID_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\[\]={}"]')
_INVALID_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


# An engine sends few different sets of fields: with the cache they are checked and joined once
# (0.3 instead of 1.5 us for three fields).
@lru_cache(maxsize=256)
def header_block(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Header fields as they are written. Raises ValueError for what would break the answer."""
    for name, value in headers:
        if _INVALID_NAME.search(name) or _INVALID_VALUE.search(value):
            raise ValueError(f"invalid header field {name!r}: {value!r}")
    return b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])


_conforms: type[HttpExchange] = _Exchange
