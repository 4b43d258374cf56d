"""The chat of soak.py, and at /state a count of everything that must not leak.

python soak_server.py PORT fast|asgi
"""

import asyncio
import gc
import json
import logging
import os
import sys
import threading
from collections import Counter
from typing import Any

import uvicorn

from arcwire import Server, Socket

io = Server(ping_interval=5, ping_timeout=5)


@io.on("enter")
async def enter(socket: Socket, room: str) -> str:
    socket.join(room)
    socket.data["room"] = room
    return "entered"


@io.on("say")
async def say(socket: Socket, text: str) -> str:
    socket.to(socket.data["room"]).emit("said", text)
    return text


class Complaints(logging.StreamHandler):  # type: ignore[type-arg]
    """Keeps what was logged as a warning or worse, also by asyncio about exceptions nobody saw."""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))
        super().emit(record)


complaints = Complaints()

WATCHED = ("arcwire", "picows", "uvloop", "uvicorn", "asyncio", "_asyncio")
"""Packages whose living objects are counted."""


def state() -> dict[str, Any]:
    gc.collect()
    kinds = Counter(map(type, gc.get_objects()))
    objects = {
        f"{kind.__module__}.{kind.__qualname__}": count
        for kind, count in kinds.items()
        if str(kind.__module__).partition(".")[0] in WATCHED
    }
    return {
        "sessions": io.engine.clients_count,
        "sockets": len(io.sockets),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": objects,
        "complaints": complaints.messages[:10],
    }


async def state_app(scope: Any, receive: Any, send: Any) -> None:
    """Answer every HTTP request with the state; what is Socket.IO's never comes here."""
    assert scope["type"] == "http", scope["type"]
    body = json.dumps(state()).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# uvicorn's loggers pass nothing on to the root logger.
for name in (None, "uvicorn"):
    logging.getLogger(name).addHandler(complaints)

port, host = int(sys.argv[1]), sys.argv[2]
if host == "fast":
    io.run(state_app, host="127.0.0.1", port=port, log_config=None)
else:
    uvicorn.run(io.asgi(state_app), host="127.0.0.1", port=port, log_config=None)
