"""The default codec: `<type>[<attachments>-][<namespace>,][<id>][JSON]` (protocol v5, "Packet encoding")."""

import re
from typing import Any

import msgspec

from arcwire.socketio.protocol.attachments import attach, detach, has_binary
from arcwire.socketio.protocol.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
    Packet,
    PacketError,
)

MAX_ATTACHMENTS = 10
"""Attachments of one packet; the limit of the reference since CVE-2026-33151."""

# An id of more digits than JavaScript counts exactly is nobody's.
_HEADER = re.compile(r"([0-6])(?:([0-9]+)-)?(?:(/[^,]*)(?:,|\Z))?([0-9]{0,16})", re.DOTALL)

# A surrogate escape without its other half, which JavaScript writes and JSON readers refuse.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)

_encode_json = msgspec.json.Encoder().encode
_decode_any = msgspec.json.Decoder().decode


# -- sending ----------------------------------------------------------------------


def encode_event(
    namespace: str, name: str, args: tuple[object, ...], id: int | None = None
) -> tuple[bytes, list[bytes] | None]:
    """An event: its text message, and the attachments to send right behind it.

    Raises TypeError for a value that has no JSON form, ValueError for text that cannot be written
    (a lone surrogate).
    """
    content = (name, *args)
    if has_binary(args):
        return _encode_binary(BINARY_EVENT, namespace, id, content)
    if id is None and namespace == "/":
        return b"2" + _encode_json(content), None
    return _head(EVENT, namespace, id) + _encode_json(content), None


def encode_ack(namespace: str, id: int, args: tuple[object, ...]) -> tuple[bytes, list[bytes] | None]:
    """The answer to an event with an id; as `encode_event`."""
    if has_binary(args):
        return _encode_binary(BINARY_ACK, namespace, id, args)
    if namespace == "/":
        return b"3%d%b" % (id, _encode_json(args)), None
    return _head(ACK, namespace, id) + _encode_json(args), None


def encode_connect(namespace: str, sid: str) -> bytes:
    """The server's answer to CONNECT."""
    return _head(CONNECT, namespace) + _encode_json({"sid": sid})


def encode_connect_error(namespace: str, message: str, data: object = None) -> bytes:
    """The refusal of CONNECT; `data` None is left out."""
    error = {"message": message} if data is None else {"message": message, "data": data}
    return _head(CONNECT_ERROR, namespace) + _encode_json(error)


def encode_disconnect(namespace: str) -> bytes:
    """The end of a namespace, or the whole connection for it."""
    return _head(DISCONNECT, namespace)


def _head(kind: int, namespace: str, id: int | None = None, attachments: int | None = None) -> bytes:
    count = "" if attachments is None else f"{attachments}-"
    path = "" if namespace == "/" else f"{namespace},"
    return f"{kind}{count}{path}{'' if id is None else id}".encode()


def _encode_binary(
    kind: int, namespace: str, id: int | None, content: tuple[object, ...]
) -> tuple[bytes, list[bytes]]:
    plain, attachments = detach(content)
    return _head(kind, namespace, id, len(attachments)) + _encode_json(plain), attachments


# -- receiving --------------------------------------------------------------------


class PartialPacket:
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


def decode(text: str) -> Packet | PartialPacket:
    """Decode a text message. Raises PacketError.

    The arguments of events and acknowledgements stay JSON text and are not checked beyond their
    first element (see `Packet.json`).
    """
    # Hot: an event of the root namespace, without and with an id.
    if text[:3] == '2["':
        return _event("/", None, text[1:])
    if text[:1] == "2" and (start := text.find("[", 1, 18)) > 1:
        digits = text[1:start]
        if digits.isdecimal() and digits.isascii():
            return _event("/", int(digits), text[start:])
    return _decode(text)


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
        return _named(Packet(EVENT, namespace, id, json=json), decode_json(json))
    if name in RESERVED_EVENTS:
        raise PacketError(f"invalid payload: {name!r} is a reserved name")
    return Packet(EVENT, namespace, id, name, json)


def _named(packet: Packet, content: object) -> Packet:
    """Check the content of an event and give the packet its name."""
    if not isinstance(content, list) or not content:
        raise PacketError("invalid payload: an event is a list that begins with its name")
    name = content[0]
    if type(name) in (int, float):
        name = repr(name).removesuffix(".0")
    if not isinstance(name, str) or name in RESERVED_EVENTS:
        raise PacketError(f"invalid payload: {name!r} cannot be the name of an event")
    packet.name = name
    return packet


def _decode(text: str) -> Packet | PartialPacket:
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
        return _decode_binary(kind, namespace, id, match[2], body)
    if match[2] is not None or id is not None:
        raise PacketError("invalid payload")
    return _decode_control(kind, namespace, body)


def _decode_control(kind: int, namespace: str, body: str) -> Packet:
    if body and body[0] not in '{"':
        raise PacketError("invalid payload")
    data = decode_json(body) if body else None
    if kind == CONNECT:
        valid = not body or isinstance(data, dict)
    elif kind == DISCONNECT:
        valid = not body
    else:
        valid = not body or isinstance(data, dict | str)
    if not valid:
        raise PacketError("invalid payload")
    return Packet(kind, namespace, data=data)


def _decode_binary(kind: int, namespace: str, id: int | None, digits: str | None, body: str) -> PartialPacket:
    count = int(digits) if digits is not None and len(digits) < 5 else 0
    if digits is None or count < 1:
        raise PacketError("illegal attachments")
    if count > MAX_ATTACHMENTS:
        raise PacketError(f"too many attachments: at most {MAX_ATTACHMENTS}")
    content = decode_json(body) if body else None
    if kind == BINARY_EVENT:
        return PartialPacket(_named(Packet(EVENT, namespace, id, data=content), content), count)
    if not isinstance(content, list):
        raise PacketError("invalid payload: an acknowledgement is a list")
    return PartialPacket(Packet(ACK, namespace, id, data=content), count)
