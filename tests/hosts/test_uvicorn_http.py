"""The HTTP fast path of uvicorn, byte by byte, beside what uvicorn's own protocol answers."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Any

import pytest
import trustme
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Mount, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from arcwire.engineio.link import Admission, HttpExchange, LinkReceiver, Request, Response, WebSocketLink
from arcwire.hosts.asgi import EngineApp
from arcwire.hosts.uvicorn.http import HttpProtocol
from support.raw_http import RawClient, connect, until
from support.uvicorn_server import Running, running

ON_BOTH_LOOPS = True

LIMIT = 1000
TEXT = [(b"content-type", b"text/plain; charset=UTF-8"), (b"cache-control", b"no-store")]
OPEN = b"GET /io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
POLL = b"GET /io/?EIO=4&transport=polling&sid=s1 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /io/?EIO=4&transport=polling&sid=s1 HTTP/1.1\r\nHost: x\r\n"


class Handler:
    """A small engine: sessions s1, s2, ...; says for each request whether it came through ASGI."""

    max_payload = LIMIT
    per_message_deflate = None
    opening = "asgi"
    """How its first request comes, as long as tests use `hidden_app`."""

    def __init__(self) -> None:
        self.sessions = 0
        self.trusted: set[str] = set()
        self.hold = False
        """Whether polls wait, in `waiting`."""
        self.waiting: list[HttpExchange] = []
        self.seen: list[tuple[str, str]] = []
        """Method and way ("direct" or "asgi") of each request."""
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.overflows = 0
        self.aborts = 0
        self.answer = Response(200, TEXT, b"4hello")

    def handle_request(self, exchange: HttpExchange) -> None:
        request = exchange.request
        direct = type(exchange).__module__.startswith("arcwire.hosts.uvicorn")
        self.seen.append((request.method, "direct" if direct else "asgi"))
        self.requests.append(request)
        exchange.on_abort = self._abort
        if "sid" not in request.query:
            self.sessions += 1
            exchange.respond(Response(200, TEXT, b'0{"sid":"s1"}', sid=f"s{self.sessions}"))
        elif request.method == "POST":
            exchange.read_body(
                LIMIT, lambda body: self._take(exchange, body), lambda: self._overflow(exchange)
            )
        elif request.method in ("PUT", "OPTIONS"):
            exchange.respond(Response(400 if request.method == "PUT" else 204, TEXT, b""))
        elif self.hold:
            self.waiting.append(exchange)
        else:
            exchange.respond(self.answer)

    def _take(self, exchange: HttpExchange, body: bytes) -> None:
        self.bodies.append(body)
        exchange.respond(Response(200, TEXT, b"ok"))

    def _overflow(self, exchange: HttpExchange) -> None:
        self.overflows += 1
        exchange.respond(Response(413, TEXT, b"", close=True))

    def _abort(self) -> None:
        self.aborts += 1

    def trust(self, sid: str) -> None:
        self.trusted.add(sid)

    def trusts(self, sid: str) -> bool:
        return sid in self.trusted

    async def admit(self, request: Request) -> Admission | Response:
        return Response(400, [], b"")

    def admit_now(self, request: Request) -> Admission | Response | None:
        return Response(400, [], b"")

    def open_link(self, request: Request, link: WebSocketLink, sid: str | None = None) -> LinkReceiver:
        raise NotImplementedError

    @property
    def ways(self) -> list[str]:
        return [way for _, way in self.seen]


@pytest.fixture
def handler() -> Handler:
    return Handler()


def engine_app(handler: Handler) -> EngineApp:
    return EngineApp(handler, "/io", on_shutdown=_nothing)


def hidden_app(handler: Handler, other: Any = None) -> Any:
    """The same within another application, so that only that one knows what happens when a session opens."""
    app = EngineApp(handler, "/io", other, on_shutdown=_nothing)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return outer


def fast(app: object, **options: Any) -> AbstractAsyncContextManager[Running]:
    return running(app, **{"http": HttpProtocol, "ws": "none", **options})


@pytest.fixture(params=["hidden", "own"])
async def client(handler: Handler, request: pytest.FixtureRequest) -> AsyncIterator[RawClient]:
    """A connection with an open, trusted session s1."""
    app = hidden_app(handler)
    if request.param == "own":
        app, handler.opening = engine_app(handler), "direct"
    async with (
        # Longer than any patience: what the timeout ends is seen as a failure.
        fast(app, timeout_keep_alive=60) as server,
        connect(server.url) as client,
    ):
        assert (await client.ask(OPEN)).status == 200
        assert handler.trusted == {"s1"}
        yield client


# -- the same bytes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        POLL,
        POLL.replace(b"Host: x", b"Host: x\r\nConnection: close"),
        POLL.replace(b"Host: x", b"Host: x\r\nConnection: keep-alive"),
        POLL.replace(b"HTTP/1.1", b"HTTP/1.0"),
        POLL.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: x", b"Connection: keep-alive"),
        POLL.replace(b"GET", b"HEAD"),
        POLL.replace(b"GET", b"HEAD").replace(b"Host: x", b"Host: x\r\nConnection: close"),
        POLL.replace(b"GET", b"PUT"),
        POST + b"Content-Length: 6\r\n\r\n4hello",
        POST + b"Content-Length: 0\r\n\r\n",
        POST + b"\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n4h\r\n4\r\nello\r\n0\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: 6\r\n\r\n4hello",
        POST + b"Content-Length: 5000\r\nConnection: close\r\n\r\n" + bytes(5000),
        POST + b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + bytes(2000) + b"\r\n0\r\n\r\n",
    ],
    ids=lambda data: data[:300].decode("latin-1").replace("\r\n", "|").replace("\0", "")[:80],
)
async def test_direct_answers_equal_those_of_plain_uvicorn(request_bytes: bytes) -> None:
    """Up to the date, what a client receives does not tell the fast path from uvicorn."""
    received = []
    for protocol, make_app, ways in (
        (HttpToolsProtocol, engine_app, ["asgi", "asgi"]),
        (HttpProtocol, hidden_app, ["asgi", "direct"]),
        (HttpProtocol, engine_app, ["direct", "direct"]),
    ):
        handler = Handler()
        options = {"http": protocol, "headers": [("x-app", "1")], "timeout_keep_alive": 1}
        async with fast(make_app(handler), **options) as server, connect(server.url) as client:
            opened = await client.ask(OPEN)
            client.send(request_bytes)
            raw = b""
            if b"Expect:" in request_bytes:
                raw = await client.reader.readuntil(b"\r\n\r\n")
            answer = await client.answer(bodiless=request_bytes.startswith(b"HEAD"))
            raw += answer.raw
            if answer.headers.get("connection") == "close":
                raw += b"then: " + await client.rest()
            received.append(opened.raw + raw)
            assert handler.ways == ways
    assert received[0] == received[1] == received[2]


async def test_no_content_has_no_content_length(handler: Handler, client: RawClient) -> None:
    """RFC 9110 section 8.6 forbids the field in a 204 answer."""
    answer = await client.ask(POLL.replace(b"GET", b"OPTIONS"))
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    assert (await client.ask(POLL)).body == b"4hello"
    assert handler.ways == [handler.opening, "direct", "direct"]


async def test_request_as_the_engine_sees_it(handler: Handler) -> None:
    """A direct request is described as the application would describe it."""
    poll = POLL.replace(b"/io/", b"/m%C3%B6unt/io/").replace(b"Host: x", b"Host: x\r\nX-A: 1\r\nx-a: 2")
    app = Starlette(routes=[Mount("/möunt", app=hidden_app(handler))])
    async with fast(app, root_path="/root") as server, connect(server.url) as client:
        await client.ask(OPEN.replace(b"/io/", b"/m%C3%B6unt/io/"))
        handler.trusted.clear()
        await client.ask(poll)
        handler.trusted.add("s1")
        await client.ask(poll)
    assert handler.ways == [handler.opening, "asgi", "direct"]
    through_asgi, direct = handler.requests[1:]
    assert direct.path == "/root/möunt/io/"
    for name in ("method", "path", "query_string", "query", "headers", "client", "secure"):
        assert getattr(direct, name) == getattr(through_asgi, name), name


# -- which sessions leave the application ---------------------------------------------------


async def poll_ways(handler: Handler, app: object, opening: bytes = OPEN) -> list[str]:
    async with fast(app) as server, connect(server.url) as client:
        assert (await client.ask(opening)).status in (200, 201)
        assert (await client.ask(POLL)).status in (200, 201)
    return handler.ways


async def unchanged(
    request: StarletteRequest, call_next: Callable[[StarletteRequest], Awaitable[StarletteResponse]]
) -> StarletteResponse:
    return await call_next(request)


async def with_cookie(
    request: StarletteRequest, call_next: Callable[[StarletteRequest], Awaitable[StarletteResponse]]
) -> StarletteResponse:
    response = await call_next(request)
    response.set_cookie("a", "b")
    return response


async def with_status(
    request: StarletteRequest, call_next: Callable[[StarletteRequest], Awaitable[StarletteResponse]]
) -> StarletteResponse:
    response = await call_next(request)
    response.status_code = 201
    return response


ORIGIN = OPEN.replace(b"Host: x", b"Host: x\r\nOrigin: https://a.example")


@pytest.mark.parametrize(
    "middleware, opening, way",
    [
        ([], OPEN, "direct"),
        ([Middleware(BaseHTTPMiddleware, dispatch=unchanged)], OPEN, "direct"),
        ([Middleware(CORSMiddleware, allow_origins=["https://a.example"])], ORIGIN, "asgi"),
        ([Middleware(BaseHTTPMiddleware, dispatch=with_cookie)], OPEN, "asgi"),
        ([Middleware(BaseHTTPMiddleware, dispatch=with_status)], OPEN, "asgi"),
        (
            [Middleware(GZipMiddleware, minimum_size=1)],
            OPEN.replace(b"Host: x", b"Host: x\r\nAccept-Encoding: gzip"),
            "asgi",
        ),
    ],
    ids=["none", "unchanged", "cors", "cookie", "status", "gzip"],
)
async def test_sessions_whose_answers_middleware_changes_stay_in_the_application(
    handler: Handler, middleware: list[Middleware], opening: bytes, way: str
) -> None:
    """The claim is honoured only where nothing adds to the answers."""
    app = Starlette(routes=[Mount("/", app=hidden_app(handler))], middleware=middleware)
    assert await poll_ways(handler, app, opening) == ["asgi", way]


async def test_untrusted_and_ended_sessions_go_through_the_application(handler: Handler) -> None:
    async with fast(hidden_app(handler)) as server, connect(server.url) as client:
        await client.ask(OPEN)
        await client.ask(POLL.replace(b"s1", b"s9"))
        await client.ask(POLL)
        handler.trusted.remove("s1")
        await client.ask(POLL)
    assert handler.ways == [handler.opening, "asgi", "direct", "asgi"]


async def test_other_connections_and_other_servers(handler: Handler) -> None:
    """What a path leads to is known to all connections of one server, and only to those."""
    app = hidden_app(handler)
    async with fast(app) as first, fast(app) as second:
        async with connect(first.url) as client:
            await client.ask(OPEN)
        async with connect(first.url) as client:
            await client.ask(POLL)
        async with connect(second.url) as client:
            await client.ask(POLL)
    assert handler.ways == [handler.opening, "direct", "asgi"]


async def test_a_path_has_many_spellings_and_few_are_remembered(handler: Handler) -> None:
    def spelled(data: bytes, number: int) -> bytes:
        bits = f"{number:09b}"
        name = "".join(f"%{ord('i'):x}" if bit == "1" else "i" for bit in bits)
        return data.replace(b"/io/", f"/{name}/io/".encode())

    app = Starlette(routes=[Mount("/iiiiiiiii", app=hidden_app(handler))])
    async with fast(app) as server, connect(server.url) as client:
        for number in range(300):
            assert (await client.ask(spelled(OPEN, number))).status == 200
        for number in (299, 0):
            assert (await client.ask(spelled(POLL, number))).body == b"4hello"
    assert handler.ways[-2:] == ["direct", "asgi"]


async def test_ordinary_requests_see_no_trace(handler: Handler) -> None:
    """Other routes get uvicorn's scope; the offer is made only where a session could open."""
    extensions: list[object] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # uvicorn takes the failing lifespan as one that is not there
        extensions.append(scope.get("extensions"))
        await PlainTextResponse("page")(scope, receive, send)

    async with fast(hidden_app(handler, page)) as server, connect(server.url) as client:
        assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"page"
        assert (await client.ask(OPEN.replace(b"/io/", b"/page"))).body == b"page"
        assert (await client.ask(OPEN.replace(b"/io/", b"/page"))).body == b"page"
        assert (await client.ask(POLL.replace(b"/io/", b"/page"))).body == b"page"
    none, first, second, later = extensions
    assert none is None
    assert later is None
    assert isinstance(first, dict)
    assert list(first) == ["arcwire.http"]
    assert first is not second
    assert handler.seen == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        POLL.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c"),
        POLL.replace(b"sid=s1", b"sid=s1&t=1#fragment"),
        POLL.replace(b"/io/", b"http://x/io/"),
    ],
    ids=["upgrade", "fragment", "absolute"],
)
async def test_unusual_requests_are_left_to_uvicorn(
    handler: Handler, client: RawClient, request_bytes: bytes
) -> None:
    assert (await client.ask(request_bytes)).body == b"4hello"
    assert handler.ways == [handler.opening, "asgi"]


