"""Supervision of a session by pings (protocol v4, "Heartbeat"): the server pings."""


class Heartbeat:
    """When to ping, and when to give up. All times are absolute seconds of one clock.

    `deadline` is the only timer: the next ping, or, while `awaiting_pong`, the end of patience.
    """

    __slots__ = ("_extended", "_interval", "_timeout", "awaiting_pong", "deadline")

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self.awaiting_pong = False
        self._extended = False
        self.deadline = now + interval

    def expired(self, now: float) -> bool:
        """Handle a deadline that has passed: True if the peer is gone, False if a ping is due."""
        if self.awaiting_pong:
            return True
        self.awaiting_pong = True
        self._extended = False
        self.deadline = now + self._timeout
        return False

    def pong(self, now: float) -> None:
        """The peer answered."""
        self.awaiting_pong = False
        self.deadline = now + self._interval

    def sign_of_life(self, now: float) -> None:
        """Another packet arrived while a pong is due.

        A long upload may delay the pong, so patience is renewed, but only once a ping: a peer
        that never answers pings does not stay for ever.
        """
        if self.awaiting_pong and not self._extended:
            self._extended = True
            self.deadline = now + self._timeout
