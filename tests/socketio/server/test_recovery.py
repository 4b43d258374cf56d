"""Connection state recovery, over memory links."""

import asyncio
import json
import random
from typing import Any

import pytest

from arcwire import (
    ConnectionRefused,
    DisconnectReason,
    MsgpackCodec,
    Namespace,
    Recovery,
    Server,
    Session,
    Socket,
    on,
)
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.socketio.protocol.packet import CONNECT
from arcwire.socketio.recovering_adapter import RecoveringAdapter
from support.memory import MemoryClient, until


class Client:
    """As JavaScript's client: keeps pid and offset, and comes back with them."""

    def __init__(self, io: Server, namespace: str = "/") -> None:
        self.io = io
        self.namespace = namespace
        self.head = "" if namespace == "/" else f"{namespace},"
        self.pid: str | None = None
        self.offset: str | None = None
        self.sid = ""
        self.recovered = False
        self.events: list[list[Any]] = []
        self.line: MemoryClient

    async def connect(self, **auth: object) -> "Client":
        self.line = MemoryClient(self.io)
        known: dict[str, object] = {}
        if self.pid is not None:
            known = {"pid": self.pid} if self.offset is None else {"pid": self.pid, "offset": self.offset}
        answer = f"0{self.head}" + "{"
        sent = {**known, **auth}
        self.line.send(f"0{self.head}" + (json.dumps(sent) if sent else ""))
        await self.line.wait_for(lambda data: isinstance(data, str) and data.startswith(answer))
        greeting = json.loads(str(self.line.inbox[0])[len(answer) - 1 :])
        self.recovered = self.pid == greeting["pid"]
        self.pid, self.sid = greeting["pid"], greeting["sid"]
        return self

    @property
    def socket(self) -> Socket:
        return self.io.of(self.namespace).sockets[self.sid]

    def read(self, count: int | None = None) -> list[list[Any]]:
        """The events that arrived on this line, without offsets; with `count` the others are lost."""
        packets = [str(data) for data in self.line.inbox if not isinstance(data, bytes)]
        events = [json.loads(packet[packet.index("[") :]) for packet in packets if packet[0] in "25"]
        for event, packet in zip(events[:count], [each for each in packets if each[0] in "25"], strict=False):
            if packet[1 + len(self.head)] == "[" or packet[0] == "5":
                self.offset = event.pop()
        return events[:count]

    def lose(self) -> None:
        """The connection breaks."""
        self.line.drop(CloseReason.TRANSPORT_ERROR)


async def recovering(**options: Any) -> Server:
    return Server(connection_state_recovery=Recovery(**options))


def log_of(io: Server) -> Any:
    adapter = io.adapter
    assert isinstance(adapter, RecoveringAdapter)
    return adapter._log


async def test_off_by_default() -> None:
    io = Server()
    line = MemoryClient(io)
    socket = await line.enter()
    assert line.inbox == [f'0{{"sid":"{socket.id}"}}']
    assert not socket.recovered
    socket.emit("a", 1)
    io.emit("b")
    assert line.inbox[1:] == ['2["a",1]', '2["b"]']


async def test_the_wire() -> None:
    io = await recovering()
    client = await Client(io).connect()
    assert client.line.inbox == [f'0{{"sid":"{client.sid}","pid":"{client.pid}"}}']
    socket = client.socket
    socket.join("red")
    socket.emit("direct", 1)
    io.emit("all")
    io.to("red").emit("room", b"x")
    socket.volatile.emit("volatile", "text")
    socket.emit_with_ack("ask", "text")
    io.emit_with_ack("ask many")
    asked = [str(data) for data in client.line.inbox[-2:]]
    plain = client.line.inbox[1:-2]
    offsets = [json.loads(str(data)[str(data).index("[") :])[-1] for data in plain if isinstance(data, str)]
    epoch = offsets[0].removesuffix("-1")
    assert offsets == [f"{epoch}-{number}" for number in (1, 2, 3, 3)]
    assert plain == [
        f'2["direct",1,"{epoch}-1"]',
        f'2["all","{epoch}-2"]',
        f'51-["room",{{"_placeholder":true,"num":0}},"{epoch}-3"]',
        b"x",
        f'2["volatile","text","{epoch}-3"]',  # any string at the end is an offset to the client
    ]
    assert asked == ['20["ask","text"]', '21["ask many"]']


