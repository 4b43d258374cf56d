"""Events and acknowledgements, in both directions, and the handlers of a client."""

import asyncio
import logging
from typing import Annotated, Any

import msgspec
import pytest

from arcwire import (
    Ack,
    AckTimeout,
    ClientSocket,
    Depends,
    Disconnected,
    DisconnectReason,
    EventDropped,
    EventError,
    InvalidAnswer,
    MsgpackCodec,
    PayloadTooLarge,
)
from arcwire.codecs import EVENT, Packet
from support.engine_server import until


class Said(msgspec.Struct):
    by: str
    text: str


# -- out ------------------------------------------------------------------------------


async def test_emit(server):
    socket, connection = await server.join()
    await socket.emit("say", "hi", {"a": [1, None]})
    socket.send("x")
    socket.emit("file", b"\x01", {"b": b"\x02"})
    assert connection.sent[1:] == [
        '2["say","hi",{"a":[1,null]}]',
        '2["message","x"]',
        '52-["file",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]',
        b"\x01",
        b"\x02",
    ]


@pytest.mark.parametrize(
    "args, error",
    [(("connect",), ValueError), ((1,), TypeError), (("a", object()), TypeError), (("a", float), TypeError)],
)
async def test_what_cannot_be_emitted(server, args, error):
    socket, connection = await server.join()
    for emit in (socket.emit, socket.emit_with_ack, socket.volatile.emit, socket.timeout(1).emit_with_ack):
        with pytest.raises(error):
            emit(*args)
    assert connection.sent == ["0"]


async def test_answers(server):
    socket, connection = await server.join()
    answers = [socket.emit_with_ack("ask", number) for number in range(4)]
    assert connection.sent[1:] == [f'2{number}["ask",{number}]' for number in range(4)]
    connection.receive(
        '33["three"]',
        "32[]",
        '31[1,"two"]',
        '30[{"ok":true}]',
        '30["again"]',
        '399["unknown"]',
    )
    assert await answers[0] == {"ok": True}
    assert await answers[1] == (1, "two")
    assert await answers[2] is None
    assert await answers[3] == "three"


async def test_binary_answers(server):
    socket, connection = await server.join()
    answer = socket.emit_with_ack("ask", b"x")
    connection.receive('61-0[{"_placeholder":true,"num":0}]', b"y")
    assert await answer == b"y"


async def test_typed_answers(server):
    socket, connection = await server.join()
    good = socket.emit_with_ack("ask", returns=Said)
    bad = socket.emit_with_ack("ask", returns=Said)
    connection.receive('30[{"by":"a","text":"b"}]', '31[{"by":1}]')
    assert await good == Said("a", "b")
    with pytest.raises(InvalidAnswer, match="got `int` at answer"):
        await bad


async def test_an_answer_that_does_not_come_in_time(server):
    socket, connection = await server.join(ack_timeout=30)
    with pytest.raises(AckTimeout, match="no acknowledgement within"):
        await socket.timeout(0.01).emit_with_ack("ask")
    connection.receive('30["late"]')
    assert not socket._outbox._acks


async def test_the_timeout_of_all(server):
    socket, _ = await server.join(ack_timeout=0.01)
    with pytest.raises(AckTimeout, match="no acknowledgement within"):
        await socket.emit_with_ack("ask")


@pytest.mark.parametrize(
    "end, reason",
    [
        (lambda socket, connection: connection.drop(), DisconnectReason.TRANSPORT_CLOSE),
        (lambda socket, connection: connection.receive("1"), DisconnectReason.SERVER_NAMESPACE_DISCONNECT),
        (lambda socket, connection: socket.disconnect(), DisconnectReason.CLIENT_NAMESPACE_DISCONNECT),
    ],
)
async def test_an_answer_that_will_not_come(server, end, reason):
    socket, connection = await server.join(ack_timeout=30)
    answer = socket.emit_with_ack("ask")
    end(socket, connection)
    with pytest.raises(Disconnected) as caught:
        await answer
    assert caught.value.reason == reason
    assert not socket._outbox._acks


