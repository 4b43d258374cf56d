"""The life of a server: serving while a block runs, draining, signals, and what outlives it."""

import asyncio
import logging
import signal
import sysconfig
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from arcwire import Disconnected, DisconnectReason, Server, Socket
from arcwire.hosts.uvicorn.errors import StartError
from support.memory import MemoryClient, until
from support.raw_http import Answer, connect
from support.servers import TESTS, ServerProcess, free_port

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"
PATIENCE = 10.0


async def get(url: str, path: str) -> Answer:
    async with connect(url) as client:
        return await client.ask(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@asynccontextmanager
async def peer(url: str, path: str = "/socket.io", **options: Any) -> AsyncIterator[Any]:
    """A client of python-socketio's, connected; in an HTTP session that is closed with it."""
    async with aiohttp.ClientSession() as http:
        client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
        await client.connect(url, socketio_path=path, **options)
        try:
            yield client
        finally:
            await client.shutdown()


@pytest.fixture
def io() -> Server:
    return Server()


@pytest.fixture
def site() -> Starlette:
    return Starlette(routes=[Route("/hello", hello)])


# -- serving ------------------------------------------------------------------------


async def test_serving_ends_with_its_block(io: Server, site: Starlette) -> None:
    async with io.serving(site) as url:
        assert url.startswith("http://127.0.0.1:")
        assert (await get(url, HANDSHAKE)).body.startswith(b'0{"sid"')
        assert (await get(url, "/hello")).body == b"hello"
        assert io.engine.clients_count == 1
    assert io.engine.clients_count == 0
    with pytest.raises(ConnectionRefusedError):
        await get(url, HANDSHAKE)


async def test_serving_again(io: Server) -> None:
    for _ in range(2):
        async with io.serving() as url:
            assert (await get(url, HANDSHAKE)).status == 200


def test_serving_in_another_loop(io: Server) -> None:
    async def once() -> None:
        async with io.serving() as url:
            assert (await get(url, HANDSHAKE)).status == 200

    asyncio.run(once())
    asyncio.run(once())


async def test_serving_on_a_port_of_ones_own(io: Server) -> None:
    port = free_port()
    async with io.serving(port=port) as url:
        assert url == f"http://127.0.0.1:{port}"
        with pytest.raises(StartError, match="already in use"):
            async with Server().serving(port=port):
                pytest.fail("it cannot start")


async def test_serving_leaves_signals_alone(io: Server) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with io.serving():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_an_error_in_the_block_ends_the_server_too(io: Server) -> None:
    with pytest.raises(KeyError):
        async with io.serving() as url:
            raise KeyError
    with pytest.raises(ConnectionRefusedError):
        await get(url, HANDSHAKE)


async def test_clients_are_told(io: Server) -> None:
    reasons: list[str] = []

    @io.on_disconnect
    async def gone(socket: Socket, reason: DisconnectReason) -> None:
        reasons.append(reason)

    lost = asyncio.Event()
    async with AsyncExitStack() as stack:
        async with io.serving() as url:
            client = await stack.enter_async_context(peer(url, transports=["websocket"]))
            client.on("disconnect", lambda reason: lost.set())
        async with asyncio.timeout(PATIENCE):
            await lost.wait()
    assert reasons == [DisconnectReason.SERVER_SHUTTING_DOWN]


# -- closing ------------------------------------------------------------------------


async def test_closing_leaves_the_http_server_alone(io: Server, site: Starlette) -> None:
    async with io.serving(site) as url:
        await get(url, HANDSHAKE)
        await io.close()
        assert io.engine.clients_count == 0
        assert (await get(url, "/hello")).body == b"hello"
        assert (await get(url, HANDSHAKE)).status == 200


async def test_draining_leaves_the_http_server_alone(io: Server, site: Starlette) -> None:
    async with io.serving(site) as url:
        await io.drain(1)
        assert (await get(url, "/hello")).body == b"hello"


# -- draining -----------------------------------------------------------------------


async def test_newcomers_are_refused(io: Server) -> None:
    async with io.serving() as url:
        old = await get(url, HANDSHAKE)
        sid = old.body[8:28].decode()
        client = MemoryClient(io)
        await client.connect()
        client.link.stalled = 1  # so that draining lasts
        draining = asyncio.create_task(io.drain(10))
        await until(lambda: io.engine.clients_count == 1)  # that of `old` was let go

        for path, fields in (
            (HANDSHAKE, ""),
            (
                "/socket.io/?EIO=4&transport=websocket",
                "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
                "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
            ),
        ):
            async with connect(url) as stranger:
                answer = await stranger.ask(f"GET {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n".encode())
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.body == b'{"code":3,"message":"Server is shutting down"}'
        # Nonsense is still nonsense, and who had a session is told to get a new one.
        assert (await get(url, "/socket.io/?EIO=4&transport=carrier-pigeon")).status == 400
        assert b"Session ID unknown" in (await get(url, f"{HANDSHAKE}&sid={sid}")).body

        client.link.stalled = 0
        await draining
        assert (await get(url, HANDSHAKE)).status == 503, "it stays closed"


async def test_nobody_there(io: Server) -> None:
    await io.drain(60)
    assert io.engine.clients_count == 0


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", None])
async def test_timeouts_that_are_none(io: Server, seconds: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        await io.drain(seconds)


async def test_clients_go_one_after_the_other(io: Server) -> None:
    gone: list[tuple[float, str, str]] = []

    @io.on_disconnect
    async def note(socket: Socket, reason: DisconnectReason) -> None:
        gone.append((time.monotonic(), socket.id, reason))

    ids = [await MemoryClient(io).connect() for _ in range(30)]
    start = time.monotonic()
    await io.drain(20)
    moments = [moment - start for moment, _, _ in gone]
    assert sorted(id for _, id, _ in gone) == sorted(ids)
    assert [id for _, id, _ in gone] != ids, "who came together does not come back together"
    assert {reason for _, _, reason in gone} == {DisconnectReason.SERVER_SHUTTING_DOWN}
    # 50 a second: the time is not stretched for a few, but nor are they let go at once.
    assert moments == sorted(moments)
    assert moments[-1] >= 29 / 50
    assert all(moment >= index / 50 for index, moment in enumerate(moments))


async def test_many_clients_go_in_half_of_the_time(io: Server) -> None:
    for _ in range(200):
        await MemoryClient(io).connect()
    start = time.monotonic()
    draining = asyncio.create_task(io.drain(2))
    await until(lambda: io.engine.clients_count < 200)
    assert io.engine.clients_count > 0, "the first of many ticks"
    await draining
    assert io.engine.clients_count == 0
    assert time.monotonic() - start >= 199 / 200


async def test_running_handlers_get_to_their_answer(io: Server) -> None:
    release = asyncio.Event()

    @io.on("work")
    async def work(socket: Socket) -> str:
        await release.wait()
        return "done"

    busy, idle = MemoryClient(io), MemoryClient(io)
    await busy.connect()
    await idle.connect()
    busy.send('27["work"]')
    draining = asyncio.create_task(io.drain(10))
    await until(lambda: idle.closed)
    assert not busy.closed
    busy.send('28["work"]')  # it goes on as usual
    release.set()
    await draining
    assert busy.closed
    assert sorted(map(str, busy.inbox[-2:])) == ['37["done"]', '38["done"]']


async def test_handlers_in_threads_get_to_their_answer(io: Server) -> None:
    @io.on("work")
    def work(socket: Socket) -> str:
        return str(socket.timeout(5).emit_with_ack("ready?").result())

    client = MemoryClient(io)
    await client.connect()
    client.send('27["work"]')
    await client.wait_for(lambda data: "ready?" in str(data))
    draining = asyncio.create_task(io.drain(10))
    await asyncio.sleep(0)
    client.send(f'3{str(client.inbox[-1])[1:].split("[")[0]}["yes"]')
    await draining
    assert client.inbox[-1] == '37["yes"]'


async def test_acknowledgements_of_clients_are_waited_for(io: Server) -> None:
    client = MemoryClient(io)
    socket = await client.enter()
    asked = socket.emit_with_ack("name?")
    draining = asyncio.create_task(io.drain(10))
    other = MemoryClient(io)
    await other.connect()
    await asyncio.sleep(0.1)  # a few ticks: a drain that does not wait would have closed it
    assert not client.closed
    client.send(f'3{str(client.inbox[-1])[1:].split("[")[0]}["ada"]')
    assert await asked == "ada"
    await draining
    assert client.closed
    assert other.closed


async def test_what_is_under_way_arrives(io: Server) -> None:
    client = MemoryClient(io)
    await client.connect()
    client.link.stalled = 100_000
    draining = asyncio.create_task(io.drain(10))
    await asyncio.sleep(0.1)
    assert not client.closed
    client.link.stalled = 0
    await draining
    assert client.closed


async def test_the_time_is_up(io: Server, caplog: pytest.LogCaptureFixture) -> None:
    cancelled: list[bool] = []

    @io.on("hang")
    async def hang(socket: Socket) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    hanging, silent = MemoryClient(io), MemoryClient(io)
    await hanging.connect()
    socket = await silent.enter()
    hanging.send('27["hang"]')
    asked = socket.emit_with_ack("name?")
    start = time.monotonic()
    await io.drain(0.2)
    assert time.monotonic() - start >= 0.2
    assert hanging.closed
    assert silent.closed
    assert cancelled == [True]
    with pytest.raises(Disconnected):
        await asked
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "2 client(s) still waited for something after 0.2 seconds" in messages


async def test_clients_that_go_by_themselves(io: Server) -> None:
    client, other = MemoryClient(io), MemoryClient(io)
    socket = await client.enter()
    await other.connect()
    asked = socket.emit_with_ack("name?")
    draining = asyncio.create_task(io.drain(60))
    await until(lambda: other.closed)
    client.drop()
    await draining
    with pytest.raises(Disconnected):
        await asked


async def test_a_polling_client_gets_its_answer(io: Server) -> None:
    release = asyncio.Event()

    @io.on("work")
    async def work(socket: Socket) -> str:
        await release.wait()
        return "done"

    async with io.serving() as url, peer(url, transports=["polling"]) as client:
        asked = asyncio.create_task(client.call("work"))
        await until(io._tasks.beneficiaries)
        draining = asyncio.create_task(io.drain(10))
        await asyncio.sleep(0.1)
        release.set()
        assert await asked == "done"
        await draining


# -- signals ------------------------------------------------------------------------

ARCWIRE = Path(sysconfig.get_path("scripts")) / "arcwire"


class Command(ServerProcess):
    """`arcwire run`, whose exit code tests want to see."""

    def __init__(self, target: str, *options: str) -> None:
        port = free_port()
        command = [str(ARCWIRE), "run", target, "--app-dir", str(TESTS), "--port", str(port), *options]
        super().__init__(command, port)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def exit_code(self) -> int:
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, PATIENCE)


@asynccontextmanager
async def command(target: str, *options: str) -> AsyncIterator[Command]:
    """The command, running."""
    process = Command(target, *options)
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        process.close()


@asynccontextmanager
async def worker(url: str, path: str, seconds: float) -> AsyncIterator[tuple[Any, asyncio.Task[Any]]]:
    """A client for which a handler runs, and the answer it waits for."""
    working = asyncio.Event()
    async with peer(url, path, transports=["websocket"]) as client:
        client.on("working", working.set)
        asked = asyncio.create_task(client.call("work", seconds, timeout=PATIENCE))
        try:
            async with asyncio.timeout(PATIENCE):
                await working.wait()
            yield client, asked
        finally:
            asked.cancel()
            await asyncio.wait((asked,))


@pytest.mark.parametrize("target, path", [("io", "/socket.io"), ("site", "/live/socket.io")])
async def test_sigterm_drains(target: str, path: str) -> None:
    async with command(f"support.lifecycle_app:{target}") as process:
        async with worker(process.url, path, 1.0) as (_, asked):
            process.signal(signal.SIGTERM)
            answer = None
            while answer is None or answer.status == 200:  # until the signal has arrived
                answer = await get(process.url, f"{path}/?EIO=4&transport=polling")
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            if target == "site":
                assert (await get(process.url, "/hello")).body == b"hello"
            assert await asked == "done"
        assert await process.exit_code() == -signal.SIGTERM
        assert "Traceback" not in process.output()


async def test_a_second_signal_stops_at_once() -> None:
    async with command("support.lifecycle_app:site", "--drain-timeout", "60") as process:
        async with worker(process.url, "/live/socket.io", 60) as (client, asked):
            process.signal(signal.SIGTERM)
            while (await get(process.url, f"/live{HANDSHAKE}")).status == 200:
                pass
            process.signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                await client.wait()
            assert not asked.done() or asked.exception() is not None
        assert await process.exit_code() == -signal.SIGTERM


@pytest.mark.parametrize(
    "number, options", [(signal.SIGINT, ()), (signal.SIGTERM, ("--drain-timeout", "0"))], ids=["int", "term"]
)
async def test_stops_that_do_not_drain(number: signal.Signals, options: tuple[str, ...]) -> None:
    async with command("support.lifecycle_app:site", *options) as process:
        async with worker(process.url, "/live/socket.io", 3) as (client, asked):
            process.signal(number)
            async with asyncio.timeout(PATIENCE):
                await client.wait()
            assert not asked.done() or asked.exception() is not None
        assert await process.exit_code() in (0, -number)
        assert "Traceback" not in process.output()