async def test_what_was_missed_is_sent_again_after_connect() -> None:
    io = await recovering()
    client = await Client(io).connect()
    client.socket.join("red", "blue")
    client.socket.data["name"] = "ana"
    client.socket.emit("seen", 1)
    io.to("red").emit("on its way", 2)
    client.read(1)
    client.lose()
    io.to("red").emit("red", 3)
    io.to("blue", "red").emit("both", b"4")
    io.emit("all", 5)
    io.to(client.sid).emit("own", 6)
    io.to("green").emit("not in there")
    io.to("red").except_("blue").emit("excluded")
    io.except_(client.sid).emit("excluded")
    io.to("red").volatile.emit("volatile")
    io.emit_with_ack("ask")
    first = client.sid
    await client.connect()
    assert client.recovered
    assert client.sid == first
    socket = client.socket
    assert socket.recovered
    assert socket.rooms == {first, "red", "blue"}
    assert socket.data == {"name": "ana"}
    assert str(client.line.inbox[0]).startswith("0")
    events = client.read()
    assert events[:2] == [["on its way", 2], ["red", 3]]
    assert events[2][0] == "both"
    assert events[3:] == [["all", 5], ["own", 6]]
    assert b"4" in client.line.inbox
    io.to("blue").emit("later")
    client.lose()
    await client.connect()
    assert client.read() == [["later"]]


async def test_a_client_that_saw_no_event_recovers() -> None:
    io = await recovering()
    client = await Client(io).connect()
    assert client.offset is None
    client.lose()
    io.emit("a")
    await client.connect()
    assert client.recovered
    assert client.read(0) == []
    client.lose()
    await client.connect()
    assert client.recovered
    assert client.read() == [["a"]]


async def test_an_offset_of_another_session_means_no_event_of_this_one() -> None:
    for foreign in ("AbCd-7", "", "text", "-1", 5, None, {"a": 1}):
        io = await recovering()
        other = await Client(io).connect()
        other.socket.emit("not for you")
        client = await Client(io).connect()
        epoch = log_of(io).offset.rpartition("-")[0]
        for offset in (foreign, f"{epoch}-0", f"{epoch}-99", f"{epoch}-x", f"{epoch}-²"):
            client.socket.emit("a")
            client.lose()
            client.offset = offset  # type: ignore[assignment]
            await client.connect()
            assert client.recovered
            assert set(map(str, client.read())) == {"['a']"}


async def test_a_session_is_consumed_once() -> None:
    io = await recovering()
    client = await Client(io).connect()
    pid, sid = client.pid, client.sid
    client.lose()
    await client.connect()
    assert client.recovered
    client.line.send("1")
    thief = Client(io)
    thief.pid = pid
    await thief.connect()
    assert not thief.recovered
    assert thief.sid != sid
    assert thief.pid != pid


async def test_the_older_twin_is_closed() -> None:
    io = await recovering()
    ends: list[tuple[str, DisconnectReason]] = []

    @io.on_disconnect
    async def gone(socket: Socket, reason: DisconnectReason) -> None:
        ends.append((socket.id, reason))

    client = await Client(io).connect()
    old = client.line
    client.socket.join("red")
    client.socket.emit("a")
    client.read()
    io.emit("into the void")
    await client.connect()  # the server has not noticed yet that the first connection is lost
    assert old.closed
    assert client.recovered
    await until(lambda: ends)
    assert ends == [(client.sid, DisconnectReason.TRANSPORT_CLOSE)]
    assert list(io.sockets) == [client.sid]
    assert client.read() == [["into the void"]]
    io.to("red").emit("b")
    assert client.read() == [["into the void"], ["b"]]


