"""Rooms, and sending to many."""

import asyncio

import pytest

from arcwire import Server, Socket
from support.memory import MemoryClient


class Crowd:
    """Connected clients by name."""

    def __init__(self, io: Server) -> None:
        self.io = io
        self.clients: dict[str, MemoryClient] = {}
        self.sockets: dict[str, Socket] = {}

    async def add(self, *names: str) -> None:
        for name in names:
            self.clients[name] = MemoryClient(self.io)
            self.sockets[name] = await self.clients[name].enter()

    def heard(self, event: str) -> str:
        """Who got the event, each as often as they got it."""
        return "".join(
            name * client.inbox.count(f'2["{event}"]') for name, client in sorted(self.clients.items())
        )


async def test_rooms_and_selections() -> None:
    io = Server()
    crowd = Crowd(io)
    await crowd.add("a", "b", "c", "d")
    a, b, c, d = (crowd.sockets[name] for name in "abcd")
    a.join("red", "blue")
    b.join("blue")
    c.join("red", "green")
    assert a.rooms == {a.id, "red", "blue"}

    io.emit("everyone")
    io.to("red").emit("red")
    io.in_("red", "blue").emit("union")
    io.to("red").to("blue").except_("green").emit("union without green")
    io.except_("blue").emit("not blue")
    io.to(d.id).emit("by id")
    io.to(a.id, "blue").emit("by id and room")
    io.except_(a.id).emit("without a")
    io.to("nobody").emit("nobody")
    a.broadcast.emit("broadcast")
    a.to("red").emit("others in red")
    a.to(a.id).emit("itself is left out")
    b.except_("red").emit("others not red")
    b.emit("itself")
    expected = {
        "everyone": "abcd",
        "red": "ac",
        "union": "abc",
        "union without green": "ab",
        "not blue": "cd",
        "by id": "d",
        "by id and room": "ab",
        "without a": "bcd",
        "nobody": "",
        "broadcast": "bcd",
        "others in red": "c",
        "itself is left out": "",
        "others not red": "d",
        "itself": "b",
    }
    assert {event: crowd.heard(event) for event in expected} == expected


async def test_choices_are_values() -> None:
    io = Server()
    crowd = Crowd(io)
    await crowd.add("a", "b")
    crowd.sockets["a"].join("red")
    red = io.to("red")
    red.except_(crowd.sockets["a"].id).emit("nobody")
    red.emit("red")
    crowd.sockets["b"].join("red")
    red.emit("red")
    assert crowd.heard("nobody") == ""
    assert crowd.heard("red") == "aab"


async def test_leaving() -> None:
    io = Server()
    crowd = Crowd(io)
    await crowd.add("a", "b")
    a, b = crowd.sockets["a"], crowd.sockets["b"]
    a.join("red")
    b.join("red")
    a.leave("red")
    a.leave("never joined")
    io.to("red").emit("x")
    assert crowd.heard("x") == "b"
    crowd.clients["b"].drop()
    assert b.rooms == {b.id, "red"}
    assert "red" not in io.adapter._rooms


async def test_a_list_of_rooms_is_a_mistake_that_says_so() -> None:
    io = Server()
    crowd = Crowd(io)
    await crowd.add("a")
    for call in (io.to, io.except_, crowd.sockets["a"].join, crowd.sockets["a"].to):
        with pytest.raises(TypeError, match="several rooms are several arguments"):
            call(["red", "blue"])  # type: ignore[arg-type]


async def test_a_binary_broadcast_stays_together_for_every_client() -> None:
    io = Server()
    crowd = Crowd(io)
    await crowd.add("a", "b")
    io.emit("blob", b"\x01", {"b": b"\x02"})
    io.emit("text")
    expected = [
        '52-["blob",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]',
        b"\x01",
        b"\x02",
        '2["text"]',
    ]
    for client in crowd.clients.values():
        assert client.inbox[1:] == expected


async def test_namespaces_do_not_hear_each_other() -> None:
    io = Server()
    admin = io.of("/admin")
    client = MemoryClient(io)
    await client.connect()
    await client.connect("/admin")
    io.emit("root")
    admin.emit("admin")
    assert client.inbox[2:] == ['2["root"]', '2/admin,["admin"]']


async def test_awaiting_emit_is_back_pressure() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    await socket.emit("a")
    await io.emit("b")
    client.link.stalled = 1_000_000
    waiting = asyncio.ensure_future(_await_emit(socket))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert client.inbox[-1] == '2["c"]'
    client.link.stalled = 0
    client.link.receiver.link_drained()
    await waiting
    client.link.stalled = 1_000_000
    waiting = asyncio.ensure_future(_await_emit(socket))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    client.drop()
    await waiting


async def _await_emit(socket: Socket) -> None:
    await socket.emit("c")
