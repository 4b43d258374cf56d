"""Which events were seen: as a table, and under a client that sends over a bad network."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcwire.socketio.deduplication import (
    OVERHEAD,
    Acknowledgement,
    Inbox,
    Inboxes,
    RetryRequest,
    Standing,
    read_retry,
)

NEW, RUNNING, LOST = Standing.NEW, Standing.RUNNING, Standing.LOST
ID = "abcdefghijklmnopqrst"


def answer(size: int = 10) -> Acknowledgement:
    return Acknowledgement(b"x" * size, None)


# -- what a client says --------------------------------------------------------------------


def test_what_a_client_says_is_taken_out_of_auth() -> None:
    auth = {"user": "ana", "retry": {"id": ID, "from": 3}}
    request, rest = read_retry(auth)
    assert request is not None
    assert (request.id, request.start) == (ID, 3)
    assert rest == {"user": "ana"}
    assert "retry" in auth  # the caller's own stays as it is


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["retry", "user"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.text(),
            st.dictionaries(st.sampled_from(["id", "from"]), st.one_of(st.text(), st.integers(), st.none())),
        ),
    )
)
def test_anything_else_is_the_applications(auth: dict[str, object]) -> None:
    request, rest = read_retry(auth)
    if request is None:
        assert rest is auth
    else:
        assert 20 <= len(request.id) <= 64
        assert request.start >= 0
        assert "retry" not in rest


# -- one inbox -----------------------------------------------------------------------------


def test_the_life_of_an_event() -> None:
    inbox = Inbox(("/", ID))
    assert inbox.receive(4) is NEW
    assert inbox.receive(4) is RUNNING
    first = answer()
    inbox.answer(4, first)
    inbox.answer(4, answer())
    assert inbox.receive(4) is first
    inbox.settle(5)
    assert inbox.receive(4) is LOST
    assert len(inbox) == 0
    assert inbox.size == OVERHEAD


def test_an_event_that_could_not_be_handled_is_new_again() -> None:
    inbox = Inbox(("/", ID))
    assert [inbox.receive(id) for id in (1, 2, 3)] == [NEW] * 3
    inbox.forget(2)
    inbox.answer(3, answer())
    inbox.forget(3)  # was answered: not forgotten
    assert inbox.receive(2) is NEW
    assert isinstance(inbox.receive(3), Acknowledgement)
    assert inbox.receive(1) is RUNNING


def test_beyond_their_number_the_lowest_go() -> None:
    inbox = Inbox(("/", ID), max_answers=3)
    for id in (0, 9, 1, 2):  # a volatile event with the id 9 overtook those that wait
        assert inbox.receive(id) is NEW
    assert len(inbox) == 3
    assert inbox.receive(0) is LOST
    assert [inbox.receive(id) for id in (3, 4, 5)] == [NEW] * 3
    assert inbox.receive(9) is RUNNING
    assert inbox.receive(3) is LOST


def test_beyond_their_bytes_the_oldest_answers_go_but_not_the_memory_of_them() -> None:
    inbox = Inbox(("/", ID), max_bytes=OVERHEAD * 4 + 250)
    for id in range(3):
        inbox.receive(id)
        inbox.answer(id, answer(100))
    assert inbox.receive(0) is LOST
    assert isinstance(inbox.receive(1), Acknowledgement)
    inbox.receive(3)
    inbox.answer(3, answer(10_000))
    assert [inbox.receive(id) for id in range(4)] == [LOST] * 4
    assert inbox.size == OVERHEAD * 5


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["receive", "receive", "receive", "answer", "answer", "forget", "settle"]),
            st.integers(0, 12),
            st.integers(0, 400),
        ),
        max_size=80,
    )
)
def test_nothing_is_new_twice_and_limits_hold(steps: list[tuple[str, int, int]]) -> None:
    inbox = Inbox(("/", ID), max_answers=6, max_bytes=2_500)
    seen: set[int] = set()
    answered: dict[int, Acknowledgement] = {}
    for what, id, size in steps:
        if what == "receive":
            standing = inbox.receive(id)
            if standing is NEW:
                assert id not in seen
                seen.add(id)
            elif isinstance(standing, Acknowledgement):
                assert standing is answered[id]
            else:
                assert standing is LOST or id in seen.difference(answered)
        elif what == "answer":
            given_answer = answer(size)
            inbox.answer(id, given_answer)
            if id in seen:
                answered.setdefault(id, given_answer)
        elif what == "forget" and id in seen and id not in answered:
            inbox.forget(id)
            if inbox.receive(id) is NEW:
                inbox.forget(id)
                seen.discard(id)
        elif what == "settle":
            inbox.settle(id)
        check_size(inbox, answered)


def check_size(inbox: Inbox, answered: dict[int, Acknowledgement]) -> None:
    contents = [inbox.receive(id) for id in answered]
    kept = sum(each.size for each in contents if isinstance(each, Acknowledgement))
    assert len(inbox) <= 6
    assert inbox.size == OVERHEAD * (1 + len(inbox)) + kept
    assert inbox.size <= 2_500


# -- all inboxes ---------------------------------------------------------------------------


def request(number: int = 0, start: int = 0) -> RetryRequest:
    return RetryRequest(f"{number:020}", start)


def test_an_inbox_is_kept_while_its_client_is_here_and_for_a_while_after() -> None:
    inboxes = Inboxes(10)
    inbox = inboxes.open("/", request(), 0)
    inboxes.hold(inbox, "a")
    inbox.receive(0)
    inboxes.purge(1000)
    assert inboxes.deadline is None
    inboxes.release(inbox, "a", 1000)
    assert inboxes.deadline == 1010
    assert inboxes.open("/", request(), 1009) is inbox
    inboxes.hold(inbox, "b")
    inboxes.release(inbox, "a", 1009)  # late: another took over
    assert inbox.holder == "b"
    inboxes.release(inbox, "b", 1009)
    assert inboxes.open("/", request(), 1019) is not inbox


def test_an_inbox_without_events_is_not_kept() -> None:
    inboxes = Inboxes(10)
    inbox = inboxes.open("/", request(), 0)
    inboxes.hold(inbox, "a")
    inboxes.release(inbox, "a", 0)
    assert len(inboxes) == 0


def test_beyond_their_number_or_bytes_those_away_longest_go() -> None:
    inboxes = Inboxes(10, max_away=2, max_away_bytes=2_000)

    def visit(number: int) -> Inbox:
        inbox = inboxes.open("/", request(number), 0)
        inboxes.hold(inbox, number)
        inbox.receive(0)
        inboxes.release(inbox, number, 0)
        return inbox

    first, second, third = (visit(number) for number in range(3))
    assert len(inboxes) == 2
    assert inboxes.away_size == second.size + third.size
    inboxes.answer(third, 0, answer(1_500))
    assert len(inboxes) == 1
    inboxes.answer(first, 0, answer(1_500))  # is not there any more
    assert inboxes.away_size == third.size
    assert inboxes.open("/", request(2), 0) is third
    assert inboxes.away_size == 0
    inboxes.clear()
    assert len(inboxes) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["here", "go", "answer", "late"]), st.integers(0, 3)), max_size=60))
def test_sizes_add_up(steps: list[tuple[str, int]]) -> None:
    inboxes = Inboxes(10, max_away=3, max_away_bytes=3_000)
    open_inboxes: dict[int, Inbox] = {}
    gone: dict[int, Inbox] = {}
    now = 0.0
    for count, (what, number) in enumerate(steps):
        if what == "here" and number not in open_inboxes:
            inbox = open_inboxes[number] = inboxes.open("/", request(number), now)
            inboxes.hold(inbox, number)
            gone.pop(number, None)
        elif what == "go" and number in open_inboxes:
            gone[number] = open_inboxes.pop(number)
            inboxes.release(gone[number], number, now)
        elif what == "answer":
            for inbox in (open_inboxes.get(number), gone.get(number)):
                if inbox is not None and inbox.holder is not None:
                    inbox.receive(count)
                if inbox is not None:
                    for id in range(count + 1):
                        inboxes.answer(inbox, id, answer(count * 20))
        elif what == "late":
            now += 4
            inboxes.purge(now)
        away = [inbox for inbox in inboxes._inboxes.values() if inbox.holder is None]
        assert inboxes.away_size == sum(inbox.size for inbox in away)
        assert inboxes.away_size <= 3_000
        assert len(away) <= 3
        assert len(inboxes) == len(open_inboxes) + len(away)


# -- a client on a bad network -------------------------------------------------------------


@dataclass
class Network:
    """A client with a window, its server, and what is on its way between them."""

    dice: random.Random
    total: int
    window: int
    inboxes: Inboxes
    inbox: Inbox | None = None
    sent: int = 0
    settled: dict[int, bytes] = field(default_factory=dict)
    up: list[int] = field(default_factory=list)
    down: list[tuple[int, bytes]] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    handled: list[int] = field(default_factory=list)
    now: float = 0

    @property
    def unsettled(self) -> list[int]:
        return [id for id in range(self.sent) if id not in self.settled]

    def connect(self) -> None:
        """Everything that was on its way is lost, and what is not settled is sent again."""
        if self.inbox is not None:
            self.inboxes.release(self.inbox, self, self.now)
        self.up, self.down = list(self.unsettled), []
        self.inbox = self.inboxes.open("/", request(0, min(self.unsettled, default=self.sent)), self.now)
        self.inboxes.hold(self.inbox, self)

    def step(self) -> None:
        """Something happens, anything that may happen next."""
        assert self.inbox is not None
        what = self.dice.random()
        self.now += self.dice.random()
        if what < 0.05:
            self.connect()
        elif what < 0.1 and self.unsettled:
            self.up.append(self.dice.choice(self.unsettled))  # its time was up: once more
        elif what < 0.4 and self.sent < self.total and len(self.unsettled) < self.window:
            self.up.append(self.sent)
            self.sent += 1
        elif what < 0.7 and self.up:
            self.arrive(self.up.pop(0))
        elif what < 0.85 and self.running:
            id = self.running.pop(self.dice.randrange(len(self.running)))
            self.inboxes.answer(self.inbox, id, Acknowledgement(b"%d" % (id * 10), None))
            self.down.append((id, b"%d" % (id * 10)))
        elif self.down:
            id, content = self.down.pop(0)
            assert self.settled.setdefault(id, content) == content

    def arrive(self, id: int) -> None:
        assert self.inbox is not None
        standing = self.inbox.receive(id)
        if standing is NEW:
            self.handled.append(id)
            self.running.append(id)
        elif isinstance(standing, Acknowledgement):
            self.down.append((id, standing.payload))
        else:
            assert standing is RUNNING or id in self.settled  # the client ignores the error then


@pytest.mark.parametrize("window", [1, 8, 64])
@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_every_event_is_handled_once_and_in_order(window: int, seed: int) -> None:
    network = Network(random.Random(seed), total=40, window=window, inboxes=Inboxes(1000))
    network.connect()
    for _ in range(20_000):
        if len(network.settled) == network.total:
            break
        network.step()
    assert network.handled == list(range(network.total))
    assert network.settled == {id: b"%d" % (id * 10) for id in range(network.total)}
