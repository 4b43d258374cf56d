"""Packets of Socket.IO: what a message means before anybody looks at the arguments."""

import msgspec

CONNECT = 0
DISCONNECT = 1
EVENT = 2
ACK = 3
CONNECT_ERROR = 4
BINARY_EVENT = 5
BINARY_ACK = 6

RESERVED_EVENTS = frozenset(
    ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")
)
"""Names that no event may have, in either direction: they are the lifecycle of a socket."""


class PacketError(ValueError):
    """A message that is not a Socket.IO packet; the connection that sent it cannot go on."""


class Packet(msgspec.Struct):
    """One received packet.

    `type` is CONNECT, DISCONNECT, EVENT, ACK or CONNECT_ERROR: a binary packet, once its
    attachments are in place, is an ordinary one. The content of an event (name first) or of an
    acknowledgement is a list: as JSON text in `json` while nobody has decoded it, so that it can
    be decoded straight into the types of its handler, or else in `data`. `data` of the other
    types is a dict, a string (CONNECT_ERROR), or None.
    """

    type: int
    namespace: str = "/"
    id: int | None = None
    name: str = ""
    json: str | None = None
    data: object = None
