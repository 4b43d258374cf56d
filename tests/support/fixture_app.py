"""The servers that tests drive from outside, as one ASGI application for any host.

- `/engine.io`: bare Engine.IO that sends every message back, of the same kind.
- `/socket.io`: what the Socket.IO protocol suite asks for, in the namespaces `/` and `/custom`.
- `/clients`: what real clients try out, in four namespaces; `/guarded` wants a token and
  `/refusing` lets nobody in.
- `/packed`: the same, in MessagePack.
- `/engine3` and `/old`: as `/engine.io` and `/clients`, for clients of protocol 3 and Socket.IO 2, too.

Those that echo, and `/socket.io`, ping after 300 ms. `FIXTURE_PING_TIMEOUT` (seconds) is how long they wait
for a pong: 0.2 is what the published protocol suites expect, our own ones are for busy machines.

`tests/interop/oracle.mjs` is the same with the reference server, and must stay so.
"""

import os
from typing import Any

from arcwire import (
    Ack,
    AckTimeout,
    ConnectionRefused,
    DisconnectReason,
    EventError,
    MsgpackCodec,
    Namespace,
    Server,
    Socket,
)
from arcwire.engineio.config import EngineConfig
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Connection, Engine
from arcwire.hosts.asgi import EngineApp

PING_INTERVAL = 0.3
PING_TIMEOUT = float(os.environ.get("FIXTURE_PING_TIMEOUT", "2"))


