"""Pinned processes: start, find the time and memory they used, stop."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
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
    command: Sequence[str | Path], core: int | None, stdout: int | BinaryIO, stderr: BinaryIO
) -> subprocess.Popen[str]:
    """Start a command in its own session, on one core if given, with a pipe as standard input."""
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
        # The process and all threads it will have stay on the core.
        preexec_fn=None if core is None else partial(os.sched_setaffinity, 0, {core}),
    )


def leave_nothing_running() -> None:
    """Let SIGTERM unwind the stack as SIGINT does, so that what was started is stopped."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


@contextmanager
def server(command: Sequence[str | Path], port: int, core: int | None = None) -> Iterator[int]:
    """Run a server while the body runs; the value is its process id.

    Raises ProcessFailed, with what the server wrote, when it does not start to listen on the port
    within START_SECONDS, ends before the body does, or does not end on SIGTERM.
    """
    with tempfile.TemporaryFile() as output:
        process = spawn(command, core, output, output)
        try:
            _wait_for_port(process, port)
            yield process.pid
            if process.poll() is not None:
                raise ProcessFailed(f"the server ended with status {process.returncode}")
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
            if process.poll() is None:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise ProcessFailed(f"nothing listens on port {port} after {START_SECONDS} s")
        time.sleep(0.02)
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


def cpu_seconds(root: int) -> float:
    """User and system time used so far by a process and its descendants, the ended ones included."""
    # utime, stime and what waited-for children used: fields 14 to 17 of proc_pid_stat(5).
    return sum(int(ticks) for pid in process_tree(root) for ticks in _stat(pid)[11:15]) / _TICKS


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
