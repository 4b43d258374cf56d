"""Events that are sent until they are acknowledged: `retries`.

They leave in the order in which they were emitted, at most a window of them unacknowledged. One whose
acknowledgement does not come in time, or whose connection is lost, is sent again *with the same
acknowledgement id*: so a server that keeps what it has seen (ours: `deduplicate_retries`) runs no
handler twice, and with others an event may be handled more than once.
"""

import logging
import secrets
from collections.abc import Callable, Generator
from typing import Protocol

from arcwire.engineio.timers import Timers
from arcwire.errors import AckTimeout, ArcwireError, Disconnected
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Emission
from arcwire.socketio.client.buffer import Buffer, OfflineBuffer, Outgoing

WINDOW = 64
"""Events that may be sent and not acknowledged, by default."""

logger = logging.getLogger("arcwire.socketio")


class Sender(Protocol):
    """The socket, as retries see it."""

    @property
    def connected(self) -> bool:
        """Whether events can be sent."""

    @property
    def timers(self) -> Timers:
        """For the deadlines of acknowledgements; only while there is a loop."""

    def now(self) -> float:
        """The time of the loop."""

    def transmit(self, event: Outgoing) -> bool:
        """Send an event; False where the server would not take it: it has failed then."""

    async def room(self, has_room: Callable[[], bool]) -> None:
        """Wait until there is room, or the socket is closed."""

    def announce_room(self) -> None:
        """There may be room."""


class Attempt(Outgoing):
    """An event that is sent until it is acknowledged; it is its own deadline."""

    __slots__ = ("error", "queue", "timeout", "timer_slot", "tries")

    def __init__(  # noqa: PLR0913 - what an event is, and how it is tried
        self,
        queue: "RetryQueue",
        name: str,
        args: tuple[object, ...],
        payload: bytes,
        attachments: list[bytes] | None,
        compress: bool,
        id: int,
        answer: "SingleAnswer | None",
        timeout: float,
    ) -> None:
        super().__init__(name, args, payload, attachments, compress, id, answer)
        self.queue = queue
        self.timeout = timeout
        self.timer_slot = 0
        self.tries = 0
        self.error: ArcwireError | None = None

    def fail(self, error: ArcwireError) -> None:
        """See `Outgoing`: it will not be sent (again)."""
        self.error = error
        if self.answer is None:
            logger.warning("event %r was not acknowledged: %s", self.name, error)
        super().fail(error)

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`: the acknowledgement did not come."""
        self.queue.expire(self)
        return None


class RetriedEmission(Emission):
    """What `emit` returns where there are retries."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __await__(self) -> Generator[object, None, None]:
        """Wait until no more wait to be sent than the window has. Raises what became of this event."""
        yield from self._attempt.queue.room().__await__()
        if self._attempt.error is not None:
            raise self._attempt.error


class RetryQueue:
    """The events of one socket that are not acknowledged yet."""

    __slots__ = ("_next", "_retries", "_sender", "_sent", "_waiting", "_window", "id")

    def __init__(self, sender: Sender, retries: int, window: int, limits: OfflineBuffer) -> None:
        self._sender = sender
        self._retries = retries
        self._window = window
        # Those that were sent at least once, in the order of their ids; then those that were not yet.
        self._sent: dict[int, Attempt] = {}
        self._waiting = Buffer(limits)
        self._next = 0
        self.id = secrets.token_urlsafe(18)
        """Names this socket to a server that leaves out what it has seen."""

    def __len__(self) -> int:
        """How many are not acknowledged, and not given up."""
        return len(self._sent) + len(self._waiting)

    def lowest(self) -> int:
        """The lowest id that is not settled; where all are, one above those that there were."""
        ids = [*self._sent, *(event.id for event in self._waiting if event.id is not None)]
        return min(ids, default=self._next)

    def add(self, attempt: Attempt) -> None:
        """Send it when its turn comes. Raises BufferFull."""
        assert attempt.id is not None
        self._next = max(self._next, attempt.id + 1)
        if self._sender.connected and len(self._sent) < self._window and not len(self._waiting):
            self._send(attempt)
        else:
            self._waiting.add(attempt)

    def acknowledge(self, id: int, args: list[object]) -> bool:
        """An acknowledgement arrived; whether it is for one of these."""
        attempt = self._sent.pop(id, None)
        if attempt is None:
            return False
        self._sender.timers.cancel(attempt)
        if attempt.answer is not None:
            attempt.answer.receive(self._sender, args)
        self._fill()
        return True

    def expire(self, attempt: Attempt) -> None:
        """The acknowledgement of an event did not come in time."""
        if attempt.id not in self._sent:
            return
        if attempt.tries <= self._retries:
            if self._sender.connected:
                self._send(attempt)
            return
        del self._sent[attempt.id]
        tries = f"{attempt.tries} tries" if attempt.tries > 1 else "1 try"
        attempt.fail(AckTimeout(f"no acknowledgement within {attempt.timeout:g} seconds, after {tries}"))
        self._fill()

    def connected(self) -> None:
        """There is a connection: send again what was not acknowledged, and then what waits."""
        for attempt in list(self._sent.values()):
            if self._sender.connected:
                self._send(attempt)
        self._fill()

    def lost(self, reason: str) -> None:
        """The connection is lost, and with it the try of each event that was sent."""
        for id, attempt in list(self._sent.items()):
            self._sender.timers.cancel(attempt)
            if attempt.tries > self._retries:
                del self._sent[id]
                attempt.fail(Disconnected(f"the connection was lost {attempt.tries} times: {reason}", reason))

    def close(self, error: ArcwireError, *, for_good: bool) -> None:
        """The socket is closed: whoever waits for an answer is told, the other events stay or go too."""
        for id, attempt in list(self._sent.items()):
            if for_good or attempt.answer is not None:
                del self._sent[id]
                self._sender.timers.cancel(attempt)
                attempt.fail(error)
        for event in self._waiting:
            if for_good or event.answer is not None:
                self._waiting.remove(event)
                event.fail(error)

    async def room(self) -> None:
        """Wait until none waits for its first try, or the socket is closed."""
        await self._sender.room(lambda: not len(self._waiting))

    def _send(self, attempt: Attempt) -> None:
        assert attempt.id is not None
        self._sent[attempt.id] = attempt
        attempt.tries += 1
        # Before it is sent: a listener that leaves meanwhile cancels it.
        self._sender.timers.schedule(attempt, self._sender.now() + attempt.timeout)
        if not self._sender.transmit(attempt):
            del self._sent[attempt.id]
            self._sender.timers.cancel(attempt)

    def _fill(self) -> None:
        """Send what waits, as far as the window allows."""
        if not len(self._waiting):
            return
        while self._sender.connected and len(self._sent) < self._window:
            event = self._waiting.take()
            if event is None:
                break
            assert isinstance(event, Attempt)
            self._send(event)
        if not len(self._waiting):
            self._sender.announce_room()
