"""A server to test: it answers `echo` with what it gets."""

from typing import Any

from arcwire import Server, Socket

io = Server()


@io.on("echo")
async def echo(socket: Socket, message: Any = None) -> Any:
    return message


if __name__ == "__main__":
    io.run(port=3000)
