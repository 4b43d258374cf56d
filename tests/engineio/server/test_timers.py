"""One timer for all deadlines."""

import asyncio
from collections.abc import Callable

import pytest

from arcwire.engineio.timers import RESOLUTION, Timers
from support.clock import jump


class Alarm:
    """Rings at its deadline, which may be moved; then does `then`."""

    def __init__(
        self, timers: Timers, seconds: float, then: Callable[[], float | None] = lambda: None
    ) -> None:
        self.timer_slot = 0
        self.deadline = now() + seconds
        self.rang: list[float] = []
        self.asked = 0
        self.then = then
        timers.schedule(self, self.deadline)

    def handle_deadline(self, at: float) -> float | None:
        self.asked += 1
        if at < self.deadline:
            return self.deadline
        self.rang.append(at)
        return self.then()


@pytest.fixture
async def timers() -> Timers:
    return Timers(asyncio.get_running_loop())


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_deadline_is_met_a_little_late_and_never_early(timers: Timers) -> None:
    distances = [0.0, 0.001, 0.24, 0.249, 0.25, 0.26, 0.5, 0.5, 1.015, 1.016, 25.0, 45.0]
    start, alarms = now(), [Alarm(timers, seconds) for seconds in distances]

    await asyncio.sleep(60)

    for alarm in alarms:
        (rang,) = alarm.rang
        distance = alarm.deadline - start
        assert alarm.deadline <= rang <= alarm.deadline + 2 * RESOLUTION + distance / 256
        assert distance > 0.24 or rang <= alarm.deadline + 2 * RESOLUTION


async def test_deadlines_far_away_share_slots(timers: Timers) -> None:
    alarms = [Alarm(timers, 25 + i / 1000) for i in range(1000)]

    assert len({alarm.timer_slot for alarm in alarms}) < 20


async def test_an_earlier_deadline_comes_before_what_was_scheduled_first(timers: Timers) -> None:
    late, early = Alarm(timers, 10), Alarm(timers, 1)

    await asyncio.sleep(2)

    assert (len(early.rang), len(late.rang)) == (1, 0)
    await asyncio.sleep(9)
    assert len(late.rang) == 1


async def test_scheduling_earlier_moves_an_entry(timers: Timers) -> None:
    alarm = Alarm(timers, 10)
    alarm.deadline = now() + 1
    timers.schedule(alarm, alarm.deadline)

    await asyncio.sleep(2)
    assert len(alarm.rang) == 1

    await asyncio.sleep(20)
    assert alarm.asked == 1, "the old slot is forgotten"


async def test_a_deadline_that_moved_away_is_asked_about_and_met_once(timers: Timers) -> None:
    alarm = Alarm(timers, 1)
    alarm.deadline += 5

    await asyncio.sleep(10)

    assert alarm.asked == 2
    (rang,) = alarm.rang
    assert rang >= alarm.deadline


async def test_a_cancelled_entry_never_rings_and_may_be_scheduled_again(timers: Timers) -> None:
    alarm, other = Alarm(timers, 1), Alarm(timers, 1)
    timers.cancel(alarm)
    timers.cancel(alarm)

    await asyncio.sleep(2)
    assert (alarm.asked, len(other.rang)) == (0, 1)

    alarm.deadline = now() + 1
    timers.schedule(alarm, alarm.deadline)
    await asyncio.sleep(2)
    assert len(alarm.rang) == 1


async def test_what_rings_may_cancel_what_rings_with_it(timers: Timers) -> None:
    """A session that times out takes others with it: an application closes them in its handler."""
    alarms: list[Alarm] = []

    def cancel_all() -> None:
        for alarm in alarms:
            timers.cancel(alarm)

    alarms += [Alarm(timers, 1, cancel_all) for _ in range(5)]
    later = Alarm(timers, 5)

    await asyncio.sleep(10)

    assert sum(len(alarm.rang) for alarm in alarms) == 1
    assert len(later.rang) == 1, "the timer goes on"


async def test_what_rings_may_schedule_what_rings_with_it(timers: Timers) -> None:
    alarms: list[Alarm] = []

    def delay_all() -> None:
        for alarm in alarms:
            alarm.deadline = now() + 3
            timers.schedule(alarm, alarm.deadline)

    alarms += [Alarm(timers, 1, delay_all) for _ in range(3)]

    await asyncio.sleep(2)
    assert sum(len(alarm.rang) for alarm in alarms) == 1

    for alarm in alarms:
        alarm.then = lambda: None
    await asyncio.sleep(10)
    assert [len(alarm.rang) for alarm in alarms].count(1) == 2
    assert all(alarm.rang for alarm in alarms)


async def test_entries_repeat_with_what_they_return(timers: Timers) -> None:
    def again() -> float | None:
        alarm.deadline = now() + 1
        return alarm.deadline if len(alarm.rang) < 3 else None

    alarm = Alarm(timers, 1, again)

    await asyncio.sleep(20)

    assert len(alarm.rang) == 3


async def test_a_blocked_loop_reads_what_arrived_before_it_rings(timers: Timers) -> None:
    """What the network delivered while the loop was blocked has to be heard first."""
    alarm = Alarm(timers, 1)
    heard: list[int] = []
    jump(60)
    # The network's turn comes after the timers' in a round of the loop.
    asyncio.get_running_loop().call_later(RESOLUTION / 2, lambda: heard.append(len(alarm.rang)))

    await asyncio.sleep(0.1)

    assert heard == [0]
    assert len(alarm.rang) == 1


async def test_an_entry_that_raises_stops_no_other(timers: Timers) -> None:
    reported: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError("as asked")

    bad = Alarm(timers, 1, fail)
    alarms = [Alarm(timers, seconds) for seconds in (1, 1, 1, 2)]

    await asyncio.sleep(5)

    assert [len(alarm.rang) for alarm in (bad, *alarms)] == [1, 1, 1, 1, 1]
    assert [str(error) for error in reported] == ["as asked"]
