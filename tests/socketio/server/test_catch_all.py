"""Listeners for all events, and middlewares before the handlers."""

import asyncio
import logging
import threading
from random import Random
from typing import Any

import msgspec
import pytest

from arcwire import Ack, Event, EventError, Namespace, Server, Socket, on
from support.memory import MemoryClient, until

INTERNAL = {"error": {"code": "internal"}}


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


# -- incoming -----------------------------------------------------------------------


async def test_listeners_hear_every_event_before_its_handlers() -> None:
    io = Server()
    heard: list[object] = []

    @io.on("say")
    async def say(socket: Socket, text: str) -> str:
        heard.append(("handler", text))
        return "said"

    @io.on_any
    async def any_(socket: Socket, event: str, *args: Any) -> str:
        heard.append(("second", socket.id, event, args))
        return "ignored"

    @io.prepend_any
    async def first(socket: Socket, event: str) -> None:
        heard.append(("first", event))

    client = MemoryClient(io)
    socket = await client.enter()

    @socket.on_any
    async def own(event: str, value: Any = "nothing", *more: Any) -> None:
        heard.append(("own", event, value, more))

    assert await client.ask(1, "say", "hi") == ["said"]
    assert heard == [
        ("first", "say"),
        ("second", socket.id, "say", ("hi",)),
        ("own", "say", "hi", ()),
        ("handler", "hi"),
    ]
    heard.clear()
    # Also what nobody handles, and what fits no handler.
    assert (await client.ask(2, "nobody", {"a": [1]}, 2))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]
    assert (await client.ask(3, "say", 5))[0]["error"]["code"] == "invalid"  # type: ignore[index]
    client.send('51-["blob",{"_placeholder":true,"num":0}]', b"\x01", '2["none"]')
    await settle()
    assert [each for each in heard if each[0] == "own"] == [  # type: ignore[index]
        ("own", "nobody", {"a": [1]}, (2,)),
        ("own", "say", 5, ()),
        ("own", "blob", b"\x01", ()),
        ("own", "none", "nothing", ()),
    ]


async def test_listeners_are_removed_and_listed() -> None:
    io = Server()
    heard: list[str] = []

    async def a(socket: Socket, event: str) -> None:
        heard.append("a")

    async def b(socket: Socket, event: str) -> None:
        heard.append("b")

    async def c(event: str) -> None:
        heard.append("c")

    client = MemoryClient(io)
    socket = await client.enter()
    assert io.listeners_any() == socket.listeners_any() == []
    io.off_any(a)
    socket.off_any()
    socket.off_any_outgoing()
    # Who has none pays nothing for having been asked.
    assert socket.hooks is io.hooks
    assert not io.hooks.intercepts
    assert not io.hooks.watches
    assert io.on_any(a) is a
    io.on_any(b)
    io.prepend_any(b)
    socket.on_any(c)
    assert io.listeners_any() == [b, a, b]
    assert socket.listeners_any() == [c]
    client.send('2["x"]')
    await settle()
    assert heard == ["b", "a", "b", "c"]
    heard.clear()
    io.off_any(b)
    client.send('2["x"]')
    await settle()
    assert heard == ["a", "c"]
    heard.clear()
    io.off_any()
    socket.off_any(c)
    assert io.listeners_any() == socket.listeners_any() == []
    client.send('2["x"]')
    await settle()
    assert heard == []


async def test_a_listener_of_one_socket_hears_no_other() -> None:
    io = Server()
    heard: list[object] = []
    client, other = MemoryClient(io), MemoryClient(io)
    socket, _ = await client.enter(), await other.enter()

    @socket.on_any
    async def own(event: str, socket: Socket, *args: Any) -> None:
        heard.append((socket.id, event, args))

    other.send('2["other",1]')
    client.send('2["own",1]')
    await settle()
    assert heard == [(socket.id, "own", (1,))]


