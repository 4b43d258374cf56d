"""Packets as MessagePack, as JavaScript's `socket.io-msgpack-parser` 3 sends and wants them.

A packet is one binary message: a map with the keys `type`, `nsp`, and, where there is something,
`data` and `id`. Absent keys are left out, because a client takes nil for a wrong value. Binary
values stay in their place, so there are no attachments.
"""

from functools import lru_cache
from typing import Annotated, Any

import msgspec

from arcwire.socketio.protocol.codec import Codec, PartialPacket, check_packet
from arcwire.socketio.protocol.notepack import Ambiguous, decode, decode_ext, is_plain, plain
from arcwire.socketio.protocol.packet import ACK, CONNECT_ERROR, EVENT, Packet, PacketError


class _Envelope(msgspec.Struct):
    """What a packet is, without its content. Other keys (JavaScript's `options`) are ignored."""

    type: Annotated[int, msgspec.Meta(ge=0, le=CONNECT_ERROR)]
    nsp: str
    data: Any = None
    id: int | None = None


_encode_value = msgspec.msgpack.Encoder().encode
_decode_envelope = msgspec.msgpack.Decoder(_Envelope, ext_hook=decode_ext).decode


class MsgpackCodec:
    """The codec for clients with `socket.io-msgpack-parser`: smaller numbers and binary values.

    A JavaScript Date is a `datetime` in UTC and the other way round; ArrayBuffers and Buffers are
    `bytes`; `undefined` is None, or absent in an object. The keys of objects are sent as strings.
    """

    __slots__ = ()

    binary = True

    def encode_event(
        self, namespace: str, name: str, args: tuple[object, ...], id: int | None = None
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        return _head(EVENT, namespace, id) + _encode((name, *args)), None

    def append_argument(self, event: bytes, value: str) -> bytes:
        """See `Codec`. The list of arguments is the end of the message; only its head changes."""
        start = _end_of_head(event)
        kind = event[start]
        if kind == 0xDC:
            size, content = int.from_bytes(event[start + 1 : start + 3], "big"), start + 3
        elif kind == 0xDD:
            size, content = int.from_bytes(event[start + 1 : start + 5], "big"), start + 5
        else:
            size, content = kind & 0x0F, start + 1
        return b"".join((event[:start], _list_head(size + 1), event[content:], _encode_value(value)))

    def encode_ack(
        self, namespace: str, id: int, args: tuple[object, ...]
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        return _head(ACK, namespace, id) + _encode(args), None

    def encode_control(self, kind: int, namespace: str, data: object = None) -> bytes:
        """See `Codec`."""
        if data is None:
            return b"\x82\xa4type%c\xa3nsp%b" % (kind, _encode_value(namespace))
        return _head(kind, namespace, None) + _encode(data)

    def decode_text(self, text: str) -> Packet | PartialPacket:
        """See `Codec`."""
        raise PacketError("text where MessagePack is spoken: the client uses another parser")

    def decode_binary(self, data: bytes) -> Packet | PartialPacket:
        """See `Codec`. The arguments of events and acknowledgements are in `Packet.data`."""
        try:
            envelope = _decode_envelope(data)
        except (Ambiguous, ValueError, TypeError, RecursionError):  # TypeError: a key that has no hash
            envelope = _decode_exactly(data)
        return check_packet(Packet(envelope.type, envelope.nsp, envelope.id, data=envelope.data))


def _decode_exactly(data: bytes) -> _Envelope:
    try:
        return msgspec.convert(decode(data), _Envelope)
    except (ValueError, RecursionError) as error:
        raise PacketError(f"invalid payload: {error}") from None


def _encode(value: object) -> bytes:
    try:
        return _encode_value(value if is_plain(value) else plain(value))
    except OverflowError:
        raise ValueError("MessagePack has no integers of more than 64 bits") from None
    except RecursionError:
        raise ValueError("a value that is nested too deeply") from None


def _head(kind: int, namespace: str, id: int | None) -> bytes:
    """A packet up to the value of `data`."""
    if id is None:
        return _start(kind, namespace) + b"\xa4data"
    return _start(kind, namespace, 4) + b"\xa2id" + _encode_value(id) + b"\xa4data"


def _end_of_head(event: bytes) -> int:
    """Where the value of `data` begins in a message of `_head` without id."""
    namespace = len(_start(EVENT, "")) - 1
    kind = event[namespace]
    if kind < 0xC0:  # up to 31 bytes
        end = namespace + 1 + (kind & 0x1F)
    else:  # 1, 2 or 4 bytes tell the size
        start = namespace + 1 + (1 << (kind - 0xD9))
        end = start + int.from_bytes(event[namespace + 1 : start], "big")
    return end + len(b"\xa4data")


def _list_head(size: int) -> bytes:
    if size < 16:
        return bytes((0x90 + size,))
    return b"\xdc" + size.to_bytes(2, "big") if size < 0x10000 else b"\xdd" + size.to_bytes(4, "big")


@lru_cache(maxsize=64)
def _start(kind: int, namespace: str, keys: int = 3) -> bytes:
    return b"%c\xa4type%c\xa3nsp%b" % (0x80 + keys, kind, _encode_value(namespace))


_conforms: type[Codec] = MsgpackCodec
