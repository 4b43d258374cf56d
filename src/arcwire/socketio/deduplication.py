"""Which events of a client were handled already, and what was answered: for clients that send again.

A client with `retries` asks for an acknowledgement of every event, and sends an event whose
acknowledgement did not come again *with the same id*. With its CONNECT comes an id of its own, which
stays the same over all of its connections, and the lowest id that it still waits for:

    {"retry": {"id": "…", "from": 17}}

So a server that keeps what it has seen can leave repeated events out and repeat its answers instead.
Nothing here reads a clock: `now` is an argument, in seconds of any one clock.
"""

import heapq
from enum import Enum
from typing import Any

MAX_ANSWERS = 1000
"""Acknowledgement ids that are remembered of one client; beyond that the lowest is let go."""

MAX_BYTES = 4 * 1024 * 1024
"""Bytes that the answers to one client may take, about; beyond that the oldest are let go."""

MAX_AWAY = 100_000
"""Clients that are away and are remembered; beyond that the one that has been away longest is forgotten."""

MAX_AWAY_BYTES = 64 * 1024 * 1024
"""Bytes that clients that are away may take, about; beyond that as above."""

OVERHEAD = 200
"""Bytes that an event takes beside the content of its answer, and a client beside its events, about."""

_LEAST_ID, _MOST_ID = 20, 64
_MAX_NUMBER = 2**53


class RetryRequest:
    """What a client says of itself with CONNECT."""

    __slots__ = ("id", "start")

    def __init__(self, id: str, start: int) -> None:
        self.id = id
        """Its own id, the same over all of its connections, and unguessable."""
        self.start = start
        """The lowest acknowledgement id that it still waits for: those below are settled."""


def read_retry(auth: dict[str, Any]) -> tuple[RetryRequest | None, dict[str, Any]]:
    """What a client says about its retries, and `auth` without it.

    A key of the same name with any other content is the application's own, and stays.
    """
    said = auth.get("retry")
    if not isinstance(said, dict) or said.keys() != {"id", "from"}:
        return None, auth
    id, start = said["id"], said["from"]
    if not isinstance(id, str) or not _LEAST_ID <= len(id) <= _MOST_ID:
        return None, auth
    if type(start) is not int or not 0 <= start <= _MAX_NUMBER:
        return None, auth
    return RetryRequest(id, start), {key: value for key, value in auth.items() if key != "retry"}


class Standing(Enum):
    """How it stands with an event."""

    NEW = "new"
    """It was not seen before, and is from now on."""
    RUNNING = "running"
    """Its handler runs: the answer will come."""
    LOST = "lost"
    """It was answered, and the answer is not kept any more."""


class Acknowledgement:
    """An answer as it was sent: the message, and the binary messages behind it."""

    __slots__ = ("attachments", "payload")

    def __init__(self, payload: bytes, attachments: list[bytes] | None) -> None:
        self.payload = payload
        self.attachments = attachments

    @property
    def size(self) -> int:
        """The bytes of its content."""
        return len(self.payload) + sum(map(len, self.attachments or ()))


class Inbox:
    """What one client has sent over all of its connections, by acknowledgement id.

    An id that was seen once is never new again while the inbox is kept: ids that are let go are below
    the *floor*, and whatever is below it counts as answered.
    """

    __slots__ = (
        "_answers",
        "_floor",
        "_ids",
        "_lost",
        "_max_answers",
        "_max_bytes",
        "_running",
        "deadline",
        "holder",
        "key",
        "previous",
        "size",
    )

    def __init__(
        self, key: tuple[str, str], *, max_answers: int = MAX_ANSWERS, max_bytes: int = MAX_BYTES
    ) -> None:
        self.key = key
        """Namespace, and the id of the client."""
        self.holder: Any = None
        """Through whom the client can be reached now; None while it is away."""
        self.previous: Any = None
        """Who was the holder before, if it may still have events to handle: they come first."""
        self.deadline = 0.0
        """When it is forgotten, while the client is away."""
        self.size = OVERHEAD
        """Bytes that it takes, about."""
        self._max_answers = max_answers
        self._max_bytes = max_bytes
        # An id that is not below the floor is in at most one of these.
        self._running: set[int] = set()
        self._answers: dict[int, Acknowledgement] = {}
        self._lost: set[int] = set()
        # All of them as a heap, so that the lowest is found. They mostly come in order, but not always:
        # a volatile event overtakes those that wait for room in the client's window.
        self._ids: list[int] = []
        self._floor = 0

    def __len__(self) -> int:
        """How many events are remembered."""
        return len(self._running) + len(self._answers) + len(self._lost)

    def receive(self, id: int) -> Standing | Acknowledgement:
        """An event with this id arrived. NEW: handle it. Otherwise how it stands, or its answer."""
        answer = self._answers.get(id)
        if answer is not None:
            return answer
        if id in self._running:
            return Standing.RUNNING
        if id < self._floor or id in self._lost:
            return Standing.LOST
        self._running.add(id)
        heapq.heappush(self._ids, id)
        self.size += OVERHEAD
        while len(self) > self._max_answers:
            lowest = heapq.heappop(self._ids)
            self._drop(lowest)
            self._floor = max(self._floor, lowest + 1)
        return Standing.NEW

    def answer(self, id: int, answer: Acknowledgement) -> None:
        """The event with this id was answered. Only the first answer counts."""
        if id not in self._running:
            return
        self._running.discard(id)
        self._answers[id] = answer
        self.size += answer.size
        while self.size > self._max_bytes and self._answers:
            oldest = next(iter(self._answers))
            self.size -= self._answers.pop(oldest).size
            self._lost.add(oldest)

    def forget(self, id: int) -> None:
        """The event could not be handled at all: it is new when it comes again."""
        if id in self._running:
            self._ids.remove(id)
            heapq.heapify(self._ids)
            self._drop(id)

    def settle(self, start: int) -> None:
        """The client has the answers to all ids below `start`, or has given them up."""
        while self._ids and self._ids[0] < start:
            self._drop(heapq.heappop(self._ids))
        self._floor = max(self._floor, start)

    def _drop(self, id: int) -> None:
        self.size -= OVERHEAD
        answer = self._answers.pop(id, None)
        if answer is not None:
            self.size -= answer.size
        self._running.discard(id)
        self._lost.discard(id)


