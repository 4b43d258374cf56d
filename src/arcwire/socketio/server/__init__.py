"""The Socket.IO server."""

from arcwire.socketio.handshake import Handshake
from arcwire.socketio.server.methods import on
from arcwire.socketio.server.namespace import Namespace
from arcwire.socketio.server.parent import ParentNamespace
from arcwire.socketio.server.server import Server
from arcwire.socketio.server.socket import Socket

__all__ = ["Handshake", "Namespace", "ParentNamespace", "Server", "Socket", "on"]
