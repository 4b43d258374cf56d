"""What a client's socket is doing, and why."""

from enum import StrEnum

import msgspec

from arcwire.errors import ArcwireError
from arcwire.socketio.protocol.reasons import DisconnectReason


class StateName(StrEnum):
    """The four states of a client's socket."""

    CONNECTING = "connecting"
    """It was told to connect and is not in yet."""
    OPEN = "open"
    """The namespace is usable."""
    RECOVERING = "recovering"
    """The connection was lost, and comes back as soon as it can."""
    CLOSED = "closed"
    """It is not connected, and will not be before it is told to connect."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A state of a client's socket, with its reasons. It compares as a value.

    There is one for every change, and while connecting or recovering one for every attempt that failed.
    """

    name: StateName
    reason: DisconnectReason | None = None
    """Why the last connection ended; None while there was none, and when it is open."""
    description: str = ""
    """The same in a sentence, for people."""
    error: ArcwireError | None = None
    """What the last attempt to connect failed with: a `ConnectError`, `ConnectRefused` among them."""
    attempt: int = 0
    """How many attempts have failed since there was a connection."""
    delay: float | None = None
    """Seconds until the next attempt; None where no time is set for one."""
    recovered: bool = False
    """Of an open one: whether it continues its earlier session, and nothing was missed."""


INITIAL = State(name=StateName.CLOSED)
"""Before it was told to connect."""
