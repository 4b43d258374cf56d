"""python-socketio's server, for clients to be tried on: see tests/interop/world.mjs, which is the same."""

from typing import Any

import socketio


def behave(io: socketio.AsyncServer, namespace: str) -> None:
    """What clients try out."""
    sessions: dict[str, tuple[dict[str, Any], Any]] = {}

    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        if namespace == "/guarded" and (auth or {}).get("token") != "sesame":
            raise socketio.exceptions.ConnectionRefusedError("unauthorized", {"hint": "token", "status": 401})
        sessions[sid] = (environ, auth)
        await io.emit("welcome", namespace, to=sid, namespace=namespace)

    async def disconnect(sid: str) -> None:
        sessions.pop(sid, None)

    async def echo(sid: str, *values: Any) -> Any:
        return values

    async def bounce(sid: str, *values: Any) -> None:
        await io.emit("bounced", values, to=sid, namespace=namespace)

    async def ask_me(sid: str, value: Any) -> dict[str, Any]:
        return {"answer": await io.call("question", value, to=sid, namespace=namespace, timeout=20)}

    async def count(sid: str, total: int) -> int:
        for number in range(total):
            await io.emit("counted", number, to=sid, namespace=namespace)
        return total

    async def big(sid: str, size: int) -> str:
        return "x" * size

    async def who_am_i(sid: str) -> dict[str, Any]:
        environ, auth = sessions[sid]
        query = dict(pair.split("=", 1) for pair in environ["QUERY_STRING"].split("&"))
        return {
            "id": sid,
            "namespace": namespace,
            "auth": auth or {},
            "query": query.get("room"),
            "header": environ.get("HTTP_X_INTEROP"),
            "cookie": environ.get("HTTP_COOKIE"),
        }

    async def leave_me(sid: str, close: bool) -> None:
        if close:
            await io.eio.disconnect(io.manager.eio_sid_from_sid(sid, namespace))
        else:
            await io.disconnect(sid, namespace=namespace)

    for handler in (connect, disconnect, echo, bounce, ask_me, count, big, who_am_i, leave_me):
        io.on(handler.__name__.replace("_", "-"), handler, namespace=namespace)


def serve(path: str, other: Any = None, **options: Any) -> Any:
    """A server at a path, and another application elsewhere."""
    io = socketio.AsyncServer(async_mode="asgi", ping_interval=1, ping_timeout=2, **options)
    for name in ("/", "/custom", "/guarded"):
        behave(io, name)
    return socketio.ASGIApp(io, other_asgi_app=other, socketio_path=path)


app = serve("socket.io", serve("packed", serializer="msgpack"))