async def test_giving_an_answer_up(server):
    socket, connection = await server.join()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await socket.emit_with_ack("ask")
    assert not socket._outbox._acks
    connection.receive('30["late"]')


async def test_volatile(server):
    socket, connection = await server.join()
    socket.volatile.emit("a")
    connection.writable = False
    socket.volatile.emit("b")
    socket.emit("c")
    with pytest.raises(EventDropped):
        await socket.volatile.emit_with_ack("d")
    connection.writable, connection.ping_expired = True, True
    socket.volatile.emit("e")
    connection.ping_expired = False
    connection.drop()
    socket.volatile.emit("f")
    second = await server.accept()
    second.let_in()
    assert connection.sent[1:] == ['2["a"]', '2["c"]']
    assert second.sent == ["0"]


async def test_not_compressed(server):
    socket, connection = await server.join()
    socket.compress(False).emit("a", b"1")
    socket.emit("b")
    assert connection.uncompressed == ['51-["a",{"_placeholder":true,"num":0}]', b"1"]
    assert connection.sent[3:] == ['2["b"]']


async def test_too_large(server):
    server.max_payload = 100
    socket, connection = await server.join()
    socket.emit("a", "x" * 90)
    for emit in (socket.emit, socket.volatile.emit, socket.emit_with_ack):
        with pytest.raises(PayloadTooLarge, match=r"takes 10\d bytes.* of 100 at most") as caught:
            emit("a", "x" * 91)
    assert caught.value.limit == 100
    with pytest.raises(PayloadTooLarge):
        socket.emit("a", b"fits", b"x" * 101)
    assert len(connection.sent) == 2, "no part of it was sent"


async def test_an_answer_that_is_too_large(server, caplog):
    server.max_payload = 100
    socket, connection = await server.join()

    @socket.on("ask")
    async def ask() -> str:
        return "x" * 100

    with caplog.at_level(logging.ERROR):
        connection.receive('21["ask"]')
        await until(lambda: len(connection.sent) == 2)
    assert connection.sent[1] == '31[{"error":{"code":"internal"}}]'


async def test_back_pressure(server):
    socket, connection = await server.join()
    connection.buffered_bytes = 100_000
    task = asyncio.create_task(_emit(socket, "a"))
    await connection.sends('2["a"]')
    await asyncio.sleep(0)
    assert not task.done()
    connection.drained.set()
    await task


async def test_back_pressure_ends_with_the_socket(server):
    socket, connection = await server.join(reconnection=False)
    connection.buffered_bytes = 100_000
    task = asyncio.create_task(_emit(socket, "a"))
    await connection.sends('2["a"]')
    connection.drop()
    await task


async def _emit(socket, *args):
    await socket.emit(*args)


# -- in ---------------------------------------------------------------------------------


async def test_handlers(server):
    socket, connection = await server.join()
    calls = []

    @socket.on("said")
    async def said(message: Said) -> None:
        calls.append(message)

    @socket.on("said")
    async def again(own: ClientSocket, message: Said) -> None:
        assert own is socket
        calls.append(message.text)

    @socket.once("tick")
    async def tick(*values: Any) -> None:
        calls.append(values)

    connection.receive('2["said",{"by":"a","text":"b"}]', '2["tick",1,"x"]', '2["tick",2]', '2["nobody"]')
    await until(lambda: len(calls) == 3)
    assert calls == [Said("a", "b"), "b", (1, "x")]
    socket.off("said", said)
    connection.receive('2["said",{"by":"a","text":"c"}]')
    await until(lambda: len(calls) == 4)
    assert calls[3] == "c"


