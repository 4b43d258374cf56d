"""Clients and servers over real sockets."""

import asyncio
import gc
import os
import signal
import threading
import weakref
from typing import Any

import msgspec
import pytest

from arcwire import Client, Disconnected, MsgpackCodec, PayloadTooLarge, Recovery, Server, Socket
from support.engine_server import until
from support.proxy import proxying

TRANSPORTS = {"websocket": ("websocket",), "polling": ("polling",), "upgrade": ("polling", "websocket")}


class Said(msgspec.Struct):
    text: str


@pytest.fixture(params=list(TRANSPORTS))
def transports(request):
    return TRANSPORTS[request.param]


def new_server(**options: Any) -> Server:
    io = Server(**options)

    @io.on_connect
    async def connected(socket: Socket, auth: Any) -> None:
        socket.emit("welcome", auth)

    @io.on("echo")
    async def echo(socket: Socket, *values: Any) -> Any:
        return values

    @io.on("ask me")
    async def ask(socket: Socket, value: Any) -> Any:
        return await socket.timeout(10).emit_with_ack("question", value)

    @io.on("drop me")
    async def drop(socket: Socket) -> None:
        socket.disconnect(close=True)

    io.of("/admin").on("echo", echo)
    return io


async def test_everything_once(transports):
    io = new_server()
    async with (
        io.serving() as url,
        Client(f"{url}?a=1", auth={"token": "x"}, transports=transports) as socket,
    ):
        welcome = []
        socket.on("welcome", welcome.append)

        @socket.on("question")
        async def question(said: Said) -> dict[str, Any]:
            return {"text": said.text * 2, "data": b"x"}

        values = [None, 1.5, "é\u2028🎉", {"a": [b"1", {"b": b"2"}]}, b""]
        assert await socket.emit_with_ack("echo", values) == [values]
        assert await socket.emit_with_ack("ask me", {"text": "ab"}) == {"text": "abab", "data": b"x"}
        assert await socket.emit_with_ack("ask me", {"wrong": 1}) == {
            "error": {
                "code": "invalid",
                "message": "Object missing required field `text`",
                "path": "said",
            }
        }
        async with socket.of("/admin") as admin:
            assert await admin.emit_with_ack("echo", 1, 2) == [1, 2]
            assert admin.id != socket.id
        await until(lambda: welcome == [{"token": "x"}])
        assert [each.handshake.query["a"] for each in io.sockets.values()] == ["1"]
    assert not io.sockets


async def test_message_pack(transports):
    io = new_server(codec=MsgpackCodec())
    async with io.serving() as url, Client(url, transports=transports, codec=MsgpackCodec()) as socket:
        assert await socket.emit_with_ack("echo", {"a": b"1"}, 2) == [{"a": b"1"}, 2]


async def test_the_server_drops_it_and_it_comes_back(transports):
    io = new_server()
    async with io.serving() as url, Client(url, transports=transports, reconnection_delay=0.01) as socket:
        states = socket.states()
        first = socket.id
        socket.emit("drop me")
        seen = []
        async with asyncio.timeout(10):
            async for state in states:
                seen.append(state.name)
                if len(seen) == 3:
                    break
                if state.name == "closed":
                    # Told to leave its namespace before the connection was closed: it does not come back.
                    await socket.connect()
        assert seen[0] == "open"
        assert await socket.emit_with_ack("echo", 1) == [1]
        assert socket.id != first


async def test_a_server_that_is_restarted():
    io = new_server()
    async with io.serving() as url:
        port = int(url.rsplit(":", 1)[1])
        client = Client(url, reconnection_delay=0.01, reconnection_delay_max=0.05)
        socket = await client.__aenter__()
    await until(lambda: socket.state.name == "recovering")
    socket.emit("echo", "while it was down")
    answer = socket.emit_with_ack("echo", 1)
    async with new_server().serving(port=port):
        assert await answer == [1]
        await client.close()


async def test_recovery(transports):
    io = new_server(connection_state_recovery=Recovery())
    async with (
        io.serving() as url,
        proxying(url) as proxy,
        Client(
            proxy.url, transports=transports, reconnection_delay=0.01, reconnection_delay_max=0.02
        ) as socket,
    ):
        news = []

        @socket.on("news")
        async def heard(number: int) -> None:
            news.append(number)

        id = socket.id
        io.emit("news", 0)
        await until(lambda: news == [0])
        proxy.refusing = True
        while socket.connected:
            proxy.cut()
            await asyncio.sleep(0.005)
        for number in range(1, 4):
            io.emit("news", number)
        proxy.refusing = False
        await until(lambda: len(news) == 4)
        assert news == [0, 1, 2, 3]
        assert socket.recovered
        assert socket.id == id