class Inboxes:
    """The inboxes of all clients with `retries`: kept while a client is here, and for a while after.

    `retention` is that while in seconds. Limits are for clients that are away; see the constants.
    """

    __slots__ = ("_away", "_inboxes", "_max_away", "_max_away_bytes", "_retention", "away_size")

    def __init__(
        self, retention: float, *, max_away: int = MAX_AWAY, max_away_bytes: int = MAX_AWAY_BYTES
    ) -> None:
        self._retention = retention
        self._max_away = max_away
        self._max_away_bytes = max_away_bytes
        self._inboxes: dict[tuple[str, str], Inbox] = {}
        # Those whose client is away, in the order in which they went, so that of their deadlines.
        self._away: dict[tuple[str, str], Inbox] = {}
        self.away_size = 0
        """Bytes that the inboxes of clients that are away take, about."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._inboxes)

    def open(self, namespace: str, request: RetryRequest, now: float) -> Inbox:
        """The inbox of a client that wants to connect: that from before, or a new one; see `hold`."""
        self.purge(now)
        key = (namespace, request.id)
        inbox = self._inboxes.get(key)
        if inbox is None:
            inbox = self._inboxes[key] = Inbox(key)
        elif self._away.pop(key, None) is not None:
            self.away_size -= inbox.size
        inbox.settle(request.start)
        return inbox

    def hold(self, inbox: Inbox, holder: object) -> None:
        """The client is reached through `holder` from now on."""
        inbox.holder = holder
        self._inboxes[inbox.key] = inbox
        if self._away.pop(inbox.key, None) is not None:
            self.away_size -= inbox.size

    def release(self, inbox: Inbox, holder: object, now: float) -> None:
        """The client is not reached through `holder` any more; harmless if another took over."""
        if inbox.holder is not holder:
            return
        inbox.holder = None
        if not len(inbox):
            self._inboxes.pop(inbox.key, None)
            return
        inbox.deadline = now + self._retention
        self._away[inbox.key] = inbox
        self.away_size += inbox.size
        self._shrink()

    def answer(self, inbox: Inbox, id: int, answer: Acknowledgement) -> None:
        """An event of a client, which may be away, was answered."""
        before = inbox.size
        inbox.answer(id, answer)
        if self._away.get(inbox.key) is inbox:
            self.away_size += inbox.size - before
            self._shrink()

    @property
    def deadline(self) -> float | None:
        """When the client that has been away longest is forgotten."""
        return next((inbox.deadline for inbox in self._away.values()), None)

    def purge(self, now: float) -> None:
        """Forget clients that have been away long enough."""
        while (deadline := self.deadline) is not None and deadline <= now:
            self._forget_first()

    def clear(self) -> None:
        """Forget all."""
        self._inboxes.clear()
        self._away.clear()
        self.away_size = 0

    def _shrink(self) -> None:
        while len(self._away) > self._max_away or self.away_size > self._max_away_bytes:
            self._forget_first()

    def _forget_first(self) -> None:
        key = next(iter(self._away))
        inbox = self._away.pop(key)
        self.away_size -= inbox.size
        del self._inboxes[key]
