"""An application that is an engine's own is not asked: clients must not be able to tell.

Each test serves the same server twice: as it is, and within another application, which is asked.
"""

import asyncio
import base64
import logging
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from arcwire import Server, Socket
from arcwire.engineio.link import Request
from arcwire.hosts.uvicorn import general, http
from arcwire.hosts.uvicorn.http import HttpProtocol
from arcwire.hosts.uvicorn.websocket import WebSocketProtocol
from arcwire.socketio.handshake import Handshake
from support.raw_http import PATIENCE, RawClient, connect, until
from support.uvicorn_server import Running, running

ON_BOTH_LOOPS = True

KEY = base64.b64encode(bytes(range(16)))
TARGET = b"/socket.io/?EIO=4&transport=websocket"
UPGRADE = (
    b"GET " + TARGET + b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
OPEN = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"


def as_it_is(io: Server) -> Any:
    return io.asgi()


def within_another(io: Server) -> Any:
    app = io.asgi()

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return outer


both_ways = pytest.mark.parametrize("application", [as_it_is, within_another])


def serving(app: Any, **options: Any) -> AbstractAsyncContextManager[Running]:
    return running(app, **{"http": HttpProtocol, "ws": WebSocketProtocol, **options})


def changed(old: bytes, new: bytes) -> bytes:
    assert old in UPGRADE
    return UPGRADE.replace(old, new)


async def frame(client: RawClient) -> bytes:
    """The content of the next frame, of less than 126 bytes."""
    async with asyncio.timeout(PATIENCE):
        head = await client.reader.readexactly(2)
        assert head[1] < 126
        return await client.reader.readexactly(head[1])


def client_frame(content: bytes) -> bytes:
    return bytes((0x81, 0x80 | len(content), 0, 0, 0, 0)) + content


@pytest.fixture
def opened_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which protocol each connection of a test had in the end that did not become a link."""
    seen: list[str] = []
    make = general.GeneralProtocol

    def passed_on(*args: Any) -> general.GeneralProtocol:
        seen.append("general")
        return make(*args)

    monkeypatch.setattr(http, "GeneralProtocol", passed_on)
    return seen


@pytest.mark.parametrize(
    "request_bytes, direct",
    [
        (UPGRADE, True),
        (changed(b"Connection: Upgrade", b"connection:keep-alive, Upgrade "), True),
        (changed(b": websocket", b": WebSocket"), True),
        (changed(b"Host: x", b"Host: x\r\nOrigin: http://x"), True),
        (changed(b"Host: x", b"Host: x\r\nSec-WebSocket-Extensions: permessage-deflate"), True),
        (changed(b"Host: x", b"Host: x\r\nSec-WebSocket-Protocol: a, b"), True),
        (changed(b"EIO=4", b"EIO=4&sid=unknown"), True),
        (changed(b"EIO=4", b"EIO=3"), True),
        (changed(b"=websocket", b"=polling"), True),
        (changed(b"Host: x", b"Host: x\r\nOrigin: http://y"), True),
        (changed(b"/socket.io/", b"/socket%2Eio/"), True),
        (changed(b"Connection: Upgrade", b"Connection: foo, Upgrade, bar"), False),
        (changed(b"Version: 13", b"Version: 12"), False),
        (changed(b"Key: " + KEY, b"Key: c2hvcnQ="), False),
        (changed(b"\r\nSec-WebSocket-Key: " + KEY, b""), False),
        (changed(b"Host: x", b"Host: x\r\nSec-WebSocket-Key: " + KEY), False),
        (changed(b"Host: x", b"Host: x\r\n folded: 1"), False),
        (changed(b"/socket.io/", b"/elsewhere/"), False),
        (OPEN.replace(b"transport=polling", b"transport=carrier"), True),
        (OPEN.replace(b"EIO=4", b"EIO=4&sid=unknown"), True),
        (OPEN.replace(b"GET", b"POST"), True),
        (OPEN.replace(b"GET", b"DELETE"), False),
        (OPEN.replace(b"/socket.io/?", b"/socket.io/socket.io.js?"), False),
    ],
    ids=lambda value: (
        value.decode("latin-1").replace("\r\n", "|")[4:70] if isinstance(value, bytes) else str(value)
    ),
)
async def test_answers_are_the_same(request_bytes: bytes, direct: bool, opened_by: list[str]) -> None:
    received = []
    for application in (as_it_is, within_another):
        opened_by.clear()
        async with serving(application(Server())) as server, connect(server.url) as client:
            answer = await client.ask(request_bytes)
            received.append(answer.raw)
            if answer.status == 101:
                assert (await frame(client)).startswith(b'0{"sid":"')
            assert opened_by == ([] if direct and application is as_it_is else ["general"])
    # Of a foreign origin a WebSocket gets 403, so the order of fields is compared, too.
    assert received[0] == received[1]


@both_ways
@pytest.mark.parametrize("forwarded", [b"", b"\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https"])
@pytest.mark.parametrize("polling", [False, True])
async def test_the_handshake_that_applications_see(
    application: Callable[[Server], Any], forwarded: bytes, polling: bool
) -> None:
    io = Server()
    seen: list[Handshake] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        seen.append(socket.handshake)

    fields = b"Host: x" + forwarded + b"\r\nX-A:  1 \r\nx-a:2\r\nCookie: a=%C3%A9\xe9"
    async with serving(application(io)) as server, connect(server.url) as client:
        if polling:
            body = (
                await client.ask(OPEN.replace(b"polling", b"polling&a=%20b&a=c").replace(b"Host: x", fields))
            ).body
            sid = re.findall(rb'"sid":"([^"]+)', body)[0]
            post = OPEN.replace(b"GET", b"POST").replace(b"polling", b"polling&sid=" + sid)
            assert (await client.ask(post[:-2] + b"Content-Length: 2\r\n\r\n40")).body == b"ok"
        else:
            upgrade = changed(b"Host: x", fields).replace(b"=websocket", b"=websocket&a=%20b&a=c")
            assert (await client.ask(upgrade)).status == 101
            client.send(client_frame(b"40"))
        await until(lambda: seen)
    handshake = seen[0]
    transport = "polling" if polling else "websocket"
    assert handshake.query == {"EIO": "4", "transport": transport, "a": "c"}
    assert handshake.url == f"/socket.io/?EIO=4&transport={transport}&a=%20b&a=c"
    assert handshake.headers["x-a"] == "1, 2"
    assert handshake.headers["cookie"] == "a=%C3%A9é"
    assert (handshake.address, handshake.secure) == (
        ("203.0.113.9", True) if forwarded else ("127.0.0.1", False)
    )


async def test_log_lines_are_the_same(caplog: pytest.LogCaptureFixture) -> None:
    logged = []
    for application in (as_it_is, within_another):
        caplog.clear()
        ports = []
        with caplog.at_level(logging.INFO, "uvicorn"):
            async with serving(application(Server()), access_log=True) as server:
                for data in (UPGRADE, changed(b"EIO=4", b"EIO=3&a=%20"), OPEN):
                    async with connect(server.url) as client:
                        await client.ask(data)
                        ports.append(str(client.writer.get_extra_info("sockname")[1]))
        lines = [record.getMessage() for record in caplog.records if "socket.io" in record.getMessage()]
        for port in ports:
            lines = [line.replace(port, "port") for line in lines]
        logged.append(lines)
    assert len(logged[0]) == 3
    assert logged[0] == logged[1]


async def test_frames_that_come_with_the_request_are_not_lost() -> None:
    async with serving(Server().asgi()) as server, connect(server.url) as client:
        assert (await client.ask(UPGRADE + client_frame(b"40"))).status == 101
        assert (await frame(client)).startswith(b'0{"sid":"')
        assert (await frame(client)).startswith(b'40{"sid":"')


@both_ways
async def test_functions_of_the_application_are_awaited(
    application: Callable[[Server], Any], opened_by: list[str]
) -> None:
    asked: list[str] = []

    async def allow(request: Request) -> bool:
        await asyncio.sleep(0)
        asked.append(request.query["transport"])
        return True

    async with serving(application(Server(allow_request=allow))) as server:
        async with connect(server.url) as client:
            assert (await client.ask(UPGRADE)).status == 101
            assert (await frame(client)).startswith(b'0{"sid":"')
        async with connect(server.url) as client:
            assert (await client.ask(OPEN)).body.startswith(b'0{"sid":"')
    assert asked == ["websocket", "polling"]


@both_ways
async def test_compression_is_agreed_on(application: Callable[[Server], Any]) -> None:
    io = Server(per_message_deflate=True)
    request = changed(b"Host: x", b"Host: x\r\nSec-WebSocket-Extensions: permessage-deflate")
    async with serving(application(io)) as server, connect(server.url) as client:
        answer = await client.ask(request)
        assert answer.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")


async def test_a_server_that_stops_ends_links_and_polls() -> None:
    io = Server()
    ends: list[str] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.on_disconnect(lambda _, reason: ends.append(reason.value))

    async with serving(io.asgi()) as server, connect(server.url) as client, connect(server.url) as poller:
        await client.ask(UPGRADE)
        client.send(client_frame(b"40"))
        sid = re.findall(rb'"sid":"([^"]+)', (await poller.ask(OPEN)).body)[0]
        of_session = OPEN.replace(b"polling", b"polling&sid=" + sid)
        await poller.ask(of_session.replace(b"GET", b"POST")[:-2] + b"Content-Length: 2\r\n\r\n40")
        await poller.ask(of_session)
        poller.send(of_session)
        await until(lambda: len(io.sockets) == 2)
        await server.stop()
    assert len(ends) == 2


async def test_two_requests_at_once_on_one_connection_keep_their_order() -> None:
    async with serving(Server().asgi()) as server, connect(server.url) as client:
        client.send(OPEN + OPEN.replace(b"polling", b"carrier"))
        assert [(await client.answer()).status for _ in range(2)] == [200, 400]
