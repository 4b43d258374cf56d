"""What a codec is: how packets become messages, and messages packets.

Client and server must use the same; nothing in the protocol negotiates it.
"""

from types import NoneType
from typing import Any, Protocol

from arcwire.socketio.protocol.packet import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
    Packet,
    PacketError,
)


class PartialPacket(Protocol):
    """A packet some of whose attachments have not arrived yet."""

    def add(self, attachment: bytes) -> Packet | None:
        """Add the next binary message; the packet once it was the last. Raises PacketError."""


class Codec(Protocol):
    """Encodes and decodes packets. One object serves all connections: it keeps nothing of them.

    What encoding returns is a message and the binary messages that follow it (or None). The message
    is bytes in either case: UTF-8, or, where `binary` is set, the content of a binary message.

    Encoding raises TypeError or ValueError for values that have no form in this codec; decoding
    raises PacketError for messages that are no packets, and nothing else.
    """

    @property
    def binary(self) -> bool:
        """Whether packets travel in binary messages instead of text messages."""

    def encode_event(
        self, namespace: str, name: str, args: tuple[object, ...], id: int | None = None
    ) -> tuple[bytes, list[bytes] | None]:
        """An event; with an id it asks for an acknowledgement."""

    def append_argument(self, event: bytes, value: str) -> bytes:
        """The message of an event without id, which this codec encoded, with one more argument."""

    def encode_ack(
        self, namespace: str, id: int, args: tuple[object, ...]
    ) -> tuple[bytes, list[bytes] | None]:
        """The acknowledgement of the event with this id."""

    def encode_control(self, kind: int, namespace: str, data: object = None) -> bytes:
        """CONNECT, DISCONNECT or CONNECT_ERROR; `data` None is left out."""

    def decode_text(self, text: str) -> Packet | PartialPacket:
        """Decode a text message."""

    def decode_binary(self, data: bytes) -> Packet | PartialPacket:
        """Decode a binary message that is not an attachment."""


class PacketCodec:
    """Base of codecs of one's own: every packet is one message.

    Override `encode` and `decode`, and set `binary`. Packets that no client may send are sorted out
    here.
    """

    binary = True

    def encode(self, packet: Packet) -> bytes:
        """Encode a packet; the content of EVENT (name first) and ACK is the list in `data`.

        It holds what the application passed, structs and dataclasses too. Raise TypeError or
        ValueError for what has no form. Leave out what is None.
        """
        raise NotImplementedError

    def decode(self, data: str | bytes) -> Packet:
        """Decode a message. Raise PacketError, or ValueError, for what is not a packet."""
        raise NotImplementedError

    # -- Codec ----------------------------------------------------------------------

    def encode_event(
        self, namespace: str, name: str, args: tuple[object, ...], id: int | None = None
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        return self.encode(Packet(EVENT, namespace, id, name, data=[name, *args])), None

    def append_argument(self, event: bytes, value: str) -> bytes:
        """See `Codec`."""
        packet = self.decode(event if self.binary else event.decode())
        if not isinstance(packet.data, list):
            raise TypeError("the content of an event is a list")
        packet.data = [*packet.data, value]
        return self.encode(packet)

    def encode_ack(
        self, namespace: str, id: int, args: tuple[object, ...]
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        return self.encode(Packet(ACK, namespace, id, data=list(args))), None

    def encode_control(self, kind: int, namespace: str, data: object = None) -> bytes:
        """See `Codec`."""
        return self.encode(Packet(kind, namespace, data=data))

    def decode_text(self, text: str) -> Packet | PartialPacket:
        """See `Codec`."""
        return self._decode(text)

    def decode_binary(self, data: bytes) -> Packet | PartialPacket:
        """See `Codec`."""
        return self._decode(data)

    def _decode(self, data: str | bytes) -> Packet:
        try:
            packet = self.decode(data)
        except PacketError:
            raise
        except (ValueError, RecursionError) as error:
            raise PacketError(f"invalid payload: {error}") from None
        if not isinstance(packet.namespace, str) or type(packet.id) not in (int, NoneType):
            raise PacketError("invalid payload: a namespace is text, and an id an integer")
        return check_packet(packet)


def check_packet(packet: Packet) -> Packet:
    """Check the content of a packet that was decoded as a whole. Raises PacketError."""
    data = packet.data
    if packet.type == EVENT:
        return name_event(packet, data)
    if packet.type == ACK:
        valid = isinstance(data, list)
    elif packet.type == CONNECT:
        valid = data is None or isinstance(data, dict)
    elif packet.type == DISCONNECT:
        valid = data is None
    else:
        valid = packet.type == CONNECT_ERROR and isinstance(data, dict | str)
    if not valid:
        raise PacketError("invalid payload")
    return packet


def name_event(packet: Packet, content: Any) -> Packet:
    """Check the content of an event and give the packet its name. Raises PacketError."""
    if not isinstance(content, list) or not content:
        raise PacketError("invalid payload: an event is a list that begins with its name")
    name = content[0]
    if type(name) in (int, float):
        name = repr(name).removesuffix(".0")
    if not isinstance(name, str) or name in RESERVED_EVENTS:
        raise PacketError(f"invalid payload: {name!r} cannot be the name of an event")
    packet.name = name
    return packet
