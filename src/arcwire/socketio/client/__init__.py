"""The Socket.IO client."""

from arcwire.socketio.client.buffer import OfflineBuffer
from arcwire.socketio.client.client import Client
from arcwire.socketio.client.socket import ClientSocket
from arcwire.socketio.client.states import State, StateName
from arcwire.socketio.client.streams import EventStream, Stream, StreamedEvent

__all__ = [
    "Client",
    "ClientSocket",
    "EventStream",
    "OfflineBuffer",
    "State",
    "StateName",
    "Stream",
    "StreamedEvent",
]
