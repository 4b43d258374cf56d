"""Namespaces that are made when a client asks for them."""

import asyncio
import gc
import logging
import re
from typing import Any
from uuid import UUID

import pytest

from arcwire import ConnectionRefused, Namespace, ParentNamespace, Server, Socket
from arcwire.socketio.server.multiplexer import MAX_SEEKING
from support.memory import MemoryClient, until


async def ask(client: MemoryClient, namespace: str, id: int, event: str) -> str | bytes:
    client.send(f'2{namespace},{id}["{event}"]')
    head = f"3{namespace},{id}"
    return await client.wait_for(lambda data: isinstance(data, str) and data.startswith(head))


async def refused(client: MemoryClient, namespace: str) -> str | bytes:
    client.send(f"0{namespace},")
    return await client.wait_for(lambda data: isinstance(data, str) and data.startswith(f"4{namespace},"))


@pytest.mark.parametrize(
    "pattern,name,params",
    [
        ("/project-{id:int}", "/project-5", {"id": 5}),
        ("/project-{id:int}", "/project-0", {"id": 0}),
        ("project-{id}", "/project-a.b", {"id": "a.b"}),
        ("/{team:str}/{board:int}", "/red/12", {"team": "red", "board": 12}),
        ("/files/{where:path}", "/files/a/b", {"where": "a/b"}),
        (
            "/{key:uuid}",
            "/0b8e5a4e-2f1c-4f7a-9d8e-6f1f7d1c2b3a",
            {"key": UUID("0b8e5a4e-2f1c-4f7a-9d8e-6f1f7d1c2b3a")},
        ),
        (re.compile(r"/room-(?P<name>\w+)(?P<rest>-x)?"), "/room-a", {"name": "a", "rest": ""}),
        (re.compile(r"/\d{1,3}"), "/123", {}),
    ],
)
async def test_names_that_match_connect_and_carry_parameters(
    pattern: Any, name: str, params: dict[str, Any]
) -> None:
    io = Server()
    io.of(pattern)
    client = MemoryClient(io)
    socket = await client.enter(name)
    assert socket.namespace.name == name
    assert socket.namespace.params == params
    await io.close()


@pytest.mark.parametrize(
    "pattern,name",
    [
        ("/project-{id:int}", "/project-"),
        ("/project-{id:int}", "/project-05"),
        ("/project-{id:int}", "/project--5"),
        ("/project-{id:int}", "/project-٣"),
        ("/project-{id:int}", "/project-" + "9" * 5000),
        ("/project-{id:int}", "/project-5/more"),
        ("/project-{id:int}", "/a/project-5"),
        ("/project.{id:int}", "/projectx5"),
        ("/{name}", "/a/b"),
        ("/{name:path}", "/" + "a" * 1000),
        ("/{key:uuid}", "/0B8E5A4E-2F1C-4F7A-9D8E-6F1F7D1C2B3A"),
        (re.compile(r"/a"), "/ab"),
    ],
)
async def test_names_that_do_not_match_are_refused(pattern: Any, name: str) -> None:
    io = Server()
    io.of(pattern)
    client = MemoryClient(io)
    assert await refused(client, name) == f'4{name},{{"message":"Invalid namespace"}}'
    assert not client.closed
    await io.close()


