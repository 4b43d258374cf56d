"""Connections to our own server on real sockets, over each transport."""

import asyncio
import gc
import json
import logging
import random

import pytest

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.client.connection import HIGH_WATER
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import PayloadTooLarge
from support.engine_client import EngineServer, Heard, connecting, engine_server, upgraded
from support.proxy import proxying
from support.raw_http import until
from support.stub_server import StubConnection, stub_server

ON_BOTH_LOOPS = True

WAYS = {"websocket": ("websocket",), "polling": ("polling",), "upgrade": ("polling", "websocket")}
EVERY_WAY = pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            {"transports": transports, "protocol": protocol, "force_base64": base64},
            id=f"{way}-{protocol}{'-base64' if base64 else ''}",
        )
        for way, transports in WAYS.items()
        for protocol in (4, 3)
        for base64 in (False, True)
    ],
)
EACH_WAY = pytest.mark.parametrize(
    "options", [pytest.param({"transports": transports}, id=way) for way, transports in WAYS.items()]
)
OPEN = json.dumps({"sid": "s", "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 20000})


@EVERY_WAY
async def test_messages_both_ways(options):
    content = ["", "text €😀", b"", bytes(range(256)), "x" * 70_000, b"y" * 70_000]
    async with engine_server() as server, connecting(server.url, **options) as (connection, heard):
        for message in content:
            if isinstance(message, str):
                connection.send_text(message.encode())
            else:
                connection.send_binary(message)
        recorder = server.of(connection)
        await until(lambda: len(recorder.messages) == len(content))
        assert recorder.messages == content
        for message in content:
            if isinstance(message, str):
                recorder.connection.send_text(message.encode())
            else:
                recorder.connection.send_binary(message)
        await until(lambda: len(heard.messages) == len(content))
        assert heard.messages == content


@EACH_WAY
async def test_many_messages_keep_their_order(options):
    """Sent all the time while the transport changes."""
    async with engine_server() as server, connecting(server.url, **options) as (connection, heard):
        recorder = server.of(connection)
        for number in range(300):
            connection.send_text(b"%d" % number)
            recorder.connection.send_binary(b"%d" % number)
            if number % 10 == 0:
                await asyncio.sleep(0.001)
        await until(lambda: len(recorder.messages) == len(heard.messages) == 300)
        assert recorder.messages == [str(number) for number in range(300)]
        assert heard.messages == [b"%d" % number for number in range(300)]


@EACH_WAY
async def test_client_closes(options):
    async with engine_server() as server, connecting(server.url, **options) as (connection, heard):
        recorder = server.of(connection)
        connection.send_text(b"last")
        connection.close()
        assert heard.reason is CloseReason.FORCED_CLOSE
        assert not connection.is_open
        connection.send_text(b"ignored")
        connection.send_binary(b"ignored")
        connection.close()
        await connection.wait_closed()
        await until(lambda: recorder.reason)
        assert recorder.messages == ["last"]
        assert recorder.reason is CloseReason.TRANSPORT_CLOSE


@EACH_WAY
async def test_server_closes(options):
    async with engine_server() as server, connecting(server.url, **options) as (connection, heard):
        recorder = server.of(connection)
        recorder.connection.send_text(b"last")
        recorder.connection.close()
        await until(lambda: heard.reason)
        assert heard.messages == ["last"]
        assert heard.reason is CloseReason.TRANSPORT_CLOSE
        assert not connection.is_open
        await connection.wait_closed()


@pytest.mark.parametrize("protocol", [4, 3])
@EACH_WAY
async def test_heartbeats_keep_a_session(options, protocol):
    """The server pings only those who have answered; in protocol 3 it answers."""
    limits = {"ping_interval": 0.05, "ping_timeout": 20}
    async with (
        engine_server(limits) as server,
        connecting(server.url, protocol=protocol, **options) as (connection, heard),
    ):
        assert (connection.ping_interval, connection.ping_timeout) == (0.05, 20)
        beats = set()
        await until(lambda: beats.add(connection._heartbeat.deadline) or len(beats) > 8)
        assert heard.reason is None
        connection.send_text(b"still there")
        await until(lambda: server.of(connection).messages)


@pytest.mark.parametrize("transports", WAYS.values(), ids=WAYS)
async def test_what_a_connection_says_of_itself(transports):
    async with engine_server({"max_payload": 5000}) as server:
        async with connecting(server.url, transports=transports) as (connection, _):
            assert connection.is_open
            assert len(connection.sid) == 20
            assert connection.protocol == 4
            assert connection.max_payload == 5000
            assert connection.url == server.url
            if transports == ("polling", "websocket"):
                assert connection.transport == "polling"
                await upgraded(connection)
            assert connection.transport == transports[-1]
            expected = f"<EngineConnection to {server.url}: open, {connection.transport}, protocol 4>"
            assert repr(connection) == expected
        assert repr(connection) == expected.replace("open", "closed")


# -- sizes -----------------------------------------------------------------------


@pytest.mark.parametrize("transports", [("websocket",), ("polling",)])
async def test_messages_that_the_server_does_not_take(transports):
    async with (
        engine_server({"max_payload": 100}) as server,
        connecting(server.url, transports=transports) as (connection, _),
    ):
        fits = 100 if transports == ("websocket",) else 72  # base64
        for send, size, taken in (
            (lambda: connection.send_text(bytes(100)), 101, 99),
            (lambda: connection.send_binary(bytes(101)), 101 if fits == 100 else 137, fits),
        ):
            with pytest.raises(PayloadTooLarge, match="100") as caught:
                send()
            assert (caught.value.size, caught.value.limit) == (size, 100)
            connection.check_size(bytes(taken), binary=taken == fits)
        with pytest.raises(PayloadTooLarge):
            connection.check_size(bytes(100))
        with pytest.raises(PayloadTooLarge):
            connection.check_size(bytes(fits + 1), binary=True)
        connection.send_text(b"x" * 99)
        connection.send_binary(b"y" * fits)
        recorder = server.of(connection)
        await until(lambda: len(recorder.messages) == 2)
        assert connection.is_open


async def test_posts_are_split_by_what_the_server_takes():
    """The server ends a session whose post is larger."""
    async with (
        engine_server({"max_payload": 1000}) as server,
        connecting(server.url, transports=("polling",)) as (connection, heard),
    ):
        for number in range(100):
            connection.send_text(b"%03d" % number + b"x" * 300)
        recorder = server.of(connection)
        await until(lambda: len(recorder.messages) == 100)
        assert [str(message)[:3] for message in recorder.messages] == [f"{n:03}" for n in range(100)]
        assert heard.reason is None


@pytest.mark.parametrize("transports", [("websocket",), ("polling",)])
async def test_messages_that_the_client_does_not_take(transports):
    async with engine_server() as server:
        options = {"transports": transports, "max_message_size": 1000}
        async with connecting(server.url, **options) as (connection, heard):
            server.of(connection).connection.send_text(b"x" * 2000)
            await until(lambda: heard.reason)
            assert heard.reason is CloseReason.PAYLOAD_TOO_LARGE
            assert not heard.messages


# -- back-pressure -----------------------------------------------------------------


async def test_drain_over_a_websocket_waits_for_a_reader():
    release = asyncio.Event()

    async def serve(stub: StubConnection) -> None:
        stub.accept()
        stub.send_frame(1, b"0" + OPEN.encode())
        await release.wait()
        await stub.reader.read(-1)

    async with (
        stub_server(serve) as server,
        connecting(server.url, transports="websocket") as (connection, _),
    ):
        await connection.drain()
        assert connection.writable
        for _ in range(300):
            connection.send_binary(bytes(65536))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.buffered_bytes > HIGH_WATER
        assert not connection.writable
        cancelled = asyncio.ensure_future(connection.drain())
        await asyncio.sleep(0.01)
        cancelled.cancel()
        draining = asyncio.ensure_future(connection.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        release.set()
        await asyncio.wait_for(draining, 10)
        assert connection.buffered_bytes <= HIGH_WATER


async def test_drain_while_polling():
    async with engine_server() as server, connecting(server.url, transports="polling") as (connection, _):
        assert connection.writable
        for _ in range(10):
            connection.send_binary(bytes(60_000))
        assert connection.buffered_bytes > HIGH_WATER
        await asyncio.wait_for(connection.drain(), 10)
        assert connection.buffered_bytes <= HIGH_WATER
        await until(lambda: len(server.of(connection).messages) == 10)


async def test_drain_ends_with_the_connection():
    async with engine_server() as server, connecting(server.url, transports="polling") as (connection, _):
        connection.send_binary(bytes(HIGH_WATER + 1))
        draining = asyncio.ensure_future(connection.drain())
        await asyncio.sleep(0)
        connection.abort(CloseReason.TRANSPORT_ERROR, "lost")
        await asyncio.wait_for(draining, 10)


# -- time ----------------------------------------------------------------------------


@pytest.mark.parametrize("transports", [("websocket",), ("polling",)])
async def test_server_that_falls_silent(transports):
    announced = '0{"sid":"s","upgrades":[],"pingInterval":100,"pingTimeout":100}'

    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            stub.accept()
            stub.send_frame(1, announced.encode())
        elif "sid" not in stub.target:
            stub.answer("200 OK", announced.encode())
        await stub.reader.read()

    async with (
        stub_server(serve) as server,
        connecting(server.url, transports=transports) as (connection, heard),
    ):
        await until(lambda: heard.reason)
        assert heard.closed == [(CloseReason.PING_TIMEOUT, "no ping arrived in time")]
        assert not connection.ping_expired


async def test_suspended_machine_is_noticed_when_something_is_sent(monkeypatch):
    async with engine_server() as server, connecting(server.url) as (connection, heard):
        assert not connection.ping_expired
        wall = connection._clocks.wall
        monkeypatch.setattr(connection._clocks, "wall", lambda: wall() + 44)
        assert not connection.ping_expired
        monkeypatch.setattr(connection._clocks, "wall", lambda: wall() + 46)
        assert connection.ping_expired
        assert connection.is_open, "it closes right after the call"
        await until(lambda: heard.reason)
        assert heard.reason is CloseReason.PING_TIMEOUT


async def test_suspended_machine_is_noticed_when_nothing_is_sent(monkeypatch):
    async with engine_server() as server, connecting(server.url) as (connection, heard):
        clocks = connection._clocks
        wall, now = clocks.wall, clocks.now
        assert clocks.handle_deadline(now()) is not None
        assert heard.reason is None
        monkeypatch.setattr(clocks, "wall", lambda: wall() + 600)
        assert clocks.handle_deadline(now()) is None, "nobody is left to be told"
        assert heard.reason is CloseReason.PING_TIMEOUT


# -- upgrade ---------------------------------------------------------------------------


async def test_no_upgrade_where_it_is_not_wanted_or_offered():
    async with (
        engine_server({"transports": ("polling",)}) as server,
        connecting(server.url, transports=("polling", "websocket")) as (connection, _),
    ):
        assert connection.transport == "polling"
        assert connection._upgrader is not None
        assert connection._upgrader._task is None
    async with engine_server() as server:
        options = {"transports": ("polling", "websocket"), "upgrade": False}
        async with connecting(server.url, **options) as (connection, _):
            assert connection._upgrader is not None
            assert connection._upgrader._task is None


async def test_upgrade_that_is_not_let_through_leaves_polling(caplog):
    """Something between does not let WebSockets pass."""
    caplog.set_level(logging.DEBUG, "arcwire.client")
    forbidden = asyncio.Event()

    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            stub.answer("403 Forbidden", b"no WebSockets here")
            forbidden.set()
            return
        await answer_polls(stub, ["4a"])

    options = {"transports": ("polling", "websocket"), "remember_upgrade": True}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, heard):
        await forbidden.wait()
        await until(lambda: "No upgrade" in caplog.text)
        assert "403 Forbidden: no WebSockets here" in caplog.text
        connection.send_text(b"x")
        await until(lambda: heard.messages == ["a"])
        assert connection.transport == "polling"
        assert connection.is_open


@pytest.mark.parametrize("answer", ["close", "wrong", "silence"])
async def test_upgrade_that_fails_on_the_way_leaves_polling(answer, caplog):
    caplog.set_level(logging.DEBUG, "arcwire.client")

    async def serve(stub: StubConnection) -> None:
        if "websocket" not in stub.target:
            await answer_polls(stub, ["4a"])
            return
        stub.accept()
        assert await stub.receive_frame() == (1, b"2probe")
        if answer == "close":
            stub.send_frame(1, b"3probe")
            stub.send_frame(8)
        elif answer == "wrong":
            stub.send_frame(1, b"4not yet")
        await stub.reader.read()

    options = {"transports": ("polling", "websocket"), "upgrade_timeout": 0.2}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, heard):
        await until(lambda: any("websocket" in request.target for request in server.requests))
        await until(lambda: connection._probe is None and connection._parts == 1)
        connection.send_text(b"x")
        await until(lambda: heard.messages == ["a"])
        assert connection.transport == "polling"
        assert connection.is_open


async def answer_polls(stub: StubConnection, packets: list[str]) -> None:
    """Announce a session with an upgrade; polls bring noops, and after a post `packets`."""
    while True:
        if stub.method == "POST":
            await stub.read_body()
            stub.answer("200 OK", b"ok")
            arrived.extend(packets)
        elif "sid" not in stub.target:
            arrived.clear()
            stub.answer("200 OK", b"0" + OPEN.encode())
        else:
            await asyncio.sleep(0.01)
            stub.answer("200 OK", arrived.pop().encode() if arrived else b"6")
        if not await stub.read_head():
            return


arrived: list[str] = []


class Replying(Heard):
    """Answers each message at once."""

    connection: EngineConnection

    def receive_text(self, data: str) -> None:
        super().receive_text(data)
        if not self.closed:
            self.connection.send_text(f"re {data}".encode())


@pytest.mark.parametrize("protocol", [4, 3])
async def test_replies_keep_their_order_over_an_upgrade(protocol):
    """Both sides send all the time, over a network that delays each piece at random."""

    async def talk(server: EngineServer, url: str, seed: int) -> None:
        chance, heard = random.Random(seed), Replying()
        config = EngineClientConfig(transports=("polling", "websocket"), protocol=protocol)
        connection = heard.connection = await EngineConnection.open(url, heard, config)
        recorder = server.of(connection)
        for number in range(100):
            connection.send_text(b"own %d" % number)
            recorder.connection.send_text(b"%d" % number)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.004)
        await until(lambda: len(recorder.messages) == 200 and connection.transport == "websocket")
        numbers = [str(number) for number in range(100)]
        assert heard.messages == numbers
        for kind in ("own", "re"):
            arrived = [str(message).split() for message in recorder.messages]
            assert [number for name, number in arrived if name == kind] == numbers
        connection.close()
        await connection.wait_closed()

    async with engine_server() as server, proxying(server.url, latency=0.01) as proxy:
        await asyncio.gather(*(talk(server, proxy.url, seed) for seed in range(6)))


