"""Events: from the client to handlers, and their acknowledgements."""

import asyncio
import contextvars
import functools
import logging
import threading
from typing import Any

import msgspec
import pytest

from arcwire import Ack, EventError, Server, Socket
from support.memory import MemoryClient, until


class Receipt(msgspec.Struct):
    ok: bool
    blob: bytes = b""


async def test_return_values_answer() -> None:
    io = Server()

    @io.on("add")
    async def add(socket: Socket, a: int, b: int) -> int:
        return a + b

    @io.on("receipt")
    def receipt(socket: Socket) -> Receipt:
        return Receipt(ok=True, blob=b"\x01")

    @io.on("nothing")
    async def nothing(socket: Socket) -> None: ...

    @io.on("pair")
    async def pair(socket: Socket) -> tuple[int, str]:
        return 1, "a"

    client = MemoryClient(io)
    await client.connect()
    assert await client.ask(1, "add", 2, 3) == [5]
    assert await client.ask(2, "nothing") == []
    assert await client.ask(3, "pair") == [[1, "a"]]
    client.send('24["receipt"]')
    await client.wait_for(lambda data: data == b"\x01")
    assert client.inbox[-2:] == ['61-4[{"ok":true,"blob":{"_placeholder":true,"num":0}}]', b"\x01"]
    await io.close()


async def test_nobody_is_answered_who_did_not_ask() -> None:
    io = Server()

    @io.on("add")
    async def add(socket: Socket, a: int) -> int:
        if a < 0:
            raise EventError("negative")
        return a

    client = MemoryClient(io)
    await client.connect()
    client.send('2["add",1]', '2["add",-1]', '2["add","x"]', '2["unknown"]')
    assert await client.ask(1, "add", 7) == [7]
    assert len(client.inbox) == 2


async def test_errors_answer_and_the_connection_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on("denied")
    async def denied(socket: Socket) -> None:
        raise EventError("denied", "not yours", {"id": 3})

    @io.on("short")
    async def short(socket: Socket) -> None:
        raise EventError("short")

    @io.on("bug")
    async def bug(socket: Socket) -> None:
        raise KeyError("secret")

    @io.on("unserializable")
    async def unserializable(socket: Socket) -> object:
        return object()

    @io.on("text")
    async def text(socket: Socket, text: str) -> None: ...

    client = MemoryClient(io)
    sid = await client.connect()
    assert await client.ask(1, "denied") == [
        {"error": {"code": "denied", "message": "not yours", "data": {"id": 3}}}
    ]
    assert await client.ask(2, "short") == [{"error": {"code": "short"}}]
    assert await client.ask(3, "text", 1) == [
        {"error": {"code": "invalid", "message": "Expected `str`, got `int`", "path": "text"}}
    ]
    assert await client.ask(4, "unknown") == [
        {"error": {"code": "unknown_event", "message": "nobody handles the event 'unknown'"}}
    ]
    with caplog.at_level(logging.ERROR):
        assert await client.ask(5, "bug") == [{"error": {"code": "internal"}}]
        assert await client.ask(6, "unserializable") == [{"error": {"code": "internal"}}]
    assert len(caplog.records) == 2
    assert "'bug'" in caplog.records[0].getMessage()
    assert sid in caplog.records[0].getMessage()
    assert not client.closed


async def test_an_explicit_ack_answers_once_now_or_later() -> None:
    io = Server()
    kept: list[Ack] = []

    @io.on("twice")
    async def twice(socket: Socket, ack: Ack) -> None:
        assert ack.expected
        ack(1, "two")
        assert not ack.expected
        ack(2)

    @io.on("later")
    async def later(socket: Socket, ack: Ack) -> None:
        kept.append(ack)

    @io.on("fails")
    async def fails(socket: Socket, ack: Ack) -> None:
        raise EventError("no")

    client = MemoryClient(io)
    await client.connect()
    assert await client.ask(1, "twice") == [1, "two"]
    client.send('22["later"]', '2["later"]')
    await until(lambda: len(kept) == 2)
    assert client.inbox[-1] == '31[1,"two"]'
    assert not kept[1].expected
    kept[1]("nobody asked")
    kept[0]("now")
    assert client.inbox[-1] == '32["now"]'
    assert await client.ask(3, "fails") == [{"error": {"code": "no"}}]