async def test_answers_of_handlers(server):
    socket, connection = await server.join()

    @socket.on("add")
    async def add(a: int, b: int) -> int:
        return a + b

    @socket.on("plain")
    def plain(data: bytes) -> bytes:
        return data * 2

    @socket.on("later")
    async def later(ack: Ack) -> None:
        ack("now", "both")

    @socket.on("refuse")
    async def refuse() -> None:
        raise EventError("forbidden", "not you", {"a": 1})

    connection.receive(
        '20["add",1,2]', '21["later"]', '22["refuse"]', '23["add",1]', '24["nobody"]', '25["add","x",2]'
    )
    await until(lambda: len(connection.sent) == 7)
    assert sorted(connection.sent[1:]) == [
        "30[3]",
        '31["now","both"]',
        '32[{"error":{"code":"forbidden","message":"not you","data":{"a":1}}}]',
        '33[{"error":{"code":"invalid","message":"Expected 2 arguments, got 1","path":"b"}}]',
        '34[{"error":{"code":"unknown_event","message":"nobody handles the event \'nobody\'"}}]',
        '35[{"error":{"code":"invalid","message":"Expected `int`, got `str`","path":"a"}}]',
    ]
    connection.receive('51-26["plain",{"_placeholder":true,"num":0}]', b"ab")
    await connection.sends(b"abab")


async def test_failures(server, caplog):
    socket, connection = await server.join()

    @socket.on("fail")
    async def fail() -> None:
        raise KeyError("a defect")

    connection.receive('20["fail"]')
    await connection.sends('30[{"error":{"code":"internal"}}]')
    assert "a defect" in caplog.text
    told = []

    @socket.on_error
    async def failed(error: Exception, own: ClientSocket, event: str) -> None:
        told.append((type(error), own, event))
        raise EventError("mine")

    connection.receive('21["fail"]')
    await connection.sends('31[{"error":{"code":"mine"}}]')
    assert told == [(KeyError, socket, "fail")]


async def test_dependencies(server):
    socket, connection = await server.join()

    async def name(own: ClientSocket) -> str:
        return f"{own.id}!"

    @socket.on("who")
    async def who(name: Annotated[str, Depends(name)], more: int) -> list[Any]:
        return [name, more]

    connection.receive('20["who",7]')
    await connection.sends('30[["s1!",7]]')


async def test_options_of_handlers(server):
    socket, connection = await server.join()
    order, go = [], asyncio.Event()

    @socket.on("step", ordered=True)
    async def step(number: int) -> None:
        order.append(("begin", number))
        await go.wait()
        order.append(("end", number))

    @socket.on("slow", timeout=0.01)
    async def slow() -> None:
        await asyncio.Event().wait()

    connection.receive('2["step",1]', '2["step",2]', '20["slow"]')
    await connection.sends('30[{"error":{"code":"timeout","message":"not done within 0.01 seconds"}}]')
    assert order == [("begin", 1)]
    go.set()
    await until(lambda: len(order) == 4)
    assert order == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]


async def test_catch_all_in_both_directions(server):
    socket, connection = await server.join()
    seen = []
    socket.on_any(_listener(seen, "in"))
    socket.prepend_any(_listener(seen, "first"))
    out = socket.on_any_outgoing(_listener(seen, "out"))
    connection.receive('2["a",1]')
    socket.emit("b", 2)
    socket.emit_with_ack("c")
    await until(lambda: len(seen) == 4)
    assert seen == [("first", "a", 1), ("in", "a", 1), ("out", "b", 2), ("out", "c")]
    assert len(socket.listeners_any()) == 2
    socket.off_any()
    socket.off_any_outgoing(out)
    connection.receive('2["a"]')
    socket.emit("b")
    await asyncio.sleep(0)
    assert len(seen) == 4


def _listener(seen, name):
    async def listener(event: str, *args: Any) -> None:
        seen.append((name, event, *args))

    return listener


async def test_what_waited_is_seen_by_listeners_when_it_leaves(server):
    client = server.client()
    seen = []
    client.socket.on_any_outgoing(_listener(seen, "out"))
    client.socket.emit("early", 1)
    connecting = client.connect()
    connection = await server.accept()
    assert not seen
    connection.let_in()
    await connecting
    await until(lambda: seen == [("out", "early", 1)])