async def test_upgrade_is_remembered():
    async with engine_server() as server:
        config = EngineClientConfig(transports=("polling", "websocket"), remember_upgrade=True)
        heard = Heard()
        first = await EngineConnection.open(server.url, heard, config)
        assert first.transport == "polling"
        await upgraded(first)
        first.close()
        second = await EngineConnection.open(server.url, heard, config)
        assert second.transport == "websocket"
        second.close()
        await asyncio.gather(first.wait_closed(), second.wait_closed())


async def test_close_during_the_upgrade_loses_nothing():
    async with engine_server() as server:
        for delay in range(12):
            async with connecting(server.url, transports=("polling", "websocket")) as (connection, heard):
                recorder = server.of(connection)
                connection.send_text(b"one")
                for _ in range(delay):
                    await asyncio.sleep(0.001)
                connection.send_text(b"two")
                connection.close()
                await until(lambda r=recorder: r.reason)
                assert recorder.messages == ["one", "two"]
                assert heard.reason is CloseReason.FORCED_CLOSE


# -- nothing is left -------------------------------------------------------------------


@EACH_WAY
async def test_nothing_is_left_of_a_connection(options):
    async with engine_server() as server:
        before = asyncio.all_tasks()
        async with connecting(server.url, **options) as (connection, _):
            connection.send_text(b"x")
            if len(options["transports"]) == 2:
                await upgraded(connection)
        del connection
        await until(lambda: asyncio.all_tasks() <= before)
        gc.collect()
        assert not [thing for thing in gc.get_objects() if type(thing) is EngineConnection]


