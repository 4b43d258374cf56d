"""How the handlers of one event are run: in order, within a time, so many at once."""

import asyncio
import threading
from typing import Any

import pytest

from arcwire import Ack, Namespace, Server, Socket, on
from arcwire.socketio.lanes import MAX_WAITING
from support.memory import MemoryClient, until


class Gate:
    """Lets handlers go on, one by one, and knows what they did."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.running = 0
        self.most = 0
        self._go: dict[str, asyncio.Event] = {}

    async def pass_(self, name: str) -> None:
        self.log.append(f"begin {name}")
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self._go.setdefault(name, asyncio.Event()).wait()
        finally:
            self.running -= 1
            self.log.append(f"end {name}")

    def open(self, *names: str) -> None:
        for name in names:
            self._go.setdefault(name, asyncio.Event()).set()


async def test_ordered_events_are_handled_one_by_one_whatever_their_name() -> None:
    io = Server()
    gate = Gate()

    @io.on("insert", ordered=True)
    async def insert(socket: Socket, name: str) -> str:
        await gate.pass_(name)
        return name

    @io.on("delete", ordered=True)
    def delete(socket: Socket, name: str) -> str:
        gate.log.append(f"delete {name}")
        return name

    @io.on("free")
    async def free(socket: Socket) -> None:
        gate.log.append("free")

    client, other = MemoryClient(io), MemoryClient(io)
    await client.connect()
    await other.connect()
    client.send('21["insert","a"]', '22["insert","b"]', '23["delete","a"]', '2["free"]')
    other.send('2["insert","c"]')
    await until(lambda: "begin c" in gate.log)
    assert gate.log == ["begin a", "free", "begin c"]
    gate.open("b")
    await asyncio.sleep(0)
    assert "begin b" not in gate.log
    gate.open("a", "c")
    await client.wait_for(lambda data: data == '33["a"]')
    assert [each for each in gate.log if "c" not in each] == [
        "begin a",
        "free",
        "end a",
        "begin b",
        "end b",
        "delete a",
    ]
    assert [str(data)[:2] for data in client.inbox[1:]] == ["31", "32", "33"]
    await io.close()


async def test_a_handler_that_fails_lets_the_next_one_run(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on("x", ordered=True)
    async def x(socket: Socket, fail: bool) -> str:
        await asyncio.sleep(0)
        if fail:
            raise KeyError
        return "ok"

    client = MemoryClient(io)
    await client.connect()
    client.send('21["x",true]', '22["x",5]', '23["x",false]')
    await client.wait_for(lambda data: data == '33["ok"]')
    assert '31[{"error":{"code":"internal"}}]' in client.inbox
    assert any(str(data).startswith('32[{"error":{"code":"invalid"') for data in client.inbox)
    await io.close()


async def test_what_waits_is_handled_though_the_client_has_gone() -> None:
    io = Server()
    gate = Gate()

    @io.on("save", ordered=True)
    async def save(socket: Socket, name: str) -> None:
        await gate.pass_(name)

    client = MemoryClient(io)
    await client.connect()
    client.send('2["save","a"]', '2["save","b"]')
    await until(lambda: gate.log)
    client.drop()
    gate.open("a", "b")
    await until(lambda: len(gate.log) == 4)
    assert gate.log == ["begin a", "end a", "begin b", "end b"]
    await io.close()


async def test_concurrency_limits_the_handlers_of_one_socket() -> None:
    io = Server()
    gate = Gate()

    @io.on("x", concurrency=2)
    async def x(socket: Socket, name: str) -> str:
        await gate.pass_(name)
        return name

    client, other = MemoryClient(io), MemoryClient(io)
    await client.connect()
    await other.connect()
    for index in range(5):
        client.send(f'2{index}["x","{index}"]')
    await until(lambda: gate.running == 2)
    other.send('2["x","other"]')
    await until(lambda: gate.running == 3)
    gate.open("other")
    await until(lambda: gate.running == 2)
    gate.most = 0
    gate.open("1", "0", "2", "3", "4")
    await until(lambda: len(client.inbox) == 6)
    assert gate.most <= 2
    assert [each for each in gate.log if each.startswith("begin") and "other" not in each] == [
        f"begin {index}" for index in range(5)
    ]
    await io.close()


async def test_too_many_that_wait_are_dropped_and_answered() -> None:
    io = Server()
    gate = Gate()
    done: list[int] = []

    @io.on("x", ordered=True)
    async def x(socket: Socket, number: int) -> None:
        if number == 0:
            await gate.pass_("first")
        done.append(number)

    client = MemoryClient(io)
    await client.connect()
    for number in range(MAX_WAITING + 2):
        client.send(f'2["x",{number}]')
    await until(lambda: gate.running)
    client.send('21["x",-1]')
    await client.wait_for(lambda data: str(data).startswith("31"))
    assert client.inbox[-1] == (
        '31[{"error":{"code":"overloaded","message":"too many events wait for their handler"}}]'
    )
    assert not client.closed
    gate.open("first")
    await until(lambda: len(done) == MAX_WAITING + 1)
    client.send('2["x",-2]')
    await until(lambda: done[-1] == -2)
    assert done == [*range(MAX_WAITING + 1), -2]
    await io.close()


async def test_a_handler_that_takes_too_long_is_cancelled() -> None:
    io = Server()
    gate = Gate()

    @io.on("slow", timeout=0.05)
    async def slow(socket: Socket) -> None:
        await gate.pass_("slow")

    @io.on("quick", timeout=5)
    async def quick(socket: Socket) -> str:
        await asyncio.sleep(0)
        return "done"

    @io.on("its own", timeout=5)
    async def its_own(socket: Socket) -> None:
        raise TimeoutError

    @io.on("ack", timeout=0.05)
    async def ack(socket: Socket, ack: Ack) -> None:
        await asyncio.Event().wait()

    client = MemoryClient(io)
    await client.connect()
    error = {"error": {"code": "timeout", "message": "not done within 0.05 seconds"}}
    assert await client.ask(1, "slow") == [error]
    assert gate.log == ["begin slow", "end slow"]
    assert await client.ask(2, "quick") == ["done"]
    assert await client.ask(3, "its own") == [{"error": {"code": "internal"}}]
    assert await client.ask(4, "ack") == [error]
    await io.close()


async def test_a_plain_function_that_takes_too_long_goes_on_unheard() -> None:
    io = Server()
    go, done = threading.Event(), threading.Event()

    @io.on("slow", timeout=0.05)
    def slow(socket: Socket) -> str:
        go.wait(5)
        done.set()
        return "late"

    client = MemoryClient(io)
    await client.connect()
    assert "timeout" in str(await client.ask(1, "slow"))
    go.set()
    await until(done.is_set)
    assert len(client.inbox) == 2
    await io.close()


async def test_the_time_of_an_ordered_handler_begins_when_it_starts() -> None:
    io = Server()

    @io.on("x", ordered=True, timeout=0.2)
    async def x(socket: Socket, wait: bool) -> str:
        if wait:
            await asyncio.Event().wait()
        return "done"

    client = MemoryClient(io)
    await client.connect()
    client.send('21["x",true]', '22["x",true]', '23["x",false]')
    await client.wait_for(lambda data: data == '33["done"]')
    assert [str(data)[:2] for data in client.inbox[1:]] == ["31", "32", "33"]
    await io.close()


async def test_handlers_of_sockets_and_methods_have_options_too() -> None:
    io = Server()
    gate = Gate()

    class Chat(Namespace):
        @on("say", ordered=True)
        async def say(self, socket: Socket, name: str) -> None:
            await gate.pass_(name)

        @on.connect
        async def welcome(self, socket: Socket) -> None:
            @socket.on("own", ordered=True)
            async def own(name: str) -> None:
                await gate.pass_(name)

    io.include(Chat("/chat"))
    client = MemoryClient(io)
    await client.connect("/chat")
    client.send('2/chat,["say","a"]', '2/chat,["own","b"]')
    await until(lambda: gate.log)
    gate.open("b", "a")
    await until(lambda: len(gate.log) == 4)
    assert gate.log == ["begin a", "end a", "begin b", "end b"]
    await io.close()


async def test_closing_the_server_ends_those_that_run_and_wait() -> None:
    io = Server()
    gate = Gate()

    @io.on("x", ordered=True)
    async def x(socket: Socket, name: str) -> None:
        await gate.pass_(name)

    client = MemoryClient(io)
    await client.connect()
    client.send('2["x","a"]', '2["x","b"]')
    await until(lambda: gate.log)
    await io.close(grace=0.01)
    assert gate.log == ["begin a", "end a"]


@pytest.mark.parametrize(
    "options,error,text",
    [
        ({"ordered": True, "concurrency": 2}, TypeError, "leave out concurrency"),
        ({"concurrency": 0}, ValueError, "concurrency is a number of handlers, got 0"),
        ({"concurrency": "2"}, ValueError, "got '2'"),
        ({"timeout": 0}, ValueError, "a timeout is a positive number of seconds, got 0"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Namespace("/a").on("x", **options)