async def test_several_handlers_start_in_order_and_the_first_value_answers() -> None:
    io = Server()
    log: list[str] = []

    @io.on("say")
    async def first(socket: Socket, text: str) -> None:
        log.append("first")
        await asyncio.sleep(0)

    @io.on("say")
    async def second(socket: Socket, text: str) -> str:
        log.append("second")
        return text.upper()

    @io.on("quiet")
    async def quiet(socket: Socket) -> None: ...

    io.on("quiet", first_ := functools.partial(_note, log, "partial"))
    client = MemoryClient(io)
    await client.connect()
    assert await client.ask(1, "say", "a") == ["A"]
    assert log == ["first", "second"]
    assert await client.ask(2, "quiet") == []
    assert log == ["first", "second", "partial"]
    io.off("say", second)
    assert await client.ask(3, "say", "a") == []
    io.off("quiet", first_)
    io.off("say")
    assert (await client.ask(4, "say", "a"))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]
    io.off()
    assert (await client.ask(5, "quiet"))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]


async def _note(log: list[str], what: str, socket: Socket) -> None:
    log.append(what)


async def test_once_is_once() -> None:
    io = Server()
    log: list[object] = []

    @io.once("say")
    async def once(socket: Socket) -> str:
        log.append("once")
        return "once"

    @io.on("say")
    async def always(socket: Socket) -> str:
        log.append("always")
        return "always"

    client = MemoryClient(io)
    sid = await client.connect()
    assert await client.ask(1, "say") == ["once"]
    assert await client.ask(2, "say") == ["always"]
    socket = io.sockets[sid]
    socket.once("own", lambda: "own")
    assert await client.ask(3, "own") == ["own"]
    assert (await client.ask(4, "own"))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]
    assert log == ["once", "always", "always"]
    await io.close()


async def test_handlers_of_one_socket() -> None:
    io = Server()
    log: list[object] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        @socket.on("say")
        async def say(text: str, me: Socket, ack: Ack) -> None:
            log.append((text, me is socket))
            ack("own")

        @socket.on_disconnect
        async def gone(socket: Socket, reason: str, description: str) -> None:
            log.append(reason)

    client, other = MemoryClient(io), MemoryClient(io)
    sid = await client.connect()
    await other.connect()
    assert await client.ask(1, "say", "a") == ["own"]
    io.sockets[sid].off("say")
    assert (await client.ask(2, "say", "a"))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]
    client.drop()
    await until(lambda: len(log) == 2)
    assert log == [("a", True), "transport close"]


async def test_handlers_start_in_the_order_of_arrival() -> None:
    io = Server()
    log: list[int] = []

    @io.on("n")
    async def n(socket: Socket, i: int) -> int:
        log.append(i)
        await asyncio.sleep(0 if i % 2 else 0.001)
        return i

    client = MemoryClient(io)
    await client.connect()
    client.send(*(f'2{i}["n",{i}]' for i in range(100)))
    await until(lambda: len(client.inbox) == 101)
    assert log == list(range(100))


async def test_handlers_that_wait_are_not_overtaken_by_those_that_do_not() -> None:
    io = Server()
    started: list[int] = []

    @io.on("waits")
    async def waits(socket: Socket, number: int) -> None:
        started.append(number)
        await asyncio.sleep(0)

    @io.on("passes")
    async def passes(socket: Socket, number: int) -> int:
        started.append(number)
        return number

    client = MemoryClient(io)
    await client.connect()
    for number in range(20):
        client.send(f'2["{"waits" if number % 3 == 0 else "passes"}",{number}]')
    await until(lambda: len(started) == 20)
    assert started == list(range(20))
    client.send('27["passes",20]')
    await client.wait_for(lambda data: data == "37[20]")


