"""Acknowledgements that the server waits for."""

import asyncio

import pytest

from arcwire import AckTimeout, Disconnected, Server
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
