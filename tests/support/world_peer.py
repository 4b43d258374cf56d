"""python-socketio's server, for clients to be tried on: see tests/interop/world.mjs, which is the same."""

import asyncio
from typing import Any

import socketio


class Behaviour(socketio.AsyncNamespace):
    """What clients try out in a namespace."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.sessions: dict[str, tuple[dict[str, Any], Any]] = {}

    async def trigger_event(self, event: str, *args: Any) -> Any:
        return await super().trigger_event(event.replace("-", "_"), *args)

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        if self.namespace == "/guarded" and (auth or {}).get("token") != "sesame":
            raise socketio.exceptions.ConnectionRefusedError("unauthorized", {"hint": "token", "status": 401})
        self.sessions[sid] = (environ, auth)
        await self.emit("welcome", self.namespace, to=sid)

    async def on_disconnect(self, sid: str) -> None:
        self.sessions.pop(sid, None)

    async def on_echo(self, sid: str, *values: Any) -> Any:
        return values

    async def on_bounce(self, sid: str, *values: Any) -> None:
        await self.emit("bounced", values, to=sid)

    async def on_ask_me(self, sid: str, value: Any) -> dict[str, Any]:
        return {"answer": await self.call("question", value, to=sid, timeout=20)}

    async def on_count(self, sid: str, total: int) -> int:
        for number in range(total):
            await self.emit("counted", number, to=sid)
        return total

    async def on_big(self, sid: str, size: int) -> str:
        return "x" * size

    async def on_who_am_i(self, sid: str) -> dict[str, Any]:
        environ, auth = self.sessions[sid]
        query = dict(pair.split("=", 1) for pair in environ["QUERY_STRING"].split("&"))
        return {
            "id": sid,
            "namespace": self.namespace,
            "auth": auth or {},
            "query": query.get("room"),
            "header": environ.get("HTTP_X_INTEROP"),
            "cookie": environ.get("HTTP_COOKIE"),
        }

    async def on_tell_all(self, sid: str, value: Any) -> None:
        await self.emit("news", value)

    async def on_leave_me(self, sid: str, close: bool) -> None:
        await self.disconnect(sid)  # it has no other way that tells the client not to come back


class Gated(Behaviour):
    """Lets nobody in until it is told to, in the root namespace."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.waiting: list[asyncio.Event] = []
        self.joined = 0

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        self.waiting.append(event := asyncio.Event())
        await event.wait()
        self.joined += 1
        await super().on_connect(sid, environ, auth)


class Root(Behaviour):
    """The root namespace, which opens the gate."""

    def __init__(self, namespace: str, gated: Gated) -> None:
        super().__init__(namespace)
        self.gated = gated

    async def on_open_gate(self, sid: str) -> None:
        for event in self.gated.waiting:
            event.set()
        self.gated.waiting.clear()

    async def on_gate(self, sid: str) -> Any:
        return len(self.gated.waiting), self.gated.joined, len(self.gated.sessions)


def serve(path: str, other: Any = None, **options: Any) -> Any:
    """A server at a path, and another application elsewhere."""
    io = socketio.AsyncServer(async_mode="asgi", ping_interval=1, ping_timeout=2, **options)
    gated = Gated("/gated")
    for namespace in (Root("/", gated), Behaviour("/custom"), Behaviour("/guarded"), gated):
        io.register_namespace(namespace)
    return socketio.ASGIApp(io, other_asgi_app=other, socketio_path=path)


app = serve("socket.io", serve("packed", serializer="msgpack"))
