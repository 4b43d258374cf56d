"""What the client's benchmark talks to, and an empty page of the same origin: `python server.py PORT`."""

import sys
from collections.abc import MutableMapping
from typing import Any

from arcwire import Server, Socket

io = Server()


@io.on("echo")
async def echo(socket: Socket, value: Any) -> None:
    socket.emit("echo", value)


@io.on("ack")
async def ack(socket: Socket, value: Any) -> Any:
    return value


async def page(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<!doctype html><link rel=icon href=data:,>"})


if __name__ == "__main__":
    io.run(page, port=int(sys.argv[1]))
