"""Arcwire: the real-time server for Python, speaking Socket.IO."""

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.errors import (
    AckTimeout,
    ArcwireError,
    ConnectionRefused,
    Disconnected,
    EventDropped,
    EventError,
    InvalidAnswer,
)
from arcwire.socketio.acks import Reply
from arcwire.socketio.catch_all import Event
from arcwire.socketio.depends import Auth, Depends, Param
from arcwire.socketio.handlers import Ack
from arcwire.socketio.protocol.json_codec import JsonCodec
from arcwire.socketio.protocol.msgpack_codec import MsgpackCodec
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.recovery import Recovery, Session
from arcwire.socketio.server import Handshake, Namespace, ParentNamespace, Server, Socket, on

__all__ = [
    "Ack",
    "AckTimeout",
    "ArcwireError",
    "Auth",
    "ConnectionRefused",
    "Depends",
    "DisconnectReason",
    "Disconnected",
    "Event",
    "EventDropped",
    "EventError",
    "Handshake",
    "InvalidAnswer",
    "JsonCodec",
    "MsgpackCodec",
    "Namespace",
    "Param",
    "ParentNamespace",
    "PerMessageDeflate",
    "Recovery",
    "Reply",
    "Server",
    "Session",
    "Socket",
    "on",
]
