"""The loop thread: calls, interruptions, forks, and its end."""

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from arcwire.blocking import loop_thread
from arcwire.blocking.loop_thread import LoopThread
from arcwire.errors import Disconnected

PATIENCE = 10.0


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = loop_thread.acquire()
    try:
        yield thread
    finally:
        loop_thread.release(thread)
        assert "arcwire-loop" not in {each.name for each in threading.enumerate()}


def test_functions_and_coroutines(thread: LoopThread) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    def where(*, prefix: str) -> str:
        return prefix + threading.current_thread().name

    assert thread.run(double(21)) == 42
    assert thread.call(where, prefix="on ") == "on arcwire-loop"


def test_exceptions_come_to_the_caller(thread: LoopThread) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("later")

    with pytest.raises(LookupError, match="later"):
        thread.run(fail())
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)


def test_context_variables_go_along(thread: LoopThread) -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("mine")

    async def read() -> str:
        return variable.get()

    assert thread.run(read()) == "mine"
    assert thread.call(variable.get) == "mine"


def test_many_threads_call(thread: LoopThread) -> None:
    counts: list[int] = []

    def work() -> None:
        for number in range(200):
            thread.call(counts.append, number)

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    assert sorted(counts) == sorted(list(range(200)) * 5)


def test_a_call_on_the_loop_would_wait_for_itself(thread: LoopThread) -> None:
    async def call() -> None:
        thread.call(print)

    with pytest.raises(RuntimeError, match="would wait for itself"):
        thread.run(call())


def test_an_interrupt_cancels_and_waits_for_the_cleanup(thread: LoopThread) -> None:
    started = threading.Event()
    cleaned = threading.Event()

    async def wait() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    def interrupt() -> None:
        assert started.wait(PATIENCE)
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        thread.run(wait())
    assert cleaned.is_set()
    helper.join(PATIENCE)


def test_one_thread_for_all_until_the_last_is_done() -> None:
    first = loop_thread.acquire()
    second = loop_thread.acquire()
    assert first is second
    loop_thread.release(first)
    assert second.call(os.getpid) == os.getpid()
    loop_thread.release(second)
    assert second.loop.is_closed()
    with pytest.raises(Disconnected, match="the client is closed"):
        second.call(print)
    third = loop_thread.acquire()
    assert third is not first
    loop_thread.release(third)


def test_what_still_waits_at_the_end_is_told() -> None:
    thread = loop_thread.acquire()
    started = threading.Event()
    raised: list[BaseException] = []

    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    def work() -> None:
        try:
            thread.run(wait())
        except Disconnected as error:
            raised.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(PATIENCE)
    loop_thread.release(thread)
    worker.join(PATIENCE)
    assert [str(error) for error in raised] == ["the client was closed meanwhile"]


FORKING = """\
import os, sys
from arcwire.blocking import loop_thread

parents = loop_thread.acquire()
assert parents.call(os.getpid) == os.getpid()
child = os.fork()
if child == 0:
    try:
        parents.call(os.getpid)
    except RuntimeError as error:
        assert "before the process forked" in str(error), error
    else:
        os._exit(3)
    loop_thread.release(parents)
    own = loop_thread.acquire()
    if own is parents or own.call(os.getpid) != os.getpid():
        os._exit(4)
    loop_thread.release(own)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert parents.call(os.getpid) == os.getpid()
loop_thread.release(parents)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_after_a_fork_the_child_has_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_starts_nothing_and_forgetting_does_not_keep_the_process() -> None:
    program = (
        "import threading, arcwire.blocking.loop_thread as module;"
        "assert threading.active_count() == 1;"
        "module.acquire()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_needs_no_import_of_its_own() -> None:
    program = "import arcwire, sys; assert 'arcwire.blocking' not in sys.modules; arcwire.blocking.Client"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