# -- polls that wait ---------------------------------------------------------------------


async def test_a_waiting_poll_is_answered_later(handler: Handler, client: RawClient) -> None:
    handler.hold = True
    client.send(POLL)
    await until(lambda: handler.waiting)
    handler.waiting[0].respond(Response(200, TEXT, b"4later"))
    assert (await client.answer()).body == b"4later"
    handler.hold = False
    assert (await client.ask(POLL)).body == b"4hello"
    assert handler.ways == [handler.opening, "direct", "direct"]
    assert handler.aborts == 0


async def test_a_waiting_poll_is_aborted_when_the_client_goes(handler: Handler, client: RawClient) -> None:
    handler.hold = True
    client.send(POLL)
    await until(lambda: handler.waiting)
    client.vanish()
    await until(lambda: handler.aborts)
    handler.waiting[0].respond(Response(200, TEXT, b"4too late"))
    assert handler.aborts == 1


async def test_garbage_behind_a_waiting_poll_ends_it(handler: Handler, client: RawClient) -> None:
    handler.hold = True
    client.send(POLL)
    await until(lambda: handler.waiting)
    client.send(b"garbage\r\n\r\n")
    assert b"HTTP/1.1 400" in await client.rest()
    await until(lambda: handler.aborts)
    assert handler.aborts == 1


