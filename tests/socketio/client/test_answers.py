"""Acknowledgements: who goes on when, and what is kept of a question that is settled."""

import asyncio

import pytest

from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import AckTimeout, Disconnected
from arcwire.socketio.client import outbox
from arcwire.socketio.client import socket as client_socket
from support.engine_server import until


def deliver(connection, *messages):
    """Let messages arrive as from a socket: outside of any task."""
    asyncio.get_running_loop().call_soon(connection.receive, *messages)


async def test_what_waits_for_an_answer_goes_on_before_the_next_packet(server):
    socket, connection = await server.join()
    order = []

    @socket.on("news")
    async def news(number):
        order.append(number)

    async def ask():
        order.append(await socket.emit_with_ack("ask"))
        order.append(await socket.emit_with_ack("again"))

    asking = asyncio.create_task(ask())
    await until(lambda: connection.sent[1:])
    deliver(connection, '2["news",1]', '30["first"]', '2["news",2]', '31["second"]', '2["news",3]')
    await asking
    await until(lambda: len(order) == 5)
    assert order == [1, "first", 2, "second", 3]


async def test_many_ways_to_wait(server):
    socket, connection = await server.join()
    together = asyncio.gather(socket.emit_with_ack("a"), asyncio.wait_for(socket.emit_with_ack("b"), 60))
    shared = socket.emit_with_ack("c")

    async def wait():
        return await shared

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait()) for _ in range(3)]
        await until(lambda: len(connection.sent) == 4)
        deliver(connection, "32[1,2]", '31["b"]', "30[]")
        assert await together == [None, "b"]
    assert [task.result() for task in tasks] == [(1, 2)] * 3
    assert await shared == (1, 2), "it may be awaited again"
    assert shared.result() == (1, 2)


async def test_one_of_two_who_wait_is_cancelled(server):
    socket, connection = await server.join()
    answer = socket.emit_with_ack("ask")

    async def wait():
        return await answer

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    first.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await first
    with pytest.raises(Disconnected, match="given up"):
        await second
    assert not socket._outbox._acks
    connection.receive('30["late"]')


async def test_what_fails_after_an_answer_does_not_hold_up_what_arrives(server):
    socket, connection = await server.join()
    heard = []
    socket.on("news", lambda: heard.append("news"))

    async def ask():
        await socket.emit_with_ack("ask")
        raise LookupError("of the application")

    asking = asyncio.create_task(ask())
    await until(lambda: connection.sent[1:])
    deliver(connection, "30[]", '2["news"]')
    with pytest.raises(LookupError):
        await asking
    await until(lambda: heard)
    assert connection.is_open


async def test_whoever_waits_is_told_of_a_loss_when_the_socket_knows_of_it(server):
    socket, connection = await server.join()
    seen = []

    async def ask():
        with pytest.raises(Disconnected):
            await socket.emit_with_ack("ask")
        seen.append(socket.connected)

    asking = asyncio.create_task(ask())
    await until(lambda: connection.sent[1:])
    asyncio.get_running_loop().call_soon(connection.drop)
    await asking
    assert seen == [False]


async def test_no_timer_is_left_of_an_answer(server):
    socket, connection = await server.join()
    answer = socket.timeout(60).emit_with_ack("ask")
    assert answer.timer_slot
    connection.receive("30[true]")
    assert await answer is True
    assert not answer.timer_slot
    given_up = socket.timeout(60).emit_with_ack("ask")
    given_up.give_up()
    assert not given_up.timer_slot
    with pytest.raises(AckTimeout):
        await socket.timeout(0.001).emit_with_ack("ask")
    assert not socket._outbox._acks


@pytest.mark.parametrize("passed", [5.0, -3600.0])
async def test_a_suspended_machine_between_two_events(server, monkeypatch, passed):
    socket, first = await server.join()
    socket.emit("before")
    wall = outbox.time()
    for module in (outbox, client_socket):
        monkeypatch.setattr(module, "time", lambda: wall + passed)
    first.ping_expired = True
    socket.emit("a")
    answer = socket.emit_with_ack("b")
    assert first.sent == ["0", '2["before"]'], "nobody would hear it"
    first.drop(CloseReason.PING_TIMEOUT)
    second = await server.accept()
    second.let_in()
    assert second.sent == ["0", '2["a"]', '20["b"]']
    second.receive('30["heard"]')
    assert await answer == "heard"
