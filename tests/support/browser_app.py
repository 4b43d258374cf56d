"""The servers of the browser client's tests, as one ASGI application.

- `/socket.io`: events, acknowledgements, binary values, rooms, in four namespaces; `/guarded` wants a token
  and `/refusing` lets nobody in. Pages of `127.0.0.1` may use it, those of `localhost` may not.
- `/recovering`: sessions are recovered, and retries are known.

`tests/browser/client/official_server.mjs` is the same with the reference server, and must stay so.
"""

import asyncio
import re
from collections import defaultdict
from typing import Any

from arcwire import Ack, AckTimeout, ConnectionRefused, DisconnectReason, Namespace, Recovery, Server, Socket

ORIGINS = re.compile(r"http://127\.0\.0\.1:\d+")
MAX_NUMBER = 20_000

io = Server(
    ping_interval=1.0,
    ping_timeout=5.0,
    cors_allowed_origins=ORIGINS,
    cors_credentials=True,
    cookie=True,
    max_payload=200_000,
)
recovering = Server(
    path="/recovering",
    ping_interval=1.0,
    ping_timeout=1.0,
    cors_allowed_origins=ORIGINS,
    connection_state_recovery=Recovery(),
    deduplicate_retries=True,
)


# -- /socket.io ----------------------------------------------------------------------


def behave(namespace: Namespace) -> None:
    """Register what the pages ask for."""
    exchange_values(namespace)
    speak_to_rooms(namespace)

    @namespace.on_disconnect
    async def gone(socket: Socket, reason: DisconnectReason) -> None:
        io.to("watchers").emit("gone", {"name": socket.handshake.auth.get("name"), "reason": reason})

    @namespace.on("who-am-i")
    async def who_am_i(socket: Socket) -> dict[str, Any]:
        return {
            "id": socket.id,
            "namespace": namespace.name,
            "auth": socket.handshake.auth,
            "query": socket.handshake.query.get("room"),
            "cookie": socket.handshake.headers.get("cookie"),
            "header": socket.handshake.headers.get("x-browser"),
        }

    @namespace.on("disconnect-me")
    async def disconnect_me(socket: Socket, close: bool) -> None:
        socket.disconnect(close)


def exchange_values(namespace: Namespace) -> None:
    """Values that come back, by event and by acknowledgement."""

    @namespace.on("echo")
    async def echo(socket: Socket, ack: Ack, *values: Any) -> None:
        ack(*values)

    @namespace.on("bounce")
    async def bounce(socket: Socket, *values: Any) -> None:
        socket.emit("bounced", *values)

    @namespace.on("describe")
    async def describe_them(socket: Socket, *values: Any) -> Any:
        return describe(values)

    @namespace.on("count")
    async def count(socket: Socket, total: int) -> int:
        for number in range(total):
            socket.emit("counted", number)
        return total

    @namespace.on("never")
    async def never(socket: Socket, ack: Ack) -> None:
        pass

    @namespace.on("ask-me")
    async def ask_me(socket: Socket, seconds: float, value: Any) -> dict[str, Any]:
        try:
            return {"answer": await socket.timeout(seconds).emit_with_ack("question", value)}
        except AckTimeout:
            return {"timeout": True}


def describe(value: Any) -> Any:
    """A value with lists of numbers in place of bytes."""
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, dict):
        return {key: describe(item) for key, item in value.items()}
    return [describe(item) for item in value] if isinstance(value, list | tuple) else value


def speak_to_rooms(namespace: Namespace) -> None:
    """Rooms, and events for many."""

    @namespace.on("join")
    async def join(socket: Socket, room: str) -> None:
        socket.join(room)

    @namespace.on("to")
    async def to(socket: Socket, room: str, value: Any) -> None:
        socket.to(room).emit("heard", value)


@io.of("/guarded").use
async def check_token(socket: Socket) -> None:
    token = socket.handshake.auth.get("token")
    if token != "sesame":
        raise ConnectionRefused("unauthorized", {"given": token})


@io.of("/refusing").on_connect
async def refuse(socket: Socket) -> None:
    raise ConnectionRefused("closed today", {"reopens": ["tomorrow", 9]})


for name in ("/", "/custom", "/guarded", "/refusing"):
    behave(io.of(name))


# -- /recovering ---------------------------------------------------------------------

hushed: set[str] = set()
totals: dict[str, int] = {}
speeches: dict[str, asyncio.Task[None]] = {}
uploads: defaultdict[str, list[int]] = defaultdict(list)


async def speech(id: str, pause: float) -> None:
    """Numbers for a session, until they are enough."""
    number = 0
    while id not in hushed and number < MAX_NUMBER:
        recovering.to(id).emit("numbered", number)
        number += 1
        await asyncio.sleep(pause)
    totals[id] = number
    recovering.to(id).emit("end", number)


@recovering.on("speak")
async def speak(socket: Socket, pause: float) -> None:
    if socket.id not in speeches:
        speeches[socket.id] = asyncio.create_task(speech(socket.id, pause))


@recovering.on("echo")
async def echo(socket: Socket, ack: Ack, *values: Any) -> None:
    ack(*values)


@recovering.on("upload")
async def upload(socket: Socket, number: int) -> int:
    uploads[socket.handshake.auth["name"]].append(number)
    return number


@recovering.on_disconnect
async def gone(socket: Socket, reason: DisconnectReason) -> None:
    io.to("watchers").emit("gone", {"name": socket.handshake.auth.get("name"), "reason": reason})


@io.on("hush")
async def hush(socket: Socket, id: str) -> None:
    hushed.add(id)
    if id in totals:  # "end" may have got lost, too
        recovering.to(id).emit("end", totals[id])


@io.on("tell")
async def tell(socket: Socket, id: str, value: Any) -> None:
    recovering.to(id).emit("told", value)


@io.on("uploaded")
async def uploaded(socket: Socket, name: str) -> list[int]:
    return uploads[name]


app = recovering.asgi(io.asgi())
