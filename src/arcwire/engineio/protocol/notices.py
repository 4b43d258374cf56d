"""What a session tells its runner to do or to know; produced in order, acted on in order."""

from typing import TypeAlias

import msgspec

from arcwire.engineio.protocol.reasons import CloseReason


class MessageReceived(msgspec.Struct, frozen=True, gc=False):
    """A message arrived: `str` or `bytes`."""

    data: str | bytes


class PollAnswered(msgspec.Struct, frozen=True, gc=False):
    """Answer the waiting poll with this body, of text or binary.

    `compress` is False where all that is in it is marked as not to be compressed.
    """

    body: bytes
    binary: bool = False
    compress: bool = True


class PacketsSent(msgspec.Struct, frozen=True):
    """Write these packets to the WebSocket of the session."""

    packets: list[bytes]


class ProbeAnswered(msgspec.Struct, frozen=True, gc=False):
    """Write this packet to the probing WebSocket."""

    packet: bytes


class ProbeDropped(msgspec.Struct, frozen=True):
    """Close the probing WebSocket; the session stays on polling."""


class Upgraded(msgspec.Struct, frozen=True):
    """The probing WebSocket carries the session from now on; write these packets to it first."""

    packets: list[bytes]


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The session ended: the last thing the application hears of it.

    A polling session may stay known for a while, so that the client can fetch what is left.
    """

    reason: CloseReason
    description: str


class Discarded(msgspec.Struct, frozen=True):
    """Nothing of the session is left: forget it and end its WebSocket."""


Notice: TypeAlias = (
    MessageReceived
    | PollAnswered
    | PacketsSent
    | ProbeAnswered
    | ProbeDropped
    | Upgraded
    | Closed
    | Discarded
)


class PollWanted(msgspec.Struct, frozen=True):
    """Client: start a poll, and tell `poll_ended`."""


class PostWanted(msgspec.Struct, frozen=True):
    """Client: packets wait. Ask `take_post` for them, best at the end of the tick, so that they leave
    together."""


ClientNotice: TypeAlias = (
    MessageReceived
    | PollWanted
    | PostWanted
    | PacketsSent
    | ProbeAnswered
    | ProbeDropped
    | Upgraded
    | Closed
    | Discarded
)
