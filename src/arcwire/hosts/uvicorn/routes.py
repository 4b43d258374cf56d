"""Which paths of a uvicorn server lead to which engine, learned from the offers that engines took."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

from arcwire.engineio.link import RequestHandler

_Scope: TypeAlias = MutableMapping[str, Any]
_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_HeaderList: TypeAlias = list[tuple[bytes, bytes]]

_MAX_ROUTES = 256
"""Paths remembered at a time. One path has many spellings (`%2F`), so clients could fill a table
without a limit; a forgotten path is slower until the next session opens there, nothing else."""


class PollingRoutes:
    """What all connections of one uvicorn server share: which paths lead to which engine.

    It is the application that uvicorn's requests run: the real one, with an offer in the scope of
    requests that could open a polling session.
    """

    def __init__(self, config: Config) -> None:
        self._app = cast("Callable[[_Scope, _Receive, _Send], Awaitable[None]]", config.loaded_app)
        self._root_path = config.root_path
        self._forwarding = (
            ProxyHeadersMiddleware(_nothing, config.forwarded_allow_ips) if config.proxy_headers else None
        )
        self._routes: dict[bytes, tuple[RequestHandler, str]] = {}
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
        routes = self._routes
        if raw_path not in routes and len(routes) >= _MAX_ROUTES:
            del routes[next(iter(routes))]
        routes[raw_path] = (handler, self._root_path + unquote(raw_path.decode("ascii")))

    def find(self, raw_path: bytes) -> tuple[RequestHandler, str] | None:
        """The handler and the decoded path (with `root_path`, as in a scope) of `raw_path`."""
        return self._routes.get(raw_path)

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

    def __init__(self, routes: PollingRoutes, raw_path: bytes, send: _Send) -> None:
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


async def _nothing(*_: object) -> None:
    """The application behind uvicorn's proxy header logic where only the logic is wanted."""


_by_server: WeakKeyDictionary[ServerState, PollingRoutes] = WeakKeyDictionary()


def routes_of(server_state: ServerState, config: Config) -> PollingRoutes:
    """The routes that all connections of one uvicorn server share."""
    routes = _by_server.get(server_state)
    if routes is None:
        routes = _by_server[server_state] = PollingRoutes(config)
    return routes