async def test_cut_while_it_is_let_in() -> None:
    io = await recovering()
    gates: list[asyncio.Event] = []

    @io.on_connect
    async def enter(socket: Socket) -> None:
        if gates:
            await gates[-1].wait()

    client = await Client(io).connect()
    client.socket.join("red")
    client.lose()
    io.to("red").emit("a")
    gates.append(asyncio.Event())
    second = MemoryClient(io)
    second.send("0" + json.dumps({"pid": client.pid}))
    io.to("red").emit("b")
    third = MemoryClient(io)
    third.send("0" + json.dumps({"pid": client.pid}))
    assert second.closed
    io.to("red").emit("c")
    third.drop()
    io.to("red").emit("d")
    gates[-1].set()
    await client.connect()
    assert client.recovered
    assert client.read() == [["a"], ["b"], ["c"], ["d"]]
    assert second.inbox == third.inbox == []


async def test_rooms_count_when_an_event_was_sent() -> None:
    io = await recovering()
    client = await Client(io).connect()
    socket = client.socket
    socket.emit("seen")
    client.read()
    io.to("red").emit("before it entered")
    socket.join("red")
    io.to("red").emit("while it was in there")
    socket.leave("red")
    io.to("red").emit("after it left")
    socket.join("mute")
    io.except_("mute").emit("muted")
    socket.leave("mute")
    io.except_("mute").emit("not muted any more")
    client.lose()
    await client.connect()
    assert client.read() == [["while it was in there"], ["not muted any more"]]


async def test_emits_to_the_lost_socket_reach_the_client() -> None:
    io = await recovering()
    client = await Client(io).connect()
    first = client.socket
    client.lose()
    first.emit("while it was away")
    await client.connect()
    first.emit("on the new line")
    assert client.read() == [["while it was away"], ["on the new line"]]


async def test_what_is_emitted_while_it_is_let_in_is_kept() -> None:
    io = await recovering(skip_middlewares=False)

    @io.use
    async def early(socket: Socket) -> None:
        socket.emit("in the middleware", socket.recovered)

    @io.on_connect
    async def enter(socket: Socket) -> None:
        socket.emit("in the handler", socket.recovered)

    client = await Client(io).connect()
    expected = [["in the middleware", False], ["in the handler", False]]
    client.read(0)
    client.lose()
    await client.connect()
    again = [["in the middleware", True], ["in the handler", True]]
    assert client.read() == [*expected, *again]


@pytest.mark.parametrize("skip", [True, False])
async def test_middlewares_are_skipped_and_connection_handlers_are_not(skip: bool) -> None:
    io = await recovering(skip_middlewares=skip)
    calls: list[tuple[str, bool]] = []

    @io.use
    async def check(socket: Socket) -> None:
        calls.append(("middleware", socket.recovered))

    @io.on_connect
    async def enter(socket: Socket, auth: dict[str, Any]) -> None:
        calls.append(("handler", socket.recovered))
        assert auth == {"token": "t"}
        assert socket.handshake.auth == auth

    client = await Client(io).connect(token="t")
    client.lose()
    await client.connect(token="t")
    expected = [("middleware", False), ("handler", False), ("middleware", True), ("handler", True)]
    assert calls == ([each for each in expected if each != ("middleware", True)] if skip else expected)


async def test_a_refused_client_has_no_session_any_more() -> None:
    io = await recovering()
    ended: list[Session] = []
    io.on_session_expired(ended.append)
    refusing: list[bool] = []

    @io.on_connect
    async def enter(socket: Socket) -> None:
        if refusing:
            raise ConnectionRefused("no")

    client = await Client(io).connect()
    client.lose()
    refusing.append(True)
    line = MemoryClient(io)
    line.send("0" + json.dumps({"pid": client.pid}))
    await line.wait_for(lambda data: data == '4{"message":"no"}')
    await until(lambda: ended)
    assert ended[0].id == client.sid
    assert line.inbox == ['4{"message":"no"}']
    refusing.clear()
    await client.connect()
    assert not client.recovered


