"""What the conformance kit drives: engines with different settings, a Socket.IO server, a report.

- `/engine.io`: no ping within a test, 10 kB at most.
- `/hasty`: 0.4 s for an upgrade.
- `/quick`: pings after 500 ms, waits 250 ms: for those that fall silent.
- `/patient`: pings after 500 ms, waits as long as the tests do: for those that answer, however late.
- `/polling`, `/websocket`: one transport only.
- `/guarded`, also without the slash: for pages of `PAGE` and those with another `token` than `wrong`,
  with a cookie, a first message, and a header field on every answer.
- `/socket.io`: a Socket.IO server, whose events are in the report too.
- `/quick.io`: another one, with the pings of `/quick`.
- `/report`: JSON, what the application was told of each session, and what is alive.

A bare engine sends every message back; text that begins with `!` is a command.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from arcwire import DisconnectReason, Server, Socket
from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import LinkReceiver, PreparedMessage, Request, WebSocketLink
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Connection, Engine
from arcwire.hosts.asgi import EngineApp
from support.raw_http import PATIENCE

MAX_PAYLOAD = 10_000
UPGRADE_TIMEOUT = 0.4
PING_INTERVAL, PING_TIMEOUT = 0.5, 0.25
PAGE = "https://page.example"

sessions: dict[str, dict[str, Any]] = {}
"""By session id (Engine.IO) or socket id (Socket.IO)."""


class Subject:
    """The application's side of one Engine.IO connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.report: dict[str, Any] = {"received": [], "reasons": [], "description": None}
        client = connection.request.client
        self.report["address"] = client and client[0]
        sessions[connection.sid] = self.report

    def receive_text(self, data: str) -> None:
        command, _, rest = data.partition(" ")
        if command == "!close":
            self.connection.send_text(b"bye")
            self.connection.close()
        elif command == "!many":
            count, size = map(int, rest.split())
            for _ in range(count):
                self.connection.send_text(b"x" * size)
        elif command == "!all":
            # One message for everybody, made once.
            for message in (PreparedMessage("€".encode()), PreparedMessage(b"\x01\x02", binary=True)):
                for connection in engine.connections:
                    connection.send_prepared(message)
        else:
            self.report["received"].append(data)
            self.connection.send_text(data.encode())

    def receive_binary(self, data: bytes) -> None:
        self.report["received"].append({"bytes": data.hex()})
        self.connection.send_binary(data)

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        self.report["reasons"].append(reason.value)
        self.report["description"] = description
        # For those who can ask no more, because the server has ended.
        print(f"closed {self.connection.sid}: {reason.value}", flush=True)  # noqa: T201


class ReportingEngine(Engine):
    """An engine that reports which kind of link carries a session."""

    def __init__(self, **options: Any) -> None:
        super().__init__(EngineConfig(**options), Subject)

    def open_link(self, request: Request, link: WebSocketLink, sid: str | None = None) -> LinkReceiver:
        receiver = super().open_link(request, link, sid)
        if isinstance(receiver, Connection):
            sessions[receiver.sid]["link"] = type(link).__name__
        elif "sid" in request.query and request.query["sid"] in sessions:
            sessions[request.query["sid"]]["link"] = type(link).__name__
        return receiver


async def allow(request: Request) -> bool | str:
    await asyncio.sleep(0.01)
    return "wrong token" if request.query.get("token") == "wrong" else True


guarded = ReportingEngine(
    path="/guarded",
    add_trailing_slash=False,
    max_payload=MAX_PAYLOAD,
    allow_request=allow,
    cors_allowed_origins=[PAGE],
    cors_credentials=True,
    cookie=True,
    initial_packet="welcome",
    trusted_proxies=["127.0.0.1"],
)


@guarded.on_headers
def served(request: Request) -> dict[str, str]:
    return {"x-served": request.query.get("transport", "")}


engine = ReportingEngine(max_payload=MAX_PAYLOAD)
engines = {
    "/engine.io": engine,
    "/hasty": ReportingEngine(path="/hasty", upgrade_timeout=UPGRADE_TIMEOUT),
    "/quick": ReportingEngine(path="/quick", ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT),
    "/patient": ReportingEngine(path="/patient", ping_interval=PING_INTERVAL, ping_timeout=PATIENCE),
    "/polling": ReportingEngine(path="/polling", transports=("polling",)),
    "/websocket": ReportingEngine(path="/websocket", transports=("websocket",)),
    "/guarded": guarded,
}

io = Server(max_payload=MAX_PAYLOAD)
quick = Server(path="/quick.io", ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT)


def serve_sockets(server: Server, name: str) -> None:
    namespace = server.of(name)

    @namespace.on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        sessions[socket.id] = {"namespace": name, "auth": auth, "reasons": []}

    @namespace.on("echo")
    async def echo(socket: Socket, *values: Any) -> list[Any]:
        socket.emit("echoed", *values)
        return list(values)

    @namespace.on("join")
    async def join(socket: Socket, room: str) -> None:
        socket.join(room)

    @namespace.on("tell")
    async def tell(socket: Socket, room: str, value: Any) -> None:
        socket.to(room).emit("told", value)

    @namespace.on("leave me")
    async def leave_me(socket: Socket, close: bool) -> None:
        socket.disconnect(close)

    @namespace.on_disconnect
    async def gone(socket: Socket, reason: DisconnectReason) -> None:
        sessions[socket.id]["reasons"].append(reason.value)


serve_sockets(io, "/")
serve_sockets(io, "/other")
serve_sockets(quick, "/")


async def report(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer any request with the report."""
    if scope["type"] != "http":
        return
    alive = {
        "connections": {path: each.clients_count for path, each in engines.items()},
        "sockets": io.engine.clients_count + quick.engine.clients_count,
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/dev/fd")),
        "sessions": sessions,
    }
    body = json.dumps(alive).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app: Any = io.asgi(quick.asgi(report))
for path, each in engines.items():
    slash = each.config.add_trailing_slash
    app = EngineApp(each, path, app, on_shutdown=each.close, add_trailing_slash=slash)
