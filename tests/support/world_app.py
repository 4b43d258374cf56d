"""Arcwire's servers, for clients to be tried on: see tests/interop/world.mjs, which is the same."""

import asyncio
from typing import Any

from arcwire import Ack, ConnectionRefused, MsgpackCodec, Namespace, Recovery, Server, Socket


def echo_values(namespace: Namespace) -> None:
    """Values that come back."""

    @namespace.on("echo")
    async def echo(socket: Socket, ack: Ack, *values: Any) -> None:
        ack(*values)

    @namespace.on("bounce")
    async def bounce(socket: Socket, *values: Any) -> None:
        socket.emit("bounced", *values)

    @namespace.on("ask-me")
    async def ask_me(socket: Socket, value: Any) -> dict[str, Any]:
        return {"answer": await socket.timeout(20).emit_with_ack("question", value)}

    @namespace.on("count")
    async def count(socket: Socket, total: int) -> int:
        for number in range(total):
            socket.emit("counted", number)
        return total

    @namespace.on("never")
    async def never(socket: Socket, ack: Ack) -> None:
        pass

    @namespace.on("big")
    async def big(socket: Socket, size: int) -> str:
        return "x" * size


def tell_about(namespace: Namespace) -> None:
    """Who a client is, and its end."""

    @namespace.on_connect
    async def connected(socket: Socket) -> None:
        socket.emit("welcome", namespace.name)

    @namespace.on("who-am-i")
    async def who_am_i(socket: Socket) -> dict[str, Any]:
        handshake = socket.handshake
        return {
            "id": socket.id,
            "namespace": namespace.name,
            "auth": handshake.auth,
            "query": handshake.query.get("room"),
            "header": handshake.headers.get("x-interop"),
            "cookie": handshake.headers.get("cookie"),
        }

    @namespace.on("tell-all")
    async def tell_all(socket: Socket, value: Any) -> None:
        namespace.emit("news", value)

    @namespace.on("is-there")
    async def is_there(socket: Socket, id: str) -> bool:
        return id in namespace.sockets

    @namespace.on("leave-me")
    async def leave_me(socket: Socket, close: bool) -> None:
        socket.disconnect(close)


async def check_token(socket: Socket) -> None:
    if socket.handshake.auth.get("token") != "sesame":
        raise ConnectionRefused("unauthorized", {"hint": "token", "status": 401})


def gate(io: Server) -> None:
    """/gated lets nobody in until it is told to, in the root namespace."""
    gated = io.of("/gated")
    waiting: list[asyncio.Event] = []
    joined = 0

    @gated.use
    async def wait(socket: Socket) -> None:
        waiting.append(asyncio.Event())
        await waiting[-1].wait()

    @gated.on_connect
    async def connected(socket: Socket) -> None:
        nonlocal joined
        joined += 1

    @io.on("open-gate")
    async def open_gate(socket: Socket) -> None:
        for event in waiting:
            event.set()
        waiting.clear()

    @io.on("gate")
    async def count(socket: Socket) -> tuple[int, int, int]:
        return len(waiting), joined, len(gated.sockets)


def serve(path: str, **options: Any) -> Server:
    """A server at a path."""
    io = Server(path=path, ping_interval=0.3, ping_timeout=2.0, **options)
    io.of("/guarded").use(check_token)
    for name in ("/", "/custom", "/guarded", "/gated"):
        echo_values(io.of(name))
        tell_about(io.of(name))
    gate(io)
    return io


app = serve("/packed", codec=MsgpackCodec()).asgi()
app = serve("/recovering", connection_state_recovery=Recovery()).asgi(app)
app = serve("/retrying", deduplicate_retries=True).asgi(app)
app = serve("/old", allow_eio3=True).asgi(app)
app = serve("/socket.io").asgi(app)
