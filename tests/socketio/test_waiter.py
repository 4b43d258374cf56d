"""A task that awaits a `Waiter` goes on within the call that wakes it; else it is a future to the task."""

import asyncio
from contextvars import ContextVar

import pytest

from arcwire.socketio.waiter import Waiter

VARIABLE: ContextVar[str] = ContextVar("variable")


class Awaited:
    def __init__(self) -> None:
        self.waiter = Waiter(asyncio.get_running_loop())

    def __await__(self):
        yield self.waiter


async def outside_of_tasks(function, *args):
    """Call it as transports call what receives from them."""
    done = asyncio.get_running_loop().create_future()

    def call():
        try:
            done.set_result(function(*args))
        except BaseException as error:
            done.set_exception(error)

    asyncio.get_running_loop().call_soon(call)
    return await done


@pytest.fixture
async def waiting():
    """What a task awaits, the task, and what it came to."""
    awaited, notes = Awaited(), []

    async def work():
        VARIABLE.set("of the task")
        try:
            await awaited
        except asyncio.CancelledError as error:
            notes.append(error.args)
            raise
        notes.append(VARIABLE.get(None))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    return awaited.waiter, task, notes


async def test_goes_on_within_the_call_and_in_its_own_context(waiting):
    waiter, task, notes = waiting

    def wake():
        waiter.wake()
        return list(notes), task.done()

    assert await outside_of_tasks(wake) == (["of the task"], True)
    assert VARIABLE.get(None) is None


async def test_goes_on_soon_where_another_task_runs(waiting):
    waiter, task, notes = waiting
    waiter.wake()
    assert not notes
    await task
    assert notes == ["of the task"]


async def test_goes_on_soon_where_that_is_wanted(waiting):
    waiter, task, notes = waiting

    def wake():
        waiter.wake_soon()
        return list(notes)

    assert await outside_of_tasks(wake) == []
    await task
    assert notes == ["of the task"]


@pytest.mark.parametrize("args, told", [((), ()), (("why",), ("why",))])
async def test_cancelled(waiting, args, told):
    waiter, task, notes = waiting
    assert task.cancel(*args)
    waiter.wake()  # nobody waits any more
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notes == [told]


async def test_cancelled_once_it_goes_on(waiting):
    waiter, task, notes = waiting
    waiter.wake_soon()
    assert not waiter.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notes == [()]


async def test_cancelled_before_it_waits():
    awaited = Awaited()
    ended = []

    async def work():
        asyncio.current_task().cancel()
        try:
            await awaited
        finally:
            ended.append("ended")

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())
    assert ended == ["ended"]


async def test_woken_twice(waiting):
    waiter, task, notes = waiting
    await outside_of_tasks(waiter.wake)
    waiter.wake()
    waiter.wake_soon()
    await task
    assert notes == ["of the task"]


async def test_what_a_task_raises_is_its_own():
    awaited = Awaited()

    async def work():
        await awaited
        raise ValueError("of the task")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await outside_of_tasks(awaited.waiter.wake)
    with pytest.raises(ValueError, match="of the task"):
        await task


async def test_a_timeout_ends_the_waiting():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await Awaited()
