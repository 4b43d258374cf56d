"""A client in a console with top-level `await`, as notebooks have: each statement is a task of its own."""

import asyncio
import os
import sys
from typing import Any

from arcwire import Server, Socket

PATIENCE = 60.0

# From a pipe Python 3.13's console takes statements of one line only: no decorators.
TYPED = """
asyncio.get_running_loop().slow_callback_duration = 60

def tell(*values): print("\\ntold", *values)

from arcwire import Client
client = Client("URL")
socket = await client.connect()
tell(socket is client.socket, socket.state.name)
tell(await socket.emit_with_ack("echo", 5, b"x"))

def double(value): tell("heard", value); return value * 2

socket.on("question", double)
tell("answered", await socket.emit_with_ack("ask me", 21))

answer = socket.emit_with_ack("echo", "once")
await asyncio.sleep(0)
tell(await answer, await answer)

emission = socket.emit("note", "kept")
await emission
tell(await socket.emit_with_ack("notes"))
await client.close()
tell(socket.state.name)
"""


async def test_a_console_with_top_level_await():
    io = Server()
    notes: list[str] = []

    @io.on("echo")
    async def echo(socket: Socket, *values: Any) -> Any:
        return list(values)

    @io.on("ask me")
    async def ask(socket: Socket, value: int) -> Any:
        return await socket.timeout(PATIENCE).emit_with_ack("question", value)

    @io.on("note")
    async def note(socket: Socket, text: str) -> None:
        notes.append(text)

    @io.on("notes")
    async def told(socket: Socket) -> list[str]:
        return notes

    async with io.serving() as url:
        console = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-m", "asyncio"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHON_COLORS": "0"},
        )
        try:
            async with asyncio.timeout(PATIENCE):
                said, warned = await console.communicate(TYPED.replace("URL", url).encode())
        finally:
            if console.returncode is None:
                console.kill()
                await console.wait()
    # After the greeting of the console nothing is on its standard error: no warning, no traceback.
    greeting, _, errors = warned.decode().partition(">>> import asyncio\n")
    assert "asyncio REPL" in greeting
    assert errors.replace("exiting asyncio REPL...", "").strip() == ""
    assert [line[5:] for line in said.decode().splitlines() if line.startswith("told ")] == [
        "True open",
        "[5, b'x']",
        "heard 21",
        "answered 42",
        "['once'] ['once']",
        "['kept']",
        "closed",
    ]
    assert console.returncode == 0
