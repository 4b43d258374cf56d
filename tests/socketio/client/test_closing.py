"""What is asked of a client while it closes, or after that, and in another event loop."""

import asyncio
import contextlib

import pytest

from arcwire import Client, Disconnected, Server
from support.engine_server import until


async def test_a_listener_that_leaves_keeps_what_waits():
    io = Server()
    got = []

    @io.on("n")
    async def n(socket, number):
        got.append(number)

    async with io.serving() as url:
        client = Client(url)
        socket = client.socket

        @socket.on_any_outgoing
        async def sent(event, *args):
            if args == (1,):
                socket.disconnect()

        for number in range(4):
            socket.emit("n", number)
        with contextlib.suppress(Disconnected):
            await client.connect()
        await until(lambda: not socket.active)  # before Python 3.12 listeners begin after all were sent
        await client.connect()
        await until(lambda: got == [0, 1, 2, 3])
        await client.close()


async def test_streams_end_with_the_client_and_there_are_none_after_it(server):
    client = server.client()
    early = client.socket.events()
    await client.close()
    assert [event async for event in early] == []
    with pytest.raises(Disconnected, match="closed"):
        client.socket.events()
    with pytest.raises(Disconnected, match="closed"):
        client.socket.states()


async def test_every_call_of_close_waits_for_the_end(server):
    socket, connection = await server.join()
    client = server.clients[0]
    running, go_on, ended = asyncio.Event(), asyncio.Event(), []

    @socket.on("slow")
    async def slow():
        running.set()
        await go_on.wait()
        ended.append(True)

    connection.receive('2["slow"]')
    await running.wait()
    first, second = [asyncio.create_task(client.close()) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done()
    first.cancel()
    await asyncio.wait((first,))
    assert not ended
    go_on.set()
    await second
    assert ended


async def test_handlers_that_close_do_not_wait_for_each_other(server):
    socket, connection = await server.join()
    client = server.clients[0]
    closed = []

    @socket.on_disconnect
    async def gone():
        await client.close(grace=60)
        closed.append("gone")

    @socket.on("bye")
    async def bye():
        await client.close(grace=60)
        closed.append("bye")

    connection.receive('2["bye"]')
    await until(lambda: len(closed) == 2)


def test_all_calls_in_another_loop_say_so():
    kept = []
    io = Server()

    async def first():
        async with io.serving() as url:
            client = Client(url)
            kept.append(client)
            await client.connect()

    async def second():
        socket = kept[0].socket
        for call in (
            lambda: socket.emit("a"),
            lambda: socket.emit_with_ack("a"),
            socket.events,
            socket.disconnect,
        ):
            with pytest.raises(RuntimeError, match="belongs to another event loop"):
                call()
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await kept[0].close()

    asyncio.run(first())
    asyncio.run(second())
