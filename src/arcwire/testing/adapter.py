"""A conformance kit for adapters: whether one keeps the contract of `Adapter` on one server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.adapter import Adapter, Member, RoomObserver, SocketDescription
from arcwire.socketio.outgoing import OutgoingEvent, encode
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.protocol.json_codec import JsonCodec
from arcwire.socketio.selection import Flags, Selection


class RecordingMember:
    """A socket that keeps what an adapter does with it."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.connected = True
        self.writable = True
        self.heard: list[str] = []
        self.expected: dict[int, ManyAnswers] = {}
        self.disconnected: list[bool] = []

    def __repr__(self) -> str:
        return self.id

    def deliver(self, event: OutgoingEvent) -> None:
        """See `Member`."""
        self.heard.append(event.name)

    def expect_ack(self, id: int, answer: ManyAnswers) -> None:
        """See `Member`."""
        self.expected[id] = answer

    def forget_ack(self, id: int) -> None:
        """See `Member`."""
        self.expected.pop(id, None)

    def disconnect(self, close: bool = False) -> None:
        """See `Member`."""
        self.disconnected.append(close)


class RecordingHome:
    """A namespace that keeps what an adapter tells it."""

    def __init__(self, name: str = "/") -> None:
        self.name = name
        self.codec: Codec = JsonCodec()
        self.server_events: list[tuple[str, Sequence[object]]] = []

    async def receive_server_event(self, event: str, args: Sequence[object]) -> object:
        """See `Home`."""
        self.server_events.append((event, args))
        return None


async def check_adapter(
    make: Callable[[RecordingHome], Adapter],
    member: Callable[[str], RecordingMember] = RecordingMember,
) -> None:
    """Check that an adapter does what `Adapter` promises, as long as there is no other server.

    `make` is called for each check and makes an adapter without members; `member` makes a socket
    with an id. Raises AssertionError that says what is wrong.
    """
    for check in _CHECKS:
        home = RecordingHome()
        crowd = _Crowd(make(home), home, member)
        try:
            await check(crowd)
        finally:
            crowd.adapter.close()
            crowd.adapter.close()  # harmless


class _Crowd:
    """An adapter and its members a, b, c and d: a and b are in "red", b and c in "blue"."""

    def __init__(self, adapter: Adapter, home: RecordingHome, make: Callable[[str], RecordingMember]) -> None:
        self.adapter = adapter
        self.home = home
        self.all = [make(f"member {name}") for name in "abcd"]
        self.a, self.b, self.c, self.d = self.all
        for member in self.all:
            adapter.add(member)
        adapter.join(self.a, ["red"])
        adapter.join(self.b, ["red", "blue"])
        adapter.join(self.c, ["blue", "blue"])

    def event(self, name: str = "event", id: int | None = None) -> OutgoingEvent:
        return encode(self.home.codec, self.home.name, name, (), id)

    def heard(self, name: str) -> str:
        """Who heard an event, as often as they did."""
        return "".join(each.id[-1] * each.heard.count(name) for each in self.all)


def _expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {found!r}")


def _names(members: Iterable[Member | SocketDescription]) -> str:
    return "".join(sorted(member.id[-1] for member in members))


async def _check_members(crowd: _Crowd) -> None:
    adapter, a = crowd.adapter, crowd.a
    _expect(_names(adapter.members), "abcd", "members are all that were added")
    _expect(adapter.find(a.id), a, "find gives the member with the id")
    _expect(adapter.find("red"), None, "find knows no rooms")
    adapter.add(a)
    _expect(_names(adapter.members), "abcd", "adding a member again is harmless")
    _expect(adapter.remove(a), {a.id, "red"}, "remove gives the rooms, that of its own too")
    _expect(adapter.find(a.id), None, "a removed member is not found")
    _expect(_names(adapter.members), "bcd", "a removed member is no member")
    _expect(adapter.rooms_of(a), {a.id}, "a removed member is in no room but that of its own")
    adapter.remove(a)
    _expect(adapter.rooms(), {"red": 1, "blue": 2}, "rooms without a removed member")


async def _check_rooms(crowd: _Crowd) -> None:
    adapter, b = crowd.adapter, crowd.b
    _expect(adapter.rooms_of(b), {b.id, "red", "blue"}, "rooms_of has all rooms, that of its own too")
    _expect(adapter.rooms_of(crowd.d), {crowd.d.id}, "rooms_of for a member without rooms")
    _expect(adapter.rooms(), {"red": 2, "blue": 2}, "rooms counts members, without rooms of their own")
    adapter.leave(b, "red")
    adapter.leave(b, "never joined")
    _expect(adapter.rooms_of(b), {b.id, "blue"}, "leave removes from one room")
    adapter.leave(crowd.a, "red")
    _expect(adapter.rooms(), {"blue": 2}, "an empty room is none")


async def _check_selections(crowd: _Crowd) -> None:
    a, d = crowd.a, crowd.d
    cases: list[tuple[set[str], set[str], str]] = [
        (set(), set(), "abcd"),
        ({"red"}, set(), "ab"),
        ({"red", "blue"}, set(), "abc"),
        ({"nobody"}, set(), ""),
        ({"red", d.id}, set(), "abd"),
        ({a.id, "red"}, set(), "ab"),
        (set(), {"red"}, "cd"),
        ({"red"}, {"blue"}, "a"),
        (set(), {a.id, "blue"}, "d"),
        ({a.id}, {a.id}, ""),
    ]
    for number, (rooms, excluded, wanted) in enumerate(cases):
        selection = Selection(frozenset(rooms), frozenset(excluded))
        what = f"rooms {sorted(rooms)} without {sorted(excluded)}"
        _expect(_names(crowd.adapter.select(selection)), wanted, f"select {what}")
        crowd.adapter.broadcast(selection, crowd.event(f"event {number}"))
        _expect(crowd.heard(f"event {number}"), wanted, f"broadcast to {what}")
        _expect(_names(await crowd.adapter.fetch(selection)), wanted, f"fetch {what}")
        _expect(await crowd.adapter.count(selection), len(wanted), f"count {what}")


