"""Which paths of a uvicorn server lead to which engine.

They are learned from the offers that engines took; and where the application that uvicorn serves is that
of an engine, with nothing in between, it says so itself.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias, cast
from urllib.parse import quote, unquote
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.logging import TRACE_LOG_LEVEL
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

from arcwire.engineio.link import Headers, Request, RequestHandler
from arcwire.hosts.asgi import EngineApp
from arcwire.hosts.uvicorn.websocket import WebSocketProtocol

logger = logging.getLogger("uvicorn.error")
_access_logger = logging.getLogger("uvicorn.access")

_Scope: TypeAlias = MutableMapping[str, Any]
_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_HeaderList: TypeAlias = list[tuple[bytes, bytes]]

_MAX_ROUTES = 256
"""Paths remembered at a time. One path has many spellings (`%2F`), so clients could fill a table
without a limit; a forgotten path is slower until the next session opens there, nothing else."""


class Route:
    """Where a path leads. `path` is the decoded path, with `root_path`, as in a scope.

    `direct` tells that the application would do nothing but pass requests for this path to the handler,
    so that sessions can be opened without it, too.
    """

    __slots__ = ("direct", "handler", "path")

    def __init__(self, handler: RequestHandler, path: str, *, direct: bool) -> None:
        self.handler = handler
        self.path = path
        self.direct = direct


class Routes:
    """What all connections of one uvicorn server share: which paths lead to which engine.

    It is the application that uvicorn's requests run: the real one, with an offer in the scope of
    requests that could open a polling session.
    """

    def __init__(self, config: Config) -> None:
        if not config.loaded:
            config.load()
        self._app = cast("Callable[[_Scope, _Receive, _Send], Awaitable[None]]", config.loaded_app)
        self._root_path = config.root_path
        self._forwarding = (
            ProxyHeadersMiddleware(_nothing, config.forwarded_allow_ips) if config.proxy_headers else None
        )
        self._handler_at = _handler_finder(config.loaded_app)
        self._routes: dict[bytes, Route] = {}
        self.logs = _access_logger.hasHandlers()
        """Whether there is a line in the log for each request."""
        self.fronted = config.limit_concurrency is None and not logger.isEnabledFor(TRACE_LOG_LEVEL)
        """Whether requests may be answered without all that uvicorn does for applications."""
        self.upgrades = config.ws_protocol_class is WebSocketProtocol
        """Whether WebSockets are opened by this host."""
        self._default_headers: _HeaderList = []
        self._default_block = b""

    def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> Awaitable[None]:
        query: bytes = scope["query_string"]
        if b"EIO=" in query and b"sid=" not in query:
            offer = _Offer(self, scope["raw_path"][len(self._root_path) :], send)
            extensions = scope.get("extensions") or {}
            scope["extensions"] = {**extensions, "arcwire.http": {"claim": offer.claim}}
            send = offer.send
        return self._app(scope, receive, send)

    def remember(self, raw_path: bytes, handler: RequestHandler) -> None:
        """Answer requests for `raw_path` with `handler` where it trusts their session."""
        if raw_path not in self._routes:
            self._add(raw_path, handler, direct=False)

    def find(self, raw_path: bytes) -> Route | None:
        """The route of `raw_path`, if it is known."""
        route = self._routes.get(raw_path)
        if route is None and self._handler_at is not None and raw_path.isascii():
            handler = self._handler_at(self._decoded(raw_path), self._root_path)
            if handler is not None:
                route = self._add(raw_path, handler, direct=True)
        return route

    def _add(self, raw_path: bytes, handler: RequestHandler, *, direct: bool) -> Route:
        routes = self._routes
        if len(routes) >= _MAX_ROUTES:
            del routes[next(iter(routes))]
        route = routes[raw_path] = Route(handler, self._decoded(raw_path), direct=direct)
        return route

    def _decoded(self, raw_path: bytes) -> str:
        return self._root_path + unquote(raw_path.decode("ascii"))

    @property
    def forwards(self) -> bool:
        """Whether trusted proxies may say who the client is."""
        return self._forwarding is not None

    def forwarded(
        self, client: tuple[str, int] | None, secure: bool, fields: Headers
    ) -> tuple[tuple[str, int] | None, bool]:
        """As `resolve_forwarded`, of what is known without a scope."""
        scope: _Scope = {
            "type": "http",
            "scheme": "https" if secure else "http",
            "client": client,
            "headers": fields,
        }
        self.resolve_forwarded(scope, dict(fields))
        return scope["client"], scope["scheme"] in ("https", "wss")

    def log(self, request: Request, status: int) -> None:
        """uvicorn's line for a request that was answered; only if `logs`."""
        address = ":".join(map(str, request.client)) if request.client else ""
        target = quote(request.path) + (f"?{request.query_string}" if request.query_string else "")
        _access_logger.info('%s - "%s %s HTTP/%s" %d', address, request.method, target, "1.1", status)

    def resolve_forwarded(self, scope: _Scope, fields: dict[bytes, bytes]) -> None:
        """Correct `client` and `scheme` for a request that came through a trusted proxy.

        Requests that go through ASGI get this from uvicorn's middleware, so it is asked here too:
        it awaits nothing but the application it wraps, so that one step runs it to its end.
        """
        if self._forwarding is not None and (b"x-forwarded-for" in fields or b"x-forwarded-proto" in fields):
            call = self._forwarding(cast("Any", scope), cast("Any", _nothing), _nothing)
            try:
                call.send(None)
            except StopIteration:
                return

    def default_block(self, headers: _HeaderList) -> bytes:
        """The server's own header fields (`date`, `server`); uvicorn makes a new list each second."""
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_block = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._default_block


class _Offer:
    """One `arcwire.http` offer: taken by `claim`, proved by the answer that reaches the host."""

    __slots__ = ("_claimed", "_raw_path", "_routes", "_send")

    def __init__(self, routes: Routes, raw_path: bytes, send: _Send) -> None:
        self._routes = routes
        self._raw_path = raw_path
        self._send = send
        self._claimed: tuple[RequestHandler, str, _HeaderList] | None = None

    def claim(self, handler: RequestHandler, sid: str, headers: _HeaderList) -> None:
        self._claimed = (handler, sid, list(headers))

    def send(self, message: _Message) -> Awaitable[None]:
        claimed = self._claimed
        if claimed is not None and message["type"] == "http.response.start":
            handler, sid, headers = claimed
            self._claimed = None
            # Opening a session is always answered with 200.
            if message["status"] == 200 and [tuple(pair) for pair in message.get("headers", ())] == headers:
                handler.trust(sid)
                self._routes.remember(self._raw_path, handler)
        return self._send(message)


def _handler_finder(app: Any) -> Callable[[str, str], RequestHandler | None] | None:
    """`EngineApp.handler_at` of the application, if that is one: uvicorn's own middleware, whose work
    `resolve_forwarded` does, may stand before it."""
    if type(app) is ProxyHeadersMiddleware:
        app = app.app
    return app.handler_at if isinstance(app, EngineApp) else None


async def _nothing(*_: object) -> None:
    """The application behind uvicorn's proxy header logic where only the logic is wanted."""


_by_server: WeakKeyDictionary[ServerState, Routes] = WeakKeyDictionary()


def routes_of(server_state: ServerState, config: Config) -> Routes:
    """The routes that all connections of one uvicorn server share."""
    routes = _by_server.get(server_state)
    if routes is None:
        routes = _by_server[server_state] = Routes(config)
    return routes