async def test_requests_behind_a_waiting_poll_wait_for_it(handler: Handler, client: RawClient) -> None:
    """Answers keep the order of pipelined requests, whichever way each takes."""
    handler.hold = True
    client.send(POLL)
    await until(lambda: handler.waiting)
    handler.hold = False
    client.send(POST + b"Content-Length: 2\r\n\r\n4a" + POLL)
    protocol = handler.waiting[0]._protocol  # type: ignore[attr-defined]
    if type(protocol) is HttpProtocol:
        later = "direct"
        await until(lambda: protocol._rest.endswith(POLL))
    else:
        later = "asgi"
        await until(lambda: len(protocol.pipeline) == 2)
    assert handler.ways == [handler.opening, "direct"]
    handler.waiting[0].respond(Response(200, TEXT, b"4first"))
    assert [(await client.answer()).body for _ in range(3)] == [b"4first", b"ok", b"4hello"]
    assert (await client.ask(POLL)).body == b"4hello"
    assert handler.ways == [handler.opening, "direct", later, later, "direct"]
    assert handler.bodies == [b"4a"]


async def test_pipelined_requests_that_need_not_wait(handler: Handler, client: RawClient) -> None:
    client.send((POST + b"Content-Length: 2\r\n\r\n4a") * 20 + POLL)
    bodies = [(await client.answer()).body for _ in range(21)]
    assert bodies == [b"ok"] * 20 + [b"4hello"]
    assert handler.ways == [handler.opening] + ["direct"] * 21


