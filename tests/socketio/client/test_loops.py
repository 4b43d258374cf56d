"""A client and the event loop that it belongs to."""

import asyncio
import gc
import threading

import pytest

from arcwire import Client, Server
from support.engine_server import MemoryServer


async def visit(server):
    socket, _ = await server.join()
    socket.disconnect()
    return socket


def test_a_client_of_a_loop_that_is_closed():
    server = MemoryServer()
    socket = asyncio.run(visit(server))
    client = server.clients[0]

    async def again():
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await client.connect()
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            client.of("/other").connect()
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await client.close()

    asyncio.run(again())
    gc.collect()  # and no coroutine is found that was never awaited
    assert not socket.connected


async def test_a_client_of_a_loop_of_another_thread_that_is_closed():
    server = MemoryServer()
    thread = threading.Thread(target=lambda: asyncio.run(visit(server)))
    thread.start()
    await asyncio.to_thread(thread.join)
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        server.clients[0].of("/other").connect()


async def test_loops_in_threads_have_clients_of_their_own():
    io = Server()
    io.on("echo", lambda socket, value: value)

    async def main(url, number):
        async with Client(url) as socket:
            return [await socket.emit_with_ack("echo", [number, index]) for index in range(20)]

    async with io.serving() as url:
        answers = await asyncio.gather(
            *(asyncio.to_thread(asyncio.run, main(url, number)) for number in range(3))
        )
    assert answers == [[[number, index] for index in range(20)] for number in range(3)]


async def test_waiting_in_another_loop_is_refused_rather_than_endless(server):
    client = server.client()

    async def elsewhere(awaitable):
        with pytest.raises(RuntimeError, match="in another event loop"):
            await awaitable

    connecting = client.connect()
    await asyncio.to_thread(asyncio.run, elsewhere(connecting))
    connection = await server.accept()
    connection.let_in()
    assert await connecting is client.socket
    answer = client.socket.emit_with_ack("ask")
    await asyncio.to_thread(asyncio.run, elsewhere(answer))
    result = asyncio.create_task(asyncio.to_thread(answer.result))
    connection.receive("30[1]")
    assert await result == 1
    assert await answer == 1