@pytest.mark.parametrize("leave", ["client", "server", "close", "parse"])
async def test_who_left_or_was_sent_away_starts_anew(leave: str) -> None:
    io = await recovering()
    client = await Client(io).connect()
    first = client.sid
    if leave == "client":
        client.line.send("1")
    elif leave == "parse":
        client.line.link.receiver.receive_text("9")
    else:
        client.socket.disconnect(close=leave == "close")
    client.lose()
    await client.connect()
    assert not client.recovered
    assert client.sid != first


async def test_sessions_expire() -> None:
    io = await recovering(max_disconnection_duration=0.02)
    ended: list[Session] = []

    @io.on_session_expired
    async def expired(session: Session) -> None:
        ended.append(session)

    client = await Client(io).connect()
    client.socket.join("red")
    client.socket.data["a"] = 1
    client.lose()
    await until(lambda: ended)
    (session,) = ended
    assert (session.id, session.rooms, session.data) == (client.sid, {client.sid, "red"}, {"a": 1})
    first = client.sid
    await client.connect()
    assert not client.recovered
    assert client.sid != first
    assert len(ended) == 1


async def test_sessions_expire_for_methods_too() -> None:
    ended: list[str] = []

    class Chat(Namespace):
        @on.session_expired
        async def expired(self, session: Session) -> None:
            ended.append(session.id)

    io = await recovering(max_disconnection_duration=0.01)
    io.include(Chat("/chat"))
    client = await Client(io, "/chat").connect()
    client.lose()
    await until(lambda: ended == [client.sid])


async def test_no_session_outlives_the_server() -> None:
    io = await recovering()
    ended: list[Session] = []
    io.on_session_expired(ended.append)
    away, there = await Client(io).connect(), await Client(io).connect()
    away.lose()
    await io.close()
    for client in (away, there):
        await client.connect()
        assert not client.recovered
    assert ended == []
    assert len(log_of(io)) == 0


async def test_a_quiet_client_recovers_although_old_events_were_dropped() -> None:
    io = await recovering(max_packets=10)
    quiet, busy, speaker = [await Client(io).connect() for _ in range(3)]
    for client, room in ((quiet, "quiet"), (busy, "busy"), (speaker, "talk")):
        client.socket.join(room)
        client.socket.emit("hello")
        client.read()
    for number in range(100):
        io.to("busy").emit("noise", number)
        speaker.socket.to("talk").emit("said", number)
    assert len(log_of(io)) == 10
    for client in (quiet, busy, speaker):
        client.lose()
    io.to("quiet").emit("psst")
    for client in (quiet, busy, speaker):
        await client.connect()
    assert quiet.recovered
    assert quiet.read() == [["psst"]]
    assert speaker.recovered  # what it missed it said itself
    assert not busy.recovered


async def test_kept_events_are_bounded_in_bytes() -> None:
    io = await recovering(max_bytes=100_000)
    client = await Client(io).connect()
    for _ in range(100):
        client.socket.emit("big", "x" * 10_000, b"y" * 10_000)
        assert log_of(io).size <= 100_000
    assert len(log_of(io)) == 4
    io.emit("too big for the log", "x" * 200_000)
    assert len(log_of(io)) == 0
    assert log_of(io).size == 0


async def test_sessions_are_bounded() -> None:
    io = await recovering(max_sessions=2)
    ended: list[Session] = []
    io.on_session_expired(ended.append)
    clients = [await Client(io).connect() for _ in range(3)]
    for client in clients:
        client.lose()
    await until(lambda: ended)
    assert [session.id for session in ended] == [clients[0].sid]
    for client in clients:
        await client.connect()
    assert [client.recovered for client in clients] == [False, True, True]


async def test_nothing_is_kept_for_nobody() -> None:
    io = await recovering()
    io.emit("a")
    client = await Client(io).connect()
    io.to("empty").emit("b")
    assert len(log_of(io)) == 0
    client.lose()
    io.to("empty").emit("c")
    assert len(log_of(io)) == 1


