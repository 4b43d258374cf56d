"""Behaviours that the reference's Socket.IO tests name and no other test here does.

docs/reference-tests.md lists all of them.
"""

import asyncio
import gc
import json
from typing import Any

import pytest

from arcwire import ConnectionRefused, Namespace, ParentNamespace, Recovery, Server, Socket
from support import links
from support.memory import MemoryClient, until


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


# -- connecting -----------------------------------------------------------------------


async def test_the_root_namespace_has_two_names() -> None:
    io = Server()
    assert io.of("") is io
    assert io.of("/") is io


async def test_connected_is_true_once_everybody_agreed() -> None:
    io = Server()
    seen: list[tuple[str, bool, int]] = []

    @io.use
    def look(socket: Socket) -> None:
        seen.append(("middleware", socket.connected, len(io.sockets)))

    @io.on_connect
    def connected(socket: Socket) -> None:
        seen.append(("handler", socket.connected, len(io.sockets)))

    socket = await MemoryClient(io).enter()
    assert seen == [("middleware", False, 0), ("handler", False, 0)]
    assert socket.connected
    assert len(io.sockets) == 1


async def test_middlewares_belong_to_their_namespace() -> None:
    io = Server()
    chat = io.of("/chat")
    calls: list[int] = []

    @io.use
    def never(socket: Socket) -> None:
        raise AssertionError

    @chat.use
    async def first(socket: Socket) -> None:
        await asyncio.sleep(0.001)
        calls.append(1)

    @chat.use
    async def second(socket: Socket) -> None:
        await asyncio.sleep(0)
        calls.append(2)

    @chat.use
    def third(socket: Socket) -> None:
        calls.append(3)

    await MemoryClient(io).connect("/chat")
    assert calls == [1, 2, 3]


async def test_a_client_that_goes_during_a_middleware_is_never_let_in() -> None:
    """Connection and disconnection handlers run as a pair, or not at all."""
    io = Server()
    go = asyncio.Event()
    calls: list[tuple[str, bool]] = []

    @io.use
    async def wait(socket: Socket) -> None:
        calls.append(("middleware", socket.gone))
        await go.wait()

    @io.on_connect
    def connected(socket: Socket) -> None:
        socket.join("lobby")
        calls.append(("handler", socket.gone))

    @io.on_disconnect
    def gone(socket: Socket) -> None:
        calls.append(("gone", socket.gone))

    client = MemoryClient(io)
    client.send("0")
    await until(lambda: calls)
    client.drop()
    go.set()
    await io.close()
    assert calls == [("middleware", False)]
    assert not io.sockets
    assert io.rooms() == {}
    assert client.inbox == []


async def test_rooms_are_left_when_a_middleware_refuses() -> None:
    io = Server()

    @io.use
    def refuse(socket: Socket) -> None:
        socket.join("room1")
        raise ConnectionRefused("nope")

    client = MemoryClient(io)
    client.send("0")
    await client.wait_for(lambda data: data == '4{"message":"nope"}')
    assert len(io.adapter.members) == 0
    assert io.rooms() == {}


async def test_rooms_are_not_joined_after_disconnecting() -> None:
    io = Server()
    done: list[bool] = []

    @io.on_connect
    def connected(socket: Socket) -> None:
        socket.disconnect()
        socket.join("room1")

    @io.on_disconnect
    def gone(socket: Socket) -> None:
        done.append(True)

    client = MemoryClient(io)
    await client.connect()
    await until(lambda: done)
    assert len(io.adapter.members) == 0
    assert io.rooms() == {}


# -- protocol violations, over polling --------------------------------------------------


@pytest.mark.parametrize("packets", [["40", "40"], ['42["some event"]'], ["40", "4abc"]])
async def test_violations_close_a_polling_session(packets: list[str]) -> None:
    io = Server()
    client = links.MemoryClient.over_polling(io.engine)
    for packet in packets:
        assert client.post(packet.encode()).status == 200
    bodies = []
    while (exchange := client.poll()).status == 200:
        bodies.append(exchange.body)
        assert len(bodies) < 5
    assert bodies[-1].split("\x1e")[-1] == "1"
    assert io.engine.clients_count == 0
    assert not io.sockets


