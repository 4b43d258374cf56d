"""How long the way to a server is."""

import asyncio

from arcwire import Client
from arcwire.hosts.uvicorn.run import serving
from arcwire.socketio.server import Server

PATIENCE = 10.0


async def test_a_websocket_is_measured_and_polling_is_not() -> None:
    async with serving(Server()) as url:
        async with Client(url, transports=["websocket"]) as socket, asyncio.timeout(PATIENCE):
            for _ in range(3):
                latency = await socket.server.connection.measure_latency()
                assert latency is not None
                assert 0 < latency < PATIENCE
        async with Client(url, transports=["polling"], upgrade=False) as socket, asyncio.timeout(PATIENCE):
            assert await socket.server.connection.measure_latency() is None


async def test_giving_up_leaves_nothing() -> None:
    async with serving(Server()) as url, Client(url, transports=["websocket"]) as socket:
        connection = socket.server.connection
        waiting = asyncio.ensure_future(connection.measure_latency())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        async with asyncio.timeout(PATIENCE):
            assert await connection.measure_latency()  # the pong of the other is not taken for its own
