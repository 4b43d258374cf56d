"""Pinned processes: start, find the time and memory they used, stop."""

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
START_SECONDS = 30
STOP_SECONDS = 10


class ProcessFailed(Exception):
    """A process ended, or did not get ready; the message has its output."""


def spawn(
    command: Sequence[str | Path], core: int | None, stdout: int | BinaryIO, stderr: BinaryIO, nice: int = 0
) -> subprocess.Popen[str]:
    """Start a command in its own session, on one core if given, with a pipe as standard input.

    `nice` is added to its niceness; a negative one is for root. May have as many open files as the
    system permits.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
        # Some environments forbid Python to keep what it compiled: then a start compiles everything anew.
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        start_new_session=True,
        preexec_fn=partial(_prepare, core, nice),
    )


def _prepare(core: int | None, nice: int) -> None:
    """In the new process, for it and all threads that it will have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if core is not None:
        os.sched_setaffinity(0, {core})
    if nice:
        os.nice(nice)


def leave_nothing_running() -> None:
    """Let SIGTERM unwind the stack as SIGINT does, so that what was started is stopped."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


@contextmanager
def server(
    command: Sequence[str | Path],
    port: int,
    core: int | None = None,
    until: Callable[[int], bool] | None = None,
    graceful: bool = True,
    nice: int = 0,
) -> Iterator[int]:
    """Run a server while the body runs; the value is its process id.

    The body starts when the server listens on the port, or when `until` says so of the port.

    Raises ProcessFailed, with what the server wrote, when it does not start to listen on the port
    within START_SECONDS, ends before the body does, or, unless it is to be killed (not `graceful`),
    does not end on SIGTERM.
    """
    with tempfile.TemporaryFile() as output:
        process = spawn(command, core, output, output, nice)
        try:
            _wait_for_port(process, port, until or _listens)
            yield process.pid
            if process.poll() is not None:
                raise ProcessFailed(f"the server ended with status {process.returncode}")
            if not graceful:
                return
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            if process.poll() is None:
                raise ProcessFailed(f"the server did not end within {STOP_SECONDS} s of SIGTERM")
        except ProcessFailed as error:
            output.seek(0)
            written = output.read().decode(errors="replace").strip()
            raise ProcessFailed(f"{error}\n{written[-4000:]}".strip()) from None
        finally:
            process.kill()
            process.communicate()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _wait_for_port(process: subprocess.Popen[str], port: int, until: Callable[[int], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        if until(port):
            return
        if time.monotonic() > deadline:
            raise ProcessFailed(f"nothing listens on port {port} after {START_SECONDS} s")
        time.sleep(0.002)
    raise ProcessFailed(f"the server ended with status {process.returncode}")


def process_tree(root: int) -> list[int]:
    """Ids of a process and of all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, ()))
    return tree


class CpuClock:
    """User and system time, in seconds, that a process and its present descendants use from now on."""

    def __init__(self, root: int) -> None:
        self._processes = process_tree(root)
        self._clocks = list(map(_clock_of, self._processes))
        self._start = sum(map(time.clock_gettime, self._clocks))
        self._user, self._system = self._samples()

    def seconds(self) -> float:
        return sum(map(time.clock_gettime, self._clocks)) - self._start

    def system_share(self) -> float:
        """The part of it that was the kernel's, between 0 and 1; 0 if there was no time yet.

        The kernel knows it from a sample at each of its ticks, a few hundred a second.
        """
        user, system = self._samples()
        user, system = user - self._user, system - self._system
        return system / (user + system) if user + system else 0.0

    def _samples(self) -> tuple[int, int]:
        fields = list(map(_stat, self._processes))
        return sum(int(each[11]) for each in fields), sum(int(each[12]) for each in fields)


def used_cpu_seconds(root: int) -> float:
    """User and system time that a process and its present descendants have used since their start."""
    return sum(time.clock_gettime(_clock_of(pid)) for pid in process_tree(root))


def _clock_of(pid: int) -> int:
    """The CPU clock of another process, as clock_getcpuclockid(3) names it."""
    scheduler = 2  # its own count, to the nanosecond
    return (~pid << 3) | scheduler


def core_seconds(core: int) -> float:
    """Time since boot that a core was not idle, or was taken by the host of this virtual machine."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / _TICKS
    raise ValueError(f"there is no core {core}")


def resident_bytes(root: int) -> int:
    """Resident memory of a process and its descendants."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in process_tree(root))
    return sum(pages) * _PAGE


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third, the state, on; the second may contain spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
