"""Namespaces that a client leaves before they have answered, on the servers of the world."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from arcwire import Client, ClientSocket
from support.worlds import WORLDS, Servers, World

PATIENCE = 10.0

everywhere = pytest.mark.parametrize("world", WORLDS, ids=str)
# Socket.IO 4 closes the connection for a CONNECT that it reads together with the DISCONNECT before.
rejoining = pytest.mark.parametrize(
    "world", [world for world in WORLDS if world.server != "socket.io-4"], ids=str
)


def how(world: World) -> dict[str, Any]:
    """What a client has to be told."""
    return {"path": world.path, "transports": ("websocket",), "reconnection_delay": 0.02, **world.options}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.005)


async def call(socket: ClientSocket, event: str, *values: Any) -> Any:
    return await socket.timeout(PATIENCE).emit_with_ack(event, *values)


async def gate_is(keeper: ClientSocket, condition: Callable[[int, int, int], bool]) -> bool:
    """Whether this holds of how many wait at the gate, have ever been let in, and are in."""
    return condition(*await call(keeper, "gate"))


@pytest.fixture
async def keeper(servers: Servers, world: World) -> AsyncIterator[ClientSocket]:
    """A socket of another client, which knows of the gate and opens it."""
    async with Client(servers(world.server).url, **how(world)) as socket:
        yield socket


@pytest.fixture
async def root(servers: Servers, world: World) -> AsyncIterator[ClientSocket]:
    """The root socket of the client that is tried. It keeps its connection."""
    lost: list[object] = []
    async with Client(servers(world.server).url, **how(world)) as socket:
        socket.on_disconnect(lost.append)
        yield socket
        assert await call(socket, "echo", "still here") == "still here"
        assert not lost


@everywhere
async def test_a_slow_namespace_is_given_up(root: ClientSocket, keeper: ClientSocket) -> None:
    gated = root.of("/gated")
    _, joined, _ = await call(keeper, "gate")
    task = asyncio.create_task(gated.connect())
    await until(lambda: gate_is(keeper, lambda waiting, *_: waiting == 1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await keeper.timeout(PATIENCE).emit_with_ack("open-gate")
    await call(root, "echo", "after the answer")
    await until(lambda: gate_is(keeper, lambda waiting, now, members: (waiting, members) == (0, 0)))
    assert (await call(keeper, "gate"))[1] == joined + 1
    assert gated.state.name == "closed"


@rejoining
async def test_a_slow_namespace_is_left_and_joined_again(root: ClientSocket, keeper: ClientSocket) -> None:
    gated = root.of("/gated")
    gated.connect()
    await until(lambda: gate_is(keeper, lambda waiting, *_: waiting == 1))
    gated.disconnect()
    task = asyncio.create_task(gated.connect())

    async def entered() -> bool:
        await call(keeper, "open-gate")
        return task.done()

    await until(entered)
    await task
    assert (await call(gated, "who-am-i"))["id"] == gated.id
    await until(lambda: gate_is(keeper, lambda waiting, _, members: (waiting, members) == (0, 1)))
    gated.disconnect()
    await until(lambda: gate_is(keeper, lambda waiting, _, members: members == 0))


@rejoining
async def test_a_namespace_is_left_and_joined_again_at_once(root: ClientSocket) -> None:
    custom = root.of("/custom")
    for _ in range(3):
        custom.connect()
        custom.disconnect()
    await custom.connect()
    assert (await call(custom, "who-am-i"))["id"] == custom.id
