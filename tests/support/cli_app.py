"""What the command line and the blocking client are tried out on.

- `/`: `echo` answers with what it gets, `bounce` sends it back as `bounced`, `fail` answers with an error,
  `never` not at all, `ask` asks the client and tells everybody what it said, `kick` sends the client away,
  `cut` cuts its connection off, `survey` asks all others, `ticks` sends so many `tick`s, `shout` tells
  everybody, `loud` sends what a terminal would obey.
- `/admin`: the same, for those whose `token` is "secret".
- `/picky`: lets in those whose header `x-key` is "1", and greets them with what it knows of them.
"""

from typing import Any

from arcwire import Ack, ConnectionRefused, EventError, Namespace, Server, Socket

io = Server(ping_interval=5)


def behave(namespace: Namespace) -> None:
    """Register the events."""
    answer_in_many_ways(namespace)
    send_away(namespace)
    send_much(namespace)


def answer_in_many_ways(namespace: Namespace) -> None:
    """What comes back."""

    @namespace.on("echo")
    async def echo(socket: Socket, ack: Ack, *values: Any) -> None:
        ack(*values)

    @namespace.on("bounce")
    async def bounce(socket: Socket, *values: Any) -> None:
        socket.emit("bounced", *values)

    @namespace.on("fail")
    async def fail(socket: Socket) -> None:
        raise EventError("no-such-room", "there is none", {"room": 1})

    @namespace.on("never")
    async def never(socket: Socket, ack: Ack) -> None:
        pass

    @namespace.on("ask")
    async def ask(socket: Socket, value: Any) -> None:
        answer = await socket.emit_with_ack("question", value)
        namespace.emit("answered", answer)


def send_away(namespace: Namespace) -> None:
    """Clients that have to go."""

    @namespace.on("kick")
    async def kick(socket: Socket) -> None:
        socket.disconnect()

    @namespace.on("cut")
    async def cut(socket: Socket) -> None:
        socket.disconnect(close=True)


def send_much(namespace: Namespace) -> None:
    """Events that nobody asked for."""

    @namespace.on("ticks")
    async def ticks(socket: Socket, number: int) -> int:
        for index in range(number):
            socket.emit("tick", index)
        return number

    @namespace.on("loud")
    async def loud(socket: Socket) -> None:
        socket.emit("\x1b[2Jloud", "\x1b[31mred\x9b0m")

    @namespace.on("survey")
    async def survey(socket: Socket, value: Any) -> list[Any]:
        return await socket.broadcast.timeout(20).emit_with_ack("question", value)

    @namespace.on("shout")
    async def shout(socket: Socket, event: str, *values: Any) -> None:
        namespace.emit(event, *values)


behave(io.of("/"))
admin = io.of("/admin")
picky = io.of("/picky")
behave(admin)


@admin.on_connect
async def administrator(socket: Socket, auth: dict[str, Any]) -> None:
    if auth.get("token") != "secret":
        raise ConnectionRefused("not allowed", {"retry": False})


@picky.on_connect
async def picked(socket: Socket, auth: dict[str, Any]) -> None:
    headers = socket.handshake.headers
    if headers.get("x-key") != "1":
        raise ConnectionRefused("no key")
    socket.emit("welcome", {"query": dict(socket.handshake.query), "transport": socket.connection.transport})


app = io.asgi()
