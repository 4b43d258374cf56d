"""One loop timer for all deadlines of a server."""

import asyncio
import heapq
from typing import Protocol

RESOLUTION = 1 / 1024
"""Deadlines that are near are met up to this many seconds late, never early.

About a millisecond, as in Node: the published protocol suites poll right after a session's time is
up, and expect that it is gone.
"""

_NEAR = 256
"""Slots up to which a deadline is near. Those further away are rounded up, by 1/256 of their distance
at most, so that ten thousand heartbeats share a few hundred slots instead of having one each."""

_NEAR_BITS = _NEAR.bit_length()
_PER_SECOND = 1 / RESOLUTION  # a power of two, so that this is exact

_BLOCKED = 0.5
"""A timer that is later than this many seconds tells that the event loop was blocked."""


class Timed(Protocol):
    """Something with a deadline; it is in at most one `Timers`."""

    timer_slot: int
    """0 while it is not scheduled. Owned by `Timers`."""

    def handle_deadline(self, now: float) -> float | None:
        """Do what is due at `now`, if anything, and return the next deadline, or None.

        May be called before the deadline, when that has moved since it was scheduled.
        """


class Timers:
    """Deadlines in slots of `RESOLUTION` seconds and more.

    An entry whose deadline moves away is not touched: it is asked again when its old slot comes,
    so that a heartbeat costs one set operation a ping and nothing a message.
    """

    __slots__ = ("_handle", "_heap", "_loop", "_slots", "_waited")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[Timed]] = {}
        self._heap: list[int] = []
        self._handle: asyncio.TimerHandle | None = None
        self._waited = False

    def schedule(self, entry: Timed, deadline: float) -> None:
        """Call `entry.handle_deadline` shortly after `deadline` (loop time), never before."""
        slot = int(deadline * _PER_SECOND) + 1
        current = entry.timer_slot
        if current and current <= slot:
            return  # soon enough, even before rounding up
        distance = slot - int(self._loop.time() * _PER_SECOND)
        if distance > _NEAR:
            bits = distance.bit_length() - _NEAR_BITS
            slot = -(-slot >> bits) << bits
        if current:
            if current <= slot:
                return
            self._slots[current].discard(entry)
        entry.timer_slot = slot
        entries = self._slots.get(slot)
        if entries is not None:
            entries.add(entry)
            return
        self._slots[slot] = {entry}
        heapq.heappush(self._heap, slot)
        if self._heap[0] == slot:
            self._arm()

    def cancel(self, entry: Timed) -> None:
        """Forget the entry; harmless when it is not scheduled."""
        if entry.timer_slot:
            self._slots[entry.timer_slot].discard(entry)
            entry.timer_slot = 0

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._heap[0] * RESOLUTION, self._fire)

    def _fire(self) -> None:
        self._handle = None
        now = self._loop.time()
        if now - self._heap[0] * RESOLUTION > _BLOCKED and not self._waited:
            # What arrived while the loop was blocked has not been read yet: a pong, perhaps.
            self._waited = True
            self._handle = self._loop.call_later(RESOLUTION, self._fire)
            return
        self._waited = False
        try:
            while self._heap and self._heap[0] * RESOLUTION <= now:
                self._empty(self._heap[0], now)
                del self._slots[heapq.heappop(self._heap)]
        finally:
            # Whatever an entry raises, the others are not lost.
            if self._heap:
                self._arm()

    def _empty(self, slot: int, now: float) -> None:
        # One at a time: what is due may cancel other entries of its own slot.
        entries = self._slots[slot]
        while entries:
            entry = entries.pop()
            entry.timer_slot = 0
            deadline = entry.handle_deadline(now)
            if deadline is not None:
                self.schedule(entry, deadline)
