"""The works of the benchmark on Arcwire, all options at their defaults.

    python arcwire_server.py PORT fast|asgi

`fast` is `Server.run`; `asgi` serves the same application on plain uvicorn.
"""

import sys

import uvicorn

from arcwire import Server, Socket

io = Server()


@io.on("echo")
async def echo(socket: Socket, text: str) -> None:
    socket.emit("echo", text)


@io.on("ack")
async def ack(socket: Socket, text: str) -> str:
    return text


@io.on("broadcast")
async def broadcast(socket: Socket, text: str) -> None:
    io.emit("news", text)


port, host = int(sys.argv[1]), sys.argv[2]
if host == "fast":
    io.run(host="127.0.0.1", port=port, log_level="warning")
else:
    uvicorn.run(io.asgi(), host="127.0.0.1", port=port, log_level="warning")