async def test_context_variables_of_a_handler_are_its_own() -> None:
    io = Server()
    name = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    @io.on("set")
    async def set_name(socket: Socket, value: str) -> None:
        seen.append(name.get())
        name.set(value)
        seen.append(name.get())

    client = MemoryClient(io)
    await client.connect()
    client.send('2["set","ada"]', '2["set","grace"]')
    await until(lambda: len(seen) == 4)
    assert seen == ["nobody", "ada", "nobody", "grace"]
    assert name.get() == "nobody"


async def test_errors_of_handlers_that_await_nothing_answer_and_cancelling_does_not() -> None:
    io = Server()

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        raise EventError("broken", "as told")

    @io.on("cancel")
    async def cancel(socket: Socket) -> None:
        raise asyncio.CancelledError

    client = MemoryClient(io)
    await client.connect()
    client.send('21["cancel"]', '22["fail"]')
    answer = await client.wait_for(lambda data: isinstance(data, str) and data.startswith("32"))
    assert answer == '32[{"error":{"code":"broken","message":"as told"}}]'
    assert not [data for data in client.inbox if isinstance(data, str) and data.startswith("31")]
    assert not client.closed


@pytest.mark.parametrize(
    "event", ["connect", "disconnect", "connect_error", "disconnecting", "newListener", "removeListener"]
)
async def test_clients_cannot_reach_lifecycle_handlers(event: str) -> None:
    io = Server()
    calls: list[str] = []
    io.on_connect(functools.partial(_note, calls, "connect"))
    io.on_disconnect(functools.partial(_note, calls, "disconnect"))
    client = MemoryClient(io)
    await client.connect()
    client.send(f'2["{event}",{{"environ":1}},{{"auth":2}}]')
    assert client.closed
    await until(lambda: len(calls) == 2)
    assert calls == ["connect", "disconnect"]


async def test_binary_events_both_ways() -> None:
    io = Server()

    @io.on("blob")
    async def blob(socket: Socket, data: bytes, more: dict[str, Any]) -> bytes:
        socket.emit("back", more, memoryview(b"mem"), bytearray(b"arr"))
        return data[::-1]

    client = MemoryClient(io)
    await client.connect()
    client.send(
        '52-9["blob",{"_placeholder":true,"num":0},{"k":[{"_placeholder":true,"num":1}]}]', b"abc", b"x"
    )
    await client.wait_for(lambda data: data == b"cba")
    assert client.inbox[1:] == [
        '53-["back",{"k":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1},'
        '{"_placeholder":true,"num":2}]',
        b"x",
        b"mem",
        b"arr",
        '61-9[{"_placeholder":true,"num":0}]',
        b"cba",
    ]


@pytest.mark.parametrize(
    "packets",
    [
        ["2"],
        ["2[]"],
        ['2["x"'],
        ['2["x",}]'],
        ['2["known",}]'],
        ["2{}"],
        ['2abc["x"]'],
        ["7"],
        [""],
        ["abc"],
        ["31{}"],
        ["31[1"],
        ['4{"message":"x"}'],
        ['2/other,["x"]'],
        ["3/other,1[]"],
        ['51-["x",{"_placeholder":true,"num":0}]', '2["x"]'],
        ['51-["x",{"_placeholder":true,"num":1}]', b"a"],
        [b"a"],
        ["511-[]"],
        ['51-["connect",{"_placeholder":true,"num":0}]'],
        ["2" + "[" * 50_000],
        ['51-["x",' + "[" * 50_000],
    ],
)
async def test_packets_that_nobody_may_send_end_the_connection_and_no_other(
    packets: list[str | bytes],
) -> None:
    io = Server()
    reasons: list[str] = []

    @io.on("known")
    async def known(socket: Socket, value: int) -> None: ...

    @io.on_disconnect
    async def gone(socket: Socket, reason: str) -> None:
        reasons.append(reason)

    other = MemoryClient(io)
    await other.connect()
    client = MemoryClient(io)
    await client.connect()
    client.send(*packets)
    assert client.closed
    assert client.link.closed == (1005, "")
    await until(lambda: reasons)
    assert reasons == ["forced close"]
    assert len(io.sockets) == 1
    assert (await other.ask(1, "nobody"))[0]["error"]["code"] == "unknown_event"  # type: ignore[index]


