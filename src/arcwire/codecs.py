"""Codecs: how packets become messages. For `Server(codec=...)`, and for codecs of one's own.

A codec of one's own derives from `PacketCodec`; one whose packets are several messages, or that
wants every microsecond, implements `Codec`.
"""

from arcwire.socketio.protocol.codec import Codec, PacketCodec, PartialPacket
from arcwire.socketio.protocol.json_codec import JsonCodec
from arcwire.socketio.protocol.msgpack_codec import MsgpackCodec
from arcwire.socketio.protocol.packet import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    PacketError,
)

__all__ = [
    "ACK",
    "CONNECT",
    "CONNECT_ERROR",
    "DISCONNECT",
    "EVENT",
    "Codec",
    "JsonCodec",
    "MsgpackCodec",
    "Packet",
    "PacketCodec",
    "PacketError",
    "PartialPacket",
]