@pytest.mark.parametrize("transports", WAYS.values(), ids=WAYS)
async def test_opening_is_cancelled_at_any_point(transports):
    """After each number of turns of the loop, until it is too late.

    A polling session whose announcement is on its way then, nobody can close: the server waits for it.
    """
    async with engine_server({"ping_interval": 0.2, "ping_timeout": 0.2}) as server:
        before = asyncio.all_tasks()
        for turns in range(500):
            heard = Heard()
            config = EngineClientConfig(transports=transports)
            opening = asyncio.ensure_future(EngineConnection.open(server.url, heard, config))
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            try:
                connection = await opening
            except asyncio.CancelledError:
                assert not heard.closed
                continue
            connection.close()
            await connection.wait_closed()
            break
        else:
            raise AssertionError("it never opened")
        await until(lambda: server.engine.clients_count == 0)
        await until(lambda: asyncio.all_tasks() <= before)


async def test_messages_of_the_receiver_that_fail_end_a_polling_session(caplog):
    class Failing(Heard):
        def receive_text(self, data: str) -> None:
            raise RuntimeError("broken")

    async with engine_server() as server:
        heard = Failing()
        connection = await EngineConnection.open(server.url, heard, EngineClientConfig(transports="polling"))
        server.of(connection).connection.send_text(b"x")
        await until(lambda: heard.reason)
        assert heard.closed == [(CloseReason.TRANSPORT_ERROR, "internal error")]
        assert "RuntimeError: broken" in caplog.text
        await connection.wait_closed()
