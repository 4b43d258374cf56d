"""Several packets in one HTTP body of protocol 3: each with its length in front.

A text body counts UTF-16 code units, as JavaScript's strings do (`2:40`); a binary message in it is
`b4` and its base64 form. A binary body counts bytes: 0 or 1 for text or binary, the decimal digits of
the length as one byte each, 0xff, and then UTF-8 text, or the byte 4 and the content of a message.
"""

import binascii
import re
from collections.abc import Iterator, Sequence

from arcwire.engineio.protocol.packet import TYPES, Binary
from arcwire.engineio.protocol.payload import PayloadError

BINARY_PREFIX = b"\x04"
"""The type of a binary message, in front of its content; on a WebSocket too."""

# A length of more digits is larger than any body.
_TEXT_HEADER = re.compile(r"([0-9]{1,10}):")
_BINARY_HEADER = re.compile(rb"([\x00\x01])([\x00-\x09]{1,10})\xff")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

_TO_DIGITS = bytes((byte + ord("0")) & 0xFF for byte in range(256))
_FROM_DIGITS = bytes((byte - ord("0")) & 0xFF for byte in range(256))


def encode_payload(packets: Sequence[bytes], base64: bool) -> tuple[bytes, bool]:
    """Put packets, in order, into one body; the flag tells a binary one.

    It is text if `base64` asks for it or none of the packets is a binary message.
    """
    if not base64 and any(isinstance(packet, Binary) for packet in packets):
        return b"".join(map(_frame, packets)), True
    return b"".join(map(_line, packets)), False


def encode_binary(data: bytes) -> bytes:
    """The text form of a binary message: `b4` and base64."""
    return b"b4" + binascii.b2a_base64(data, newline=False)


def decode_payload(body: bytes) -> Iterator[str | bytes]:
    """Split a text body into text packets (with their digit) and binary messages.

    Raises PayloadError at the first part that is not a packet; at once when the body is not UTF-8.
    What comes before that part is good.
    """
    text = _decode_text(body)
    # Lengths count two for a character beyond the first plane: make them two characters.
    units = text if text.isascii() else _ASTRAL.sub(_split, text)
    if not units:
        raise PayloadError("an empty body")
    position = 0
    while position < len(units):
        header = _TEXT_HEADER.match(units, position)
        if header is None:
            raise PayloadError("a packet without its length")
        position = header.end() + int(header[1])
        if position > len(units):
            raise PayloadError("a packet is shorter than its length")
        packet = units[header.end() : position]
        if packet[:1] == "b":
            yield decode_binary(packet)
        else:
            yield _check(packet if units is text else _join(packet))


def decode_binary_payload(body: bytes) -> Iterator[str | bytes]:
    """As `decode_payload`, for a binary body."""
    if not body:
        raise PayloadError("an empty body")
    position = 0
    while position < len(body):
        header = _BINARY_HEADER.match(body, position)
        if header is None:
            raise PayloadError("a packet without its length")
        position = header.end() + int(header[2].translate(_TO_DIGITS))
        if position > len(body):
            raise PayloadError("a packet is shorter than its length")
        packet = body[header.end() : position]
        if header[1] == b"\x00":
            yield _check(_decode_text(packet))
        elif packet[:1] == BINARY_PREFIX:
            yield packet[1:]
        else:
            raise PayloadError("a binary packet that is no message")


def decode_binary(packet: str) -> bytes:
    """The content of a binary message in its text form: `b4` and base64. Raises PayloadError."""
    if packet[:2] != "b4":
        raise PayloadError("a binary packet that is no message")
    try:
        return binascii.a2b_base64(packet[2:].encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise PayloadError("a binary message is not valid base64") from None


def _line(packet: bytes) -> bytes:
    if isinstance(packet, Binary):
        packet = encode_binary(packet)
    units = len(packet) if packet.isascii() else len(packet.decode().encode("utf-16-le")) // 2
    return b"%d:%b" % (units, packet)


def _frame(packet: bytes) -> bytes:
    kind = b"\x00"
    if isinstance(packet, Binary):
        kind, packet = b"\x01", BINARY_PREFIX + packet
    return b"%b%b\xff%b" % (kind, (b"%d" % len(packet)).translate(_FROM_DIGITS), packet)


def _check(packet: str) -> str:
    kind = packet[:1]
    if not kind or kind not in TYPES:
        raise PayloadError(f"unknown packet type {kind!r}")
    return packet


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise PayloadError("the body is not valid UTF-8") from None


def _split(character: re.Match[str]) -> str:
    """The two code units of a character, as characters."""
    high, low = divmod(ord(character[0]) - 0x10000, 0x400)
    return chr(0xD800 + high) + chr(0xDC00 + low)


def _join(units: str) -> str:
    try:
        return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise PayloadError("a length ends within a character") from None