@pytest.mark.parametrize("packet", ["3", "3[]", "399[1]", "39007199254740991[1]", '2["x",1,2]', "2[7]"])
async def test_packets_without_effect_are_ignored(packet: str) -> None:
    io = Server()
    client = MemoryClient(io)
    await client.connect()
    client.send(packet)
    assert not client.closed


async def test_numbers_name_events_too() -> None:
    io = Server()
    io.on("7", functools.partial(_answer, "seven"))
    client = MemoryClient(io)
    await client.connect()
    client.send("21[7]")
    await until(lambda: client.inbox[-1] == '31["seven"]')


async def _answer(what: str, socket: Socket) -> str:
    return what


async def test_plain_functions_run_in_threads_and_block_nobody() -> None:
    io = Server()
    hold, inside = threading.Event(), threading.Event()

    @io.on("block")
    def block(socket: Socket) -> str:
        inside.set()
        assert hold.wait(5)
        return threading.current_thread().name

    @io.on("quick")
    async def quick(socket: Socket) -> str:
        return "quick"

    client = MemoryClient(io)
    await client.connect()
    client.send('21["block"]')
    await until(inside.is_set)
    assert await client.ask(2, "quick") == ["quick"]
    hold.set()
    await until(lambda: len(client.inbox) == 3)
    assert client.inbox[-1].startswith('31["arcwire')  # type: ignore[arg-type]
    await io.close()


async def test_everything_may_be_called_from_threads() -> None:
    io = Server()
    answers: list[object] = []

    @io.on("work")
    def work(socket: Socket, ack: Ack) -> None:
        socket.join("a", "b")
        socket.leave("b")
        socket.emit("one", 1)
        io.to("a").emit("two", b"2")
        answers.append(socket.timeout(5).emit_with_ack("question").result())
        answers.append(io.to("a").timeout(5).emit_with_ack("all").result())
        ack("done")
        socket.disconnect()

    client = MemoryClient(io)
    socket = await client.enter()
    client.send('21["work"]')
    await client.wait_for(lambda data: data == '20["question"]')
    assert client.inbox[1:4] == ['2["one",1]', '51-["two",{"_placeholder":true,"num":0}]', b"2"]
    assert socket.rooms == {socket.id, "a"}
    client.send('30["answer"]')
    await client.wait_for(lambda data: data == '21["all"]')
    client.send("31[1,2]")
    await client.wait_for(lambda data: data == "1")
    assert client.inbox[-2:] == ['31["done"]', "1"]
    assert answers == ["answer", [(1, 2)]]
    await io.close()


async def test_waiting_in_the_wrong_place_is_an_error_not_a_deadlock() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    answer = socket.emit_with_ack("question")
    with pytest.raises(RuntimeError, match="await the answer"):
        answer.result()


@pytest.mark.parametrize("event", ["connect", "disconnect", "newListener", "connection"])
async def test_reserved_names_cannot_be_emitted(event: str) -> None:
    io = Server()
    socket = await MemoryClient(io).enter()
    if event != "connection":
        with pytest.raises(ValueError, match="lifecycle"):
            socket.emit(event)
    with pytest.raises(ValueError, match="lifecycle"):
        io.emit(event)
    with pytest.raises(TypeError, match="named by a string"):
        socket.emit(1)  # type: ignore[arg-type]


async def test_what_has_no_json_form_fails_where_it_is_emitted() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    for wrong in (object(), {"a": object()}, [b"x", object()]):
        with pytest.raises(TypeError):
            socket.emit("x", wrong)
        with pytest.raises(TypeError):
            io.emit("x", wrong)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        socket.emit("x", "\ud800")
    assert len(client.inbox) == 1


