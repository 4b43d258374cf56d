"""The WebSocket host for uvicorn: ordinary ASGI routes beside uvicorn's own host, and taken links."""

import asyncio
import contextvars
import gc
import logging
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from arcwire.engineio.link import WebSocketLink
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts import picows as links
from arcwire.hosts.uvicorn.websocket import WebSocketProtocol
from support.frames import (
    BINARY,
    CLOSE,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    Frame,
    close_payload,
    frame,
    turns,
    websocket,
)
from support.raw_http import PATIENCE, connect, until
from support.uvicorn_server import Running, running

ON_BOTH_LOOPS = True

OURS: dict[str, Any] = {"ws": WebSocketProtocol}
HOSTS: dict[str, dict[str, Any]] = {
    "ours": OURS,
    "ours on h11": {"ws": WebSocketProtocol, "http": "h11"},
    "ours on httptools": {"ws": WebSocketProtocol, "http": "httptools"},
    "uvicorn's": {"ws": "websockets-sansio"},
}
every_host = pytest.mark.parametrize("host", HOSTS)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
States = list[uvicorn.server.ServerState]


class Site:
    """An application of ordinary routes; what its routes saw is in `seen`."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.release = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/", lambda request: PlainTextResponse("page")),
                WebSocketRoute("/echo", self.echo),
                WebSocketRoute("/protocol", self.protocol),
                WebSocketRoute("/scope", self.scope),
                WebSocketRoute("/refused", self.refused),
                WebSocketRoute("/denied", self.denied),
                WebSocketRoute("/closing", self.closing),
                WebSocketRoute("/failing", self.failing),
                WebSocketRoute("/failing-later", self.failing_later),
                WebSocketRoute("/returning", self.returning),
                WebSocketRoute("/waiting", self.waiting),
                WebSocketRoute("/lazy", self.lazy),
                WebSocketRoute("/flood", self.flood),
                WebSocketRoute("/closing-unread", self.closing_unread),
                WebSocketRoute("/silent", self.silent),
            ]
        )

    async def echo(self, ws: WebSocket) -> None:
        await ws.accept()
        while True:
            message = await ws.receive()
            if message["type"] == "websocket.disconnect":
                self.seen.append(message)
                return
            if message.get("text") is not None:
                await ws.send_text(message["text"])
            else:
                await ws.send_bytes(message["bytes"])

    async def protocol(self, ws: WebSocket) -> None:
        chosen = ws.scope["subprotocols"][-1]
        await ws.accept(subprotocol=chosen, headers=[(b"X-One", b"1"), (b"set-cookie", b"a=b")])
        await ws.close(code=3001, reason="chosen")

    async def scope(self, ws: WebSocket) -> None:
        self.seen.append(dict(ws.scope))
        await ws.accept()
        await ws.close()

    async def refused(self, ws: WebSocket) -> None:
        await ws.close()
        try:
            await ws.send({"type": "websocket.accept"})
        except RuntimeError:
            self.seen.append("RuntimeError")

    async def denied(self, ws: WebSocket) -> None:
        response = PlainTextResponse("not you", status_code=401, headers={"www-authenticate": "Basic"})
        await ws.send_denial_response(response)

    async def closing(self, ws: WebSocket) -> None:
        await ws.accept()
        await ws.send_text("last")
        await ws.close(code=4001, reason="enough")

    async def failing(self, ws: WebSocket) -> None:
        raise LookupError("before")

    async def failing_later(self, ws: WebSocket) -> None:
        await ws.accept()
        raise LookupError("after")

    async def returning(self, ws: WebSocket) -> None:
        await ws.accept()
        await ws.send_text("bye")

    async def waiting(self, ws: WebSocket) -> None:
        self.seen.append("called")
        await self.release.wait()
        try:
            await ws.accept()
            self.seen.append(await ws.receive())
        except (OSError, WebSocketDisconnect) as error:
            self.seen.append(error)

    async def lazy(self, ws: WebSocket) -> None:
        """Receives nothing until it is released, then counts."""
        await ws.accept()
        await self.release.wait()
        total = 0
        while (message := await ws.receive())["type"] == "websocket.receive":
            total += len(message["bytes"])
            await ws.send_text(str(total))

    async def closing_unread(self, ws: WebSocket) -> None:
        await ws.accept()
        await self.release.wait()
        await ws.close()

    async def flood(self, ws: WebSocket) -> None:
        await ws.accept()
        try:
            while True:
                self.seen.append(len(self.seen))
                await ws.send_bytes(bytes(100_000))
        except WebSocketDisconnect:
            self.seen.append("gone")

    async def silent(self, ws: WebSocket) -> None:
        await ws.accept()
        self.seen.append(await ws.receive())


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    """The `ServerState` of each server that is started."""
    made: States = []

    class State(uvicorn.server.ServerState):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(uvicorn.server, "ServerState", State)
    return made


def serving(app: object, host: str = "ours", **options: Any) -> AbstractAsyncContextManager[Running]:
    return running(app, **{**HOSTS[host], "lifespan": "off", **options})


def address(server: Running, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def peer(server: Running, path: str, **options: Any) -> Any:
    return websockets.connect(address(server, path), **{"compression": None, "max_size": None, **options})


# Ordinary routes, beside uvicorn's own host


@every_host
async def test_echo(host: str, site: Site) -> None:
    async with serving(site.app, host) as server:
        async with peer(server, "/echo") as ws:
            for message in ("", "x", "Käse 😀", b"", b"\xff" * 70_000, "é" * 300_000, b"x" * 1_000_000):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["fragments ", "of ", "text"])
            assert await ws.recv() == "fragments of text"
            await asyncio.wait_for(await ws.ping(), PATIENCE)
            await ws.close(code=3333, reason="done")
            assert (ws.close_code, ws.close_reason) == (3333, "done")
        await until(lambda: site.seen)
        assert site.seen == [{"type": "websocket.disconnect", "code": 3333, "reason": "done"}]


@every_host
async def test_close_without_a_code_is_1005(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/echo") as client:
        client.send(CLOSE)
        await client.receive_close()
        await until(lambda: site.seen)
        assert site.seen[0]["code"] == 1005


@every_host
async def test_subprotocol_and_headers(host: str, site: Site) -> None:
    async with (
        serving(site.app, host, headers=[("X-All", "2")]) as server,
        peer(server, "/protocol", subprotocols=["one", "two"]) as ws,
    ):
        assert ws.subprotocol == "two"
        headers = ws.response.headers
        assert (headers["x-one"], headers["set-cookie"], headers["x-all"]) == ("1", "a=b", "2")
        assert headers["server"] == "uvicorn"
        assert len(headers.get_all("date")) == 1
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert (ws.close_code, ws.close_reason) == (3001, "chosen")


async def scope_of(host: str, **options: Any) -> dict[str, Any]:
    """The scope of one and the same request; what differs by its nature is checked and taken out."""
    seen: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(scope)
        await receive()
        await send({"type": "websocket.accept"})

    headers = b"X-Twice: 1\r\nx-twice:  2 \r\nSec-WebSocket-Protocol: a, b\r\nsec-websocket-protocol: c\r\n"
    async with (
        serving(app, host, **options) as server,
        websocket(server.url, "/some%20path?a=%20b&c", headers=headers) as client,
    ):
        assert client.raw.writer.get_extra_info("sockname") == seen[0].pop("client")
        assert client.raw.writer.get_extra_info("peername") == seen[0].pop("server")
    (scope,) = seen
    scope["extensions"] = {
        name: scope["extensions"][name] for name in scope["extensions"] if "arc" not in name
    }
    return scope


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("root_path", ["", "/api"])
async def test_the_scope_is_that_of_uvicorn(http: str, root_path: str) -> None:
    ours = await scope_of("ours", http=http, root_path=root_path)
    assert ours == await scope_of("uvicorn's", http=http, root_path=root_path)
    assert ours["raw_path"] == root_path.encode() + b"/some%20path"
    assert ours["path"] == root_path + "/some path"
    assert ours["subprotocols"] == ["a", "b", "c"]
    assert (b"x-twice", b"2") in ours["headers"]
    assert ours["extensions"] == {"websocket.http.response": {}}


@every_host
async def test_a_path_with_escapes(host: str) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(scope)
        await receive()
        await send({"type": "websocket.accept"})

    async with serving(app, host) as server, websocket(server.url, "/a%2Fb%C3%A9%ff%20?q=%C3%A9"):
        pass
    assert seen[0]["path"] == "/a/bé\ufffd "
    assert seen[0]["raw_path"] == b"/a%2Fb%C3%A9%ff%20"
    assert seen[0]["query_string"] == b"q=%C3%A9"


@every_host
async def test_refusal(host: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with serving(site.app, host) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await peer(server, "/refused?q")
        assert refusal.value.response.status_code == 403
        assert refusal.value.response.body == b""
        await until(lambda: site.seen)
        assert site.seen == ["RuntimeError"]
    lines = [line for line in caplog.messages if "WebSocket" in line]
    assert len(lines) == 1
    assert lines[0].endswith('- "WebSocket /refused?q" 403')


@every_host
async def test_refusal_with_a_response(host: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with serving(site.app, host) as server, connect(server.url) as client:
        answer = await client.ask(b"GET /denied HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert (answer.status, answer.body) == (401, b"not you")
        assert headers["www-authenticate"] == "Basic"
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert headers["connection"] == "close"
        assert "date" in headers
        assert await client.rest() == b""
    assert any(line.endswith('- "WebSocket /denied" 401') for line in caplog.messages)


@every_host
async def test_acceptance_is_logged(host: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with serving(site.app, host) as server, peer(server, "/echo?a=b") as ws:
        port = ws.local_address[1]
    assert f'127.0.0.1:{port} - "WebSocket /echo?a=b" [accepted]' in caplog.messages


@every_host
async def test_a_failure_before_acceptance_is_500(
    host: str, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(site.app, host) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await peer(server, "/failing")
        assert refusal.value.response.status_code == 500
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == ["Exception in ASGI application\n"]
    assert errors[0].exc_info is not None


@every_host
async def test_an_application_that_only_returns(host: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()

    async with serving(app, host) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await peer(server, "/")
        assert refusal.value.response.status_code == 500
    assert "ASGI callable returned without completing handshake." in caplog.messages


@every_host
async def test_the_application_closes(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, peer(server, "/closing") as ws:
        assert await ws.recv() == "last"
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert (ws.close_code, ws.close_reason) == (4001, "enough")


@every_host
async def test_both_sides_close_at_once(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/closing") as client:
        client.send(CLOSE, close_payload(1000))
        assert await client.receive() == Frame(TEXT, b"last")
        await client.receive()
        assert await client.ended()


@every_host
async def test_messages_beyond_the_limit(host: str, site: Site) -> None:
    async with serving(site.app, host, ws_max_size=1000) as server:
        for message in (b"x" * 1001, [b"x" * 600, b"x" * 401]):
            async with peer(server, "/echo") as ws:
                await ws.send(b"x" * 1000)
                assert await ws.recv() == b"x" * 1000
                await ws.send(message)
                with pytest.raises(ConnectionClosedError):
                    await ws.recv()
                assert ws.close_code == 1009
        await until(lambda: len(site.seen) == 2)
        assert {event["code"] for event in site.seen} == {1009}


@every_host
async def test_invalid_text(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/echo") as client:
        client.send(TEXT, b"\xff")
        assert (await client.receive_close())[0] == 1007
        client.raw.writer.close()
        await until(lambda: site.seen)
        assert site.seen[0]["code"] == 1007


@every_host
async def test_an_application_that_does_not_receive_slows_the_peer_down(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/lazy") as client:
        size, count = 10_000, 3000
        transport = client.raw.writer.transport
        client.raw.send(frame(BINARY, bytes(size)) * count)
        # The system takes a few megabytes, the server little more, so most stays on our side.
        waiting = -1
        async with asyncio.timeout(PATIENCE):
            while waiting != transport.get_write_buffer_size():
                waiting = transport.get_write_buffer_size()
                await turns(50)
        assert waiting > size * count // 3
        site.release.set()
        for number in range(1, count + 1):
            assert (await client.receive()).payload == b"%d" % (size * number)


@every_host
async def test_a_peer_that_does_not_read_slows_the_application_down(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/flood") as client:
        client.raw.writer.transport.pause_reading()
        sent = -1
        async with asyncio.timeout(PATIENCE):
            while sent != len(site.seen):
                sent = len(site.seen)
                await turns(50)
        assert 0 < sent < 200
        client.raw.writer.transport.resume_reading()
        for _ in range(sent + 20):
            assert len((await client.receive()).payload) == 100_000
        client.raw.vanish()
        await until(lambda: site.seen[-1] == "gone")


@every_host
async def test_a_close_by_an_application_that_did_not_receive(
    host: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer's answer comes behind all that was not received."""
    monkeypatch.setattr(links, "CLOSE_GRACE", 60)
    async with serving(site.app, host) as server, websocket(server.url, "/closing-unread") as client:
        client.raw.send(frame(BINARY, bytes(10_000)) * 3000)
        await turns(50)
        site.release.set()
        assert await client.receive_close() == (1000, b"")
        client.send(CLOSE, close_payload(1000))
        assert await client.ended()


