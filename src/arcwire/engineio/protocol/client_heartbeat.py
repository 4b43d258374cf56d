"""Supervision of a session by the client: the server pings in protocol 4 ("Heartbeat"), the client in 3.

Two clocks: `now` is monotonic, and stands still while the machine is suspended; `wall` goes on. What the
second counts more than the first since the last beat is time in which the server has heard nothing.
"""

from enum import Enum
from typing import ClassVar

from arcwire.engineio.protocol.packet import PONG

_SUSPENSION = 1.0
"""Seconds from which a difference of the clocks tells a suspension, not an adjustment."""


class Verdict(Enum):
    """What follows from a deadline that has passed."""

    WELL = "well"
    PING = "ping"
    GONE = "gone"


class ClientSupervision:
    """When the server counts as gone. All times are absolute seconds.

    `deadline` is the only timer. Set `heard` for what arrives: a server that is busy sending is not gone
    when its ping is late.
    """

    __slots__ = ("_lag", "_limit", "deadline", "heard", "interval", "timeout")

    EXPECTS: ClassVar[str]
    """The type of the packet that the server sends to stay."""
    MISSED: ClassVar[str]
    """What happened to servers that do not."""

    def __init__(self, interval: float, timeout: float, now: float, wall: float) -> None:
        self.interval = interval
        self.timeout = timeout
        self.beat(now, wall)

    def beat(self, now: float, wall: float) -> bytes | None:
        """The packet that is expected arrived: what to answer, or None."""
        self.heard = False
        self._lag = wall - now
        self.deadline = self._limit = now + self.interval + self.timeout
        return None

    def overdue(self, now: float, wall: float) -> bool:
        """Whether the server is gone, or has given this client up while the machine was suspended."""
        if now >= self._limit:
            return not self.heard
        passed = wall - self._lag
        return passed >= self._limit and passed - now > _SUSPENSION

    def expire(self, now: float) -> Verdict:
        """Handle a deadline that has passed."""
        raise NotImplementedError

    def _extend(self, now: float) -> Verdict:
        if not self.heard:
            return Verdict.GONE
        self.heard = False
        self.deadline = self._limit = now + self.timeout
        return Verdict.WELL


class PingWatch(ClientSupervision):
    """The server pings: one is due within interval and timeout together."""

    __slots__ = ()

    EXPECTS: ClassVar = "2"
    MISSED: ClassVar = "no ping arrived in time"

    def beat(self, now: float, wall: float) -> bytes | None:
        super().beat(now, wall)
        return PONG

    def expire(self, now: float) -> Verdict:
        return self._extend(now)


class Pinger(ClientSupervision):
    """This side pings after each interval, and the answer is due within the timeout."""

    __slots__ = ("_awaiting",)

    EXPECTS: ClassVar = "3"
    MISSED: ClassVar = "no pong arrived in time"

    def beat(self, now: float, wall: float) -> bytes | None:
        super().beat(now, wall)
        self._awaiting = False
        self.deadline = now + self.interval
        return None

    def expire(self, now: float) -> Verdict:
        if self._awaiting:
            return self._extend(now)
        self._awaiting = True
        self.heard = False
        self.deadline = self._limit = now + self.timeout
        return Verdict.PING
