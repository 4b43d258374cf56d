"""Flags of what is sent: volatile, compress, local, timeout, in any order."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from arcwire import AckTimeout, Disconnected, EventDropped, Server, Socket
from support import links
from support.memory import MemoryClient
from support.raw_http import until
from support.uvicorn_server import running
from support.wire import Wire

HIGH_WATER = 64 * 1024


class Poller:
    """A client that polls."""

    def __init__(self, io: Server) -> None:
        self.io = io
        self.client = links.MemoryClient.over_polling(io.engine)
        self.client.post(b"40")
        packets = self.poll()
        assert packets[0].startswith("40")
        (self.socket,) = [each for each in io.sockets.values() if f'"{each.id}"' in packets[0]]

    def poll(self) -> list[str]:
        """The packets that wait; at least one must."""
        return self.client.poll().body.split("\x1e")


async def test_volatile_events_wait_for_no_poll() -> None:
    io = Server()
    poller = Poller(io)
    socket = poller.socket
    socket.volatile.emit("lost")
    io.volatile.emit("lost")
    socket.emit("a")
    socket.volatile.emit("lost behind another")
    assert poller.poll() == ['42["a"]']
    exchange = poller.client.poll()
    assert exchange.response is None
    socket.volatile.emit("b")
    socket.volatile.emit("lost")
    assert exchange.body == '42["b"]'
    exchange = poller.client.poll()
    io.to(socket.id).volatile.emit("c", b"\x01", b"\x02")
    # All of one event, or nothing.
    assert exchange.body == '452-["c",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    assert poller.poll() == ["bAQ==", "bAg=="]


async def test_volatile_events_are_lost_while_a_client_moves_to_websocket() -> None:
    io = Server()
    poller = Poller(io)
    poll = poller.client.poll()
    link = poller.client.probe()
    link.receive("2probe")
    assert link.take() == ["3probe"]
    # The poll that waited is answered, so that the client can pause.
    await until(lambda: poll.response)
    assert poll.body == "6"
    poller.socket.volatile.emit("lost")
    io.volatile.emit("lost")
    link.receive("5")
    poller.socket.volatile.emit("over the WebSocket")
    assert link.take() == ['42["over the WebSocket"]']


async def test_volatile_events_are_lost_above_the_high_water_mark() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, _ = await client.enter(), await other.enter()
    client.link.stalled = HIGH_WATER
    socket.volatile.emit("a")
    client.link.stalled = HIGH_WATER + 1
    socket.volatile.emit("lost")
    io.volatile.emit("b")
    socket.emit("c")
    client.link.stalled = 0
    socket.volatile.emit("d")
    assert client.inbox[1:] == ['2["a"]', '2["c"]', '2["d"]']
    assert other.inbox[1:] == ['2["b"]']


async def test_volatile_events_do_not_pile_up_for_a_client_that_does_not_read() -> None:
    io = Server()
    waiting: list[int] = []

    @io.on("fill")
    async def fill(socket: Socket) -> int:
        count = 0
        while socket.connection.writable:
            socket.volatile.emit("big", "x" * 10_000)
            count += 1
            await asyncio.sleep(0)
        for _ in range(100):
            socket.volatile.emit("lost", "x" * 10_000)
        waiting.append(socket.connection.buffered_bytes)
        return count

    async with running(io.asgi()) as server:
        wire = Wire(server.url)
        try:
            client = await wire.websocket_session("/socket.io")
            client.say("40", '421["fill"]')
            async with asyncio.timeout(10):
                while not waiting:
                    await asyncio.sleep(0.01)
            assert HIGH_WATER < waiting[0] < HIGH_WATER + 11_000
            heard = 0
            while not (text := await client.text()).startswith("431"):
                heard += text.startswith('42["big"')
                assert not text.startswith('42["lost"')
            assert json.loads(text[3:]) == [heard]
        finally:
            await wire.close()


async def test_volatile_events_need_a_client_that_is_in() -> None:
    io = Server()
    sockets: list[Socket] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        sockets.append(socket)
        socket.volatile.emit("lost")
        io.volatile.emit("lost")
        with pytest.raises(EventDropped):
            await socket.volatile.emit_with_ack("lost")
        assert not socket.connected
        socket.emit("held")

    client = MemoryClient(io)
    await client.connect()
    assert client.inbox[1:] == ['2["held"]']
    client.drop()
    sockets[0].volatile.emit("lost")
    sockets[0].volatile.compress(False).send("lost")
    with pytest.raises(Disconnected):
        await sockets[0].volatile.emit_with_ack("lost")


async def test_volatile_events_that_ask_are_dropped_at_once_or_answered() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, other_socket = await client.enter(), await other.enter()
    client.link.stalled = HIGH_WATER + 1
    with pytest.raises(EventDropped, match="volatile"):
        await socket.timeout(5).volatile.emit_with_ack("q")
    assert not socket._acks
    answers = io.volatile.emit_with_ack("q")
    assert answers.missing == {other_socket.id}
    other.send('31["here"]')
    assert await answers == ["here"]
    assert await io.to(socket.id).volatile.emit_with_ack("q") == []
    client.link.stalled = 0
    answer = socket.volatile.emit_with_ack("q")
    client.send('33["back"]')
    assert await answer == "back"


async def test_compress() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, _ = await client.enter(), await other.enter()
    socket.emit("yes")
    socket.compress(True).emit("yes")
    socket.compress(False).emit("no", b"\x01")
    socket.emit("yes")
    io.compress(False).emit("no")
    io.emit("yes")
    socket.compress(False).broadcast.emit("others")
    answer = socket.compress(False).timeout(5).emit_with_ack("q")
    client.send("30[1]")
    assert await answer == 1
    no = ['51-["no",{"_placeholder":true,"num":0}]', b"\x01", '2["no"]', '20["q"]']
    assert client.link.uncompressed == no
    assert other.link.uncompressed == ['2["no"]', '2["others"]']
    assert client.inbox.count('2["yes"]') == 4


async def test_local_is_everybody_when_there_are_no_other_servers() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, _ = await client.enter(), await other.enter()
    io.local.emit("all")
    socket.local.broadcast.emit("others")
    socket.local.emit("itself")
    assert client.inbox[1:] == ['2["all"]', '2["itself"]']
    assert other.inbox[1:] == ['2["all"]', '2["others"]']


async def test_send() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, _ = await client.enter(), await other.enter()
    await socket.send("hello", 1)
    await socket.volatile.send()
    await io.send("all")
    await io.except_(socket.id).send({"to": "others"})
    assert client.inbox[1:] == ['2["message","hello",1]', '2["message"]', '2["message","all"]']
    assert other.inbox[1:] == ['2["message","all"]', '2["message",{"to":"others"}]']


async def test_flags_work_from_threads() -> None:
    io = Server()

    @io.on("work")
    def work(socket: Socket) -> list[object]:
        socket.volatile.emit("volatile")
        socket.compress(False).emit("plain")
        io.volatile.compress(False).emit("all")
        answers = [socket.volatile.timeout(5).emit_with_ack("q").result()]
        return [*answers, *io.volatile.timeout(5).emit_with_ack("q").result()]

    client = MemoryClient(io)
    await client.connect()
    client.send('21["work"]')
    await client.wait_for(lambda data: data == '20["q"]')
    assert client.inbox[1:4] == ['2["volatile"]', '2["plain"]', '2["all"]']
    assert client.link.uncompressed == ['2["plain"]', '2["all"]']
    client.send("30[1]")
    await client.wait_for(lambda data: data == '21["q"]')
    client.send("31[2]")
    await client.wait_for(lambda data: data == "31[[1,2]]")
    await io.close()


CHAINS: list[Callable[[Any], Any]] = [
    lambda target: target.volatile.compress(False).local.timeout(0.01),
    lambda target: target.timeout(0.01).local.volatile.compress(False),
    lambda target: target.compress(False).timeout(5).timeout(0.01).local.volatile.volatile,
    lambda target: target.compress(True).compress(False).local.volatile.timeout(0.01),
]


@pytest.mark.parametrize("chain", CHAINS)
async def test_flags_combine_in_any_order_and_stay_where_they_are(chain: Callable[[Any], Any]) -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, other_socket = await client.enter(), await other.enter()
    other_socket.join("red")
    for flagged, ask in (
        (chain(socket), True),
        (chain(io).to(socket.id), True),
        (chain(io.to(socket.id)), True),
        (chain(other_socket).broadcast, False),
        (chain(other_socket.broadcast), False),
        (chain(other_socket).to(socket.id), False),
        (chain(socket.to("red").to(socket.id)), False),
    ):
        for member in (client, other):
            member.link.sent.clear()
            member.link.uncompressed.clear()
            member.link.stalled = HIGH_WATER + 1
        flagged.emit("lost")
        assert client.inbox == other.inbox == []
        client.link.stalled = other.link.stalled = 0
        flagged.emit("x")
        flagged.send("y")
        heard = ['2["x"]', '2["message","y"]']
        assert (client.link.uncompressed or other.link.uncompressed) == heard
        assert (client.inbox or other.inbox) == heard
        if ask:
            with pytest.raises(AckTimeout, match=r"0\.01 seconds"):
                await flagged.emit_with_ack("q")
        # Nothing of it is left at what it was made from.
        client.link.stalled = other.link.stalled = HIGH_WATER + 1
        socket.emit("kept")
        io.emit("kept")
        assert client.inbox[-2:] == ['2["kept"]', '2["kept"]']
        assert '2["kept"]' not in client.link.uncompressed


@pytest.mark.parametrize("event", ["connect", "disconnect", "newListener", "connection"])
async def test_reserved_names_cannot_be_emitted_with_flags(event: str) -> None:
    io = Server()
    socket = await MemoryClient(io).enter()
    for target in (socket.volatile, io.volatile, socket.compress(False).broadcast):
        with pytest.raises(ValueError, match="lifecycle"):
            target.emit(event)
    with pytest.raises(TypeError):
        socket.volatile.emit("x", object())
