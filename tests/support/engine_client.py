"""Clients of Engine.IO that remember what they are told, and servers for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.config import EngineConfig
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.asgi import EngineApp
from support.raw_http import until
from support.recorder import RecordedEngine, Recorder
from support.uvicorn_server import running


class Heard:
    """Receives for one connection of a client."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.closed: list[tuple[CloseReason, str]] = []

    def receive_text(self, data: str) -> None:
        assert not self.closed
        self.messages.append(data)

    def receive_binary(self, data: bytes) -> None:
        assert not self.closed
        self.messages.append(data)

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        assert description
        self.closed.append((reason, description))

    @property
    def reason(self) -> CloseReason | None:
        """Why it ended; None while it has not. Fails if it ended twice."""
        assert len(self.closed) <= 1
        return self.closed[0][0] if self.closed else None


class EngineServer:
    """An engine on real sockets."""

    def __init__(self, engine: RecordedEngine, url: str) -> None:
        self.engine = engine
        self.url = url

    def of(self, connection: EngineConnection) -> Recorder:
        """The server's side of a connection."""
        return self.engine.recorded[connection.sid]


@asynccontextmanager
async def engine_server(options: dict[str, Any] | None = None, **serving: Any) -> AsyncIterator[EngineServer]:
    """Serve an engine with `options` on the fast path; `serving` are options of `serve`."""
    engine = RecordedEngine(EngineConfig(**{"allow_eio3": True, **(options or {})}))
    app = EngineApp(engine, engine.config.path, on_shutdown=engine.close)
    async with running(app, **serving) as server:
        yield EngineServer(engine, server.url)


@asynccontextmanager
async def connecting(url: str, **options: Any) -> AsyncIterator[tuple[EngineConnection, Heard]]:
    """A connection of a client, closed at the end, and what it hears."""
    heard = Heard()
    connection = await EngineConnection.open(url, heard, EngineClientConfig(**options))
    try:
        yield connection, heard
    finally:
        connection.close()
        await asyncio.wait_for(connection.wait_closed(), 20)


async def upgraded(connection: EngineConnection) -> None:
    """Wait until a WebSocket has taken over."""
    await until(lambda: connection.transport == "websocket")