async def test_a_vanishing_client_aborts_the_poll_before_pipelined_requests(
    handler: Handler, client: RawClient
) -> None:
    handler.hold = True
    client.send(POLL)
    await until(lambda: handler.waiting)
    client.send(POST + b"Content-Length: 2\r\n\r\n4a" + b"garbage\r\n\r\n")
    client.vanish()
    await until(lambda: handler.aborts)
    assert handler.bodies == []


async def test_a_peer_that_does_not_read_is_not_served_without_end(
    handler: Handler, client: RawClient
) -> None:
    """Beyond the write buffer's mark requests wait, and are answered in order once there is room."""
    handler.answer = Response(200, TEXT, bytes(100_000))
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(POLL * 300)
    await until(lambda: "asgi" in handler.ways[1:])
    assert len(handler.ways) < 300
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(300):
        assert len((await client.answer()).body) == 100_000


# -- bodies ----------------------------------------------------------------------------------


async def test_a_body_in_pieces(handler: Handler, client: RawClient) -> None:
    request = POST + b"Content-Length: 6\r\n\r\n4hello"
    for start in range(0, len(request), 7):
        client.send(request[start : start + 7])
        await asyncio.sleep(0)
    assert (await client.answer()).body == b"ok"
    assert handler.bodies == [b"4hello"]


