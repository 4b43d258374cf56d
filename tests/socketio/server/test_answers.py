"""Acknowledgements that the server waits for."""

import asyncio

import pytest

from arcwire import AckTimeout, Disconnected, EventDropped, Server
from arcwire.socketio.acks import ManyAnswers
from support.memory import MemoryClient, until


async def test_answers_of_one_client() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    answers = [socket.emit_with_ack("q", i) for i in range(4)]
    assert client.inbox[1:] == [f'2{i}["q",{i}]' for i in range(4)]
    client.send("31[]", '30["a"]', "32[1,2]", '61-3[{"_placeholder":true,"num":0}]', b"x")
    assert [await answer for answer in answers] == ["a", None, (1, 2), b"x"]
    client.send('30["again"]')
    assert not client.closed
    assert not socket._acks


async def test_timeout_and_late_answers() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    answer = socket.timeout(0.02).emit_with_ack("q")
    with pytest.raises(AckTimeout, match=r"no acknowledgement within 0\.02 seconds"):
        await answer
    assert isinstance(AckTimeout(""), TimeoutError)
    client.send('30["late"]')
    with pytest.raises(AckTimeout):
        await answer
    assert not socket._acks


@pytest.mark.parametrize("wrong", [0, -1, "5", None, float("nan")])
async def test_timeouts_are_positive_numbers(wrong: object) -> None:
    io = Server()
    socket = await MemoryClient(io).enter()
    for target in (socket, io, io.to("a")):
        with pytest.raises(ValueError, match="positive number of seconds"):
            target.timeout(wrong)  # type: ignore[attr-defined]


async def test_the_peer_goes() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    waiting = asyncio.ensure_future(_wait(socket.emit_with_ack("q")))
    never_awaited = socket.emit_with_ack("q")
    await asyncio.sleep(0)
    client.drop()
    with pytest.raises(Disconnected) as caught:
        await waiting
    assert caught.value.reason == "transport close"
    with pytest.raises(Disconnected):
        await never_awaited


async def _wait(answer: object) -> object:
    return await answer  # type: ignore[misc]


async def test_cancelling_gives_up_and_leaves_nothing() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    waiting = asyncio.ensure_future(_wait(socket.timeout(5).emit_with_ack("q")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not socket._acks
    client.send('30["late"]')
    assert not client.closed


async def test_answers_of_many() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(4)]
    for client in clients:
        await client.connect()
    answers = io.timeout(5).emit_with_ack("q", "all")
    assert {client.inbox[-1] for client in clients} == {'20["q","all"]'}
    clients[2].send("30[2]")
    clients[0].send("30[0]", "30[9]")
    clients[3].send("1")
    clients[1].drop()
    assert await answers == [2, 0]


async def test_partial_answers_after_the_timeout() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(3)]
    sockets = [await client.enter() for client in clients]
    answers = io.timeout(0.02).emit_with_ack("q")
    clients[1].send('30["b"]')
    with pytest.raises(AckTimeout, match="2 of 3 acknowledgements are missing") as caught:
        await answers
    assert caught.value.responses == ["b"]
    assert not any(socket._acks for socket in sockets)


async def test_nobody_answers_at_once() -> None:
    io = Server()
    await MemoryClient(io).connect()
    assert await io.to("empty").timeout(5).emit_with_ack("q") == []
    assert await Server().emit_with_ack("q") == []


async def test_ids_of_different_askers_do_not_clash() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    one, all_ = socket.emit_with_ack("one"), io.emit_with_ack("all")
    client.send('31["all"]', '30["one"]')
    assert await one == "one"
    assert await all_ == ["all"]


async def test_a_socket_that_leaves_does_not_hold_up_a_broadcast_without_timeout() -> None:
    io = Server()
    client = MemoryClient(io)
    await client.connect()
    answers = io.emit_with_ack("q")
    client.drop()
    assert await answers == []
    await until(lambda: io.engine.clients_count == 0)


async def test_answers_one_by_one() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(4)]
    sockets = [await client.enter() for client in clients]
    answers = io.timeout(5).emit_with_ack("q")
    assert answers.missing == {socket.id for socket in sockets}
    clients[2].send('30["early"]')
    seen: list[tuple[str, object]] = []

    async def collect() -> None:
        async for reply in answers:
            seen.append((reply.id, reply.value))  # noqa: PERF401 - it is looked at meanwhile

    collecting = asyncio.ensure_future(collect())
    await until(lambda: seen == [(sockets[2].id, "early")])
    clients[0].send("30[1,2]", '30["again"]')
    await until(lambda: len(seen) == 2)
    assert answers.missing == {sockets[1].id, sockets[3].id}
    clients[1].drop()
    assert not collecting.done()
    clients[3].send("30[]")
    await collecting
    assert seen[1:] == [(sockets[0].id, (1, 2)), (sockets[3].id, None)]
    assert answers.missing == {sockets[1].id}
    assert await answers == ["early", (1, 2), None]
    assert [reply.value async for reply in answers] == ["early", (1, 2), None]


async def test_answers_one_by_one_end_with_the_timeout_and_without_an_error() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(2)]
    sockets = [await client.enter() for client in clients]
    answers = io.timeout(0.02).emit_with_ack("q")
    clients[0].send("30[0]")
    assert [reply.id async for reply in answers] == [sockets[0].id]
    assert answers.missing == {sockets[1].id}
    with pytest.raises(AckTimeout) as caught:
        await answers
    assert caught.value.missing == {sockets[1].id}
    assert not any(socket._acks for socket in sockets)
    assert [reply async for reply in io.to("nobody").emit_with_ack("q")] == []


async def test_several_may_take_the_answers_and_stop() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(3)]
    for client in clients:
        await client.connect()
    answers = io.emit_with_ack("q")
    all_of_them = asyncio.ensure_future(_values(answers))
    first = asyncio.ensure_future(anext(aiter(answers)))
    await asyncio.sleep(0)
    clients[0].send("30[0]")
    assert (await first).value == 0
    for value, client in enumerate(clients):
        client.send(f"30[{value}]")
    assert await all_of_them == [0, 1, 2]


async def test_cancelling_the_iteration_gives_up_and_leaves_nothing() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    answers = io.emit_with_ack("q")
    waiting = asyncio.ensure_future(_values(answers))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not socket._acks
    with pytest.raises(Disconnected, match="given up"):
        await answers


async def _values(answers: ManyAnswers) -> list[object]:
    return [reply.value async for reply in answers]


async def test_a_client_that_never_answers_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("arcwire.socketio.server.socket.MAX_PENDING_ACKS", 2)
    io = Server()
    client, other = MemoryClient(io), MemoryClient(io)
    socket, other_socket = await client.enter(), await other.enter()
    owed = [socket.emit_with_ack("q") for _ in range(2)]
    with pytest.raises(EventDropped, match="acknowledgements of this client are missing"):
        await socket.emit_with_ack("q")
    assert len(client.inbox) == 3
    answers = io.emit_with_ack("all")
    other.send("33[1]")
    assert await answers == [1]
    assert answers.missing == {socket.id}
    client.send("30[0]")
    assert await owed[0] == 0
    assert len(socket._acks or ()) == 1
    assert not other_socket._acks
    client.drop()
    with pytest.raises(Disconnected):
        await owed[1]