async def _check_broadcasts(crowd: _Crowd) -> None:
    crowd.a.connected = crowd.a.writable = False
    crowd.b.writable = False
    everybody = Selection()
    for name in ("one", "two", "three"):
        crowd.adapter.broadcast(everybody, crowd.event(name))
    for member in crowd.all:
        _expect(member.heard, ["one", "two", "three"], "broadcasts keep their order, for all")
    crowd.adapter.broadcast(everybody.having(Flags(volatile=True)), crowd.event("volatile"))
    _expect(crowd.heard("volatile"), "cd", "a volatile event is for those that can take it")
    crowd.adapter.broadcast(everybody.having(Flags(local=True)), crowd.event("local"))
    _expect(crowd.heard("local"), "abcd", "a local event is for all of this process")
    _expect(_names(await crowd.adapter.fetch(everybody)), "bcd", "fetch leaves out who is not let in")
    _expect(await crowd.adapter.count(everybody), 3, "count leaves out who is not let in")


async def _check_acknowledgements(crowd: _Crowd) -> None:
    crowd.a.connected = False
    loop = asyncio.get_running_loop()
    answers = ManyAnswers(loop, None)
    crowd.adapter.broadcast_with_ack(Selection(), crowd.event("ask", 7), 7, answers)
    _expect(crowd.heard("ask"), "bcd", "an event with acknowledgement is for those that are let in")
    for member in (crowd.b, crowd.c):
        member.expected.pop(7).receive(member, [member.id])
    _expect(answers.settled, False, "all have to answer")
    crowd.d.expected.pop(7).lose(crowd.d, "gone")
    _expect(await answers, [crowd.b.id, crowd.c.id], "the answers of those that did not leave")
    answers = ManyAnswers(loop, None)
    crowd.adapter.broadcast_with_ack(Selection(frozenset(("red",))), crowd.event("late", 8), 8, answers)
    answers.settle(error=TimeoutError("too late"))
    _expect(crowd.b.expected, {}, "members forget an acknowledgement that nobody waits for")
    answers = ManyAnswers(loop, None)
    crowd.adapter.broadcast_with_ack(Selection(frozenset(("nobody",))), crowd.event("none", 9), 9, answers)
    _expect(await answers, [], "nobody is asked, so nobody answers")


async def _check_moves(crowd: _Crowd) -> None:
    adapter = crowd.adapter
    red = Selection(frozenset(("red",)))
    adapter.sockets_join(red, ["green", "blue"])
    _expect(adapter.rooms_of(crowd.a), {crowd.a.id, "red", "green", "blue"}, "sockets_join adds to rooms")
    _expect(adapter.rooms(), {"red": 2, "green": 2, "blue": 3}, "sockets_join is for the selected")
    adapter.sockets_leave(red, ["red", "blue", "never joined"])
    _expect(adapter.rooms(), {"green": 2, "blue": 1}, "sockets_leave removes from rooms")
    adapter.disconnect_sockets(Selection(frozenset(("green",))), False)
    adapter.disconnect_sockets(Selection(frozenset((crowd.d.id,))), True)
    found = [member.disconnected for member in crowd.all]
    _expect(found, [[False], [False], [], [True]], "disconnect_sockets is for the selected")


class _Diary(RoomObserver):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def room_created(self, room: str) -> None:
        self.lines.append(f"+{room}")

    def room_joined(self, room: str, id: str) -> None:
        self.lines.append(f"{id[-1]}>{room}")

    def room_left(self, room: str, id: str) -> None:
        self.lines.append(f"{id[-1]}<{room}")

    def room_deleted(self, room: str) -> None:
        self.lines.append(f"-{room}")


async def _check_observers(crowd: _Crowd) -> None:
    adapter, c, d = crowd.adapter, crowd.c, crowd.d
    diary, other = _Diary(), _Diary()
    end = adapter.observe(diary)
    adapter.observe(other)
    adapter.join(c, ["red", "green", "blue"])
    adapter.leave(c, "green")
    adapter.leave(c, "green")
    _expect(diary.lines, ["c>red", "+green", "c>green", "c<green", "-green"], "what observers are told")
    diary.lines.clear()
    adapter.remove(d)
    _expect(diary.lines, [f"d<{d.id}", f"-{d.id}"], "what observers are told when a member goes")
    diary.lines.clear()
    adapter.add(d)
    adapter.add(d)
    _expect(diary.lines, [f"+{d.id}", f"d>{d.id}"], "what observers are told when a member comes")
    end()
    adapter.join(d, ["red"])
    _expect(diary.lines[2:], [], "an observer that ended is told nothing")
    _expect(other.lines[-1], "d>red", "an observer is told although another one ended")


async def _check_other_servers(crowd: _Crowd) -> None:
    crowd.adapter.server_side_emit("event", [1])
    answers = await crowd.adapter.server_side_emit_with_ack("event", [1], 1.0)
    _expect(answers, [], "there is no other server that could answer")
    _expect(crowd.home.server_events, [], "a server does not get its own events")


_CHECKS: list[Callable[[_Crowd], Awaitable[None]]] = [
    _check_members,
    _check_rooms,
    _check_selections,
    _check_broadcasts,
    _check_acknowledgements,
    _check_moves,
    _check_observers,
    _check_other_servers,
]
