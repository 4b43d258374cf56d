"""The works of the benchmark on python-socketio with uvicorn, all options at their defaults."""

import sys

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def echo(sid: str, text: str) -> None:
    await sio.emit("echo", text, to=sid)


@sio.event
async def ack(sid: str, text: str) -> str:
    return text


@sio.event
async def broadcast(sid: str, text: str) -> None:
    await sio.emit("news", text)


uvicorn.run(socketio.ASGIApp(sio), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