@pytest.mark.parametrize(
    "pattern,text",
    [
        ("/{id:number}", "'number' in the pattern.*there are str, path, int, uuid"),
        ("/{}", "'' in the pattern .* cannot name a parameter"),
        ("/{a}-{a}", "'a' in the pattern .* cannot name"),
        ("/{a-b}", "'a-b' in the pattern .* cannot name"),
        ("/{a", "brace without its partner"),
        ("/a}", "brace without its partner"),
        ("/{a}{{b}}", "brace without its partner"),
        ("/{a},", "without commas"),
    ],
)
def test_patterns_that_cannot_be_read_say_so(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Server().of(pattern)


def test_other_matchers_are_errors() -> None:
    with pytest.raises(TypeError, match="a pattern, a regular expression or a function, got 5"):
        ParentNamespace(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="make it with ParentNamespace"):
        Server().include(Namespace("/a-{b}"))


async def test_children_share_what_is_registered_also_later() -> None:
    io = Server()
    rooms = io.of("/room-{name}")
    seen: list[str] = []

    @rooms.on("who")
    async def who(socket: Socket) -> str:
        return str(socket.namespace.params["name"])

    client = MemoryClient(io)
    await client.connect("/room-a")

    @rooms.on("late")
    async def late(socket: Socket) -> str:
        return "late"

    @rooms.use
    async def watch(socket: Socket) -> None:
        seen.append(f"use {socket.namespace.name}")

    @rooms.on_connect
    async def connected(socket: Socket) -> None:
        seen.append("connect")

    @rooms.on_disconnect
    async def gone(socket: Socket) -> None:
        seen.append("disconnect")

    await client.connect("/room-b")
    assert await ask(client, "/room-a", 1, "who") == '3/room-a,1["a"]'
    assert await ask(client, "/room-b", 2, "who") == '3/room-b,2["b"]'
    assert await ask(client, "/room-a", 3, "late") == '3/room-a,3["late"]'
    client.send("1/room-b,")
    await until(lambda: len(seen) == 3)
    assert seen == ["use /room-b", "connect", "disconnect"]
    rooms.off("who")
    assert "unknown_event" in str(await ask(client, "/room-a", 4, "who"))
    await io.close()


async def test_a_parent_broadcasts_to_all_children_each_in_its_own_name() -> None:
    io = Server()
    rooms = io.of("/room-{name}")
    one, two, other = MemoryClient(io), MemoryClient(io), MemoryClient(io)
    a = await one.enter("/room-a")
    b = await two.enter("/room-b")
    await other.connect("/")
    a.join("red")
    before = len(one.inbox), len(two.inbox), len(other.inbox)
    rooms.emit("news", 1)
    rooms.to("red").emit("red", 2)
    rooms.except_("red").emit("blue", b"\x01")
    assert one.inbox[before[0] :] == ['2/room-a,["news",1]', '2/room-a,["red",2]']
    assert two.inbox[before[1] :] == [
        '2/room-b,["news",1]',
        '51-/room-b,["blue",{"_placeholder":true,"num":0}]',
        b"\x01",
    ]
    assert len(other.inbox) == before[2]
    assert isinstance(rooms, ParentNamespace)
    assert rooms.children == {"/room-a": a.namespace, "/room-b": b.namespace}
    assert rooms.sockets == {a.id: a, b.id: b}
    with pytest.raises(TypeError, match="ask its children one by one"):
        rooms.emit_with_ack("question")
    await io.close()


async def test_rooms_of_children_are_apart() -> None:
    io = Server()
    io.of("/room-{name}")
    one, two = MemoryClient(io), MemoryClient(io)
    (await one.enter("/room-a")).join("x")
    (await two.enter("/room-b")).join("x")
    count = len(two.inbox)
    io.of("/room-a").to("x").emit("hello")
    assert one.inbox[-1] == '2/room-a,["hello"]'
    assert len(two.inbox) == count
    await io.close()


async def test_static_names_win_and_earlier_parents_too() -> None:
    io = Server()
    static = Namespace("/room-static")
    first = io.of(re.compile("/room-x.*"))
    second = io.of("/room-{name}")
    io.include(static)
    client = MemoryClient(io)
    assert (await client.enter("/room-static")).namespace is static
    x = (await client.enter("/room-xyz")).namespace
    y = (await client.enter("/room-y")).namespace
    assert first.children == {"/room-xyz": x}
    assert isinstance(second, ParentNamespace)
    assert second.children == {"/room-y": y}
    with pytest.raises(ValueError, match="there is a namespace '/room-y' already"):
        io.include(Namespace("/room-y"))
    assert io.of("room-y") is y
    assert io.of("/room-{name}") is second
    await io.close()


async def test_a_predicate_is_asked_for_each_client() -> None:
    io = Server()

    async def allowed(name: str, auth: dict[str, Any]) -> bool:
        await asyncio.sleep(0)
        if auth.get("token") == "banned":
            raise ConnectionRefused("banned", {"until": 5})
        return name.startswith("/tenant") and auth.get("token") == "secret"

    parent = io.of(allowed)
    one, two = MemoryClient(io), MemoryClient(io)
    await one.connect("/tenant-1", {"token": "secret"})
    two.send('0/tenant-1,{"token":"guess"}', '0/tenant-2,{"token":"banned"}', "0/tenant-3,")
    await until(lambda: len(two.inbox) == 3)
    assert set(two.inbox) == {
        '4/tenant-1,{"message":"Invalid namespace"}',
        '4/tenant-2,{"message":"banned","data":{"until":5}}',
        '4/tenant-3,{"message":"Invalid namespace"}',
    }
    assert list(parent.children) == ["/tenant-1"]
    await io.close()


async def test_a_plain_function_decides_too_and_a_failure_asks_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io = Server()

    def broken(name: str, auth: dict[str, Any]) -> bool:
        raise KeyError(name)

    def works(name: str, auth: dict[str, Any]) -> bool:
        return name == "/a"

    io.of(broken)
    parent = io.of(works)
    client = MemoryClient(io)
    with caplog.at_level(logging.ERROR):
        await client.connect("/a")
    assert "could not decide about the namespace '/a'" in caplog.text
    assert list(parent.children) == ["/a"]
    await io.close()


async def test_what_arrives_while_a_predicate_decides_waits_for_it() -> None:
    io = Server()
    go = asyncio.Event()

    async def slow(name: str, auth: dict[str, Any]) -> bool:
        await go.wait()
        return True

    heard: list[str] = []

    @io.of(slow).on("say")
    async def say(socket: Socket, text: str) -> None:
        heard.append(f"{socket.namespace.name} {text}")

    client = MemoryClient(io)
    client.send("0/a,", "0/b,", '2/a,["say","one"]', '2/b,["say","lost"]', '2/a,["say","two"]', "1/b,")
    await asyncio.sleep(0)
    assert client.inbox == []
    go.set()
    await until(lambda: len(heard) == 2)
    assert heard == ["/a one", "/a two"]
    assert len(client.inbox) == 1
    assert not client.closed
    await io.close()


async def test_a_second_connect_while_a_predicate_decides_ends_the_connection() -> None:
    io = Server()
    go = asyncio.Event()

    async def slow(name: str, auth: dict[str, Any]) -> bool:
        await go.wait()
        return True

    parent = io.of(slow)
    client = MemoryClient(io)
    client.send("0/a,", "0/a,")
    await until(lambda: client.closed)
    client.drop()
    go.set()
    await io.close()
    assert parent.children == {}


async def test_a_client_that_asks_for_too_much_at_once_is_cut_off() -> None:
    io = Server()

    async def slow(name: str, auth: dict[str, Any]) -> bool:
        await asyncio.Event().wait()
        return True

    io.of(slow)
    client = MemoryClient(io)
    await client.connect()
    for index in range(MAX_SEEKING):
        client.send(f"0/{index},")
    assert not client.closed
    client.send("0/more,")
    assert client.closed
    await io.close(grace=0.01)


async def test_a_predicate_that_takes_too_long_refuses(caplog: pytest.LogCaptureFixture) -> None:
    io = Server(connect_timeout=0.05)

    async def never(name: str, auth: dict[str, Any]) -> bool:
        await asyncio.Event().wait()
        return True

    client = MemoryClient(io)
    await client.connect("/")
    io.of(never)
    with caplog.at_level(logging.WARNING):
        assert await refused(client, "/a") == '4/a,{"message":"timeout"}'
    assert "nothing decided in time" in caplog.text
    await io.close()


async def test_two_parents_that_decide_at_once_make_one_child_of_a_name() -> None:
    io = Server()
    turns = [asyncio.Event(), asyncio.Event()]

    async def first(name: str, auth: dict[str, Any]) -> bool:
        await turns[0].wait()
        return bool(auth)

    async def second(name: str, auth: dict[str, Any]) -> bool:
        await turns[1].wait()
        return True

    parents = io.of(first), io.of(second)
    one, two = MemoryClient(io), MemoryClient(io)
    one.send("0/a,")
    two.send('0/a,{"x":1}')
    turns[0].set()
    await until(lambda: two.inbox)
    turns[1].set()
    await until(lambda: one.inbox)
    assert list(parents[0].children) == ["/a"]
    assert one.inbox == ['4/a,{"message":"Invalid namespace"}']
    assert parents[1].children == {}
    await io.close()


async def test_new_namespaces_are_announced_before_their_first_socket() -> None:
    io = Server()
    made: list[tuple[str, int]] = []

    @io.on_new_namespace
    def announce(namespace: Namespace) -> None:
        made.append((namespace.name, len(namespace.sockets)))

    io.of("/static")
    parent = io.of("/room-{name}")
    client = MemoryClient(io)
    await client.connect("/room-a")
    await MemoryClient(io).connect("/room-a")
    io.of("/room-b")
    assert made == [("/static", 0), ("/room-a", 0), ("/room-b", 0)]
    assert parent.name == "/room-{name}"

    async def later(namespace: Namespace) -> None: ...

    with pytest.raises(TypeError, match="make it a plain function"):
        io.on_new_namespace(later)
    await io.close()


async def test_a_hook_that_fails_lets_the_client_in(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on_new_namespace
    def fail(namespace: Namespace) -> None:
        raise KeyError

    with caplog.at_level(logging.ERROR):
        io.of("/a")
    await MemoryClient(io).connect("/a")
    assert "a hook for new namespaces failed" in caplog.text
    await io.close()


async def test_empty_children_are_forgotten() -> None:
    io = Server()
    rooms = io.of("/room-{name}")
    assert isinstance(rooms, ParentNamespace)
    one, two = MemoryClient(io), MemoryClient(io)
    await one.connect("/room-a")
    await two.connect("/room-a")
    one.send("1/room-a,")
    assert list(rooms.children) == ["/room-a"]
    two.drop()
    assert rooms.children == {}
    gc.collect()
    assert rooms.find("/room-a") is None
    await io.close()


async def test_a_child_that_somebody_holds_is_the_one_that_clients_get() -> None:
    io = Server()
    io.of("/room-{name}")
    held = io.of("/room-a")
    client = MemoryClient(io)
    socket = await client.enter("/room-a")
    assert socket.namespace is held
    client.send("1/room-a,")
    again = MemoryClient(io)
    await again.connect("/room-a")
    held.emit("hello")
    assert again.inbox[-1] == '2/room-a,["hello"]'
    await io.close()


async def test_empty_children_stay_when_told_to() -> None:
    io = Server(cleanup_empty_child_namespaces=False)
    rooms = io.of("/room-{name}")
    assert isinstance(rooms, ParentNamespace)
    client = MemoryClient(io)
    await client.connect("/room-a")
    client.send("1/room-a,")
    gc.collect()
    assert list(rooms.children) == ["/room-a"]
    await io.close()


async def test_defect_7_a_refused_client_does_not_orphan_one_that_still_connects() -> None:
    io = Server()
    rooms = io.of("/room-{name}")
    go = asyncio.Event()

    @rooms.use
    async def decide(socket: Socket) -> None:
        if socket.auth.get("refuse"):
            raise ConnectionRefused
        await go.wait()

    slow, refused = MemoryClient(io), MemoryClient(io)
    slow.send("0/room-a,")
    refused.send('0/room-a,{"refuse":true}')
    await until(lambda: refused.inbox)
    gc.collect()
    go.set()
    await until(lambda: slow.inbox)
    io.of("/room-a").emit("hello")
    rooms.emit("all")
    assert slow.inbox[1:] == ['2/room-a,["hello"]', '2/room-a,["all"]']
    await io.close()


async def test_clients_cannot_make_more_children_than_allowed(caplog: pytest.LogCaptureFixture) -> None:
    io = Server(max_child_namespaces=2)
    io.of("/room-{name}")
    client = MemoryClient(io)
    await client.connect("/room-a")
    await client.connect("/room-b")
    with caplog.at_level(logging.WARNING):
        assert await refused(client, "/room-c") == '4/room-c,{"message":"too many namespaces"}'
    assert "2 children already" in caplog.text
    await MemoryClient(io).connect("/room-a")
    client.send("1/room-b,")
    await client.connect("/room-c")
    await io.close()


async def test_a_parent_can_be_made_alone_and_included() -> None:
    boards = ParentNamespace("/board-{id:int}")

    @boards.on("id")
    async def id_(socket: Socket) -> int:
        return int(socket.namespace.params["id"])

    io = Server()
    io.include(boards)
    io.include(boards)
    client = MemoryClient(io)
    await client.connect("/board-7")
    assert await ask(client, "/board-7", 1, "id") == "3/board-7,1[7]"
    with pytest.raises(ValueError, match="belongs to another server"):
        Server().include(boards)
    await io.close()