@every_host
async def test_a_peer_that_vanishes(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, websocket(server.url, "/silent") as client:
        client.raw.vanish()
        await until(lambda: site.seen)
        assert site.seen[0]["type"] == "websocket.disconnect"
        assert site.seen[0]["code"] in (1005, 1006)


@every_host
async def test_a_peer_that_vanishes_before_the_acceptance(host: str, site: Site, states: States) -> None:
    async with serving(site.app, host) as server:
        async with connect(server.url) as client:
            client.send(b"GET /waiting HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
            await until(lambda: site.seen)
            client.vanish()
        await until(lambda: not states[-1].connections)
        site.release.set()
        await until(lambda: len(site.seen) == 2)
        assert isinstance(site.seen[1], OSError | WebSocketDisconnect)


@every_host
async def test_frames_that_come_before_the_acceptance(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, connect(server.url) as client:
        client.send(b"GET /waiting HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
        await until(lambda: site.seen)
        client.send(frame(TEXT, b"early"))
        await turns(50)
        site.release.set()
        assert (await client.answer()).status == 101
        await until(lambda: len(site.seen) == 2)
        assert site.seen[1]["text"] == "early"


@every_host
async def test_keepalive(host: str, site: Site) -> None:
    async with (
        serving(site.app, host, ws_ping_interval=0.02, ws_ping_timeout=0.5) as server,
        websocket(server.url, "/silent") as client,
    ):
        for _ in range(4):
            ping = await client.receive()
            assert ping.opcode == PING
            client.send(PONG, ping.payload)
        client.send(PONG, b"something else")
        assert (await client.receive()).opcode == PING
        assert await client.receive_close() == (1011, b"keepalive ping timeout")
        client.raw.writer.close()
        await until(lambda: site.seen)


@every_host
async def test_graceful_shutdown(host: str, site: Site) -> None:
    async with serving(site.app, host) as server:
        async with peer(server, "/echo") as ws:
            await ws.send("hi")
            assert await ws.recv() == "hi"
            await server.stop()
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            assert ws.close_code == 1012
        assert site.seen[0]["code"] == 1012


@every_host
async def test_shutdown_before_the_acceptance(host: str, site: Site) -> None:
    async with serving(site.app, host) as server, connect(server.url) as client:
        client.send(b"GET /waiting HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
        await until(lambda: site.seen)
        stop = asyncio.create_task(server.stop())
        assert (await client.answer()).status == 500
        site.release.set()
        await stop
        assert isinstance(site.seen[1], OSError | WebSocketDisconnect)


# Where we are better, or stricter, than uvicorn's own host


async def test_a_failure_after_acceptance_is_1011(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(site.app) as server, peer(server, "/failing-later") as ws:
        with pytest.raises(ConnectionClosedError):
            await ws.recv()
        assert ws.close_code == 1011
    assert caplog.messages == ["Exception in ASGI application\n"]


async def test_an_application_that_returns_closes(site: Site) -> None:
    async with serving(site.app) as server, peer(server, "/returning") as ws:
        assert await ws.recv() == "bye"
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 1000


BAD_HANDSHAKES = {
    "version": (HANDSHAKE.replace(b"Version: 13", b"Version: 8"), 426),
    "no version": (HANDSHAKE.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426),
    "short key": (HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZQ=="), 400),
    "rubbish key": (HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"!!!!!!!!!!!!!!!!!!!!!!=="), 400),
    "two keys": (HANDSHAKE + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400),
    "no key": (HANDSHAKE.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""), 400),
}


@pytest.mark.parametrize("name", BAD_HANDSHAKES)
async def test_bad_handshakes(name: str, site: Site) -> None:
    headers, status = BAD_HANDSHAKES[name]
    async with serving(site.app) as server, connect(server.url) as client:
        answer = await client.ask(b"GET /scope HTTP/1.1\r\n" + headers + b"\r\n")
        assert answer.status == status
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13"
        assert await client.rest() == b""
    assert site.seen == []


async def test_a_handshake_needs_get(site: Site) -> None:
    async with serving(site.app) as server, connect(server.url) as client:
        answer = await client.ask(b"PUT /scope HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert site.seen == []


@pytest.mark.parametrize("header", [(b"x\r\ny", b"1"), (b"x", b"1\r\nevil: 1"), (b"", b"1"), (b"x", b"\x00")])
async def test_headers_that_would_break_http_are_the_applications_error(
    header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "headers": [header]})

    async with serving(app) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await peer(server, "/")
        assert refusal.value.response.status_code == 500


async def test_misuse_by_the_application() -> None:
    errors: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async def wrong(message: dict[str, Any]) -> None:
            with pytest.raises(RuntimeError) as error:
                await send(message)
            errors.append(str(error.value))

        assert (await receive())["type"] == "websocket.connect"
        await wrong({"type": "websocket.send", "text": "x"})
        await wrong({"type": "websocket.http.response.start", "status": 99})
        await send({"type": "websocket.accept"})
        await wrong({"type": "websocket.accept"})
        for code in (0, 999, 1004, 1006, 1015, 2999, 5000, 70_000):
            await wrong({"type": "websocket.close", "code": code})
        await send({"type": "websocket.send", "text": "fine", "bytes": None})
        await send({"type": "websocket.close", "code": 1005})
        await wrong({"type": "websocket.send", "text": "x"})
        assert await receive() == await receive()

    async with serving(app) as server, websocket(server.url) as client:
        assert await client.receive() == Frame(TEXT, b"fine")
        assert await client.receive_close() == (1005, b"")
    assert len(errors) == 12


async def test_a_slow_application_is_not_taken_for_a_dead_peer(site: Site) -> None:
    """Its reading pauses, so that the answer to a ping may be waiting behind messages."""
    async with (
        serving(site.app, ws_ping_interval=0.02, ws_ping_timeout=0.5) as server,
        websocket(server.url, "/lazy") as client,
    ):
        client.raw.send(frame(BINARY, bytes(10_000)) * 100)
        pings = [await client.receive() for _ in range(2)]
        assert {ping.opcode for ping in pings} == {PING}
        site.release.set()
        total = 0
        while total < 1_000_000:
            answer = await client.receive()
            if answer.opcode == PING:
                client.send(PONG, answer.payload)
            else:
                total = int(answer.payload)


async def test_a_fast_loop_of_sends_is_bounded(site: Site) -> None:
    """Also when the application never waits for anything else than `send`."""
    sent = 0

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "tiny"})
                sent += 1
        except OSError:
            sent = -1

    async with serving(app) as server, websocket(server.url) as client:
        for _ in range(50_000):
            assert (await client.receive()).payload == b"tiny"
        client.raw.vanish()
        await until(lambda: sent == -1)


@pytest.mark.parametrize("reset", [True, False])
async def test_context_variables(reset: bool) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        await receive()
        await send({"type": "websocket.close"})

    variable.set("set outside")
    async with serving(app, reset_contextvars=reset) as server:
        with pytest.raises(InvalidStatus):
            await peer(server, "/")
    assert seen == ["unset" if reset else "set outside"]


# Compression


@every_host
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    "offer, answer",
    [
        ({}, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
        ({"client_max_window_bits": None}, "permessage-deflate; server_max_window_bits=12"),
        (
            {"server_no_context_takeover": True, "server_max_window_bits": 10},
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10;"
            " client_max_window_bits=12",
        ),
    ],
)
async def test_ordinary_routes_are_compressed_as_uvicorn_does(
    host: str, enabled: bool, offer: dict[str, Any], answer: str, site: Site
) -> None:
    extensions = [ClientPerMessageDeflateFactory(**offer)]
    async with (
        serving(site.app, host, ws_per_message_deflate=enabled, ws_max_size=100_000) as server,
        peer(server, "/echo", extensions=extensions) as ws,
    ):
        assert ws.response.headers.get("sec-websocket-extensions") == (answer if enabled else None)
        for message in ("Käse", b"\x00", "", "x" * 100_000, bytes(100_000)):
            await ws.send(message)
            assert await ws.recv() == message
        await ws.send(bytes(100_001))
        with pytest.raises(ConnectionClosedError):
            await ws.recv()
        assert ws.close_code == 1009


async def test_what_is_sent_on_an_ordinary_route_is_small(site: Site) -> None:
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with (
        serving(site.app, ws_per_message_deflate=True) as server,
        websocket(server.url, "/echo", headers=offer) as client,
    ):
        client.send(TEXT, b"x" * 10_000)
        answer = await client.receive()
        assert answer.rsv1
        assert len(answer.payload) < 100


async def test_plain_uvicorn_compresses_by_default(site: Site) -> None:
    config = uvicorn.Config(site.app, ws=WebSocketProtocol, lifespan="off", log_config=None, port=0)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with websockets.connect(f"ws://127.0.0.1:{port}/echo") as ws:
        assert ws.protocol.extensions
        await ws.send("x" * 1000)
        assert await ws.recv() == "x" * 1000
    server.should_exit = True
    await task


# Taken links


class Taker:
    """An application that takes the link of every WebSocket, as the engine does."""

    def __init__(self) -> None:
        self.receivers: list[Receiver] = []
        self.before: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[Receive, Send], Awaitable[None]] | None = None
        self.fails = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        assert (await receive()) == {"type": "websocket.connect"}
        scope["extensions"]["arcwire.link"]["take"](1000, self._open)
        if scope["path"] == "/refuse":
            await send({"type": "websocket.close"})
            return
        if self.before is not None:
            await self.before()
        await send({"type": "websocket.accept", "headers": [(b"x-way", b"taken")]})
        if self.after is not None:
            await self.after(receive, send)

    def _open(self, link: WebSocketLink) -> "Receiver":
        if self.fails:
            raise LookupError("cannot open")
        receiver = Receiver(link)
        self.receivers.append(receiver)
        return receiver


class Receiver:
    """Says hello and sends everything back."""

    def __init__(self, link: WebSocketLink) -> None:
        self.link = link
        self.closed: list[tuple[CloseReason, str]] = []
        link.send_packet(b"hello")

    def receive_text(self, packet: str) -> None:
        self.link.send_packet(packet.encode())

    def receive_binary(self, data: bytes) -> None:
        self.link.send_binary(data)

    def link_drained(self) -> None: ...

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self.closed.append((reason, description))


@pytest.mark.parametrize("host", ["ours", "ours on h11"])
async def test_a_taken_link(host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    app = Taker()
    async with serving(app, host, ws_max_size=10, ws_ping_interval=0.01) as server:
        async with peer(server, "/any?x") as ws:
            assert ws.response.headers["x-way"] == "taken"
            assert await ws.recv() == "hello"
            for message in ("Käse", b"\x00\xff", "x" * 1000):
                await ws.send(message)
                assert await ws.recv() == message
        await until(lambda: app.receivers[0].closed)
        assert app.receivers[0].closed == [(CloseReason.TRANSPORT_CLOSE, "close code 1000")]
        async with peer(server, "/") as ws:
            await ws.send("x" * 1001)
            assert await ws.recv() == "hello"
            with pytest.raises(ConnectionClosedError):
                await ws.recv()
            assert ws.close_code == 1009
        await until(lambda: app.receivers[1].closed)
        assert app.receivers[1].closed[0][0] is CloseReason.PAYLOAD_TOO_LARGE
    assert [line.split(" - ")[1] for line in caplog.messages if "WebSocket" in line] == [
        '"WebSocket /any?x" [accepted]',
        '"WebSocket /" [accepted]',
    ]


async def test_an_offer_lapses_when_the_application_refuses() -> None:
    app = Taker()
    async with serving(app) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await peer(server, "/refuse")
        assert refusal.value.response.status_code == 403
    assert app.receivers == []


async def test_asgi_is_over_after_a_link_was_taken() -> None:
    app = Taker()
    errors: list[Exception] = []

    async def after(receive: Receive, send: Send) -> None:
        for call in (receive, lambda: send({"type": "websocket.send", "text": "x"})):
            with pytest.raises(RuntimeError) as error:
                await call()
            errors.append(error.value)

    app.after = after
    async with serving(app) as server, peer(server, "/") as ws:
        assert await ws.recv() == "hello"
        await until(lambda: len(errors) == 2)
        await ws.send("still there")
        assert await ws.recv() == "still there"


async def test_a_failure_around_a_taken_link_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    app = Taker()

    async def after(receive: Receive, send: Send) -> None:
        raise LookupError("middleware")

    app.after = after
    async with serving(app) as server, peer(server, "/") as ws:
        assert await ws.recv() == "hello"
        with pytest.raises(ConnectionClosedError):
            await ws.recv()
        assert ws.close_code == 1011
        assert app.receivers[0].closed == [(CloseReason.TRANSPORT_ERROR, "internal error")]
    assert caplog.messages == ["Exception in ASGI application\n"]


async def test_a_link_that_cannot_be_opened(caplog: pytest.LogCaptureFixture) -> None:
    app = Taker()
    app.fails = True
    async with serving(app) as server, peer(server, "/") as ws:
        with pytest.raises(ConnectionClosedError):
            await ws.recv()
        assert ws.close_code == 1011
    assert caplog.messages == ["Exception in ASGI application\n"]


async def test_frames_before_a_link_is_taken() -> None:
    app = Taker()
    waiting = asyncio.Event()
    called = asyncio.Event()

    async def before() -> None:
        called.set()
        await waiting.wait()

    app.before = before
    async with serving(app) as server, connect(server.url) as client:
        client.send(b"GET / HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
        await called.wait()
        # More than the host keeps, so that it stops to read and must begin again.
        client.send(frame(TEXT, b"x" * 1000) * 200)
        await turns(50)
        waiting.set()
        assert (await client.answer()).status == 101
        expected = frame(TEXT, b"hello", masked=False) + frame(TEXT, b"x" * 1000, masked=False) * 200
        assert await client.reader.readexactly(len(expected)) == expected


async def test_a_peer_that_vanishes_before_its_link_is_taken(states: States) -> None:
    app = Taker()
    waiting = asyncio.Event()
    called = asyncio.Event()

    async def before() -> None:
        called.set()
        await waiting.wait()

    app.before = before
    async with serving(app) as server:
        async with connect(server.url) as client:
            client.send(b"GET / HTTP/1.1\r\n" + HANDSHAKE + b"\r\n")
            await called.wait()
            client.vanish()
        await until(lambda: not states[-1].connections)
        waiting.set()
        await until(lambda: not states[-1].tasks)
    assert app.receivers == []


async def test_shutdown_ends_taken_links() -> None:
    app = Taker()
    async with serving(app) as server:
        async with peer(server, "/") as ws, peer(server, "/") as other:
            assert await ws.recv() == await other.recv() == "hello"
            await server.stop()
            for client in (ws, other):
                with pytest.raises(ConnectionClosed):
                    await client.recv()
                assert client.close_code == 1012
        assert [receiver.closed[0][0] for receiver in app.receivers] == [CloseReason.SERVER_SHUTTING_DOWN] * 2
        assert [len(receiver.closed) for receiver in app.receivers] == [1, 1]


async def test_shutdown_does_not_wait_for_a_peer_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(links, "SHUTDOWN_GRACE", 0.05)
    app = Taker()
    async with serving(app) as server, websocket(server.url) as client:
        assert (await client.receive()).payload == b"hello"
        await server.stop()
        assert await client.receive_close() == (1012, b"")
        assert await client.ended()


async def test_connections_and_tasks_are_accounted_for(states: States) -> None:
    taker, site = Taker(), Site()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await (taker if scope["path"] == "/taken" else site.app)(scope, receive, send)

    async with serving(app) as server:
        state = states[-1]
        async with peer(server, "/taken") as ws:
            assert await ws.recv() == "hello"
            await until(lambda: not state.tasks)
            assert {type(connection).__name__ for connection in state.connections} == {"PicowsLink"}
        await until(lambda: not state.connections)
        async with peer(server, "/echo") as ws:
            assert len(state.connections) == len(state.tasks) == 1
        await until(lambda: not state.connections and not state.tasks)
        for path in ("/refused", "/denied"):
            with pytest.raises(InvalidStatus):
                await peer(server, path)
        await until(lambda: not state.connections and not state.tasks)


async def test_nothing_of_the_handshake_outlives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[WebSocketProtocol]] = []

    class Watched(WebSocketProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(weakref.ref(self))

    app = Taker()
    async with running(app, ws=Watched, lifespan="off") as server, peer(server, "/") as ws:
        assert await ws.recv() == "hello"
        gc.disable()
        try:
            await until(lambda: made[0]() is None)
        finally:
            gc.enable()
        await ws.send("still there")
        assert await ws.recv() == "still there"


# Carriers


@asynccontextmanager
async def carried(carrier: str, app: object, directory: Path) -> AsyncIterator[tuple[Running, Any]]:
    if carrier == "unix":
        async with serving(app, uds=str(directory / "server.sock")) as server:
            yield server, None
        return
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key, chain = directory / "key.pem", directory / "chain.pem"
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    async with serving(app, ssl_keyfile=str(key), ssl_certfile=str(chain)) as server:
        yield server, tls


@pytest.mark.parametrize("carrier", ["unix", "tls"])
async def test_taken_links_on_other_carriers(carrier: str, tmp_path: Path) -> None:
    app = Taker()
    async with (
        carried(carrier, app, tmp_path) as (server, tls),
        websocket(server.url, "/", tls=tls) as client,
    ):
        assert await client.receive() == Frame(TEXT, b"hello")
        for size in (0, 125, 126, 1000):
            client.send(BINARY, b"x" * size)
            assert await client.receive() == Frame(BINARY, b"x" * size)
        await server.stop()
        assert await client.receive_close() == (1012, b"")


@pytest.mark.parametrize("carrier", ["unix", "tls"])
async def test_ordinary_routes_on_other_carriers(carrier: str, site: Site, tmp_path: Path) -> None:
    async with carried(carrier, site.app, tmp_path) as (server, tls):
        async with websocket(server.url, "/echo", tls=tls) as client:
            client.send(TEXT, b"x" * 100_000)
            assert await client.receive() == Frame(TEXT, b"x" * 100_000)
            client.send(CLOSE, close_payload(1000))
            assert await client.receive_close() == (1000, b"")
            assert await client.ended()
        async with websocket(server.url, "/scope", tls=tls) as client:
            await client.receive_close()
        scope = site.seen[-1]
        assert scope["scheme"] == ("wss" if carrier == "tls" else "ws")
        assert (scope["client"] is None) == (carrier == "unix")