async def test_middlewares(server):
    socket, connection = await server.join()
    calls = []

    @socket.use
    async def check(event) -> None:
        if event.name == "bad":
            raise EventError("refused")
        event.args[0] += 1

    @socket.on("add")
    async def add(number: int) -> None:
        calls.append(number)

    @socket.on_disconnect
    async def gone() -> None:
        calls.append("gone")

    connection.receive('2["add",1]', '20["bad"]')
    connection.drop()
    await until(lambda: len(calls) == 2)
    assert calls == [2, "gone"], "what arrived before comes before"


async def test_messages_that_are_not_socket_io(server, caplog):
    socket, connection = await server.join()
    ends = []

    @socket.on_disconnect
    async def gone(reason: DisconnectReason, description: str) -> None:
        ends.append((reason, description))

    connection.receive("nonsense")
    await until(lambda: ends)
    assert ends == [(DisconnectReason.PARSE_ERROR, "unknown packet type 'n'")]
    second = await server.accept()
    second.receive("0{")
    third = await server.accept()
    third.receive(b"binary, out of nowhere")
    fourth = await server.accept()
    fourth.let_in()
    fourth.receive('51-["a",{"_placeholder":true,"num":0}]', "text in between")
    (await server.accept()).let_in()
    assert socket.connected
    assert "not Socket.IO" in caplog.text


async def test_a_late_answer_is_for_nobody_on_the_next_connection(server):
    socket, first = await server.join()
    acks = []

    @socket.on("ask")
    async def ask(ack: Ack) -> None:
        acks.append(ack)

    first.receive('27["ask"]')
    await until(lambda: acks)
    first.drop()
    second = await server.accept()
    second.let_in()
    second.receive('27["ask"]')
    await until(lambda: len(acks) == 2)
    acks[0]("late")
    acks[1]("in time")
    assert second.sent == ["0", '37["in time"]']


# -- other codecs -----------------------------------------------------------------------


async def test_message_pack(server):
    codec = MsgpackCodec()
    client = server.client(codec=codec)
    connecting = client.connect()
    connection = await server.accept()
    assert connection.sent == [codec.encode_control(0, "/")]
    connection.receive(codec.encode_control(0, "/", {"sid": "m1"}))
    await connecting

    @client.socket.on("said")
    async def said(message: Said, data: bytes) -> bytes:
        assert message == Said("a", "b")
        return data

    answer = client.socket.emit_with_ack("ask", b"x")
    assert connection.sent[1:] == [codec.encode_event("/", "ask", (b"x",), 0)[0]]
    connection.receive(codec.encode_ack("/", 0, (b"y",))[0])
    assert await answer == b"y"
    connection.receive(codec.encode_event("/", "said", ({"by": "a", "text": "b"}, b"z"), 5)[0])
    await connection.sends(codec.encode_ack("/", 5, (b"z",))[0])


async def test_a_codec_of_ones_own(server):
    from arcwire.codecs import PacketCodec

    class Reversed(PacketCodec):
        binary = False

        def encode(self, packet: Packet) -> bytes:
            return msgspec.json.encode([packet.type, packet.namespace, packet.id, packet.data])[::-1]

        def decode(self, data: str | bytes) -> Packet:
            kind, namespace, id, content = msgspec.json.decode(data[::-1])
            return Packet(kind, namespace, id, data=content)

    client = server.client(codec=Reversed())
    connecting = client.connect()
    connection = await server.accept()
    connection.receive('[0,"/",null,{"sid":"r1"}]'[::-1])
    await connecting
    heard = []
    client.socket.on("a", lambda value: heard.append(value))
    connection.receive(f'[{EVENT},"/",null,["a",1]]'[::-1])
    client.socket.emit("b")
    await until(lambda: heard == [1])
    assert connection.sent[-1] == '[2,"/",null,["b"]]'[::-1]
