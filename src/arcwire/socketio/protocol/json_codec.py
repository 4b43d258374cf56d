"""The default codec: `<type>[<attachments>-][<namespace>,][<id>][JSON]` (protocol v5, "Packet encoding")."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from arcwire.socketio.protocol.attachments import LEAVES, attach, detach, has_binary
from arcwire.socketio.protocol.codec import Codec, PartialPacket, check_packet, name_event
from arcwire.socketio.protocol.models import encode_model
from arcwire.socketio.protocol.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    EVENT,
    RESERVED_EVENTS,
    Packet,
    PacketError,
)

MAX_ATTACHMENTS = 10
"""Attachments of one packet by default; the limit of the reference since CVE-2026-33151."""

# An id of more digits than JavaScript counts exactly is nobody's.
_HEADER = re.compile(r"([0-6])(?:([0-9]+)-)?(?:(/[^,]*)(?:,|\Z))?([0-9]{0,16})", re.DOTALL)

# A surrogate escape without its other half, which JavaScript writes and JSON readers refuse.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)

_TOO_DEEP = "a value that is nested too deeply"

_encode_json = msgspec.json.Encoder(enc_hook=encode_model).encode
_decode_any = msgspec.json.Decoder().decode


class JsonCodec:
    """The default codec. `max_attachments` limits what a packet may bring along.

    A client that gets more than its own limit disconnects, and JavaScript's is 10.
    """

    __slots__ = ("_max_attachments",)

    binary = False

    def __init__(self, *, max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._max_attachments = max_attachments

    def encode_event(
        self, namespace: str, name: str, args: tuple[object, ...], id: int | None = None
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        content = [name, *args]
        try:
            for each in args:
                if type(each) not in LEAVES and has_binary(each):
                    return _encode_binary(BINARY_EVENT, namespace, id, content)
            if namespace == "/":
                return (b"2" if id is None else b"2%d" % id) + _encode_json(content), None
            return _head(EVENT, namespace, id) + _encode_json(content), None
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None

    def append_argument(self, event: bytes, value: str) -> bytes:
        """See `Codec`."""
        return b"%b,%b]" % (event[:-1], _encode_json(value))

    def encode_ack(
        self, namespace: str, id: int, args: tuple[object, ...]
    ) -> tuple[bytes, list[bytes] | None]:
        """See `Codec`."""
        try:
            for each in args:
                if type(each) not in LEAVES and has_binary(each):
                    return _encode_binary(BINARY_ACK, namespace, id, args)
            if namespace == "/":
                return b"3%d%b" % (id, _encode_json(args)), None
            return _head(ACK, namespace, id) + _encode_json(args), None
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None

    def encode_control(self, kind: int, namespace: str, data: object = None) -> bytes:
        """See `Codec`."""
        try:
            return _head(kind, namespace) + (b"" if data is None else _encode_json(data))
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None
        except BufferError as error:  # binary data are text here, which is made of what is in one piece
            raise ValueError(str(error)) from None

    def decode_text(self, text: str) -> Packet | PartialPacket:
        """See `Codec`.

        The arguments of events and acknowledgements stay JSON text and are not checked beyond
        their first element (see `Packet.json`).
        """
        # Hot: an event of the root namespace, without and with an id, and an acknowledgement.
        if text.startswith('2["'):
            name = text[3 : text.find('"', 3)]
            if name not in RESERVED_EVENTS and "\\" not in name:
                return Packet(EVENT, "/", None, name, text[1:])
        elif text.startswith("2") and (start := text.find('["', 1, 18)) > 0:
            digits = text[1:start]
            name = text[start + 2 : text.find('"', start + 2)]
            if digits.isdecimal() and digits.isascii() and name not in RESERVED_EVENTS and "\\" not in name:
                return Packet(EVENT, "/", int(digits), name, text[start:])
        elif text.startswith("3") and (start := text.find("[", 1, 18)) > 0:
            digits = text[1:start]
            if digits.isdecimal() and digits.isascii():
                return Packet(ACK, "/", int(digits), "", text[start:])
        return self._decode(text)

    def decode_binary(self, data: bytes) -> Packet | PartialPacket:
        """See `Codec`."""
        raise PacketError("binary data without a packet that it belongs to")

    def _decode(self, text: str) -> Packet | PartialPacket:
        if text == "0":
            return Packet(CONNECT)
        match = _HEADER.match(text)
        if match is None:
            raise PacketError(f"unknown packet type {text[:1]!r}")
        kind = int(match[1])
        namespace = match[3] or "/"
        id = int(match[4]) if match[4] else None
        body = text[match.end() :]
        if kind == EVENT and match[2] is None:
            return _event(namespace, id, body)
        if kind == ACK and match[2] is None:
            if body and body[0] != "[":
                raise PacketError("invalid payload: an acknowledgement is a list")
            return Packet(ACK, namespace, id, json=body or "[]")
        if kind in (BINARY_EVENT, BINARY_ACK):
            packet = Packet(EVENT if kind == BINARY_EVENT else ACK, namespace, id)
            return self._decode_attached(packet, match[2], body)
        if match[2] is not None or id is not None:
            raise PacketError("invalid payload")
        return _control(kind, namespace, body)

    def _decode_attached(self, packet: Packet, digits: str | None, body: str) -> PartialPacket:
        count = int(digits) if digits is not None and len(digits) < 5 else 0
        if digits is None or count < 1:
            raise PacketError("illegal attachments")
        if count > self._max_attachments:
            raise PacketError(f"too many attachments: at most {self._max_attachments}")
        packet.data = decode_json(body) if body else None
        return _Waiting(check_packet(packet), count)


class _Waiting:
    """A binary packet some of whose attachments have not arrived yet."""

    __slots__ = ("_attachments", "_missing", "_packet")

    def __init__(self, packet: Packet, missing: int) -> None:
        self._packet = packet
        self._missing = missing
        self._attachments: list[bytes] = []

    def add(self, attachment: bytes) -> Packet | None:
        """Add the next attachment; the packet once it was the last.

        Raises PacketError when the placeholders do not fit.
        """
        self._attachments.append(attachment)
        if len(self._attachments) < self._missing:
            return None
        try:
            self._packet.data = attach(self._packet.data, self._attachments)
        except RecursionError:
            raise PacketError("invalid payload: nested too deeply") from None
        return self._packet


def decode_json(text: str) -> Any:
    """Decode JSON into plain objects. Raises PacketError."""
    try:
        return _decode_any(text)
    except (msgspec.DecodeError, RecursionError) as error:
        repaired = repair_json(text)
        if repaired == text:
            raise PacketError(f"invalid payload: {error}") from None
        return decode_json(repaired)


def repair_json(text: str) -> str:
    """Replace escapes of lone surrogates, which no UTF-8 text can hold, by U+FFFD."""
    if "\\u" not in text:
        return text
    return _ESCAPES.sub(lambda match: "\\ufffd" if match[1] else match[0], text)


def _event(namespace: str, id: int | None, json: str) -> Packet:
    end = json.find('"', 2)
    name = json[2:end]
    if json[:1] != "[":
        raise PacketError("invalid payload: an event is a list that begins with its name")
    if json[1:2] != '"' or end < 0 or "\\" in name:
        return name_event(Packet(EVENT, namespace, id, json=json), decode_json(json))
    if name in RESERVED_EVENTS:
        raise PacketError(f"invalid payload: {name!r} is a reserved name")
    return Packet(EVENT, namespace, id, name, json)


def _control(kind: int, namespace: str, body: str) -> Packet:
    if body and body[0] not in '{"':
        raise PacketError("invalid payload")
    if kind == CONNECT_ERROR and not body:
        return Packet(kind, namespace)
    return check_packet(Packet(kind, namespace, data=decode_json(body) if body else None))


def _head(kind: int, namespace: str, id: int | None = None, attachments: int | None = None) -> bytes:
    count = "" if attachments is None else f"{attachments}-"
    path = "" if namespace == "/" else f"{namespace},"
    return f"{kind}{count}{path}{'' if id is None else id}".encode()


def _encode_binary(
    kind: int, namespace: str, id: int | None, content: Sequence[object]
) -> tuple[bytes, list[bytes]]:
    plain, attachments = detach(content)
    return _head(kind, namespace, id, len(attachments)) + _encode_json(plain), attachments


_conforms: type[Codec] = JsonCodec
