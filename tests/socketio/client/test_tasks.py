"""Plain calls in tasks, groups and time limits."""

import asyncio

import pytest

from arcwire import Disconnected, Socket, StateName
from arcwire.errors import Unreachable
from arcwire.socketio.acks import ManyAnswers, SingleAnswer
from support.engine_server import until


async def test_a_task_connects(server):
    client = server.client()
    task = asyncio.create_task(client.connect(), name="to connect")
    assert "to connect" in repr(task)
    connection = await server.accept()
    connection.let_in()
    assert await task is client.socket
    assert client.socket.connected


async def test_a_group_connects_and_asks(server):
    client = server.client()
    async with asyncio.TaskGroup() as group:
        group.create_task(client.connect())
        group.create_task(client.of("/b").connect())
        connection = await server.accept()
        connection.let_in()
        connection.let_in("/b")
    assert client.socket.connected
    assert client.of("/b").connected
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.socket.emit_with_ack("ask"))
        timely = group.create_task(client.socket.timeout(9).emit_with_ack("ask", returns=int))
        connection.receive('30["first"]', "31[2]")
    assert (asked.result(), timely.result()) == ("first", 2)


async def test_gather_and_time_limits(server):
    client = server.client()
    waiting = asyncio.gather(asyncio.wait_for(client.connect(), 9), client.connect())
    connection = await server.accept()
    connection.let_in()
    await waiting
    async with asyncio.timeout(9):
        await client.connect()
    done, _ = await asyncio.wait([asyncio.ensure_future(client.connect())])
    assert done.pop().exception() is None


async def test_what_goes_wrong_is_raised_by_the_task(server):
    server.unreachable = Unreachable("down")
    client = server.client()
    with pytest.raises(Unreachable, match="down"):
        await asyncio.create_task(client.connect())
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.TaskGroup() as group:
            group.create_task(client.connect())
    assert raised.group_contains(Unreachable)


async def test_a_task_that_is_cancelled_gives_up(server):
    client = server.client()
    task = asyncio.create_task(client.connect())
    connection = await server.accept()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.socket.state.name is StateName.CLOSED
    await until(lambda: not connection.is_open)


async def test_a_task_that_is_cancelled_before_it_began_gives_up(server):
    client = server.client()
    task = asyncio.create_task(client.connect())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.socket.state.name is StateName.CLOSED


async def test_a_cancelled_task_of_what_is_over_is_cancelled(server):
    socket, connection = await server.join()
    answer = socket.emit_with_ack("ask")
    connection.receive('30["late"]')
    for call in (socket.connect(), answer):
        task = asyncio.create_task(call)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert socket.connected


async def test_time_that_is_up_gives_up(server):
    client = server.client()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.connect(), 0.001)
    assert not client.socket.active
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.create_task(client.connect())
    assert not client.socket.active


async def test_a_question_that_is_cancelled(server):
    socket, connection = await server.join()
    task = asyncio.create_task(socket.emit_with_ack("ask"))
    await until(lambda: connection.sent[-1:] == ['20["ask"]'])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    connection.receive('30["late"]')
    answer = socket.emit_with_ack("ask")
    connection.receive('31["in time"]')
    assert await answer == "in time"


async def test_an_outcome_is_awaited_as_often_as_need_be(server):
    socket, connection = await server.join()
    answer = socket.emit_with_ack("ask")
    tasks = asyncio.create_task(answer), asyncio.create_task(wait_for(answer))
    await asyncio.sleep(0)
    connection.receive("30[1]")
    assert [await task for task in tasks] == [1, 1]
    assert await answer == 1
    connecting = socket.connect()
    await connecting
    await connecting


async def wait_for(answer):
    return await answer


async def test_what_nobody_awaits_warns_of_nothing(server):
    socket, connection = await server.join()
    socket.connect()
    socket.emit_with_ack("ask").close()  # what a group does with a coroutine that it does not take
    connection.receive("30[1]")
    assert socket.connected


async def test_tasks_with_answers_of_the_server():
    """Many of them, and of a socket of another process too: it is one class."""
    many = ManyAnswers(None, None)
    task = asyncio.create_task(many)
    many.settle([])
    assert await task == []
    single = SingleAnswer(None, None)
    task = asyncio.create_task(single)
    await asyncio.sleep(0)
    single.lose(None, "gone")
    with pytest.raises(Disconnected):
        await task
    assert asyncio.iscoroutine(single)
    assert Socket.emit_with_ack.__annotations__["return"]


async def in_a_group(client):
    async with asyncio.TaskGroup() as group:
        group.create_task(client.connect())


async def in_a_block(client):
    await client.__aenter__()


@pytest.mark.parametrize(
    "form",
    [
        lambda client: client.connect(),
        in_a_block,
        lambda client: asyncio.create_task(client.connect()),
        lambda client: asyncio.gather(client.connect()),
        lambda client: asyncio.wait_for(client.connect(), 9),
        in_a_group,
        lambda client: asyncio.wait([asyncio.create_task(client.connect())]),
        lambda client: asyncio.gather(asyncio.wait_for(in_a_group(client), 9)),
        lambda client: asyncio.create_task(wait_for(asyncio.gather(asyncio.create_task(in_a_block(client))))),
    ],
)
async def test_a_handler_right_behind_it_gets_what_comes_with_the_connection(server, form):
    client = server.client()
    heard = []

    async def use():
        await form(client)
        client.socket.on("welcome", heard.append)

    using = asyncio.create_task(use())
    connection = await server.accept()
    connection.let_in()
    connection.receive('2["welcome",1]')
    await using
    await until(lambda: heard == [1])


async def test_any_number_of_tasks_may_be_made_of_one(server):
    client = server.client()
    connecting = client.connect()
    tasks = [asyncio.create_task(connecting) for _ in range(3)]
    connection = await server.accept()
    assert not any(task.done() for task in tasks)
    connection.let_in()
    assert await asyncio.gather(*tasks) == [client.socket] * 3
    assert await asyncio.create_task(connecting) is client.socket
    answer = client.socket.emit_with_ack("ask")
    tasks = [asyncio.create_task(answer) for _ in range(3)]
    await connection.sends('20["ask"]')
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    connection.receive('30["yes"]')
    assert await asyncio.gather(*tasks) == ["yes"] * 3
    assert await asyncio.create_task(answer) == await answer == "yes"


async def test_a_second_time_limit_is_told_what_the_first_has_ended(server):
    socket, _ = await server.join()
    answer = socket.emit_with_ack("ask")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answer, 0.01)
    with pytest.raises(Disconnected, match="given up"):
        await asyncio.wait_for(answer, 9)
