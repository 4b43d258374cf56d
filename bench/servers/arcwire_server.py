"""The works of the benchmark on Arcwire, all options at their defaults.

    python arcwire_server.py PORT WORK fast|asgi

`fast` is `Server.run`; `asgi` serves the same application on plain uvicorn.
"""

import sys

import uvicorn
from order_msgspec import Order, Receipt

from arcwire import Server, Socket

io = Server()


@io.on("echo")
async def echo(socket: Socket, text: str) -> None:
    socket.emit("echo", text)


@io.on("binary")
async def binary(socket: Socket, data: bytes) -> None:
    socket.emit("binary", data)


@io.on("ack")
async def ack(socket: Socket, text: str) -> str:
    return text


@io.on("order")
async def order(socket: Socket, order: Order) -> Receipt:
    return Receipt(order.id, order.item, order.quantity * order.price, order.express)


@io.on("broadcast")
async def broadcast(socket: Socket, text: str) -> None:
    io.emit("news", text)


@io.on("join")
async def join(socket: Socket, room: str) -> str:
    socket.join(room)
    return "ok"


@io.on("say")
async def say(socket: Socket, room: str, text: str) -> None:
    io.to(room).emit("news", text)


@io.on("count")
async def count(socket: Socket) -> int:
    return len(io.sockets)


port, host = int(sys.argv[1]), sys.argv[3]
if host == "fast":
    io.run(host="127.0.0.1", port=port, log_level="warning")
else:
    uvicorn.run(io.asgi(), host="127.0.0.1", port=port, log_level="warning")
