"""The client as a browser would get it from the server, run under Node."""

import asyncio
from pathlib import Path

import pytest

from arcwire import Server, Socket
from support.interop import SUITES
from support.uvicorn_server import running

SCRIPT = """
import { WebSocket } from "ws";
globalThis.WebSocket = WebSocket;
const url = process.argv[1];
const headers = { "Accept-Encoding": "gzip" };
const answer = await fetch(`${url}/socket.io/socket.io.esm.min.js`, { headers });
if (answer.headers.get("content-encoding") !== "gzip") throw new Error("it is not compressed");
const { io } = await import(`data:text/javascript,${encodeURIComponent(await answer.text())}`);
const socket = io(url, { transports: ["websocket"], reconnection: false });
console.log(await socket.timeout(5000).emitWithAck("hello", "you"));
socket.disconnect();
"""


@pytest.mark.parametrize("client", ["ours", "official"])
async def test_the_served_client_speaks_to_the_server(node_modules: Path, client: str) -> None:
    io = Server(serve_client=node_modules if client == "official" else True)

    @io.on("hello")
    async def hello(socket: Socket, name: str) -> str:
        return f"hello {name}"

    async with running(io) as server:
        node = await asyncio.create_subprocess_exec(
            *("node", "--input-type=module", "--eval", SCRIPT, server.url),
            cwd=SUITES,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await node.communicate()
    assert output == b"hello you\n"
