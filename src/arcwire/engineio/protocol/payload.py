"""Several packets in one HTTP body (protocol v4, "HTTP long-polling"): joined by 0x1e.

The body is always text: a binary message is `b` and its base64 form.
"""

import binascii
from collections.abc import Iterable, Iterator

from arcwire.engineio.protocol.packet import TYPES, Binary

SEPARATOR = b"\x1e"


class PayloadError(ValueError):
    """A body that is not a payload, or a part of it that is not a packet."""


def encode_payload(packets: Iterable[bytes]) -> bytes:
    """Join packets, in order, into one body."""
    return SEPARATOR.join(
        [encode_binary(packet) if isinstance(packet, Binary) else packet for packet in packets]
    )


def encode_binary(data: bytes) -> bytes:
    """The text form of a binary message: `b` and base64."""
    return b"b" + binascii.b2a_base64(data, newline=False)


def decode_payload(body: bytes) -> Iterator[str | bytes]:
    """Split a body into text packets (with their digit) and binary messages.

    Raises PayloadError at the first part that is not a packet: empty, of an unknown type, or bad
    base64; at once when the body is not UTF-8. What comes before that part is good.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise PayloadError("the body is not valid UTF-8") from None
    for packet in text.split("\x1e"):
        kind = packet[:1]
        if kind == "b":
            yield decode_binary(packet)
        elif kind and kind in TYPES:
            yield packet
        else:
            raise PayloadError(f"unknown packet type {kind!r}")


def decode_binary(packet: str) -> bytes:
    """The content of a binary message in its text form: `b` and base64. Raises PayloadError."""
    try:
        return binascii.a2b_base64(packet[1:].encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise PayloadError("a binary message is not valid base64") from None