async def test_a_body_of_exactly_the_limit(handler: Handler, client: RawClient) -> None:
    assert (await client.ask(POST + b"Content-Length: 1000\r\n\r\n" + bytes(1000))).body == b"ok"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in bytes(range(250)) * 4)
    assert (
        await client.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    ).body == b"ok"
    assert handler.bodies == [bytes(1000), bytes(range(250)) * 4]
    assert handler.ways == [handler.opening, "direct", "direct"]


async def test_an_announced_body_over_the_limit_is_refused_unread(
    handler: Handler, client: RawClient
) -> None:
    """The answer does not wait for the body; a client that sends it all the same still gets it."""
    client.send(POST + b"Content-Length: 5000000\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    client.send(bytes(5_000_000))
    assert await client.rest() == b""
    assert (handler.overflows, handler.bodies, handler.aborts) == (1, [], 0)


async def test_a_large_body_sent_at_once_does_not_lose_its_answer(
    handler: Handler, client: RawClient
) -> None:
    """No reset takes the 413 away while the client is still sending."""
    client.send(POST + b"Content-Length: 20000000\r\n\r\n" + bytes(20_000_000))
    await client.writer.drain()
    assert (await client.answer()).status == 413
    assert await client.rest() == b""


async def test_an_endless_body_is_refused_where_it_passes_the_limit(
    handler: Handler, client: RawClient
) -> None:
    client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + bytes(1000) + b"\r\n")
    await until(lambda: len(handler.ways) == 2)
    client.send(b"1\r\nx\r\n")
    assert (await client.answer()).status == 413
    client.send(b"1\r\ny\r\n")
    assert (handler.overflows, handler.bodies) == (1, [])


async def test_a_client_that_does_not_end_its_refused_body_is_cut_off(handler: Handler) -> None:
    async with fast(hidden_app(handler), timeout_keep_alive=0) as server:
        async with connect(server.url) as client:
            await client.ask(OPEN)
        async with connect(server.url) as client:
            assert (await client.ask(POST + b"Content-Length: 5000\r\n\r\n")).status == 413
            assert await client.rest() == b""
    assert handler.overflows == 1


async def test_no_answer_follows_the_last_one(handler: Handler, client: RawClient) -> None:
    client.send(POST + b"Content-Length: 2000\r\n\r\n" + bytes(2000) + POLL)
    assert (await client.answer()).status == 413
    assert await client.rest() == b""


