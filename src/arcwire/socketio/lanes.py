"""Events that wait until handlers of earlier ones are done."""

from collections import deque
from typing import Any

from arcwire.socketio.handlers import Ack, EventHandler

MAX_WAITING = 1000
"""Events that may wait in one lane of one socket."""

Job = tuple[EventHandler, tuple[Any, ...], str, Ack | None]
"""A handler, what to call it with, the event, and who answers."""


class Lane:
    """Lets so many handlers of one socket run at the same time; the others wait, in order."""

    __slots__ = ("_limit", "_running", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running = 0
        self._waiting: deque[Job] = deque()

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return len(self._waiting) >= MAX_WAITING

    def enter(self, job: Job) -> bool:
        """Whether it may run now; otherwise it waits."""
        if self._running < self._limit:
            self._running += 1
            return True
        self._waiting.append(job)
        return False

    def leave(self) -> Job | None:
        """One is done: the next one, in its place."""
        if self._waiting:
            return self._waiting.popleft()
        self._running -= 1
        return None