async def test_handlers_do_not_see_offsets() -> None:
    io = await recovering()
    got: list[tuple[Any, ...]] = []

    @io.on("a")
    async def a(socket: Socket, *args: Any) -> None:
        got.append(args)

    client = await Client(io).connect()
    client.line.send('2["a",1]', '2["a"]')
    await until(lambda: len(got) == 2)
    assert got == [(1,), ()]


async def test_a_broadcast_is_one_frame_for_all() -> None:
    io = await recovering()
    frames: list[bytes] = []
    clients = [await Client(io).connect() for _ in range(3)]
    for client in clients:
        client.line.link.send_prepared = lambda message: frames.append(message.frame)  # type: ignore[method-assign]
    io.emit("a", {"b": 1})
    assert len(frames) == 3
    assert frames[0] is frames[1] is frames[2]


async def test_order_over_threads() -> None:
    io = await recovering()
    client = await Client(io).connect()
    socket = client.socket

    def speak() -> None:
        for number in range(100):
            socket.emit("thread", number)
            io.emit("thread all", number)

    await asyncio.gather(*(asyncio.to_thread(speak) for _ in range(3)))
    await until(lambda: len(client.line.inbox) == 601)
    offsets = [json.loads(str(data)[1:])[-1] for data in client.line.inbox[1:]]
    numbers = [int(offset.rpartition("-")[2]) for offset in offsets]
    assert numbers == list(range(1, 601))


async def test_namespaces_have_sessions_of_their_own() -> None:
    io = await recovering()
    io.of("/chat")
    client = await Client(io, "/chat").connect()
    client.lose()
    io.of("/chat").emit("a")
    wrong = Client(io)
    wrong.pid = client.pid
    await wrong.connect()
    assert not wrong.recovered
    await client.connect()
    assert client.recovered
    assert client.read() == [["a"]]


async def test_dynamic_namespaces_wait_for_their_clients() -> None:
    io = await recovering(max_disconnection_duration=0.05)
    rooms = io.of("/room-{id}")
    client = await Client(io, "/room-1").connect()
    client.lose()
    rooms.emit("a")
    await client.connect()
    assert client.recovered
    assert client.read() == [["a"]]
    client.lose()
    await until(lambda: not rooms.children)  # type: ignore[attr-defined]


async def test_other_adapters_are_refused() -> None:
    from arcwire.socketio.adapter import LocalAdapter

    class Other(LocalAdapter):
        pass

    with pytest.raises(ValueError, match="one node"):
        Server(adapter=Other, connection_state_recovery=Recovery())


