"""An ASGI server in memory: one call of an application, event by event."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]


class Call:
    """An application that runs for one scope.

    `sent` is what it sent. While `stuck`, sends do not return, as when a peer does not read.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], scope: Message, *events: Message) -> None:
        self.sent: list[Message] = []
        self.stuck = False
        self.fails = False
        self._changed = asyncio.Event()
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        for event in events:
            self._events.put_nowait(event)
        self.task = asyncio.ensure_future(app(scope, self._events.get, self._send))

    def give(self, event: Message) -> None:
        """An event for the application to receive."""
        self._events.put_nowait(event)

    def free(self) -> None:
        """Let sends return again."""
        self.stuck = False
        self._changed.set()

    async def _send(self, message: Message) -> None:
        if self.fails:
            raise OSError("the peer is gone")
        while self.stuck:
            await self._changed.wait()
        self.sent.append(message)


def http(path: str, query: str, *, method: str = "GET", root_path: str = "", **more: Any) -> Message:
    """The scope of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 80),
        **more,
    }


def websocket(path: str, query: str, **more: Any) -> Message:
    """The scope of a WebSocket."""
    scope = http(path, query, **more)
    del scope["method"]
    return scope | {"type": "websocket", "scheme": "ws", "subprotocols": []}
