"""Behaviours that the reference's Engine.IO tests name and no other test here does.

docs/reference-tests.md lists all of them.
"""

import asyncio
import json

import pytest

from arcwire import Server
from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Request, Response
from arcwire.engineio.protocol.reasons import CloseReason
from support.frames import TEXT
from support.links import MemoryClient, MemoryExchange, admit, request
from support.raw_http import PATIENCE
from support.recorder import RecordedEngine
from support.requests import request_with
from support.uvicorn_server import running
from support.wire import Wire


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine()


@pytest.mark.parametrize("name", ["constructor", "__proto__", "__class__", "__init__", "Transport"])
async def test_transports_named_like_parts_of_objects(engine: RecordedEngine, name: str) -> None:
    exchange = MemoryExchange(request(transport=name))
    engine.handle_request(exchange)
    assert (exchange.status, json.loads(exchange.body)["code"]) == (400, 0)
    refused = admit(engine, request(transport=name))
    assert isinstance(refused, Response)
    assert (refused.status, json.loads(refused.body)["code"]) == (400, 0)


async def test_a_proxy_that_strips_the_upgrade_leaves_polling_as_it_was(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    exchange = MemoryExchange(request(transport="websocket", sid=client.sid))
    engine.handle_request(exchange)
    assert (exchange.status, json.loads(exchange.body)["code"]) == (400, 3)
    assert client.post(b"4echo").status == 200
    assert engine.recorded[client.sid].messages == ["echo"]
    client.upgrade()


async def test_a_post_that_is_on_its_way_when_the_session_is_closed(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    post = client.post(None)
    engine.recorded[client.sid].connection.close()
    post.deliver(b"4test")
    assert post.status == 200
    assert client.poll().body == "1"
    assert engine.recorded[client.sid].messages == []
    assert engine.clients_count == 0


@pytest.mark.parametrize("closing", [False, True])
async def test_a_server_that_stops_sends_nothing_of_what_waits(engine: RecordedEngine, closing: bool) -> None:
    client = MemoryClient.over_polling(engine)
    connection = engine.recorded[client.sid].connection
    connection.send_text(b"hello")
    if closing:
        connection.close()
    engine.shutdown()
    assert client.poll().status == 400
    assert engine.clients_count == 0
    reason = CloseReason.FORCED_CLOSE if closing else CloseReason.SERVER_SHUTTING_DOWN
    assert engine.recorded[client.sid].reason is reason


async def test_a_cookie_for_the_same_site_only() -> None:
    engine = RecordedEngine(EngineConfig(cookie={"same_site": "strict"}))
    exchange = MemoryExchange(request_with("GET"))
    engine.handle_request(exchange)
    assert exchange.response is not None
    cookie = f"io={exchange.response.sid}; Path=/; HttpOnly; SameSite=Strict"
    assert dict(exchange.response.headers)[b"set-cookie"] == cookie.encode()


async def test_without_the_option_there_is_no_cookie(engine: RecordedEngine) -> None:
    exchange = MemoryExchange(request_with("GET"))
    engine.handle_request(exchange)
    assert exchange.response is not None
    assert b"set-cookie" not in dict(exchange.response.headers)


async def test_many_large_messages_and_the_heartbeat_on_one_websocket() -> None:
    """A client that answers pings only between messages is not taken for a silent one."""
    io = Server(ping_interval=0.2, ping_timeout=0.5)

    @io.on("fill")
    async def fill(socket: object) -> None:
        for number in range(100):
            io.emit("big", number, "a" * 65_535)

    async with running(io.asgi()) as server:
        wire = Wire(server.url)
        try:
            client = await wire.websocket_session("/socket.io")
            client.say("40", '42["fill"]')
            numbers: list[int] = []
            pings = 0
            async with asyncio.timeout(20):
                while len(numbers) < 100 or pings < 2:
                    packet = await client.text()
                    if packet == "2":
                        pings += 1
                        client.say("3")
                    elif packet.startswith("42"):
                        numbers.append(json.loads(packet[2:])[1])
            assert numbers == list(range(100))
        finally:
            await wire.close()


@pytest.mark.parametrize("upgrade", [False, True])
async def test_bytes_that_are_no_frames_behind_the_handshake(upgrade: bool) -> None:
    io = Server()
    async with running(io.asgi()) as server:
        wire = Wire(server.url)
        try:
            query = "EIO=4&transport=websocket"
            if upgrade:
                query += f"&sid={(await wire.poll_session('/socket.io')).sid}"
            head = (
                f"GET /socket.io/?{query} HTTP/1.1\r\nHost: test\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            client = await wire.connect()
            # Read as a frame this has all reserved bits set, and a length of 101. uvicorn drops what
            # arrives together with the handshake, which no client may send; so it is sent again.
            junk = b"test" + bytes(101)
            client.send(head.encode() + junk)
            async with asyncio.timeout(PATIENCE):
                assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                client.send(junk)
                await client.reader.readuntil(b"\x03\xea")  # the close code 1002
            other = await wire.websocket_session("/socket.io")
            other.send(TEXT, b"40")
            assert (await other.text()).startswith("40")
        finally:
            await wire.close()


async def test_a_session_outlives_connections_that_close() -> None:
    """A client may open a connection for each request, and say so."""
    io = Server()

    @io.on("test")
    def test(socket: object, value: int) -> int:
        return value

    async with running(io.asgi()) as server:
        wire = Wire(server.url)
        try:
            session = await wire.poll_session("/socket.io")
            for body, answer in ((b"40", "40{"), (b'421["test",7]', "431[7]")):
                posted = await session.post(body, "Connection: close")
                assert (posted.status, posted.headers["connection"]) == (200, "close")
                polled = await wire.ask("GET", session.target, headers=("Connection: close",))
                assert polled.headers["connection"] == "close"
                assert polled.body.decode().startswith(answer)
            assert io.engine.clients_count == 1
        finally:
            await wire.close()


async def test_a_websocket_is_refused_when_its_id_cannot_be_made() -> None:
    def broken(of: Request) -> str:
        raise RuntimeError("nope")

    engine = RecordedEngine(EngineConfig(generate_id=broken))
    refused = await engine.admit(request_with("GET", transport="websocket"))
    assert isinstance(refused, Response)
    assert (refused.status, json.loads(refused.body)) == (400, {"code": 3, "message": "Bad request"})
    assert engine.clients_count == 0
