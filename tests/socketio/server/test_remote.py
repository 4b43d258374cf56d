"""Sockets fetched, counted, moved and sent away; rooms observed; events between servers."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from arcwire import AckTimeout, Disconnected, DisconnectReason, EventError, Namespace, Server, Socket, on
from arcwire.socketio.adapter import Adapter, Home, LocalAdapter, Member, RoomObserver, SocketDescription
from arcwire.socketio.remote import FetchedSocket, RemoteSocket
from arcwire.socketio.selection import Selection
from support.memory import MemoryClient, until


class Elsewhere(LocalAdapter):
    """Describes its members as if they were connected to another process."""

    async def fetch(self, selection: Selection) -> Sequence[Member | SocketDescription]:
        found = cast("Sequence[Socket]", await super().fetch(selection))
        return [SocketDescription(each.id, each.handshake, each.rooms, dict(each.data)) for each in found]


class Neighbours:
    """The adapters of servers in one process: events between servers go to those of the same name."""

    def __init__(self) -> None:
        self.adapters: list[NeighbourAdapter] = []
        self.running: set[asyncio.Future[object]] = set()

    def own(self, task: asyncio.Future[object]) -> None:
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    def make(self, home: Home) -> Adapter:
        self.adapters.append(NeighbourAdapter(home, self))
        return self.adapters[-1]


class NeighbourAdapter(LocalAdapter):
    def __init__(self, home: Home, neighbours: Neighbours) -> None:
        super().__init__(home)
        self.home = home
        self.neighbours = neighbours

    @property
    def others(self) -> list["NeighbourAdapter"]:
        adapters = self.neighbours.adapters
        return [each for each in adapters if each is not self and each.home.name == self.home.name]

    def server_side_emit(self, event: str, args: Sequence[object]) -> None:
        for other in self.others:
            self.neighbours.own(asyncio.ensure_future(other.home.receive_server_event(event, args)))

    async def server_side_emit_with_ack(
        self, event: str, args: Sequence[object], seconds: float
    ) -> list[object]:
        asking = [asyncio.ensure_future(each.home.receive_server_event(event, args)) for each in self.others]
        done, late = await asyncio.wait(asking, timeout=seconds)
        for task in late:
            task.cancel()
        answers = [task.result() for task in asking if task in done]
        if late:
            raise AckTimeout("answers are missing", answers)
        return answers


async def enter(io: Server, *rooms: str, namespace: str = "/") -> tuple[MemoryClient, Socket]:
    client = MemoryClient(io)
    socket = await client.enter(namespace)
    socket.join(*rooms)
    return client, socket


def ids(sockets: list[FetchedSocket]) -> set[str]:
    return {socket.id for socket in sockets}


async def test_fetching_and_counting() -> None:
    io = Server()
    _, a = await enter(io, "red")
    _, b = await enter(io, "red", "blue")
    _, c = await enter(io)
    gate = asyncio.Event()

    @io.on_connect
    async def wait(socket: Socket) -> None:
        await gate.wait()

    MemoryClient(io).send("0")  # is not let in yet
    await until(lambda: len(io.adapter.members) == 4)
    for choice, expected in (
        (io, {a.id, b.id, c.id}),
        (io.in_("red"), {a.id, b.id}),
        (io.in_("red").except_("blue"), {a.id}),
        (io.except_("red"), {c.id}),
        (io.to(c.id), {c.id}),
        (a.broadcast, {b.id, c.id}),
        (a.to("red"), {b.id}),
        (io.to("nobody"), set()),
    ):
        assert ids(await choice.fetch_sockets()) == expected
        assert await choice.count() == len(expected)
    found: list[FetchedSocket] = await io.to(a.id).fetch_sockets()
    assert found == [a]
    gate.set()
    await until(lambda: len(io.sockets) == 4)


async def test_sockets_of_other_processes() -> None:
    io = Server(adapter=Elsewhere)
    client, socket = await enter(io, "red")
    socket.data["name"] = "ana"
    (remote,) = await io.in_("red").fetch_sockets()
    assert isinstance(remote, RemoteSocket)
    assert repr(remote) == f"<RemoteSocket {socket.id}>"
    assert remote.id == socket.id
    assert remote.handshake == socket.handshake
    assert remote.rooms == {socket.id, "red"}
    assert remote.data == {"name": "ana"}

    remote.emit("direct", 1)
    assert client.inbox[-1] == '2["direct",1]'
    remote.join("blue", "green")
    remote.leave("red")
    assert socket.rooms == {socket.id, "blue", "green"}
    assert remote.rooms == {socket.id, "red"}  # of the moment when it was fetched

    asking = remote.emit_with_ack("ask", 2)
    assert client.inbox[-1] == '20["ask",2]'
    client.send('30["answer"]')
    assert await asking == "answer"
    asking = remote.timeout(5).emit_with_ack("ask", 3)
    client.send('31["more","than one"]')
    assert await asking == ("more", "than one")
    asking = remote.emit_with_ack("ask", 4)
    client.send("32[5]")
    assert await asyncio.to_thread(asking.result) == 5
    with pytest.raises(AckTimeout):
        await remote.timeout(0.01).emit_with_ack("ask")

    remote.disconnect()
    assert client.inbox[-1] == "1"
    assert not socket.connected
    with pytest.raises(Disconnected):
        await remote.emit_with_ack("ask")
    remote.emit("nobody hears it")
    assert client.inbox[-1] == "1"


async def test_moving_many() -> None:
    io = Server()
    (_, a), (_, b), (_, c) = [await enter(io, *rooms) for rooms in (("red",), ("red", "blue"), ())]
    io.in_("red").sockets_join("green", "lime")
    assert io.rooms() == {"red": 2, "blue": 1, "green": 2, "lime": 2}
    io.in_("red").except_("blue").sockets_leave("green", "red")
    assert a.rooms == {a.id, "lime"}
    assert b.rooms == {b.id, "red", "blue", "green", "lime"}
    io.sockets_join("all")
    io.sockets_leave("lime")
    assert c.rooms == {c.id, "all"}
    assert io.rooms() == {"red": 1, "blue": 1, "green": 1, "all": 3}
    with pytest.raises(TypeError, match="several rooms"):
        io.sockets_join(["a", "b"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="several rooms"):
        io.to("red").sockets_leave(["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("close", [False, True])
async def test_sending_many_away(close: bool) -> None:
    io = Server()
    ends: list[tuple[str, DisconnectReason]] = []

    @io.on_disconnect
    def gone(socket: Socket, reason: DisconnectReason) -> None:
        ends.append((socket.id, reason))

    (first, a), (second, b), (third, c) = [await enter(io, room) for room in ("red", "red", "blue")]
    io.in_("red").disconnect_sockets(close=close)
    await until(lambda: len(ends) == 2)
    assert {id for id, _ in ends} == {a.id, b.id}
    assert {reason for _, reason in ends} == {DisconnectReason.SERVER_NAMESPACE_DISCONNECT}
    assert [client.closed for client in (first, second, third)] == [close, close, False]
    assert list(io.sockets.values()) == [c]
    io.disconnect_sockets()
    assert third.inbox[-1] == "1"
    assert await io.count() == 0


async def test_moving_from_a_thread() -> None:
    io = Server()
    _, socket = await enter(io)

    def move() -> None:
        io.sockets_join("red")
        io.in_("red").sockets_join("blue")

    await asyncio.to_thread(move)
    await until(lambda: "blue" in socket.rooms)
    assert threading.get_ident() == io.thread


async def test_parents_are_their_children() -> None:
    io = Server()
    rooms = io.of("/room-{id}")
    _, one = await enter(io, "red", namespace="/room-1")
    _, two = await enter(io, namespace="/room-2")
    assert ids(await rooms.fetch_sockets()) == {one.id, two.id}
    assert await rooms.count() == 2
    assert await rooms.in_("red").count() == 1
    rooms.sockets_join("blue")
    assert one.rooms == {one.id, "red", "blue"}
    rooms.in_("red").disconnect_sockets()
    assert not one.connected
    assert two.connected


async def test_what_operators_see() -> None:
    io = Server()
    chat = Namespace("/chat")
    io.include(chat)
    _, socket = await enter(io, "red", namespace="/chat")
    assert {namespace.name for namespace in io.namespaces.all} == {"/", "/chat"}
    assert chat.rooms() == {"red": 1}
    assert io.rooms() == {}
    assert chat.sockets == {socket.id: socket}
    assert await io.count() == 0


async def test_observing_rooms() -> None:
    class Diary(RoomObserver):
        def __init__(self) -> None:
            self.lines: list[tuple[str, ...]] = []

        def room_created(self, room: str) -> None:
            self.lines.append(("created", room))

        def room_joined(self, room: str, id: str) -> None:
            self.lines.append(("joined", room, id))

        def room_left(self, room: str, id: str) -> None:
            self.lines.append(("left", room, id))

        def room_deleted(self, room: str) -> None:
            self.lines.append(("deleted", room))

    io = Server()
    diary = Diary()
    end: Callable[[], None] = io.observe_rooms(diary)
    client, a = await enter(io, "red")
    assert diary.lines == [
        *(("created", a.id), ("joined", a.id, a.id)),
        *(("created", "red"), ("joined", "red", a.id)),
    ]
    diary.lines.clear()
    _, b = await enter(io, "red")
    b.leave("red")
    io.sockets_join("blue")
    assert diary.lines[2:] == [
        *(("joined", "red", b.id), ("left", "red", b.id)),
        *(("created", "blue"), ("joined", "blue", a.id), ("joined", "blue", b.id)),
    ]
    diary.lines.clear()
    client.drop()
    assert sorted(diary.lines) == sorted(
        [
            *(("left", a.id, a.id), ("deleted", a.id)),
            *(("left", "red", a.id), ("deleted", "red")),
            ("left", "blue", a.id),
        ]
    )
    end()
    diary.lines.clear()
    b.join("green")
    assert diary.lines == []


async def test_a_server_alone_gets_no_server_events() -> None:
    io = Server()
    got: list[object] = []

    @io.on_server_event("sync")
    async def sync(*args: object) -> None:
        got.append(args)

    await enter(io)
    io.server_side_emit("sync", 1)
    assert await io.server_side_emit_with_ack("sync", 1) == []
    assert got == []


async def test_events_between_servers(caplog: pytest.LogCaptureFixture) -> None:
    neighbours = Neighbours()
    here, there, elsewhere = [Server(adapter=neighbours.make) for _ in range(3)]
    got: list[object] = []

    @there.on_server_event("add")
    async def add(a: int, b: int) -> int:
        got.append((a, b))
        return a + b

    @elsewhere.on_server_event("add")
    def multiply(a: int, b: int = 10) -> int:
        got.append((a, b))
        if a == 0:
            raise EventError("zero", "no zero")
        return a * b

    @here.on_server_event("add")
    def never(*args: object) -> None:
        got.append("own event")

    await enter(elsewhere)  # handlers in threads need a loop that runs
    assert await here.server_side_emit_with_ack("add", 2, 3) == [5, 6]
    assert await here.server_side_emit_with_ack("add", 0, 1) == [
        1,
        {"error": {"code": "zero", "message": "no zero"}},
    ]
    answers = await here.server_side_emit_with_ack("add", "x", 1)
    assert answers == [{"error": {"code": "internal"}}] * 2
    assert "server event 'add'" in caplog.text
    assert await here.server_side_emit_with_ack("unknown") == [None, None]
    got.clear()
    here.server_side_emit("add", 5, 5)
    await until(lambda: len(got) == 2)
    assert got == [(5, 5), (5, 5)]


async def test_late_answers_of_servers() -> None:
    neighbours = Neighbours()
    here, there = [Server(adapter=neighbours.make) for _ in range(2)]

    @there.on_server_event("slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    with pytest.raises(AckTimeout) as caught:
        await here.server_side_emit_with_ack("slow", timeout=0.01)
    assert caught.value.responses == []
    with pytest.raises(ValueError, match="positive"):
        await here.server_side_emit_with_ack("slow", timeout=0)


@pytest.mark.parametrize("name", ["connect", "connection", "new_namespace"])
async def test_reserved_server_events(name: str) -> None:
    io = Server()
    with pytest.raises(ValueError, match=name):
        io.server_side_emit(name)
    with pytest.raises(ValueError, match=name):
        await io.server_side_emit_with_ack(name)
    with pytest.raises(ValueError, match=name):
        io.on_server_event(name)


async def test_each_namespace_has_an_adapter_of_its_own() -> None:
    made: list[str] = []

    def make(home: Home) -> Any:
        made.append(home.name)
        return LocalAdapter(home)

    io = Server(adapter=make)
    chat = Namespace("/chat")
    chat.emit("nobody hears it")
    io.include(chat)
    io.include(chat)
    io.of("/other")
    assert made == ["/", "/chat", "/other"]


async def test_server_events_as_methods() -> None:
    class Shop(Namespace):
        @on.server_event("stock")
        async def stock(self, item: str) -> str:
            return f"{item} in {self.name}"

    neighbours = Neighbours()
    here, there = [Server(adapter=neighbours.make) for _ in range(2)]
    there.include(Shop("/shop"))
    assert await here.of("/shop").server_side_emit_with_ack("stock", "tea") == ["tea in /shop"]
