"""One packet: a type digit and data (protocol v4, "Packet encoding").

Outgoing packets are `bytes`: UTF-8 text that begins with the type digit. A binary message has no
digit on a WebSocket and another form in a polling payload, so it is kept apart until it is known
which way it leaves: `Binary`.
"""

OPEN = b"0"
CLOSE = b"1"
PING = b"2"
PONG = b"3"
MESSAGE = b"4"
UPGRADE = b"5"
NOOP = b"6"

TYPES = "0123456"

PROBE_PING = "2probe"
PROBE_PONG = b"3probe"


class Binary(bytes):
    """The content of a binary message packet."""

    __slots__ = ()


class Uncompressed(bytes):
    """A packet that no transport may compress."""

    __slots__ = ()


class UncompressedBinary(Uncompressed, Binary):
    """Both."""

    __slots__ = ()