# -- events ---------------------------------------------------------------------------


async def test_events_of_a_client_that_leaves_right_behind_are_handled() -> None:
    """The reference drops what came before the farewell if both arrive at once."""
    io = Server()
    heard: list[object] = []

    @io.on("test")
    async def test(socket: Socket, data: bytes) -> None:
        heard.append(data)

    @io.on_disconnect
    async def gone(socket: Socket) -> None:
        heard.append("gone")

    client = MemoryClient(io)
    await client.connect()
    client.send('51-["test",{"_placeholder":true,"num":0}]', b"\x00", "1", '2["test","late"]')
    await until(lambda: "gone" in heard)
    await settle()
    assert heard == [b"\x00", "gone"]


async def test_a_value_that_holds_itself_is_refused() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    circle: dict[str, Any] = {}
    circle["a"] = circle
    for target in (socket, io):
        with pytest.raises((ValueError, TypeError, RecursionError)):
            target.emit("x", circle)
    assert len(client.inbox) == 1
    assert not client.closed


async def test_null_is_a_message() -> None:
    io = Server()
    heard: list[object] = []

    @io.on("message")
    async def message(socket: Socket, value: Any) -> None:
        heard.append(value)

    client = MemoryClient(io)
    await client.connect()
    client.send('2["message",null]', '2["message",1337]')
    await until(lambda: len(heard) == 2)
    assert heard == [None, 1337]


async def test_a_socket_is_left_out_of_a_broadcast_of_its_namespace() -> None:
    io = Server()
    chat = io.of("/chat")
    client, other = MemoryClient(io), MemoryClient(io)
    socket = await client.enter("/chat")
    await other.connect("/chat")
    chat.except_(socket.id).emit("others")
    assert client.inbox[1:] == []
    assert other.inbox[1:] == ['2/chat,["others"]']


async def test_volatile_events_of_a_namespace() -> None:
    io = Server()
    chat = io.of("/chat")
    client = links.MemoryClient.over_polling(io.engine)
    client.post(b"40/chat,")
    client.poll()
    chat.emit("regular")
    chat.volatile.emit("lost")
    assert client.poll().body == '42/chat,["regular"]'
    waiting = client.poll()
    chat.volatile.emit("now")
    assert waiting.body == '42/chat,["now"]'


async def test_volatile_binary_events_come_whole_or_not_at_all() -> None:
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket = await client.enter()
    await other.connect()
    head = '51-["ev",{"_placeholder":true,"num":0}]'
    for target in (socket, io):
        for each in (client, other):
            each.link.sent.clear()
        client.link.stalled = 10_000_000
        target.volatile.emit("ev", b"\x01")
        assert client.inbox == []
        client.link.stalled = 0
        target.volatile.emit("ev", b"\x02")
        assert client.inbox == [head, b"\x02"]
    assert other.inbox == [head, b"\x01", head, b"\x02"]


# -- namespaces -------------------------------------------------------------------------


async def test_static_namespaces_stay() -> None:
    io = Server()
    io.of("/chat")
    client = MemoryClient(io)
    await client.connect("/chat")
    client.send("1/chat,")
    gc.collect()
    assert {namespace.name for namespace in io.namespaces.all} == {"/", "/chat"}
    await client.connect("/chat")


async def test_a_child_that_was_forgotten_is_made_again() -> None:
    io = Server()
    rooms = io.of("/dynamic-{id:int}")
    client = MemoryClient(io)
    await client.connect("/dynamic-101")
    client.send("1/dynamic-101,")
    gc.collect()
    assert rooms.find("/dynamic-101") is None
    again = MemoryClient(io)
    await again.connect("/dynamic-101")
    assert list(rooms.children) == ["/dynamic-101"]


