"""Several packets in one HTTP body (protocol v4, "HTTP long-polling"): joined by 0x1e.

The body is always text: a binary message is `b` and its base64 form.
"""

import binascii
from collections.abc import Iterable

from arcwire.engineio.protocol.packet import Binary

SEPARATOR = b"\x1e"


class PayloadError(ValueError):
    """A body that is not a payload."""


def encode_payload(packets: Iterable[bytes]) -> bytes:
    """Join packets, in order, into one body."""
    return SEPARATOR.join(
        [
            b"b" + binascii.b2a_base64(packet, newline=False) if type(packet) is Binary else packet
            for packet in packets
        ]
    )


def decode_payload(body: bytes) -> list[str | bytes]:
    """Split a body into text packets (with their digit) and binary messages.

    Raises PayloadError for an empty body, an empty packet, bad UTF-8, or bad base64.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise PayloadError("the body is not valid UTF-8") from None
    packets: list[str | bytes] = []
    for packet in text.split("\x1e"):
        if packet[:1] == "b":
            packets.append(_decode_base64(packet))
        elif packet:
            packets.append(packet)
        else:
            raise PayloadError("the body has an empty packet")
    return packets


def _decode_base64(packet: str) -> bytes:
    try:
        return binascii.a2b_base64(packet[1:].encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise PayloadError("a binary packet is not valid base64") from None