async def test_a_listener_may_answer() -> None:
    io = Server()

    @io.on_any
    async def answer(socket: Socket, event: str, ack: Ack, *args: Any) -> None:
        assert ack.expected or event == "quiet"
        if event != "handled":
            ack("listener", *args)

    @io.on("handled")
    async def handled(socket: Socket) -> str:
        return "handler"

    client = MemoryClient(io)
    await client.connect()
    assert await client.ask(1, "nobody", 1) == ["listener", 1]
    assert await client.ask(2, "handled") == ["handler"]
    client.send('2["quiet"]')
    await settle()
    assert len(client.inbox) == 3


async def test_what_listeners_raise_hinders_nobody(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on_any
    async def failing(socket: Socket, event: str) -> None:
        raise LookupError("listener")

    @io.on("x")
    async def x(socket: Socket) -> str:
        return "fine"

    client = MemoryClient(io)
    await client.connect()
    with caplog.at_level(logging.ERROR, "arcwire.socketio"):
        assert await client.ask(1, "x") == ["fine"]
    (record,) = caplog.records
    assert "a listener for all events, told of 'x', failed" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


async def test_plain_functions_listen_in_threads() -> None:
    io = Server()
    names: list[str] = []

    @io.on_any
    def listen(socket: Socket, event: str) -> None:
        names.append(threading.current_thread().name)

    client = MemoryClient(io)
    await client.connect()
    client.send('2["x"]')
    await until(lambda: names)
    assert names[0].startswith("arcwire")
    await io.close()


@pytest.mark.parametrize("incoming", [True, False])
async def test_signatures_that_do_not_fit_every_event_are_refused(incoming: bool) -> None:
    io = Server()
    socket = await MemoryClient(io).enter()

    async def nothing() -> None: ...
    async def only_socket(socket: Socket) -> None: ...
    async def wants_more(socket: Socket, event: str, value: int) -> None: ...
    async def wants_more_of_socket(event: str, value: int) -> None: ...

    def register(target: Any) -> Any:
        return target.on_any if incoming else target.on_any_outgoing

    for target, wrong, message in (
        (io, nothing, "takes 0 arguments"),
        (io, only_socket, "the event's name"),
        (io, wants_more, "any number of arguments.*'value'"),
        (socket, nothing, "the event's name"),
        (socket, wants_more_of_socket, "any number of arguments"),
    ):
        with pytest.raises(TypeError, match=message):
            register(target)(wrong)
    assert io.listeners_any() == io.listeners_any_outgoing() == []


@pytest.mark.parametrize("packet", ['2["x"', '2["x",}]', "2[]", '2["connect"]'])
async def test_bad_packets_end_the_connection_though_somebody_listens(packet: str) -> None:
    io = Server()
    heard: list[str] = []

    @io.on_any
    async def listen(socket: Socket, event: str) -> None:
        heard.append(event)

    client = MemoryClient(io)
    await client.connect()
    client.send(packet)
    await settle()
    assert client.closed
    assert heard == []


# -- outgoing -----------------------------------------------------------------------


async def test_listeners_hear_every_event_that_is_sent() -> None:
    io = Server()
    heard: list[tuple[Any, ...]] = []
    client, other = MemoryClient(io), MemoryClient(io)
    socket, other_socket = await client.enter(), await other.enter()
    names = {socket.id: "a", other_socket.id: "b"}

    @io.on_any_outgoing
    async def sent(socket: Socket, event: str, *args: Any) -> None:
        heard.append((names[socket.id], event, *args))

    @socket.on_any_outgoing
    async def own(event: str) -> None:
        heard.append(("own", event))

    socket.emit("direct", 1, b"\x01")
    other_socket.send("message")
    io.emit("all", {"x": 1})
    socket.broadcast.emit("others")
    answer = socket.timeout(5).emit_with_ack("q")
    answers = io.to(other_socket.id).emit_with_ack("many")
    other.link.stalled = 1_000_000
    other_socket.volatile.emit("lost")
    await settle()
    broadcast = heard[3:6]
    assert sorted(broadcast) == [("a", "all", {"x": 1}), ("b", "all", {"x": 1}), ("own", "all")]
    assert heard[:3] + heard[6:] == [
        ("a", "direct", 1, b"\x01"),
        ("own", "direct"),
        ("b", "message", "message"),
        ("b", "others"),
        ("a", "q"),
        ("own", "q"),
        ("b", "many"),
    ]
    client.send("30[1]")
    other.send("31[2]")
    assert await answer == 1
    assert await answers == [2]
    client.drop()
    heard.clear()
    socket.emit("to nobody")
    await settle()
    assert heard == []


async def test_listeners_for_what_is_sent_are_removed_and_listed() -> None:
    io = Server()
    heard: list[str] = []

    async def a(socket: Socket, event: str) -> None:
        heard.append("a")

    async def b(socket: Socket, event: str) -> None:
        heard.append("b")
        raise LookupError

    failures: list[object] = []
    io.on_error(lambda error, socket, event: failures.append((type(error), event)))
    socket = await MemoryClient(io).enter()
    io.on_any_outgoing(a)
    io.prepend_any_outgoing(b)
    assert io.listeners_any_outgoing() == [b, a]
    assert io.listeners_any() == socket.listeners_any_outgoing() == []
    socket.emit("x")
    await until(lambda: failures)
    assert heard == ["b", "a"]
    assert failures == [(LookupError, "x")]
    heard.clear()
    io.off_any_outgoing(b)
    socket.emit("x")
    await settle()
    assert heard == ["a"]
    io.off_any_outgoing()
    io.off_any_outgoing(a)
    socket.emit("x")
    await settle()
    assert heard == ["a"]
    await io.close()


async def test_what_is_held_for_a_client_that_comes_in_counts_as_sent() -> None:
    io = Server()
    heard: list[str] = []

    @io.on_any_outgoing
    async def sent(socket: Socket, event: str) -> None:
        heard.append(event)

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.emit("early")

    client = MemoryClient(io)
    await client.connect()
    await settle()
    assert heard == ["early"]
    assert client.inbox[1:] == ['2["early"]']


# -- middlewares ----------------------------------------------------------------------


async def test_middlewares_see_change_and_refuse_events() -> None:
    io = Server()
    log: list[object] = []

    @io.on_any
    async def listen(socket: Socket, event: str, *args: Any) -> None:
        log.append(("listener", args))

    @io.use_event
    async def look(event: Event) -> None:
        log.append((event.name, event.wants_ack))
        if event.name == "forbidden":
            raise EventError("forbidden", "not you", data=[1])

    @io.on("double")
    async def double(socket: Socket, value: int) -> int:
        return value * 2

    client = MemoryClient(io)
    socket = await client.enter()

    @socket.use
    async def change(event: Event, socket: Socket) -> None:
        assert event.socket is socket
        event.args[0] += 1

    assert await client.ask(1, "double", 4) == [10]
    assert log == [("listener", (4,)), ("double", True)]
    error = {"error": {"code": "forbidden", "message": "not you", "data": [1]}}
    assert await client.ask(2, "forbidden", 1) == [error]
    client.send('2["forbidden",1]')
    await settle()
    assert log[-1] == ("forbidden", False)
    assert len(client.inbox) == 3


class Order(msgspec.Struct):
    amounts: dict[int, float]
    blob: bytes = b""


async def test_changed_arguments_are_decoded_like_those_that_arrive() -> None:
    io = Server()
    orders: list[Order] = []

    @io.on("order")
    async def order(socket: Socket, order: Order) -> int:
        orders.append(order)
        return len(order.amounts)

    client = MemoryClient(io)
    await client.connect()
    payload = {"amounts": {"1": 2, "3": 4.5}}
    assert await client.ask(1, "order", payload) == [2]

    @io.use_event
    async def look(event: Event) -> None:
        if event.name == "order":
            event.args[0]["amounts"].setdefault("7", 7)

    assert await client.ask(2, "order", payload) == [3]
    client.send('51-3["order",{"amounts":{"1":1},"blob":{"_placeholder":true,"num":0}}]', b"\x01")
    await client.wait_for(lambda data: data == "33[2]")
    assert orders == [
        Order({1: 2.0, 3: 4.5}),
        Order({1: 2.0, 3: 4.5, 7: 7.0}),
        Order({1: 1.0, 7: 7.0}, b"\x01"),
    ]
    (answer,) = await client.ask(4, "order", {"amounts": {"x": 1}})  # type: ignore[misc]
    assert answer["error"]["code"] == "invalid"


async def test_events_keep_their_order_while_a_middleware_waits() -> None:
    io = Server()
    log: list[object] = []
    gates = {"slow": asyncio.Event()}

    @io.use_event
    async def wait(event: Event) -> None:
        if event.name in gates:
            await gates[event.name].wait()

    @io.on("slow")
    @io.on("quick")
    async def handle(socket: Socket, value: int) -> None:
        log.append(value)

    @io.on_disconnect
    async def gone(socket: Socket) -> None:
        log.append("gone")

    client, other = MemoryClient(io), MemoryClient(io)
    await client.connect()
    await other.connect()
    client.send('2["quick",1]', '2["slow",2]', '2["quick",3]', '2["quick",4]')
    other.send('2["quick",5]')
    await settle()
    assert log == [1, 5]
    # What was sent before the client left is handled, and its end comes last.
    client.drop()
    await settle()
    assert log == [1, 5]
    gates["slow"].set()
    await until(lambda: len(log) == 6)
    assert log == [1, 5, 2, 3, 4, "gone"]


@pytest.mark.parametrize("seed", range(5))
async def test_order_holds_however_long_middlewares_take(seed: int) -> None:
    io = Server()
    random = Random(seed)
    log: dict[str, list[int]] = {}

    async def dawdle(event: Event) -> None:
        for _ in range(random.choice((0, 0, 1, 2, 5))):
            await asyncio.sleep(0)
        if event.args[0] % 10 == 7:
            raise EventError("seven")

    io.use_event(dawdle)

    @io.on("x")
    async def x(socket: Socket, number: int) -> int:
        log.setdefault(socket.id, []).append(number)
        return number

    clients = [MemoryClient(io) for _ in range(3)]
    for client in clients:
        (await client.enter()).use(dawdle)
    for number in range(60):
        for client in clients:
            client.send(f'2{number}["x",{number}]')
        if random.random() < 0.3:
            await asyncio.sleep(0)
    answers = [f"3{n}" + ('[{"error":{"code":"seven"}}]' if n % 10 == 7 else f"[{n}]") for n in range(60)]
    for client in clients:
        await until(lambda client=client: len(client.inbox) == 61)  # type: ignore[misc]
        assert sorted(client.inbox[1:]) == sorted(answers)
    assert list(log.values()) == [[n for n in range(60) if n % 10 != 7]] * 3


async def test_events_that_wait_for_connection_handlers_pass_middlewares_too() -> None:
    io = Server()
    log: list[object] = []
    let_in = asyncio.Event()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        await let_in.wait()
        log.append("connected")

    @io.use_event
    async def look(event: Event) -> None:
        await asyncio.sleep(0)
        log.append(f"middleware {event.args[0]}")

    @io.on("x")
    async def x(socket: Socket, value: int) -> None:
        log.append(f"handler {value}")

    client = MemoryClient(io)
    client.send("0", '2["x",1]', '2["x",2]')
    await settle()
    assert log == []
    let_in.set()
    await until(lambda: len(log) == 5)
    assert log == ["connected", "middleware 1", "handler 1", "middleware 2", "handler 2"]


async def test_a_client_cannot_pile_up_events_behind_a_middleware() -> None:
    io = Server()
    ends: list[object] = []

    @io.use_event
    async def never(event: Event) -> None:
        await asyncio.Event().wait()

    @io.on_disconnect
    async def gone(socket: Socket) -> None:
        ends.append(socket.id)

    client = MemoryClient(io)
    await client.connect()
    client.send('2["x"]')
    await settle()
    client.send(*['2["x"]'] * 1000)
    assert not client.closed
    client.send('2["x"]')
    assert client.closed
    await io.close(grace=0.01)


async def test_what_a_middleware_raises_stops_the_event_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io = Server()
    handled: list[object] = []

    @io.use_event
    def broken(event: Event) -> None:
        if event.name == "x":
            raise LookupError("middleware")

    @io.on("x")
    @io.on("y")
    async def handle(socket: Socket) -> str:
        handled.append(socket.id)
        return "ok"

    client = MemoryClient(io)
    await client.connect()
    with caplog.at_level(logging.ERROR, "arcwire.socketio"):
        assert await client.ask(1, "x") == [INTERNAL]
        assert await client.ask(2, "y") == ["ok"]
    assert len(handled) == 1
    assert ["a middleware for event 'x' failed" in each.getMessage() for each in caplog.records] == [True]
    await io.close()


async def test_a_middleware_may_send_the_client_away() -> None:
    io = Server()
    log: list[object] = []

    @io.use_event
    async def out(event: Event) -> None:
        event.socket.disconnect()
        raise EventError("out")

    @io.on("x")
    async def x(socket: Socket) -> None:
        log.append("handled")

    @io.on_disconnect
    async def gone(socket: Socket, reason: str) -> None:
        log.append(reason)

    client = MemoryClient(io)
    await client.connect()
    client.send('21["x"]')
    await until(lambda: log)
    assert log == ["server namespace disconnect"]
    assert client.inbox[1:] == ["1"]


async def test_middlewares_take_the_event_only() -> None:
    io = Server()
    socket = await MemoryClient(io).enter()

    async def wants_more(event: Event, value: int) -> None: ...
    async def takes_nothing() -> None: ...
    async def wrong(event: str) -> None: ...

    for register in (io.use_event, socket.use):
        with pytest.raises(TypeError, match="with the event only"):
            register(wants_more)
        with pytest.raises(TypeError, match="takes 0 arguments"):
            register(takes_nothing)
        with pytest.raises(TypeError, match="passes the event first"):
            register(wrong)


async def test_namespaces_share_nothing_and_children_share_all() -> None:
    io = Server()
    heard: list[object] = []
    io.on_any(_never)
    io.on_any_outgoing(_never)
    rooms = io.of("/room-{id:int}")

    @rooms.use_event
    async def look(event: Event) -> None:
        heard.append((event.socket.namespace.name, event.name))

    @rooms.on_any
    async def any_(socket: Socket, event: str) -> None:
        heard.append(event)

    client = MemoryClient(io)
    await client.connect("/room-1")
    await client.connect("/room-2")
    client.send('2/room-1,["a"]')
    await until(lambda: len(heard) == 2)
    client.send('2/room-2,["b"]')
    await until(lambda: len(heard) == 4)
    assert heard == ["a", ("/room-1", "a"), "b", ("/room-2", "b")]


async def _never(socket: Socket, event: str) -> None:
    raise AssertionError(event)


async def test_classes_have_them_too() -> None:
    heard: list[object] = []

    class Chat(Namespace):
        @on.any
        async def listen(self, socket: Socket, event: str) -> None:
            heard.append(("any", event))

        @on.any_outgoing
        async def sent(self, socket: Socket, event: str) -> None:
            heard.append(("sent", event))

        @on.event_middleware
        async def look(self, event: Event) -> None:
            heard.append(("middleware", event.name))

        @on.error
        async def failed(self, error: Exception) -> None:
            heard.append(("error", repr(error)))

        @on("x")
        async def x(self, socket: Socket) -> None:
            socket.emit("y")
            raise LookupError("x")

    io = Server()
    io.include(Chat("/chat"))
    client = MemoryClient(io)
    await client.connect("/chat")
    client.send('2/chat,["x"]')
    await until(lambda: len(heard) == 4)
    assert heard[:2] == [("any", "x"), ("middleware", "x")]
    assert set(heard[2:]) == {("sent", "y"), ("error", "LookupError('x')")}
