"""How long to wait before the next attempt to connect."""


class Backoff:
    """Delays that double, with jitter, so that clients of a server that went down do not come at once.

    `delay` is the first, `delay_max` the longest, in seconds; `jitter` (0 to 1) is how much of a delay is
    random, in either direction. Randomness is an argument: the formula is that of the reference.
    """

    __slots__ = ("_delay", "_delay_max", "_jitter", "attempts")

    def __init__(self, delay: float, delay_max: float, jitter: float) -> None:
        self._delay = delay
        self._delay_max = delay_max
        self._jitter = jitter
        self.attempts = 0
        """How many delays there were since the last connection."""

    def next(self, random: float) -> float:
        """The next delay; `random` is from 0 up to 1."""
        # Far beyond any sensible maximum, and no overflow after months without a network.
        delay = self._delay * 2.0 ** min(self.attempts, 64)
        self.attempts += 1
        deviation = random * self._jitter * delay
        delay += deviation if int(random * 10) % 2 else -deviation
        return min(delay, self._delay_max)

    def reset(self) -> None:
        """There is a connection."""
        self.attempts = 0
