"""python-socketio's asyncio client under the benchmark of clients; see drive.py.

python python_socketio_client.py URL
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import socketio
import uvloop
from drive import TEXT, Driver, drive


class PythonSocketIO(Driver):
    """A client for each connection, in one loop."""

    async def connect(self) -> Any:
        client = socketio.AsyncClient(handle_sigint=False)
        await client.connect(self.url, transports=["websocket"])
        return client

    async def call(self, client: Any, times: int) -> None:
        for _ in range(times):
            await client.call("ack", TEXT)

    def emit(self, client: Any) -> None:
        # Its emit is a coroutine: this is the least that a plain handler can do.
        self.start(client.emit("echo", TEXT))

    def on_echo(self, client: Any, function: Callable[[], None]) -> None:
        async def echo(text: str) -> None:
            function()

        client.on("echo", echo)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(drive(PythonSocketIO(sys.argv[1])))
