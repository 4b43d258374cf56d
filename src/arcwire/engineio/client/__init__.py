"""The client's side of Engine.IO: connections to servers."""

from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.connection import EngineConnection
from arcwire.engineio.client.cookies import Cookies
from arcwire.engineio.server.connection import MessageReceiver

__all__ = ["Cookies", "EngineClientConfig", "EngineConnection", "MessageReceiver"]
