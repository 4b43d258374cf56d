"""The deadlines of all connections in one event loop, and the machine's suspensions."""

import asyncio
import time
from typing import Protocol
from weakref import WeakKeyDictionary, ref

from arcwire.engineio.timers import Timed, Timers

_WATCH_INTERVAL = 10.0
"""Seconds after which a suspension is noticed at the latest, if nothing is sent."""

_SUSPENSION = 1.0
"""Seconds from which a difference of the clocks tells a suspension."""


class Sleeper(Timed, Protocol):
    """What has to know that the machine was suspended."""

    def wake(self) -> None:
        """The machine was suspended, for however long."""


class Clocks:
    """One object an event loop, see `clocks`; it lives as long as its connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = loop.time
        self.wall = time.time
        self.timers = Timers(loop)
        self.timer_slot = 0
        self._sleepers: set[Sleeper] = set()
        self._lag = 0.0

    def add(self, sleeper: Sleeper) -> None:
        """Tell it of suspensions."""
        if not self._sleepers:
            self._lag = self.wall() - self.now()
        self._sleepers.add(sleeper)
        if not self.timer_slot:
            self.timers.schedule(self, self.now() + _WATCH_INTERVAL)

    def remove(self, sleeper: Sleeper) -> None:
        """Tell it no more, and of no deadline either."""
        self._sleepers.discard(sleeper)
        self.timers.cancel(sleeper)

    def handle_deadline(self, now: float) -> float | None:
        """Compare the clocks."""
        lag, self._lag = self._lag, self.wall() - now
        if self._lag - lag > _SUSPENSION:
            for sleeper in list(self._sleepers):
                sleeper.wake()
        return now + _WATCH_INTERVAL if self._sleepers else None


# Clocks refer to their loop, so the dictionary must not refer to them.
_clocks: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Clocks]] = WeakKeyDictionary()


def clocks() -> Clocks:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    known = _clocks.get(loop)
    found = known() if known is not None else None
    if found is None:
        found = Clocks(loop)
        _clocks[loop] = ref(found)
    return found