@pytest.mark.parametrize("cleanup", [True, False])
async def test_the_child_of_a_client_that_a_middleware_refuses(cleanup: bool) -> None:
    io = Server(cleanup_empty_child_namespaces=cleanup)
    rooms = io.of("/dynamic-{id:int}")

    @rooms.use
    def refuse(socket: Socket) -> None:
        raise ConnectionRefused("You shall not pass!")

    client = MemoryClient(io)
    client.send("0/dynamic-101,")
    await until(lambda: client.inbox)
    await settle()
    gc.collect()
    assert list(rooms.children) == ([] if cleanup else ["/dynamic-101"])
    assert not rooms.sockets


async def test_the_child_of_a_refused_client_stays_while_others_are_in_it() -> None:
    io = Server()
    rooms = io.of("/dynamic-{id:int}")

    @rooms.use
    def only_one(socket: Socket) -> None:
        if rooms.sockets:
            raise ConnectionRefused("You shall not pass!")

    first, second = MemoryClient(io), MemoryClient(io)
    socket = await first.enter("/dynamic-101")
    second.send("0/dynamic-101,")
    await until(lambda: second.inbox)
    await settle()
    gc.collect()
    assert rooms.children == {"/dynamic-101": socket.namespace}
    assert list(rooms.sockets.values()) == [socket]


async def test_a_child_made_by_hand_belongs_to_its_parent() -> None:
    io = Server()
    rooms = io.of("/dynamic-{id:int}")
    assert isinstance(rooms, ParentNamespace)
    child = io.of("/dynamic-101")
    client = MemoryClient(io)
    await client.connect("/dynamic-101")
    assert rooms.children == {"/dynamic-101": child}
    rooms.emit("all")
    assert client.inbox[-1] == '2/dynamic-101,["all"]'


async def test_two_clients_asked_about_at_once_share_a_child() -> None:
    io = Server()
    go = asyncio.Event()
    made: list[str] = []
    asked: list[str] = []

    @io.on_new_namespace
    def announce(namespace: Namespace) -> None:
        made.append(namespace.name)

    async def decide(name: str, auth: dict[str, Any]) -> bool:
        asked.append(name)
        await go.wait()
        return True

    io.of(decide)
    clients = [MemoryClient(io), MemoryClient(io)]
    for client in clients:
        client.send("0/dynamic-101,")
    await until(lambda: len(asked) == 2)
    go.set()
    await until(lambda: all(client.inbox for client in clients))
    assert made == ["/dynamic-101"]
    io.of("/dynamic-101").emit("message")
    for client in clients:
        assert client.inbox[-1] == '2/dynamic-101,["message"]'
    await io.close()


# -- recovery ---------------------------------------------------------------------------


@pytest.mark.parametrize("recovery", [True, False])
async def test_a_session_that_nobody_knows(recovery: bool) -> None:
    io = Server(connection_state_recovery=Recovery()) if recovery else Server()
    client = MemoryClient(io)
    client.send('0{"pid":"foo","offset":"bar"}')
    greeting = json.loads(str(await client.wait_for(lambda data: str(data).startswith("0{")))[1:])
    assert set(greeting) == ({"sid", "pid"} if recovery else {"sid"})
    assert greeting["sid"] != "foo"
    assert greeting.get("pid") != "foo"
    assert not io.sockets[greeting["sid"]].recovered
    client.send("1")
    await io.close()


# -- listeners --------------------------------------------------------------------------


async def test_outgoing_listeners_hear_binary_broadcasts() -> None:
    io = Server()
    heard: list[tuple[Any, ...]] = []
    socket = await MemoryClient(io).enter()

    @socket.on_any_outgoing
    async def sent(event: str, *args: Any) -> None:
        heard.append((event, *args))

    io.emit("blob", b"\x01\x02", {"nested": b"\x03"})
    await until(lambda: heard)
    assert heard == [("blob", b"\x01\x02", {"nested": b"\x03"})]
