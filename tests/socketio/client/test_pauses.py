"""Pauses of one client: each ends at its own time, or all now. On a clock that jumps."""

import asyncio

import pytest

from arcwire.socketio.client.pauses import Pauses
from support.clock import JumpingLoop


class Waiters:
    """Tasks that wait for pauses, and how each ended: after how many seconds, or that it was cancelled."""

    def __init__(self) -> None:
        self.pauses = Pauses()
        self.ended: dict[str, float | str] = {}
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    async def add(self, name: str, seconds: float) -> asyncio.Task[None]:
        """One more, which waits already."""
        task = asyncio.create_task(self._wait(name, seconds))
        await asyncio.sleep(0)
        return task

    async def _wait(self, name: str, seconds: float) -> None:
        try:
            await self.pauses.begin(self._loop, seconds)
        except asyncio.CancelledError:
            self.ended[name] = "cancelled"
            raise
        self.ended[name] = self._loop.time() - self._began


def jumping(test):
    """Run a test with `Waiters`; nothing is left of it then, no timer either."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        raised = []
        loop.set_exception_handler(lambda _, context: raised.append(context))
        await test(Waiters())
        assert not raised
        assert not [timer for timer in loop._scheduled if not timer.cancelled()]

    def runs() -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(run())

    return runs


@jumping
async def test_each_has_a_time_of_its_own(waiters):
    tasks = [await waiters.add(name, seconds) for name, seconds in (("a", 3), ("b", 1), ("c", 2), ("d", 0))]
    await asyncio.gather(*tasks)
    assert list(waiters.ended.items()) == [("d", 0), ("b", 1), ("c", 2), ("a", 3)]


@jumping
async def test_one_whose_time_is_up_does_not_take_the_wake_of_others(waiters):
    first = await waiters.add("first", 1)
    others = [await waiters.add(name, 60) for name in ("second", "third")]
    await first
    await asyncio.sleep(1)
    assert waiters.ended == {"first": 1}
    waiters.pauses.end()
    await asyncio.gather(*others)
    assert waiters.ended == {"first": 1, "second": 2, "third": 2}


@jumping
async def test_all_are_ended_in_the_moment_in_which_the_time_of_one_is_up(waiters):
    tasks = [await waiters.add("first", 1), await waiters.add("second", 60)]
    # After the timer of the first, before whoever awaits it goes on.
    asyncio.get_running_loop().call_later(1, waiters.pauses.end)
    await asyncio.gather(*tasks)
    assert waiters.ended == {"first": 1, "second": 1}


@jumping
async def test_those_that_begin_later_are_not_ended(waiters):
    waiters.pauses.end()
    first = await waiters.add("first", 60)
    waiters.pauses.end()
    later = await waiters.add("later", 5)
    await asyncio.gather(first, later)
    assert waiters.ended == {"first": 0, "later": 5}


@pytest.mark.parametrize("end", [False, True])
def test_a_waiter_that_is_cancelled_leaves_the_others(end):
    @jumping
    async def run(waiters):
        tasks = [await waiters.add(name, seconds) for name, seconds in (("a", 2), ("b", 2), ("c", 3))]
        await asyncio.sleep(1)
        tasks[0].cancel()
        if end:
            waiters.pauses.end()
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()
        assert waiters.ended == {"a": "cancelled", "b": 1 if end else 2, "c": 1 if end else 3}

    run()
