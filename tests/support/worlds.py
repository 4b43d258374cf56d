"""The servers that Arcwire's client is tried on: which there are, where, and how each is spoken to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from arcwire import MsgpackCodec
from support.interop import SUITES
from support.servers import HOSTS, ServerProcess

TRANSPORTS = {"websocket": ("websocket",), "polling": ("polling",), "upgrade": ("polling", "websocket")}


def _node(version: str) -> Callable[[int], list[str]]:
    return lambda port: ["node", str(SUITES / "world.mjs"), str(port), version]


def _uvicorn(host: str, app: str) -> Callable[[int], list[str]]:
    return lambda port: [*HOSTS[host](app, port), "--log-level", "warning"]


COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "socket.io-4": _node("4"),
    "socket.io-3": _node("3"),
    "socket.io-2": _node("2"),
    "python-socketio": _uvicorn("uvicorn-asgi", "support.world_peer:app"),
    "arcwire-fast": _uvicorn("uvicorn-fast", "support.world_app:app"),
    "arcwire-asgi": _uvicorn("uvicorn-asgi", "support.world_app:app"),
}
"""How to start each server on a port."""

Servers = Callable[[str], ServerProcess]
"""Gives a server by its name, started."""


@dataclass(frozen=True)
class World:
    """A server at one of its paths, and what its client has to be told."""

    server: str
    path: str = "/socket.io"
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.server + self.path.replace("/socket.io", "").replace("/", "-")

    @property
    def is_old(self) -> bool:
        """Whether it speaks the protocol of Socket.IO 2, which has no `auth`."""
        return self.options.get("protocol") == 3

    @property
    def recovers(self) -> bool:
        """Whether sessions continue after a lost connection."""
        return self.path == "/recovering"


def _worlds() -> list[World]:
    packed = {"codec": MsgpackCodec()}
    old = {"protocol": 3}
    worlds = [World("socket.io-2", options=old)]
    for server in ("socket.io-4", "socket.io-3", "python-socketio", "arcwire-fast"):
        worlds += [World(server), World(server, "/packed", packed)]
    for server in ("socket.io-4", "arcwire-fast"):
        worlds += [World(server, "/old", old), World(server, "/recovering")]
    worlds += [World("arcwire-fast", "/retrying", {"retries": 5, "ack_timeout": 5.0})]
    # The other host differs below all that.
    worlds += [World("arcwire-asgi"), World("arcwire-asgi", "/recovering")]
    return worlds


WORLDS = _worlds()
"""All of them."""
