"""A server that compresses, for clients from npm: it sends events back, compressed or not, to one or all."""

from arcwire import Server, Socket

io = Server(path="/socket.io", per_message_deflate=True)


@io.on("echo")
async def echo(socket: Socket, *values: object) -> None:
    socket.emit("echo", *values)


@io.on("plain")
async def plain(socket: Socket, *values: object) -> None:
    socket.compress(False).emit("plain", *values)


@io.on("all")
async def to_all(socket: Socket, *values: object) -> None:
    io.emit("all", *values)


@io.on("all-plain")
async def to_all_plain(socket: Socket, *values: object) -> None:
    io.compress(False).emit("all-plain", *values)


app = io.asgi()
