"""Events and states as asynchronous iterators."""

import asyncio
import gc

import pytest

from arcwire import BufferFull, ConnectRefused, Disconnected, Unreachable
from support.engine_server import until


async def test_events_of_some_names(server):
    socket, connection = await server.join()
    stream = socket.events("tick", "tock")
    connection.receive('2["tick",1]', '2["other"]', '2["tock",{"a":1},"b"]')
    first, second = await anext(stream), await anext(stream)
    assert (first.name, first.args) == ("tick", [1])
    assert (second.name, second.args) == ("tock", [{"a": 1}, "b"])
    assert second.socket is socket
    assert len(stream) == 0


async def test_all_events_in_their_order_and_binary(server):
    socket, connection = await server.join()
    stream = socket.events()
    waiting = asyncio.create_task(_read(stream, 3))
    await asyncio.sleep(0)
    connection.receive('2["a"]', '51-["b",{"_placeholder":true,"num":0}]', b"x", '2["c",1]')
    assert await waiting == [("a", []), ("b", [b"x"]), ("c", [1])]


async def _read(stream, count):
    return [(event.name, event.args) for event in [await anext(stream) for _ in range(count)]]


async def test_several_streams_and_handlers_get_the_same_event(server):
    socket, connection = await server.join()
    heard = []

    @socket.on("a")
    async def a(value: int) -> None:
        heard.append(value)

    streams = socket.events("a"), socket.events()
    connection.receive('2["a",1]')
    assert await anext(streams[0]) is await anext(streams[1])
    await until(lambda: heard == [1])


async def test_answers(server):
    socket, connection = await server.join()
    stream = socket.events()
    connection.receive('20["ask"]', '21["ask"]', '2["tell"]')
    first, second, third = [await anext(stream) for _ in range(3)]
    assert (first.wants_ack, third.wants_ack) == (True, False)
    first.answer("yes")
    first.answer("again")
    third.answer("nobody asked")
    assert connection.sent[1:] == ['30["yes"]']
    with pytest.raises(TypeError):
        second.answer(object())
    second.answer()
    assert connection.sent[2:] == ["31[]"]


async def test_a_stream_that_only_looks_on_leaves_the_answer_to_the_handler(server):
    socket, connection = await server.join()
    stream = socket.events()

    @socket.on("ask")
    async def ask() -> None: ...

    connection.receive('20["ask"]', '21["nobody"]')
    await connection.sends("30[]")
    assert connection.sent[1:] == ["30[]"]
    await anext(stream)
    (await anext(stream)).answer("here")
    assert connection.sent[2:] == ['31["here"]']


async def test_leaving_the_loop_ends_the_stream(server):
    socket, connection = await server.join()

    async def read() -> None:
        async for event in socket.events("a"):
            assert event.name == "a"
            break

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    assert socket.observers.event_streams
    gc.collect()
    connection.receive('2["a"]')
    await task
    del task
    gc.collect()
    assert not socket.observers.event_streams
    assert not socket.observers.held


async def test_who_waits_is_kept(server):
    socket, connection = await server.join()
    done = asyncio.Event()

    async def read() -> None:
        async for _ in socket.events("a"):
            done.set()
            return

    asyncio.create_task(read())  # noqa: RUF006 - that is the point: nobody knows it
    await asyncio.sleep(0)
    gc.collect()
    connection.receive('2["a"]')
    await asyncio.wait_for(done.wait(), 5)


async def test_cancelling_a_wait_loses_nothing(server):
    socket, connection = await server.join()
    stream = socket.events()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await anext(stream)
    connection.receive('2["a"]')
    assert (await anext(stream)).name == "a"
    assert not socket.observers.held


async def test_goes_on_over_lost_connections(server):
    socket, first = await server.join()
    stream = socket.events()
    first.receive('2["a"]')
    first.drop()
    second = await server.accept()
    second.let_in()
    second.receive('2["b"]')
    assert [(await anext(stream)).name for _ in range(2)] == ["a", "b"]


@pytest.mark.parametrize("end", ["disconnect", "server", "close"])
async def test_ends_with_the_socket(server, end):
    socket, connection = await server.join()
    stream = socket.events()
    connection.receive('2["a"]')
    if end == "disconnect":
        socket.disconnect()
    elif end == "server":
        connection.receive("1")
    else:
        await server.clients[0].close()
    assert [event.name async for event in stream] == ["a"], "what came before can be read"
    assert [event async for event in stream] == []


async def test_ends_with_an_error(server):
    socket, first = await server.join(reconnection=False)
    stream = socket.events()
    first.drop()
    with pytest.raises(Disconnected, match="dropped by the test"):
        await anext(stream)

    server.unreachable = Unreachable("down")
    client = server.client()
    stream = client.socket.events()
    with pytest.raises(Unreachable):
        await client.connect()
    with pytest.raises(Unreachable):
        await anext(stream)


async def test_ends_with_a_refusal(server):
    client = server.client()
    stream = client.socket.events()
    client.connect()
    (await server.accept()).receive('4{"message":"no"}')
    with pytest.raises(ConnectRefused):
        await anext(stream)


async def test_too_slow_a_reader_is_told(server):
    socket, connection = await server.join()
    stream = socket.events(limit=2)
    connection.receive(*[f'2["n",{number}]' for number in range(4)])
    assert [(await anext(stream)).args for _ in range(2)] == [[0], [1]]
    with pytest.raises(BufferFull, match="2 items"):
        await anext(stream)


@pytest.mark.parametrize("overflow, kept", [("drop_oldest", [[2], [3]]), ("drop_newest", [[0], [1]])])
async def test_too_slow_a_reader_who_does_not_mind(server, overflow, kept):
    socket, connection = await server.join()
    stream = socket.events(limit=2, overflow=overflow)
    connection.receive(*[f'2["n",{number}]' for number in range(4)])
    assert [(await anext(stream)).args for _ in range(2)] == kept
    assert stream.dropped == 2


async def test_closing_a_stream(server):
    socket, connection = await server.join()
    stream = socket.events()
    connection.receive('2["a"]')
    stream.close()
    connection.receive('2["b"]')
    assert [event.name async for event in stream] == ["a"]


async def test_states_end_with_the_client(server):
    socket, _ = await server.join()
    states = socket.states()
    await server.clients[0].close()
    assert [state.name async for state in states] == ["open", "closed"]


@pytest.mark.parametrize("options", [{"limit": 0}, {"overflow": "block"}])
async def test_options_that_cannot_work(server, options):
    socket, _ = await server.join()
    with pytest.raises(ValueError, match=next(iter(options))):
        socket.events(**options)
    with pytest.raises(ValueError, match="lifecycle"):
        socket.events("connect")
