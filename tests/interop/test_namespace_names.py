"""Which namespace a URL names, for Arcwire's client and for the official one, at the official server."""

import asyncio
from collections.abc import Iterator

import pytest

from arcwire import Client
from support.interop import SUITES
from support.servers import ServerProcess, free_port

PATIENCE = 10.0


@pytest.fixture(scope="module")
def server(node_modules: object) -> Iterator[ServerProcess]:
    """visited.mjs."""
    port = free_port()
    process = ServerProcess(["node", str(SUITES / "visited.mjs"), str(port)], port)
    try:
        process.start()
        yield process
    finally:
        process.close()


async def name_told_to(url: str) -> str:
    """What the namespace is called that a client of Arcwire joins with a URL."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    client = Client(url, transports=("websocket",), reconnection=False)
    client.socket.on("name", told.set_result)
    try:
        async with asyncio.timeout(PATIENCE):
            await client.connect()
            return await told
    finally:
        await client.close()


@pytest.mark.parametrize(
    "path, name",
    [
        ("", "/"),
        ("?x=/y", "/"),
        ("/a%20b", "/a%20b"),
        ("/a b", "/a b"),
        ("/%C3%A9", "/%C3%A9"),
        ("/é", "/é"),
        ("/a%2Cb%2fc", "/a%2Cb%2fc"),
        ("/a+b", "/a+b"),
        ("/%", "/%"),
        ("/A//b/../c/", "/A//b/../c/"),
        ("/a%20b?x=/y#z", "/a%20b"),
    ],
)
async def test_the_path_as_it_is_written(server: ServerProcess, path: str, name: str) -> None:
    url = server.url + path
    async with Client(server.url, transports=("websocket",)) as root:
        official = await root.timeout(PATIENCE).emit_with_ack("visit", url)
    assert official == name
    assert await name_told_to(url) == name


async def test_names_that_are_not_decoded_are_namespaces_of_their_own(server: ServerProcess) -> None:
    async with Client(f"{server.url}/a%20b", transports=("websocket",)) as socket:
        other = socket.of("/a b")
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        other.on("name", told.set_result)
        async with asyncio.timeout(PATIENCE):
            await other.connect()
            assert await told == "/a b"
        assert socket.namespace.name == "/a%20b"
        assert socket.id != other.id
