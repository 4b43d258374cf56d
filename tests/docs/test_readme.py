"""The servers of the README, started as it says, with a client that others wrote."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import socketio

from support.servers import ServerProcess, free_port
from support.snippets import ROOT, blocks, module_source

README = ROOT / "README.md"
PATIENCE = 10


@asynccontextmanager
async def client(url: str) -> AsyncIterator[socketio.AsyncClient]:
    """A python-socketio client, connected; disconnected at the end."""
    peer = socketio.AsyncClient(reconnection=False)
    await peer.connect(url, wait_timeout=PATIENCE)
    try:
        yield peer
    finally:
        await peer.disconnect()


async def check_chat(url: str) -> None:
    """What the README promises of its first server."""
    heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    async with asyncio.timeout(2 * PATIENCE), client(url) as listener:
        listener.on("said", lambda said: heard.put_nowait(("said", said)))
        listener.on("left", lambda id: heard.put_nowait(("left", id)))
        async with client(url) as speaker:
            speaker_id = speaker.get_sid()
            assert await speaker.call("say", "hello", timeout=PATIENCE) == 5
            assert await heard.get() == ("said", {"by": speaker_id, "text": "hello"})
            error = {"code": "invalid", "message": "Expected `str`, got `int`", "path": "text"}
            assert await speaker.call("say", 5, timeout=PATIENCE) == {"error": error}
        assert await heard.get() == ("left", speaker_id)


async def test_the_first_server_is_a_whole_program(tmp_path: Path) -> None:
    port = free_port()
    source = blocks(README)[0]
    assert len(source.splitlines()) <= 26
    assert source.count("port=3000") == 1
    program = tmp_path / "chat.py"
    program.write_text(source.replace("port=3000", f"port={port}"))
    server = ServerProcess([sys.executable, str(program)], port)
    try:
        server.start()
        await check_chat(server.url)
    finally:
        server.close()


@pytest.mark.parametrize("command", ["arcwire run", "uvicorn"])
async def test_the_server_with_fastapi(tmp_path: Path, command: str) -> None:
    port = free_port()
    (tmp_path / "chat.py").write_text(module_source(README))
    program, *arguments = command.split()
    arguments += ["chat:app", "--port", str(port), "--app-dir", str(tmp_path)]
    server = ServerProcess([str(Path(sys.executable).with_name(program)), *arguments], port)
    try:
        server.start()
        await check_chat(server.url)
        async with client(server.url) as peer:
            answer = await asyncio.to_thread(urlopen, f"{server.url}/people", timeout=PATIENCE)
            with answer:
                assert json.load(answer) == [peer.get_sid()]
    finally:
        server.close()
