"""What requests carry over the wire: cookies, header fields, sub-protocols, limits of time."""

import asyncio

import pytest

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import ConnectTimeout
from support.engine_client import Heard, connecting, engine_server, upgraded
from support.raw_http import until
from support.stub_server import StubConnection, stub_server

ANNOUNCED = b'0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}'
EACH_TRANSPORT = pytest.mark.parametrize("transport", ["websocket", "polling"])


@EACH_TRANSPORT
async def test_cookies_come_back_with_all_requests(transport):
    async with engine_server({"cookie": True}) as server:
        config = EngineClientConfig(transports=(transport, *({"polling", "websocket"} - {transport})))
        heard = Heard()
        first = await EngineConnection.open(server.url, heard, config)
        assert [cookie.value for cookie in config.jar] == [first.sid]
        if transport == "polling":
            await upgraded(first)
        first.close()
        second = await EngineConnection.open(server.url, Heard(), config)
        assert f"io={first.sid}" in server.of(second).connection.request.headers["cookie"]
        second.close()
        await asyncio.gather(first.wait_closed(), second.wait_closed())


async def test_cookies_pass_from_one_transport_to_the_other():
    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            stub.accept("Set-Cookie: b=2; Path=/\r\n")
            assert await stub.receive_frame() == (1, b"2probe")
            await stub.reader.read()
        stub.answer("200 OK", ANNOUNCED, "Set-Cookie: a=1; Path=/\r\n")
        while await stub.read_head():
            await asyncio.sleep(0.01)
            stub.answer("200 OK", b"6")

    options = {"transports": ("polling", "websocket"), "extra_headers": {"X-Mine": "yes"}}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, _):
        await until(lambda: connection._probe is not None)
        probe = next(request for request in server.requests if "websocket" in request.target)
        assert probe.headers["cookie"] == "a=1"
        poll = server.requests[0]
        await until(lambda: poll.headers.get("cookie") == "a=1; b=2")
        assert probe.headers["x-mine"] == poll.headers["x-mine"] == "yes"


@EACH_TRANSPORT
async def test_requests_as_they_are_written(transport):
    async def serve(stub: StubConnection) -> None:
        if transport == "websocket":
            stub.accept("Sec-WebSocket-Protocol: two\r\n")
            stub.send_frame(1, ANNOUNCED)
            await stub.reader.read()
        elif stub.method == "POST":
            bodies.append((stub.headers, await stub.read_body()))
            stub.answer("200 OK", b"ok")
        else:
            if "sid" not in stub.target:
                stub.answer("200 OK", ANNOUNCED)
            await stub.reader.read()

    bodies: list[tuple[dict[str, str], bytes]] = []
    options = {
        "transports": transport,
        "upgrade": False,
        "protocols": ["one", "two"],
        "query": {"token": "a&b"},
        "extra_headers": {"Origin": "https://app.example", "Host": "other.example"},
    }
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, _):
        request = server.requests[0]
        assert request.target.startswith("/engine.io/?token=a%26b&EIO=4&transport=" + transport)
        assert request.headers["host"] == "other.example"
        assert request.headers["origin"] == "https://app.example"
        assert request.headers["user-agent"] == "arcwire"
        assert request.head.lower().count("\r\nhost:") == 1
        if transport == "websocket":
            assert request.headers["sec-websocket-protocol"] == "one, two"
            assert request.headers["sec-websocket-version"] == "13"
        else:
            connection.send_text(b"x")
            await until(lambda: any(body for _, body in bodies))
            headers, body = next(pair for pair in bodies if pair[1])
            assert (headers["content-type"], body) == ("text/plain;charset=UTF-8", b"4x")


async def test_request_timeout():
    async def serve(stub: StubConnection) -> None:
        if "sid" not in stub.target:
            stub.answer("200 OK", ANNOUNCED)
            if not await stub.read_head():
                return
        await stub.reader.read()

    options = {"transports": "polling", "request_timeout": 0.2}
    async with stub_server(serve) as server, connecting(server.url, **options) as (_, heard):
        await until(lambda: heard.reason)
        assert heard.closed == [
            (CloseReason.TRANSPORT_ERROR, f"{server.url} did not answer within 0.2 seconds"),
        ]

    async def say_nothing(stub: StubConnection) -> None:
        await stub.reader.read()

    async with stub_server(say_nothing) as server:
        with pytest.raises(ConnectTimeout):
            await EngineConnection.open(server.url, Heard(), EngineClientConfig(**options))


@pytest.mark.parametrize(
    "answer, reason, description",
    [
        (
            ("400 Bad Request", b'{"code":1,"message":"Session ID unknown"}'),
            CloseReason.TRANSPORT_ERROR,
            "code 1",
        ),
        (("413 Payload Too Large", b""), CloseReason.PAYLOAD_TOO_LARGE, "413"),
        (("200 OK", b"<html>"), CloseReason.PARSE_ERROR, "unknown packet type"),
        (None, CloseReason.TRANSPORT_ERROR, "ended without an answer"),
    ],
)
async def test_poll_that_fails_ends_the_session(answer, reason, description):
    """It is not made again: what its lost answer held would be missing."""

    async def serve(stub: StubConnection) -> None:
        stub.answer("200 OK", ANNOUNCED)
        assert "sid" not in stub.target
        if await stub.read_head() and answer is not None:
            stub.answer(*answer)

    options = {"transports": "polling"}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, heard):
        await until(lambda: heard.reason)
        assert heard.reason is reason
        assert description in heard.closed[0][1]
        assert not connection.is_open


async def test_messages_that_come_with_the_announcement():
    first = b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'

    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            stub.accept(early=b"\x81\x43" + first + b"\x81\x024a" + b"\x82\x01b")
        else:
            stub.answer("200 OK", first + b"\x1e4a\x1ebYg==")
        await stub.reader.read()

    assert len(first) == 0x43
    for transport in ("websocket", "polling"):
        async with (
            stub_server(serve) as server,
            connecting(server.url, transports=transport) as (_, heard),
        ):
            await until(lambda h=heard: h.messages == ["a", b"b"])
