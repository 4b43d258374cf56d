"""Closing at every moment: nothing is left open."""

import asyncio

import pytest

from arcwire import Disconnected, State, StateName
from support.engine_server import until


@pytest.mark.parametrize("leave", ["disconnect", "close"])
async def test_a_handler_of_the_state_leaves_before_there_is_a_connection(server, leave):
    client = server.client()

    @client.socket.on_state
    async def changed(state: State) -> None:
        if state.name is StateName.CONNECTING:
            if leave == "close":
                await client.close()
            else:
                client.socket.disconnect()

    with pytest.raises(Disconnected):
        await client.connect()
    for _ in range(10):
        await asyncio.sleep(0)  # whatever was begun goes on
    assert not [connection for connection in server.connections if connection.is_open]
    assert client.manager.connection is None


async def test_a_handler_of_the_state_leaves_and_connects_again(server):
    client = server.client()
    told = []

    @client.socket.on_state
    async def changed(state: State) -> None:
        told.append(state.name)
        if told == [StateName.CONNECTING]:
            client.socket.disconnect()
            client.socket.connect()

    client.connect()
    await until(lambda: server.connections and server.connections[-1].sent)
    server.connections[-1].let_in()
    await until(lambda: client.socket.connected)
    await client.close()
    assert not [connection for connection in server.connections if connection.is_open]
