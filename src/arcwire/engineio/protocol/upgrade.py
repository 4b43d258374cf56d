"""The move of a session from polling to a WebSocket (protocol v4, "Upgrade")."""

from enum import Enum

from arcwire.engineio.protocol.packet import NOOP, PROBE_PING

NOOP_INTERVAL = 0.1
"""Least time between two noops that release polls during a probe."""


class Step(Enum):
    """What a packet on the probing WebSocket means."""

    PROBED = "probed"
    UPGRADED = "upgraded"
    FAILED = "failed"


class Upgrade:
    """An upgrade in progress; a session has at most one.

    `deadline` ends it, `noop_at` is when a waiting poll is released so that the client can stop
    polling (None before the probe).
    """

    __slots__ = ("deadline", "noop_at")

    def __init__(self, timeout: float, now: float) -> None:
        self.deadline = now + timeout
        self.noop_at: float | None = None

    def receive(self, packet: str, now: float) -> Step:
        """Advance by one text packet of the probing WebSocket."""
        if self.noop_at is None:
            if packet == PROBE_PING:
                self.noop_at = now
                return Step.PROBED
            return Step.FAILED
        return Step.UPGRADED if packet == "5" else Step.FAILED

    def release(self, now: float) -> bytes | None:
        """The noop for a waiting poll, or None while it is not due."""
        if self.noop_at is None or now < self.noop_at:
            return None
        self.noop_at = now + NOOP_INTERVAL
        return NOOP
