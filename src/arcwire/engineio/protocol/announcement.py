"""What a server says of a session in its first packet (protocol v4, "Handshake")."""

import msgspec

from arcwire.engineio.protocol.batch import BATCH
from arcwire.engineio.protocol.dialect import Dialect
from arcwire.engineio.protocol.payload import PayloadError

_LONGEST = 10**11
"""Milliseconds: three years. What is longer is a mistake."""


class AnnouncementError(ValueError):
    """The first packet is not one that opens a session."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """A session that a server has opened. Durations are seconds, sizes bytes.

    `max_payload` is None where the server does not say what it takes at most (protocol 3). `batches`: it
    agrees that several packets share a WebSocket message.
    """

    sid: str
    upgrades: tuple[str, ...]
    ping_interval: float
    ping_timeout: float
    max_payload: int | None
    batches: bool = False


class _Content(msgspec.Struct, rename="camel"):
    sid: str
    ping_interval: float
    ping_timeout: float
    upgrades: list[str] = []
    max_payload: int | None = None
    arcwire: object = None


_decoder = msgspec.json.Decoder(_Content)


def read_announcement(packet: str) -> Announcement:
    """Read the packet that opens a session, its digit included. Raises AnnouncementError."""
    if packet[:1] != "0":
        raise AnnouncementError(f"the first packet is {packet[:40]!r}")
    try:
        content = _decoder.decode(packet[1:])
    except msgspec.DecodeError as error:
        raise AnnouncementError(f"the packet that opens the session cannot be read: {error}") from None
    if not content.sid:
        raise AnnouncementError("the session has no id")
    for duration in (content.ping_interval, content.ping_timeout):
        if not 0 < duration <= _LONGEST:
            raise AnnouncementError(f"{duration!r} is no time for pings")
    return Announcement(
        sid=content.sid,
        upgrades=tuple(content.upgrades),
        ping_interval=content.ping_interval / 1000,
        ping_timeout=content.ping_timeout / 1000,
        # The reference takes 0 for "no limit".
        max_payload=content.max_payload if content.max_payload and content.max_payload > 0 else None,
        batches=content.arcwire == BATCH,
    )


def read_opening_payload(
    body: bytes, dialect: Dialect, *, binary: bool = False
) -> tuple[Announcement, list[str | bytes]]:
    """Read the answer to the first poll: the announcement, and the packets after it.

    `binary` tells a body of the type `application/octet-stream`. Raises AnnouncementError.
    """
    decode = dialect.decode_binary_payload if binary else dialect.decode_payload
    if decode is None:
        raise AnnouncementError("the answer is binary")
    try:
        first, *rest = decode(body)
    except (PayloadError, ValueError) as error:
        raise AnnouncementError(f"the answer is no payload: {error}") from None
    if isinstance(first, bytes):
        raise AnnouncementError("the first packet is a binary message")
    return read_announcement(first), rest
