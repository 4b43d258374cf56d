"""The server's side of Engine.IO: sessions and what drives them."""

from arcwire.engineio.server.connection import Connection, MessageReceiver
from arcwire.engineio.server.engine import Engine
from arcwire.engineio.server.hooks import Rejection

__all__ = ["Connection", "Engine", "MessageReceiver", "Rejection"]
