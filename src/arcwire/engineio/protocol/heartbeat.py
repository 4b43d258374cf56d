"""Supervision of a session by pings: by the server in protocol 4 ("Heartbeat"), by the client in 3."""

from typing import ClassVar

from arcwire.engineio.protocol.packet import PONG


class Heartbeat:
    """When to ping, and when to give up. All times are absolute seconds of one clock.

    `deadline` is the only timer: the next ping, or, while `awaiting` the pong, the end of patience.
    While `awaiting`, other packets are signs of life.
    """

    __slots__ = ("_extended", "_interval", "_timeout", "awaiting", "deadline")

    EXPECTS: ClassVar = "3"
    """The type of the packet that clients send to stay."""
    MISSED: ClassVar = "no pong arrived in time"
    """What happened to those that do not."""

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self.awaiting = False
        self._extended = False
        self.deadline = now + interval

    def expired(self, now: float) -> bool:
        """Handle a deadline that has passed: True if the peer is gone, False if a ping is due."""
        if self.awaiting:
            return True
        self.awaiting = True
        self._extended = False
        self.deadline = now + self._timeout
        return False

    def beat(self, now: float) -> bytes | None:
        """The packet that is expected arrived: what to answer, or None."""
        self.awaiting = False
        self.deadline = now + self._interval
        return None

    def sign_of_life(self, now: float) -> None:
        """Another packet arrived.

        A long upload may delay the pong, so patience is renewed, but only once a ping: a peer
        that never answers pings does not stay for ever.
        """
        if self.awaiting and not self._extended:
            self._extended = True
            self.deadline = now + self._timeout


class ClientHeartbeat(Heartbeat):
    """The client pings; the server only waits, interval and timeout together, for anything to arrive."""

    __slots__ = ()

    EXPECTS: ClassVar = "2"
    MISSED: ClassVar = "no ping arrived in time"

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        super().__init__(interval, timeout, now)
        self.awaiting = True
        self.sign_of_life(now)

    def expired(self, now: float) -> bool:
        """Handle a deadline that has passed: the peer is gone."""
        return True

    def beat(self, now: float) -> bytes | None:
        """A ping arrived: what to answer."""
        self.sign_of_life(now)
        return PONG

    def sign_of_life(self, now: float) -> None:
        """Another packet arrived."""
        self.deadline = now + self._interval + self._timeout