async def test_a_client_that_asks_first_is_not_told_to_send_too_much(
    handler: Handler, client: RawClient
) -> None:
    client.send(POST + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")


async def test_a_body_cut_off_is_an_abort(handler: Handler, client: RawClient) -> None:
    client.send(POST + b"Content-Length: 6\r\n\r\n4h")
    await until(lambda: len(handler.ways) == 2)
    client.vanish()
    await until(lambda: handler.aborts)
    assert (handler.bodies, handler.aborts, handler.overflows) == ([], 1, 0)


@pytest.mark.parametrize("size, pauses", [(4, False), (200_000, True)])
async def test_a_body_asked_for_late(
    handler: Handler, client: RawClient, monkeypatch: pytest.MonkeyPatch, size: int, pauses: bool
) -> None:
    """Until somebody asks for the body and names a limit, a little of it is kept and no more read."""
    late: list[Any] = []
    bodies: list[bytes] = []
    monkeypatch.setattr(handler, "handle_request", late.append)
    client.send(POST + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
    await until(lambda: late and late[0]._body)
    protocol = late[0]._protocol
    if type(protocol) is HttpProtocol:
        await until(lambda: not late[0].missing)
    else:
        await until(lambda: late[0].received is not pauses)
    assert len(late[0]._body) <= 200_000
    late[0].read_body(300_000, bodies.append, lambda: None)
    await until(lambda: bodies)
    assert bodies == [bytes(size)]
    late[0].respond(Response(200, [], b"done"))
    assert (await client.answer()).body == b"done"


# -- what uvicorn does beside answering --------------------------------------------------------


async def test_access_log_lines_equal_those_of_plain_uvicorn(caplog: pytest.LogCaptureFixture) -> None:
    poll = POLL.replace(b"/io/", b"/%69o/a%20b%2F%C3%A9").replace(b"sid=s1", b"sid=s1&t=%20+x")
    opening = OPEN.replace(b"/io/", b"/%69o/a%20b%2F%C3%A9")
    proxied = poll.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: 203.0.113.9")
    logged = []
    for protocol, way in ((HttpToolsProtocol, "asgi"), (HttpProtocol, "direct")):
        handler = Handler()
        with caplog.at_level(logging.INFO, "uvicorn.access"):
            async with (
                fast(hidden_app(handler), http=protocol, access_log=True) as server,
                connect(server.url) as client,
            ):
                await client.ask(opening)
                caplog.clear()
                await client.ask(poll)
                await client.ask(proxied)
                await client.ask(poll.replace(b"1.1", b"1.0"))
        lines = [record for record in caplog.records if record.name == "uvicorn.access"]
        assert handler.ways == [handler.opening, way, way, way]
        port = client.writer.get_extra_info("sockname")[1]
        logged.append([line.getMessage().replace(str(port), "port") for line in lines])
        assert [line.msg for line in lines] == ['%s - "%s %s HTTP/%s" %d'] * 3
    assert logged[0] == logged[1]
    assert logged[0][1].startswith('203.0.113.9:0 - "GET /io/a%20b/%C3%A9?EIO=4&transport=polling&sid=s1')


@pytest.mark.parametrize("proxy_headers", [True, False])
async def test_forwarded_client_and_scheme(handler: Handler, proxy_headers: bool) -> None:
    """A trusted proxy is believed exactly where uvicorn believes it."""
    poll = POLL.replace(
        b"Host: x", b"Host: x\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nX-Forwarded-Proto: https"
    )
    async with (
        fast(hidden_app(handler), proxy_headers=proxy_headers) as server,
        connect(server.url) as client,
    ):
        await client.ask(OPEN)
        await client.ask(poll)
        handler.trusted.clear()
        await client.ask(poll)
    assert handler.ways == [handler.opening, "direct", "asgi"]
    _, direct, through_asgi = handler.requests
    assert (direct.client, direct.secure) == (through_asgi.client, through_asgi.secure)
    assert (direct.client == ("203.0.113.9", 0), direct.secure) == (proxy_headers, proxy_headers)


async def test_an_untrusted_proxy_is_not_believed(handler: Handler) -> None:
    poll = POLL.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https")
    app = hidden_app(handler)
    async with fast(app, forwarded_allow_ips="10.0.0.1") as server, connect(server.url) as client:
        await client.ask(OPEN)
        await client.ask(poll)
    assert handler.ways == [handler.opening, "direct"]
    assert handler.requests[1].client is not None
    assert handler.requests[1].client[0] == "127.0.0.1"
    assert handler.requests[1].secure is False


async def test_the_keep_alive_timeout_runs_after_the_answer(handler: Handler) -> None:
    """With a timeout of 0 a poll may wait, and the connection ends right after its answer."""
    async with fast(hidden_app(handler), timeout_keep_alive=0) as server:
        async with connect(server.url) as client:
            await client.ask(OPEN)
            assert await client.rest() == b""
        handler.hold = True
        async with connect(server.url) as client, connect(server.url) as other:
            client.send(POLL)
            await until(lambda: handler.waiting)
            handler.hold = False
            assert (await other.ask(POLL)).body == b"4hello"
            assert await other.rest() == b""
            handler.waiting[0].respond(Response(200, TEXT, b"4later"))
            assert (await client.answer()).body == b"4later"
            assert await client.rest() == b""
    assert handler.ways == [handler.opening, "direct", "direct"]


async def test_limit_concurrency(handler: Handler) -> None:
    """A waiting poll counts, as its connection does, and a direct request is refused like any."""
    async with fast(hidden_app(handler), limit_concurrency=2) as server, connect(server.url) as client:
        await client.ask(OPEN)
        handler.hold = True
        client.send(POLL)
        await until(lambda: handler.waiting)
        async with connect(server.url) as other:
            refused = await other.ask(POLL)
    assert (refused.status, refused.body) == (503, b"Service Unavailable")
    assert handler.ways == [handler.opening, "direct"]


async def test_limit_max_requests_counts_direct_answers(handler: Handler) -> None:
    async with fast(hidden_app(handler), limit_max_requests=5) as server, connect(server.url) as client:
        for data in (OPEN, POLL, POLL, POLL):
            await client.ask(data)
        assert not server.task.done()
        await client.ask(POLL)
        async with asyncio.timeout(10):
            await server.task
    assert handler.ways == ["asgi"] + ["direct"] * 4


@pytest.mark.parametrize("way", ["direct", "asgi"])
async def test_shutdown_does_not_wait_for_polls(handler: Handler, way: str) -> None:
    """Without any timeout for the shutdown, a poll that nobody would answer is ended at once."""
    handler.hold = True
    async with (
        fast(hidden_app(handler), timeout_graceful_shutdown=None) as server,
        connect(server.url) as client,
    ):
        await client.ask(OPEN)
        if way == "asgi":
            handler.trusted.clear()
        client.send(POLL)
        await until(lambda: handler.waiting)
        await server.stop()
        assert await client.rest() == b""
    assert server.task.cancelled()
    assert handler.aborts == 1
    assert handler.ways == [handler.opening, way]


async def test_shutdown_lets_a_post_finish(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with (
        fast(hidden_app(handler), timeout_graceful_shutdown=None) as server,
        connect(server.url) as client,
    ):
        await client.ask(OPEN)
        client.send(POST + b"Content-Length: 6\r\n\r\n4he")
        await until(lambda: len(handler.ways) == 2)
        stopping = asyncio.create_task(server.stop())
        await until(lambda: "Waiting for connections to close" in caplog.text)
        client.send(b"llo")
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"ok", "close")
        await stopping
    assert handler.bodies == [b"4hello"]


async def test_an_invalid_header_field_is_answered_with_500(
    handler: Handler, client: RawClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A line break in a value cannot start a field of its own; uvicorn answers such with 500."""
    handler.answer = Response(200, [(b"x-a", b"1\r\nset-cookie: a=b")], b"4hello")
    answer = await client.ask(POLL)
    assert (answer.status, answer.headers["connection"]) == (500, "close")
    assert "set-cookie" not in answer.headers
    assert "invalid header field b'x-a'" in caplog.text
    assert await client.rest() == b""


async def test_tls(handler: Handler, tmp_path: Any) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        fast(hidden_app(handler), ssl_certfile=str(chain), ssl_keyfile=str(key)) as server,
        connect(server.url, trusting) as client,
    ):
        assert server.url.startswith("https://")
        await client.ask(OPEN)
        assert (await client.ask(POLL)).body == b"4hello"
        assert (await client.ask(POST + b"Content-Length: 6\r\n\r\n4hello")).body == b"ok"
    assert handler.ways == [handler.opening, "direct", "direct"]
    assert [request.secure for request in handler.requests] == [True, True, True]


async def test_unix_socket(handler: Handler, tmp_path: Any) -> None:
    path = tmp_path / "io.sock"
    async with fast(hidden_app(handler), uds=str(path)) as server, connect(server.url) as client:
        assert server.url == f"unix:{path}"
        await client.ask(OPEN)
        assert (await client.ask(POLL)).body == b"4hello"
    assert handler.ways == [handler.opening, "direct"]
    assert [request.client for request in handler.requests] == [None, None]
    assert not path.exists()


async def test_a_route_of_the_application_beside_the_engine(handler: Handler) -> None:
    async def page(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse((await request.body()).decode())

    app = Starlette(routes=[Route("/page", page, methods=["POST"]), Mount("/", app=hidden_app(handler))])
    async with fast(app) as server, connect(server.url) as client:
        await client.ask(OPEN)
        assert (await client.ask(POLL)).body == b"4hello"
        answer = await client.ask(b"POST /page?sid=s1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        assert answer.body == b"hi"
        assert (await client.ask(POLL)).body == b"4hello"
    assert handler.ways == [handler.opening, "direct", "direct"]


async def _nothing() -> None:
    """At the end of the lifespan."""


# -- any bytes in any pieces -------------------------------------------------------------


class MemoryTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.protocol: Any = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closed:
            self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


async def exchanged(protocol_class: type[asyncio.Protocol], pieces: list[bytes]) -> tuple[Any, ...]:
    """What a client gets for bytes in these pieces, and what the engine has seen then."""
    handler = Handler()
    config = uvicorn.Config(
        engine_app(handler), http=protocol_class, ws="none", lifespan="off", log_config=None
    )
    config.load()
    state = ServerState()
    transport = MemoryTransport()
    transport.protocol = config.http_protocol_class(config, state, {})  # type: ignore[operator, call-arg]
    transport.protocol.connection_made(transport)
    for piece in pieces:
        if not transport.closed:
            transport.protocol.data_received(piece)
        for _ in range(12):
            await asyncio.sleep(0)
    methods = [method for method, _ in handler.seen]
    if not transport.closed:
        transport.protocol.connection_lost(None)
    return transport.written, methods, handler.bodies, handler.overflows


GARBAGE = (
    b"garbage\r\n\r\n",
    b"GET /io/?EIO=4&transport=polling&sid=s1 HTTP/1.1\r\nbad field\r\n\r\n",
)
REQUESTS = st.sampled_from(
    [
        OPEN,
        POLL,
        POLL,
        POLL.replace(b"GET", b"HEAD"),
        POLL.replace(b"Host: x", b"Host: x\r\nConnection: keep-alive"),
        POLL.replace(b"Host: x", b"Host: x\r\nConnection: close"),
        POLL.replace(b"HTTP/1.1", b"HTTP/1.0"),
        POLL.replace(b"/io/", b"/elsewhere/"),
        POST + b"Content-Length: 6\r\n\r\n4hello",
        POST + b"Content-Length: 6\r\n\r\n4world",
        POST + b"Content-Length: 0\r\n\r\n",
        POST + b"Content-Length: 1001\r\n\r\n" + bytes(1001),
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n4h\r\n0\r\n\r\n",
        *GARBAGE,
    ]
)


@settings(max_examples=150, deadline=None)
@given(requests=st.lists(REQUESTS, max_size=6), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_in_any_pieces_are_answered_as_by_plain_uvicorn(
    requests: list[bytes], cuts: list[int]
) -> None:
    data = b"".join([OPEN, *requests])
    ends = {min(cut, len(data)) for cut in cuts} | {len(OPEN), len(data)}
    # uvicorn answers nothing that came in one read with garbage behind it; the fast path does.
    ends |= {data.index(bad) for bad in GARBAGE if bad in data}
    pieces = [data[start:end] for start, end in pairwise([0, *sorted(ends)]) if start < end]
    plain = asyncio.run(exchanged(HttpToolsProtocol, pieces))
    assert asyncio.run(exchanged(HttpProtocol, pieces)) == plain