class Echo:
    """Sends what a connection receives back to it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive_text(self, data: str) -> None:
        self._connection.send_text(data.encode())

    def receive_binary(self, data: bytes) -> None:
        self._connection.send_binary(data)

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        pass


def echo_at(path: str, *, allow_eio3: bool = False) -> Engine:
    """An engine that echoes."""
    config = EngineConfig(
        path=path, ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT, allow_eio3=allow_eio3
    )
    return Engine(config, Echo)


engine = echo_at("/engine.io")
engine3 = echo_at("/engine3", allow_eio3=True)


# -- /socket.io ----------------------------------------------------------------------

protocol = Server(ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT, connect_timeout=1.0)


def behave_to_protocol(namespace: Namespace) -> None:
    """Register what the protocol suite expects."""

    @namespace.on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        socket.emit("auth", auth)

    @namespace.on("message")
    async def message(socket: Socket, *values: Any) -> None:
        socket.emit("message-back", *values)

    @namespace.on("message-with-ack")
    async def message_with_ack(socket: Socket, ack: Ack, *values: Any) -> None:
        ack(*values)


# -- /clients ------------------------------------------------------------------------

# Pings often: python-socketio's blocking client may hold a poll until the next ping when it closes.
clients = Server(path="/clients", ping_interval=1.0)
packed = Server(path="/packed", ping_interval=1.0, codec=MsgpackCodec())
old = Server(path="/old", ping_interval=1.0, allow_eio3=True)


def behave_to_clients(namespace: Namespace) -> None:
    """Register what the suites for clients expect."""
    echo_values(namespace)
    send_volatile_events(namespace)
    tell_about(namespace)
    speak_to_rooms(namespace)
    fail_on_request(namespace)

    @namespace.on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        socket.emit("welcome", {"id": socket.id, "auth": auth})

    @namespace.on_disconnect
    async def gone(socket: Socket, reason: DisconnectReason) -> None:
        namespace.to("watchers").emit("gone", {"name": socket.handshake.auth.get("name"), "reason": reason})


def echo_values(namespace: Namespace) -> None:
    """Values that come back, by event and by acknowledgement."""

    @namespace.on("echo")
    async def echo(socket: Socket, ack: Ack, *values: Any) -> None:
        ack(*values)

    @namespace.on("bounce")
    async def bounce(socket: Socket, *values: Any) -> None:
        socket.emit("bounced", *values)

    @namespace.on("never")
    async def never(socket: Socket, ack: Ack) -> None:
        pass

    @namespace.on("count")
    async def count(socket: Socket, total: int) -> int:
        for number in range(total):
            socket.emit("counted", number)
        return total

    @namespace.on("big")
    async def big(socket: Socket, size: int) -> str:
        return "x" * size

    @namespace.on("big-binary")
    async def big_binary(socket: Socket, size: int) -> bytes:
        return b"\x07" * size

    @namespace.on("ask-me")
    async def ask_me(socket: Socket, seconds: float, value: Any) -> dict[str, Any]:
        try:
            return {"answer": await socket.timeout(seconds).emit_with_ack("question", value)}
        except AckTimeout:
            return {"timeout": True}


def send_volatile_events(namespace: Namespace) -> None:
    """Events that may be lost."""

    @namespace.on("volatile")
    async def volatile(socket: Socket) -> None:
        socket.emit("heard", "first")
        socket.volatile.emit("heard", "second")
        socket.emit("heard", "third")

    @namespace.on("volatile-once")
    async def volatile_once(socket: Socket) -> None:
        socket.volatile.emit("heard", "now")


def tell_about(namespace: Namespace) -> None:
    """What the server knows of a client."""

    @namespace.on("who-am-i")
    async def who_am_i(socket: Socket) -> dict[str, Any]:
        return {
            "id": socket.id,
            "namespace": socket.namespace.name,
            "auth": socket.handshake.auth,
            "query": socket.handshake.query.get("room"),
            "header": socket.handshake.headers.get("x-interop"),
            "user": socket.data.get("user"),
        }

    @namespace.on("rooms")
    async def rooms(socket: Socket) -> list[str]:
        return sorted(socket.rooms)

    @namespace.on("disconnect-me")
    async def disconnect_me(socket: Socket, close: bool) -> None:
        socket.disconnect(close)


def speak_to_rooms(namespace: Namespace) -> None:
    """Rooms, and events for many."""

    @namespace.on("join")
    async def join(socket: Socket, room: str) -> None:
        socket.join(room)

    @namespace.on("leave")
    async def leave(socket: Socket, room: str) -> None:
        socket.leave(room)

    @namespace.on("to")
    async def to(socket: Socket, rooms: list[str], excluded: list[str], value: Any) -> None:
        socket.to(*rooms).except_(*excluded).emit("heard", value)

    @namespace.on("to-with-self")
    async def to_with_self(socket: Socket, rooms: list[str], excluded: list[str], value: Any) -> None:
        namespace.to(*rooms).except_(*excluded).emit("heard", value)

    @namespace.on("everyone")
    async def everyone(socket: Socket, value: Any) -> None:
        namespace.emit("heard", value)

    @namespace.on("others")
    async def others(socket: Socket, value: Any) -> None:
        socket.broadcast.emit("heard", value)

    @namespace.on("ask-room")
    async def ask_room(socket: Socket, room: str, seconds: float, value: Any) -> dict[str, Any]:
        try:
            answers = await namespace.to(room).timeout(seconds).emit_with_ack("question", value)
        except AckTimeout as error:
            return {"answers": error.responses, "timeout": True}
        return {"answers": answers, "timeout": False}


def fail_on_request(namespace: Namespace) -> None:
    """Handlers that do not get what they want, or break."""

    @namespace.on("count-words")
    async def count_words(socket: Socket, text: str) -> int:
        return len(text.split(" "))

    @namespace.on("fail")
    async def fail(socket: Socket, code: str) -> None:
        raise EventError(code, "as asked", {"by": "fail"})

    @namespace.on("crash")
    async def crash(socket: Socket) -> None:
        raise RuntimeError("a handler broke, as asked")


async def check_token(socket: Socket) -> None:
    token = socket.handshake.auth.get("token")
    if token is None:
        raise ConnectionRefused("token missing")
    if token != "sesame":
        raise ConnectionRefused("unauthorized", {"hint": "token", "status": 401})
    socket.data["user"] = "ali"


async def refuse(socket: Socket) -> None:
    raise ConnectionRefused("closed today", {"reopens": ["tomorrow", 9]})


for name in ("/", "/custom"):
    behave_to_protocol(protocol.of(name))
for server in (clients, packed, old):
    server.of("/guarded").use(check_token)
    server.of("/refusing").on_connect(refuse)
    for name in ("/", "/custom", "/guarded", "/refusing"):
        behave_to_clients(server.of(name))

engines = EngineApp(
    engine, "/engine.io", EngineApp(engine3, "/engine3", on_shutdown=engine3.close), on_shutdown=engine.close
)
app = clients.asgi(packed.asgi(old.asgi(protocol.asgi(engines))))
