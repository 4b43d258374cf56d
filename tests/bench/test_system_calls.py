"""Kernel and user code of another process, told apart; its system calls, counted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from processes import CpuClock
from system_calls import SystemCalls, system_calls

KERNEL = "stream = open('/dev/zero', 'rb', 0)\nfor _ in range(3000): stream.read(1 << 20)"
USER = "sum(number * number for number in range(6_000_000))"
CALLS = """
import os, socket
here, there = socket.socketpair()
for _ in range(500):
    here.send(b'x')
    there.recv(1)
    os.write(here.fileno(), b'y')
    os.read(there.fileno(), 1)
"""


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[str]]:
    """Runs the code each time it is told to by a line; says when it is done."""
    loop = f"import sys\nfor line in sys.stdin:\n    exec({code!r})\n    print('done', flush=True)"
    command = [sys.executable, "-c", loop]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        run(running)
        yield running


def run(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write("go\n")
    running.stdin.flush()
    assert running.stdout.readline() == "done\n"


def system_share(code: str) -> float:
    with process(code) as running:
        clock = CpuClock(running.pid)
        assert clock.system_share() == 0
        run(running)
        assert clock.seconds() > 0
        return clock.system_share()


def test_the_share_of_the_kernel_is_seen() -> None:
    assert system_share(USER) < 0.4 < 0.6 < system_share(KERNEL) <= 1


@pytest.fixture(scope="module")
def permitted() -> None:
    with system_calls(os.getpid()) as calls:
        if calls is None:
            pytest.skip("no tracepoints for this user")


@pytest.mark.usefixtures("permitted")
def test_calls_are_counted_between_start_and_stop() -> None:
    with process(CALLS) as running, system_calls(running.pid) as calls:
        assert calls is not None
        run(running)
        calls.start()
        run(running)
        counts = calls.stop()
        run(running)
        assert calls.stop() == counts
    # Besides, it reads a line and writes one.
    assert 1000 <= counts["write_calls"] < 1010
    assert 1000 <= counts["read_calls"] < 1010
    assert counts["write_calls"] + counts["read_calls"] <= counts["system_calls"] < 2100


@pytest.mark.usefixtures("permitted")
def test_threads_that_start_later_are_counted_too() -> None:
    thread = f"thread = threading.Thread(target=exec, args=({CALLS!r},))"
    code = f"import threading\n{thread}\nthread.start()\nthread.join()"
    with process(code) as running, system_calls(running.pid) as calls:
        assert calls is not None
        calls.start()
        run(running)
        assert calls.stop()["write_calls"] >= 1000


def test_a_process_that_is_gone_has_no_counters() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with system_calls(ended.pid) as calls:
        assert calls is None
    with pytest.raises(OSError, match=str(ended.pid)):
        SystemCalls(ended.pid)
