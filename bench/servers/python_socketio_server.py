"""The works of the benchmark on python-socketio with uvicorn, all options at their defaults.

python python_socketio_server.py PORT WORK
"""

import sys
from typing import Any

import socketio
import uvicorn

port, kind = int(sys.argv[1]), sys.argv[2]
sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def echo(sid: str, text: str) -> None:
    await sio.emit("echo", text, to=sid)


@sio.event
async def binary(sid: str, data: bytes) -> None:
    await sio.emit("binary", data, to=sid)


@sio.event
async def ack(sid: str, text: str) -> str:
    return text


@sio.event
async def broadcast(sid: str, text: str) -> None:
    await sio.emit("news", text)


@sio.event
async def join(sid: str, room: str) -> str:
    await sio.enter_room(sid, room)
    return "ok"


@sio.event
async def say(sid: str, room: str, text: str) -> None:
    await sio.emit("news", text, to=room)


@sio.event
async def count(sid: str) -> int:
    return len(sio.eio.sockets)


if kind == "typed":
    from order_pydantic import check_order

    @sio.event
    async def order(sid: str, value: object) -> dict[str, Any]:
        return check_order(value)


uvicorn.run(socketio.ASGIApp(sio), host="127.0.0.1", port=port, log_level="warning")
