"""The ASGI application among others: mounted, wrapping, behind middleware, and its lifespan.

On plain uvicorn and on the fast path, which has to hold wherever the application is mounted.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from arcwire import DisconnectReason, Server, Socket
from arcwire.hosts.uvicorn.errors import StartError
from support.raw_http import until
from support.uvicorn_server import Running, running
from support.wire import Wire, target

HOSTS: dict[str, dict[str, Any]] = {
    "fast": {},
    "plain": {"http": "httptools", "ws": "websockets-sansio"},
}
LINKS = {"fast": "PicowsLink", "plain": "AsgiLink"}

pytestmark = pytest.mark.parametrize("host", HOSTS)


class Chat:
    """A Socket.IO server that remembers who came and went."""

    def __init__(self) -> None:
        self.io = Server()
        self.log: list[str] = []

        @self.io.on_connect
        async def connected(socket: Socket) -> None:
            self.log.append(f"connected at {socket.handshake.url.partition('?')[0]}")

        @self.io.on("echo")
        async def echo(socket: Socket, value: Any) -> Any:
            return value

        @self.io.on_disconnect
        async def gone(socket: Socket, reason: DisconnectReason) -> None:
            await asyncio.sleep(0)
            self.log.append(reason.value)

    @property
    def links(self) -> list[str]:
        """What carries the connections."""
        return [type(connection._link).__name__ for connection in self.io.engine.connections]


@pytest.fixture
def chat() -> Chat:
    return Chat()


@asynccontextmanager
async def served(app: object, host: str, **options: Any) -> AsyncIterator[tuple[Running, Wire]]:
    async with running(app, **HOSTS[host], **options) as server:
        wire = Wire(server.url)
        try:
            yield server, wire
        finally:
            await wire.close()


async def assert_chat_works(wire: Wire, chat: Chat, host: str, path: str, *, root_path: str = "") -> None:
    """Over a WebSocket, over polling, and from the one to the other."""
    socket = await wire.websocket_session(path)
    socket.say("40", '421["echo","€"]')
    packets = [await socket.text(), await socket.text()]
    assert packets[0].startswith('40{"sid":')
    assert packets[1] == '431["€"]'
    assert chat.links == [LINKS[host]]
    assert chat.log.pop() == f"connected at {root_path}{path}/"
    socket.raw.vanish()

    session = await wire.poll_session(path)
    await session.post(b'40\x1e421["echo",1]')
    packets = await session.packets()
    if len(packets) == 1:
        packets += await session.packets()
    assert packets[1] == "431[1]"
    assert chat.io.engine.trusts(session.sid) == (host == "fast"), "polls come without ASGI, too"
    socket = await session.upgrade()
    socket.say('422["echo",2]')
    assert await socket.text() == "432[2]"
    assert LINKS[host] in chat.links
    socket.raw.vanish()
    await until(lambda: chat.io.engine.clients_count == 0)


# -- mounted ---------------------------------------------------------------------------


def fastapi_app(chat: Chat) -> FastAPI:
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    @app.websocket("/ws/plain")
    async def plain(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("you said " + await websocket.receive_text())
        await websocket.close(4000)

    app.mount("/ws", chat.io.asgi())
    return app


async def assert_routes_work(wire: Wire) -> None:
    """Those of `fastapi_app`."""
    assert json.loads((await wire.ask("GET", "/hello")).body) == "hello"
    socket = await wire.websocket("/ws/plain")
    socket.say("hi")
    assert await socket.text() == "you said hi"
    assert await socket.closed() == 4000


async def test_mounted_under_fastapi(chat: Chat, host: str) -> None:
    async with served(fastapi_app(chat), host) as (_, wire):
        await assert_chat_works(wire, chat, host, "/ws/socket.io")
        await assert_routes_work(wire)
        await assert_not_there(wire)


async def assert_not_there(wire: Wire) -> None:
    for path in ("/socket.io", "/ws", "/ws/socket.iox", "/wsx/socket.io"):
        answer = await wire.ask("GET", target(path, transport="polling"))
        assert answer.status == 404
        _, answer = await wire.upgrade_request(target(path, transport="websocket"))
        assert answer.status in (403, 404)


async def test_mounted_below_the_root_path_of_the_server(chat: Chat, host: str) -> None:
    """As with `--root-path`: a proxy takes `/api` off, uvicorn puts it back into the scope."""
    async with served(fastapi_app(chat), host, root_path="/api") as (_, wire):
        await assert_chat_works(wire, chat, host, "/ws/socket.io", root_path="/api")
        await assert_routes_work(wire)


@pytest.mark.filterwarnings("ignore:The `root_path` parameter")
async def test_mounted_below_the_root_path_of_the_framework(chat: Chat, host: str) -> None:
    """FastAPI adds its own to `root_path`, but not to the path."""
    app = FastAPI(root_path="/api")
    app.mount("/ws", chat.io.asgi())
    async with served(app, host) as (_, wire):
        await assert_chat_works(wire, chat, host, "/ws/socket.io")


async def test_mounted_in_mounts(chat: Chat, host: str) -> None:
    inner = Starlette(routes=[Mount("/b", chat.io.asgi())])
    async with served(Starlette(routes=[Mount("/a/{tenant}", inner)]), host) as (_, wire):
        await assert_chat_works(wire, chat, host, "/a/red/b/socket.io")
        await assert_chat_works(wire, chat, host, "/a/blue/b/socket.io")


async def test_two_servers_in_one_application(host: str) -> None:
    first, second = Chat(), Chat()
    app = Starlette(routes=[Mount("/one", first.io.asgi()), Mount("/two", second.io.asgi())])
    async with served(app, host) as (_, wire):
        await assert_chat_works(wire, first, host, "/one/socket.io")
        await assert_chat_works(wire, second, host, "/two/socket.io")
        session = await wire.poll_session("/one/socket.io")
        answer = await wire.ask("GET", target("/two/socket.io", transport="polling", sid=session.sid))
        assert json.loads(answer.body)["code"] == 1


# -- wrapping another application --------------------------------------------------------


async def test_wrapping_an_application(chat: Chat, host: str) -> None:
    """Its routes and its lifespan work, and it ends after the sessions have."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        chat.log.append("start")
        yield {"greeting": "hello from the lifespan"}
        chat.log.append("stop")

    app = FastAPI(lifespan=lifespan)

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    @app.websocket("/ws/plain")
    async def plain(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("you said " + await websocket.receive_text())
        await websocket.close(4000)

    @app.websocket("/state")
    async def state(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.state.greeting)
        await websocket.close()

    async with served(chat.io.asgi(app), host, root_path="/api") as (server, wire):
        assert chat.log == ["start"]
        await assert_chat_works(wire, chat, host, "/socket.io", root_path="/api")
        await assert_routes_work(wire)
        socket = await wire.websocket("/state")
        assert await socket.text() == "hello from the lifespan"
        await socket.closed()
        socket = await wire.websocket_session("/socket.io")
        socket.say("40")
        await socket.text()
        chat.log.clear()
        await server.stop()
    assert chat.log == ["server shutting down", "stop"]


async def test_exceptions_in_the_wrapped_application(chat: Chat, host: str) -> None:
    async def fail(*_: Any) -> PlainTextResponse:
        raise RuntimeError("as asked")

    app = Starlette(routes=[Route("/http", fail), WebSocketRoute("/ws", fail)])
    async with served(chat.io.asgi(app), host) as (_, wire):
        assert (await wire.ask("GET", "/http")).status == 500
        _, answer = await wire.upgrade_request("/ws")
        assert answer.status == 500
        await assert_chat_works(wire, chat, host, "/socket.io")


async def test_a_wrapped_application_that_does_not_start(chat: Chat, host: str) -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    with pytest.raises(StartError):
        async with served(chat.io.asgi(Starlette(lifespan=lifespan)), host):
            pass


async def raises(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise ValueError("only HTTP")
    await PlainTextResponse("hello")(scope, receive, send)


async def returns(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


@pytest.mark.parametrize("other", [raises, returns, None])
async def test_frameworks_without_a_lifespan(
    chat: Chat, host: str, other: Callable[..., Awaitable[None]] | None
) -> None:
    async with served(chat.io.asgi(other), host, lifespan="on") as (server, wire):
        answer = await wire.ask("GET", "/")
        assert answer.body == (b"Not Found" if other is None else b"hello")
        socket = await wire.websocket_session("/socket.io")
        socket.say("40")
        await socket.text()
        await server.stop()
    assert chat.log[1:] == ["server shutting down"]


# -- shutdown --------------------------------------------------------------------------


async def test_shutdown_ends_sessions_of_every_transport(chat: Chat, host: str) -> None:
    async with served(chat.io.asgi(), host) as (server, wire):
        socket = await wire.websocket_session("/socket.io")
        socket.say("40")
        await socket.text()
        session = await wire.poll_session("/socket.io")
        await session.post(b"40")
        await session.packets()
        await server.stop()
        assert chat.io.engine.clients_count == 0
        assert (await socket.receive_close())[0] == 1012
    assert chat.log[2:] == ["server shutting down"] * 2


# -- middleware --------------------------------------------------------------------------


async def test_cors_middleware_around_it(chat: Chat, host: str) -> None:
    app = Starlette(
        routes=[Mount("/", chat.io.asgi())],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["https://page.example"],
                allow_credentials=True,
                allow_methods=["GET", "POST"],
            )
        ],
    )
    origin = "Origin: https://page.example"
    async with served(app, host) as (_, wire):
        opening = target("/socket.io", transport="polling")
        answer = await wire.ask("GET", opening, headers=(origin,))
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        sid = json.loads(answer.body[1:])["sid"]
        assert not chat.io.engine.trusts(sid), "every answer has to pass the middleware"
        session = target("/socket.io", transport="polling", sid=sid)
        answers = [
            await wire.ask("POST", session, b"40", (origin,)),
            await wire.ask("GET", session, headers=(origin,)),
            await wire.ask("POST", session, b"", (origin,)),
            await wire.ask("GET", session, headers=(origin,)),
        ]
        assert [answer.status for answer in answers] == [200, 200, 400, 400]
        for answer in answers:
            assert answer.headers["access-control-allow-origin"] == "https://page.example"

        answer = await wire.ask("GET", opening, headers=("Origin: https://other.example",))
        assert "access-control-allow-origin" not in answer.headers
        answer = await wire.ask("OPTIONS", opening, None, (origin, "Access-Control-Request-Method: POST"))
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://page.example"

        socket = await wire.websocket_session("/socket.io")
        socket.say("40")
        await socket.text()
        assert LINKS[host] in chat.links


async def test_middleware_that_stands_between_request_and_answer(chat: Chat, host: str) -> None:
    """Starlette's runs the application in a task of its own and hands events on."""

    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            response.headers["x-stamp"] = "1"
            return response

    app = Starlette(
        routes=[Mount("/", chat.io.asgi())],
        middleware=[Middleware(Stamp), Middleware(GZipMiddleware, minimum_size=10)],
    )
    async with served(app, host) as (_, wire):
        session = await wire.poll_session("/socket.io")
        assert not chat.io.engine.trusts(session.sid)
        assert (await session.post(b"40")).headers["x-stamp"] == "1"
        await session.packets()
        poll = await session.start_poll("/elsewhere")
        await session.post(b'421["echo",1]')
        assert (await poll.answer()).body == b"431[1]"

        poll = await session.start_poll("/elsewhere")
        poll.vanish()
        await until(lambda: chat.io.engine.clients_count == 0)
    assert chat.log[1:] == ["transport error"]