async def test_error_handlers_get_exceptions_in_place_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()
    told: list[tuple[object, ...]] = []

    @io.on_error
    async def failed(error: Exception, socket: Socket, event: str) -> None:
        told.append((str(error), socket.id, event))

    @io.on_error
    def counted(error: Exception) -> None:
        told.append((str(error),))

    @io.on("async")
    async def fails(socket: Socket) -> None:
        raise LookupError("async")

    @io.on("thread")
    def fails_in_a_thread(socket: Socket) -> None:
        raise LookupError("thread")

    @io.on("answer")
    async def answers_nonsense(socket: Socket) -> object:
        return object()

    @io.on("refuse")
    async def refuses(socket: Socket) -> None:
        raise EventError("refused")

    @io.on_disconnect
    async def gone(socket: Socket) -> None:
        raise LookupError("gone")

    client = MemoryClient(io)
    internal = [{"error": {"code": "internal"}}]
    with caplog.at_level(logging.INFO, "arcwire.socketio"):
        sid = await client.connect()
        for id, event in enumerate(["async", "thread", "answer"]):
            assert await client.ask(id, event) == internal
        assert await client.ask(9, "refuse") == [{"error": {"code": "refused"}}]
        client.drop()
        await until(lambda: told[-1] == ("gone",))
        assert [each for each in told if len(each) == 3] == [
            ("async", sid, "async"),
            ("thread", sid, "thread"),
            (told[4][0], sid, "answer"),
            ("gone", sid, "disconnect"),
        ]
        assert len(told) == 8
    assert caplog.records == []
    await io.close()


async def test_error_handlers_get_exceptions_of_connection_handlers_and_middlewares(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io = Server()
    told: list[tuple[object, ...]] = []

    @io.on_error
    async def failed(*args: object) -> None:
        told.append((args[0], args[2]))

    error = LookupError()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        raise error

    client = MemoryClient(io)
    with caplog.at_level(logging.INFO, "arcwire.socketio"):
        client.send("0")
        await until(lambda: told)
    assert client.inbox == ['4{"message":"internal error"}']
    assert told == [(error, "connect")]
    assert caplog.records == []


async def test_error_handlers_may_choose_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on_error
    async def translate(error: Exception, socket: Socket) -> None:
        if isinstance(error, LookupError):
            raise EventError("missing", str(error), data={"of": socket.id})
        raise RuntimeError("the error handler fails too")

    @io.on("x")
    async def x(socket: Socket, lost: bool) -> None:
        raise LookupError("no such thing") if lost else ValueError

    client = MemoryClient(io)
    sid = await client.connect()
    error = {"code": "missing", "message": "no such thing", "data": {"of": sid}}
    with caplog.at_level(logging.ERROR, "arcwire.socketio"):
        assert await client.ask(1, "x", True) == [{"error": error}]
        client.send('2["x",true]')
        assert caplog.records == []
        assert await client.ask(2, "x", False) == [{"error": {"code": "internal"}}]
    assert ["an error handler failed" in record.getMessage() for record in caplog.records] == [True]


async def test_error_handlers_of_a_namespace_come_before_those_of_the_server() -> None:
    io = Server()
    told: list[str] = []
    admin, plain = io.of("/admin"), io.of("/plain")
    io.on_error(lambda error: told.append("server"))
    admin.on_error(lambda error: told.append("admin"))

    async def fail(socket: Socket) -> None:
        raise LookupError

    client = MemoryClient(io)
    for namespace in (io, admin, plain):
        namespace.on("x", fail)
        await client.connect(namespace.name)
    for head in ("", "/admin,", "/plain,"):
        count = len(told)
        client.send(f'2{head}["x"]')
        await until(lambda count=count: len(told) > count)  # type: ignore[misc]
    assert told == ["server", "admin", "server"]
    with pytest.raises(TypeError, match="it wants more"):
        io.on_error(lambda error, socket, event, more: None)
    with pytest.raises(TypeError, match="takes 0 arguments"):
        io.on_error(lambda: None)
    await io.close()


async def test_an_error_whose_data_has_no_json_form_is_an_internal_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io = Server()

    @io.on("x")
    async def x(socket: Socket) -> None:
        raise EventError("code", data=object())

    client = MemoryClient(io)
    await client.connect()
    with caplog.at_level(logging.ERROR, "arcwire.socketio"):
        assert await client.ask(1, "x") == [{"error": {"code": "internal"}}]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [TypeError]
