"""python-socketio's client with its MessagePack serializer, at `/packed` of support/fixture_app.py."""

import asyncio
from typing import Any

import aiohttp
import pytest
import socketio

from support.interop import MAIN_HOSTS
from support.servers import ServerProcess

PATIENCE = 5.0


@pytest.fixture(scope="module", params=[host for host in MAIN_HOSTS if host != "node"])
def host(request: pytest.FixtureRequest) -> str:
    """Without the reference server: it refuses this client's `nil` for no data."""
    name: str = request.param
    return name


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
async def test_it_connects_asks_and_is_asked(server: ServerProcess, transports: list[str]) -> None:
    http = aiohttp.ClientSession()
    client = socketio.AsyncClient(
        serializer="msgpack", reconnection=False, handle_sigint=False, http_session=http
    )
    bounced: asyncio.Queue[Any] = asyncio.Queue()
    client.on("bounced", lambda *values: bounced.put_nowait(values), namespace="/custom")
    client.on("question", lambda asked: {"asked": asked}, namespace="/custom")
    await client.connect(
        server.url, socketio_path="packed", namespaces=["/", "/custom"], transports=transports
    )
    try:
        for namespace in ("/", "/custom"):
            value = {"numbers": [0, -1, 1.5, 2**53], "raw": b"\x00\xd4", "text": "漢字", "none": None}
            assert await client.call("echo", value, namespace=namespace, timeout=PATIENCE) == value
        await client.emit("bounce", (b"one", 2), namespace="/custom")
        async with asyncio.timeout(PATIENCE):
            assert await bounced.get() == (b"one", 2)
        answer = await client.call("ask-me", (4, b"?"), namespace="/custom", timeout=PATIENCE)
        assert answer == {"answer": {"asked": b"?"}}
    finally:
        await client.shutdown()
        await http.close()