@pytest.mark.parametrize(
    "options",
    [{"max_disconnection_duration": 0}, {"max_packets": 0}, {"max_bytes": -1}, {"max_sessions": 1.5}],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Recovery(**options)


async def test_nothing_is_left_when_all_are_gone() -> None:
    recovery = Recovery(max_disconnection_duration=0.01)
    io = Server(connection_state_recovery=recovery, ping_interval=0.01, ping_timeout=0.01)
    clients = [await Client(io).connect() for _ in range(10)]
    for client in clients:
        client.socket.join("red")
        client.socket.emit("a")
    io.to("red").emit("b")
    for client in clients:
        client.lose()
    adapter = io.adapter
    assert isinstance(adapter, RecoveringAdapter)
    assert len(adapter._sessions) == 10
    assert len(log_of(io)) == 11
    await until(lambda: not len(log_of(io)) and not adapter._sessions)
    assert adapter._live == {}
    assert adapter.timer_slot == 0
    assert log_of(io).size == 0


async def test_cutting_again_and_again_keeps_the_first_event() -> None:
    io = await recovering()
    client = await Client(io).connect()
    io.to(client.sid).emit("first")
    for number in range(20):
        client.lose()
        io.emit("number", number)
        await client.connect()
        assert client.recovered
        assert client.read(0) == []
    assert client.read() == [["first"], *[["number", number] for number in range(20)]]
    assert list(io.sockets) == [client.sid]


async def test_listeners_for_outgoing_events_do_not_see_offsets() -> None:
    io = await recovering()
    sent: list[tuple[Any, ...]] = []

    @io.on_any_outgoing
    def listen(socket: Socket, event: str, *args: Any) -> None:
        sent.append((event, *args))

    client = await Client(io).connect()
    client.socket.emit("direct", 1)
    io.emit("all", "text")
    client.socket.volatile.emit("volatile")
    await until(lambda: len(sent) == 3)
    assert sorted(sent) == [("all", "text"), ("direct", 1), ("volatile",)]


async def test_messagepack_events_carry_offsets_too() -> None:
    codec = MsgpackCodec()
    io = Server(connection_state_recovery=Recovery(), codec=codec)
    line = MemoryClient(io)
    line.send(codec.encode_control(CONNECT, "/"))
    (greeting,) = line.inbox
    assert isinstance(greeting, bytes)
    pid = codec.decode_binary(greeting).data["pid"]  # type: ignore[union-attr, index, call-overload]
    io.emit("a", b"x", {"b": 1})
    line.drop()
    io.emit("c", "missed")
    second = MemoryClient(io)
    second.send(codec.encode_control(CONNECT, "/", {"pid": pid}))
    events = [codec.decode_binary(data).data for data in second.inbox[1:]]  # type: ignore[arg-type, union-attr]
    epoch = log_of(io).offset.removesuffix("-2")
    assert events == [["a", b"x", {"b": 1}, f"{epoch}-1"], ["c", "missed", f"{epoch}-2"]]


class Wanderer:
    """A client that moves between rooms while its connection is cut, and what it should hear."""

    ROOMS = ("red", "blue", "green")

    def __init__(self, io: Server, client: Client, dice: random.Random) -> None:
        self.io = io
        self.client = client
        self.dice = dice
        self.rooms: set[str] = set()
        self.expected: list[int] = []
        self.received: list[int] = []
        self.count = 0

    def speak(self) -> None:
        """An event to some of the rooms, without some."""
        sid = self.client.sid
        chosen = {self.dice.choice((*self.ROOMS, sid)) for _ in range(self.dice.randrange(3))}
        excluded = {self.dice.choice(self.ROOMS) for _ in range(self.dice.choice([0, 0, 0, 1]))}
        self.io.to(*chosen).except_(*excluded).emit("n", self.count)
        if (not chosen or chosen & {*self.rooms, sid}) and not excluded & self.rooms:
            self.expected.append(self.count)
        self.count += 1

    def move(self) -> None:
        """Into a room, or out of it."""
        room = self.dice.choice(self.ROOMS)
        me = self.io.in_(self.client.sid)
        if self.dice.random() < 0.5:
            me.sockets_join(room)
            self.rooms.add(room)
        else:
            me.sockets_leave(room)
            self.rooms.discard(room)

    async def cut(self) -> None:
        """The end of what was under way is lost; the server may notice or not."""
        arrived = sum(1 for data in self.client.line.inbox if str(data).startswith("2"))
        self.read(self.dice.randrange(arrived + 1))
        if self.dice.random() < 0.5:
            self.client.lose()
            for _ in range(self.dice.randrange(3)):
                self.speak()
        await self.client.connect()
        assert self.client.recovered

    def read(self, count: int | None = None) -> None:
        self.received += [number for _, number in self.client.read(count)]


@pytest.mark.parametrize("seed", range(20))
async def test_random_cuts_while_rooms_change(seed: int) -> None:
    io = await recovering()
    wanderer = Wanderer(io, await Client(io).connect(), random.Random(seed))
    for _ in range(300):
        act = wanderer.dice.random()
        if act < 0.7:
            wanderer.speak()
        elif act < 0.9:
            wanderer.move()
        else:
            await wanderer.cut()
    wanderer.read()
    assert wanderer.received == wanderer.expected
