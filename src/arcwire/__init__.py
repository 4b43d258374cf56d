"""Arcwire: the real-time server for Python, speaking Socket.IO."""

import importlib
from typing import TYPE_CHECKING

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.errors import (
    AckTimeout,
    ArcwireError,
    BufferFull,
    ConnectError,
    ConnectionRefused,
    ConnectRefused,
    ConnectTimeout,
    Disconnected,
    EventDropped,
    EventError,
    HandshakeRejected,
    InvalidAnswer,
    NotAnEngine,
    PayloadTooLarge,
    ProxyError,
    ResolveError,
    TlsError,
    TransportUnavailable,
    Unreachable,
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

if TYPE_CHECKING:
    from arcwire import blocking
    from arcwire.socketio.client import (
        Client,
        ClientSocket,
        EventStream,
        OfflineBuffer,
        State,
        StateName,
        Stream,
        StreamedEvent,
    )
else:
    _OF_CLIENTS = frozenset(
        (
            "Client",
            "ClientSocket",
            "EventStream",
            "OfflineBuffer",
            "State",
            "StateName",
            "Stream",
            "StreamedEvent",
        )
    )

    def __getattr__(name: str) -> object:
        """Clients are imported when they are asked for: a server starts in half of the time without."""
        if name in _OF_CLIENTS:
            return getattr(importlib.import_module("arcwire.socketio.client"), name)
        if name == "blocking":
            return importlib.import_module("arcwire.blocking")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Ack",
    "AckTimeout",
    "ArcwireError",
    "Auth",
    "BufferFull",
    "Client",
    "ClientSocket",
    "ConnectError",
    "ConnectRefused",
    "ConnectTimeout",
    "ConnectionRefused",
    "Depends",
    "DisconnectReason",
    "Disconnected",
    "Event",
    "EventDropped",
    "EventError",
    "EventStream",
    "Handshake",
    "HandshakeRejected",
    "InvalidAnswer",
    "JsonCodec",
    "MsgpackCodec",
    "Namespace",
    "NotAnEngine",
    "OfflineBuffer",
    "Param",
    "ParentNamespace",
    "PayloadTooLarge",
    "PerMessageDeflate",
    "ProxyError",
    "Recovery",
    "Reply",
    "ResolveError",
    "Server",
    "Session",
    "Socket",
    "State",
    "StateName",
    "Stream",
    "StreamedEvent",
    "TlsError",
    "TransportUnavailable",
    "Unreachable",
    "blocking",
    "on",
]