async def test_retries_and_deduplication(transports):
    io = Server(deduplicate_retries=True)
    handled = []

    @io.on("n")
    async def n(socket: Socket, number: int) -> int:
        handled.append(number)
        await asyncio.sleep(0)
        return number

    async with (
        io.serving() as url,
        proxying(url) as proxy,
        Client(
            proxy.url,
            transports=transports,
            retries=1000,
            ack_timeout=5,
            reconnection_delay=0.01,
            reconnection_delay_max=0.02,
        ) as socket,
    ):
        assert socket.deduplicated
        answers = []
        for number in range(300):
            answers.append(socket.emit_with_ack("n", number))
            if number % 60 == 59:
                proxy.cut(reset=True)
            await asyncio.sleep(0)
        assert [await answer for answer in answers] == list(range(300))
    assert handled == list(range(300))


async def test_too_large(transports):
    io = new_server(max_payload=1000)
    async with io.serving() as url, Client(url, transports=transports) as socket:
        with pytest.raises(PayloadTooLarge) as caught:
            socket.emit("echo", "x" * 1000)
        assert caught.value.limit == 1000
        assert await socket.emit_with_ack("echo", "x" * 900) == ["x" * 900]


async def test_a_burst_and_back_pressure(transports):
    io = Server()
    received = []

    @io.on("part")
    async def part(socket: Socket, number: int, data: bytes) -> None:
        received.append(number)

    @io.on("done")
    async def done(socket: Socket) -> int:
        return len(received)

    async with io.serving() as url, Client(url, transports=transports) as socket:
        for number in range(100):
            await socket.emit("part", number, bytes(20_000))
        assert await socket.emit_with_ack("done") == 100
    assert received == list(range(100))


async def test_what_was_emitted_is_sent_before_it_closes(transports):
    io = Server()
    received = []

    @io.on("n")
    async def n(socket: Socket, number: int) -> None:
        received.append(number)

    async with io.serving() as url:
        async with Client(url, transports=transports) as socket:
            for number in range(1000):
                socket.emit("n", number)
        await until(lambda: len(received) == 1000)
    assert received == list(range(1000))


# -- what is left ---------------------------------------------------------------------


async def test_nothing_is_left(transports):
    io = new_server()
    async with io.serving() as url:
        await _use(url, transports)  # what is made once is made now
        gc.collect()
        tasks, files = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
        threads, handlers = threading.active_count(), signal.getsignal(signal.SIGINT)
        clients = [await _use(url, transports) for _ in range(5)]
        await until(lambda: not io.sockets)
        await until(lambda: asyncio.all_tasks() == tasks)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files)
        await until(lambda: threading.active_count() <= threads)
        assert signal.getsignal(signal.SIGINT) is handlers
        await until(lambda: not gc.collect() and not [each for each in clients if each() is not None])


async def _use(url, transports):
    client = Client(url, transports=transports, retries=2)
    async with client as socket:
        socket.on("welcome", lambda auth: None)
        stream = socket.events()
        await socket.emit_with_ack("echo", 1)
        await socket.timeout(5).emit_with_ack("echo", 1)
        assert len(stream) <= 1
    return weakref.ref(client)


async def test_a_client_that_is_cancelled_leaves_nothing(transports):
    io = new_server()
    async with io.serving() as url:
        tasks = asyncio.all_tasks()
        for rounds in range(12):
            task = asyncio.create_task(_use(url, transports))
            for _ in range(rounds * 3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,))
        await until(lambda: asyncio.all_tasks() == tasks)
        await until(lambda: not io.sockets)


# -- threads and loops -----------------------------------------------------------------


async def test_from_other_threads():
    io = Server()
    received: list[int] = []

    @io.on("n")
    async def n(socket: Socket, number: int) -> int:
        received.append(number)
        return number

    async with io.serving() as url, Client(url) as socket:

        def work() -> list[int]:
            answers = []
            for number in range(100):
                socket.emit("n", number)
                answers.append(socket.emit_with_ack("n", 100 + number))
            return [answer.result() for answer in answers]

        assert await asyncio.to_thread(work) == list(range(100, 200))
        assert [number for number in received if number < 100] == list(range(100))

        @socket.on("call")
        def plain(value: int) -> int:
            return socket.emit_with_ack("n", value).result()

        (own,) = io.sockets.values()
        assert await own.emit_with_ack("call", 7) == 7


async def test_under_asyncio_run_in_a_thread():
    io = new_server()

    async def main(url: str) -> Any:
        async with Client(url) as socket:
            return await socket.emit_with_ack("echo", 1)

    async with io.serving() as url:
        assert await asyncio.to_thread(asyncio.run, main(url)) == [1]


async def test_the_server_goes_while_it_is_asked():
    io = Server()
    asked = asyncio.Event()

    @io.on("hang")
    async def hang(socket: Socket) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with io.serving() as url:
        client = Client(url, reconnection=False)
        socket = await client.__aenter__()
        answer = socket.emit_with_ack("hang")
        await asked.wait()
        await io.close(grace=0.01)
        with pytest.raises(Disconnected):
            await answer
        await client.close()
