"""Who is let in, with an application around: middleware that adds CORS, sessions and users of it.

On plain uvicorn and on the fast path.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from arcwire import ConnectionRefused, Server, Socket
from arcwire.engineio.link import Request
from support.raw_http import connect
from support.uvicorn_server import running
from support.wire import Wire, target

HOSTS: dict[str, dict[str, Any]] = {
    "fast": {},
    "plain": {"http": "httptools", "ws": "websockets-sansio"},
}
PAGE = "https://page.example"

pytestmark = pytest.mark.parametrize("host", HOSTS)


@asynccontextmanager
async def served(app: object, host: str, **options: Any) -> AsyncIterator[Wire]:
    async with running(app, **HOSTS[host], **options) as server:
        wire = Wire(server.url)
        try:
            yield wire
        finally:
            await wire.close()


@pytest.mark.parametrize(
    "options, own",
    [
        ({"allow_origins": [PAGE], "allow_credentials": True}, {"cors_allowed_origins": [PAGE]}),
        (
            {"allow_origins": [PAGE], "allow_credentials": True},
            {"cors_allowed_origins": [PAGE], "cors_credentials": True},
        ),
        ({"allow_origins": ["*"]}, {"cors_allowed_origins": "*"}),
        ({"allow_origins": ["*"]}, {"cors_allowed_origins": [PAGE]}),
    ],
)
async def test_two_cors_settings_make_one_field(options: Any, own: Any, host: str) -> None:
    """Browsers refuse an answer with two; the middleware's counts."""
    io = Server(**own)
    cors = Middleware(CORSMiddleware, allow_methods=["GET", "POST"], **options)
    app = Starlette(routes=[Mount("/", io.asgi())], middleware=[cors])
    origin = f"Origin: {PAGE}"
    async with served(app, host) as wire:
        opened = await wire.ask("GET", target("/socket.io", transport="polling"), headers=(origin,))
        sid = json.loads(opened.body[1:])["sid"]
        session = target("/socket.io", transport="polling", sid=sid)
        answers = [
            opened,
            await wire.ask("POST", session, b"40", (origin,)),
            await wire.ask("GET", session, headers=(origin,)),
            await wire.ask("GET", target("/socket.io", transport="pigeon"), headers=(origin,)),
            await wire.ask("OPTIONS", session, None, (origin, "Access-Control-Request-Method: POST")),
        ]
        assert [answer.status for answer in answers] == [200, 200, 200, 400, 200]
        for answer in answers:
            for field in (b"access-control-allow-origin:", b"access-control-allow-credentials:"):
                assert answer.raw.lower().count(field) <= 1
            assert answer.headers["access-control-allow-origin"] in (PAGE, "*")


async def test_polls_of_a_guarded_server_come_without_the_application(host: str) -> None:
    """With all that may be asked when a session opens, later requests still need no task."""

    async def allow(request: Request) -> bool:
        await asyncio.sleep(0)
        return True

    async def allowed(origin: str) -> bool:
        await asyncio.sleep(0)
        return origin == PAGE

    io = Server(allow_request=allow, cors_allowed_origins=allowed, cookie=True)
    io.engine.on_headers(lambda request: {"x-method": request.method})
    async with served(io.asgi(), host) as wire:
        headers = (f"Origin: {PAGE}",)
        opened = await wire.ask("GET", target("/socket.io", transport="polling"), headers=headers)
        sid = json.loads(opened.body[1:])["sid"]
        assert opened.headers["set-cookie"].startswith(f"io={sid};")
        assert io.engine.trusts(sid) == (host == "fast")
        session = target("/socket.io", transport="polling", sid=sid)
        for answer in (
            opened,
            await wire.ask("POST", session, b"40", headers),
            await wire.ask("GET", session, headers=headers),
        ):
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "x-method" in answer.headers


async def test_users_of_the_application(host: str) -> None:
    """What middleware around it leaves in the scope is known when a connection is opened."""

    class Login:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                cookies = dict(scope["headers"]).get(b"cookie", b"").decode()
                scope["user"] = cookies.removeprefix("user=") or None
            await self.app(scope, receive, send)

    def only_users(request: Request) -> bool:
        if request.state["user"] is None:
            raise ConnectionRefused("who are you?")
        return True

    io = Server(allow_request=only_users)
    users: list[str] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        users.append(socket.connection.request.state["user"])

    async with served(Login(io.asgi()), host) as wire:
        where = target("/socket.io", transport="websocket")
        _, answer = await wire.upgrade_request(where)
        assert (answer.status, json.loads(answer.body)) == (403, {"code": 4, "message": "who are you?"})
        client, answer = await wire.upgrade_request(where, "Cookie: user=ada")
        assert answer.status == 101
        polling = target("/socket.io", transport="polling")
        assert (await wire.ask("GET", polling)).status == 403
        opened = await wire.ask("GET", polling, headers=("Cookie: user=bob",))
        sid = json.loads(opened.body[1:])["sid"]
        await wire.ask("POST", target("/socket.io", transport="polling", sid=sid), b"40")
        await wire.ask("GET", target("/socket.io", transport="polling", sid=sid))
        assert users == ["bob"]
        client.vanish()


async def test_the_own_page_under_tls(host: str, tmp_path: Path) -> None:
    """Of peers: under direct TLS the page's own origin is refused, and what a client says of itself in
    `X-Forwarded-Proto` and `X-Forwarded-For` is believed."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    tls = ssl.create_default_context()
    authority.configure_trust(tls)

    io = Server(cors_allowed_origins=[])
    spoof = ("X-Forwarded-Proto: http", "X-Forwarded-For: 6.6.6.6")
    files = {"ssl_certfile": str(chain), "ssl_keyfile": str(key), "proxy_headers": False}
    async with served(io.asgi(), host, **files) as wire, connect(wire.url, tls) as client:
        page = f"Origin: {wire.url}"
        own = f"Host: {wire.url.removeprefix('https://')}"
        where = target("/socket.io", transport="polling")
        head = [f"GET {where} HTTP/1.1", own, page, *spoof, "", ""]
        answer = await client.ask("\r\n".join(head).encode())
        assert answer.status == 200
        (connection,) = io.engine.connections
        assert connection.request.client is not None
        assert connection.request.client[0] == "127.0.0.1"
        assert connection.request.secure
        head[2] = "Origin: https://foreign.example"
        assert (await client.ask("\r\n".join(head).encode())).status == 403
