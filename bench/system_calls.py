"""Counts the system calls of a process through the kernel's tracepoints.

While a counter is open every system call of the machine takes a little longer, so nothing else is measured
then. It takes what perf takes: Linux on x86-64 or aarch64, tracefs, and root or CAP_PERFMON.
"""

import ctypes
import fcntl
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from processes import process_tree

SENDING = ("write", "writev", "sendto", "sendmsg", "sendmmsg")
RECEIVING = ("read", "readv", "recvfrom", "recvmsg", "recvmmsg")
KINDS = {
    "write_calls": tuple(f"syscalls/sys_enter_{name}" for name in SENDING),
    "read_calls": tuple(f"syscalls/sys_enter_{name}" for name in RECEIVING),
    "system_calls": ("raw_syscalls/sys_enter",),
}
"""What is counted, by name: those that send, those that receive, all."""

_EVENTS = (Path("/sys/kernel/tracing/events"), Path("/sys/kernel/debug/tracing/events"))
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_TRACEPOINT, _ATTRIBUTE_SIZE = 2, 64
_DISABLED, _INHERIT = 1, 2
_ENABLE, _DISABLE = 0x2400, 0x2401
_CLOSE_ON_EXEC = 8


class SystemCalls:
    """What a process and its present descendants call, with all threads that they have or start.

    Raises OSError where this machine or this user has no counters.
    """

    def __init__(self, root: int) -> None:
        self._counters: dict[str, list[int]] = {kind: [] for kind in KINDS}
        try:
            threads = [thread for pid in process_tree(root) for thread in _threads(pid)]
            for kind, events in KINDS.items():
                for number in map(_event_id, events):
                    for thread in threads:
                        with suppress(ProcessLookupError):  # it has ended since
                            self._counters[kind].append(_open(number, thread))
        except OSError:
            self.close()
            raise

    def start(self) -> None:
        self._control(_ENABLE)

    def stop(self) -> dict[str, int]:
        """How many calls there were since `start`, by the names of KINDS."""
        self._control(_DISABLE)
        return {kind: sum(map(_read, files)) for kind, files in self._counters.items()}

    def close(self) -> None:
        """Takes some tenths of a second, until the kernel is as fast as before."""
        for files in self._counters.values():
            while files:
                os.close(files.pop())

    def _control(self, request: int) -> None:
        for files in self._counters.values():
            for file in files:
                fcntl.ioctl(file, request, 0)


@contextmanager
def system_calls(root: int) -> Iterator[SystemCalls | None]:
    """Counters while the body runs; None where there are none."""
    try:
        calls = SystemCalls(root)
    except OSError:
        yield None
        return
    with closing(calls):
        yield calls


def _threads(pid: int) -> list[int]:
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def _event_id(event: str) -> int:
    """Raises OSError if there is no such tracepoint, or it is not for this user."""
    for folder in _EVENTS:
        with suppress(FileNotFoundError):
            return int((folder / event / "id").read_text())
    raise FileNotFoundError(event)


def _open(event: int, thread: int) -> int:
    """A stopped counter of one tracepoint in one thread. Raises OSError."""
    number = _PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        raise OSError(f"perf_event_open on {platform.machine()}")
    attribute = struct.pack("=IIQ24xQ", _TRACEPOINT, _ATTRIBUTE_SIZE, event, _DISABLED | _INHERIT)
    buffer = ctypes.create_string_buffer(attribute, _ATTRIBUTE_SIZE)
    anywhere = no_group = ctypes.c_long(-1)
    libc = ctypes.CDLL(None, use_errno=True)
    file = libc.syscall(
        ctypes.c_long(number),
        buffer,
        ctypes.c_long(thread),
        anywhere,
        no_group,
        ctypes.c_ulong(_CLOSE_ON_EXEC),
    )
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(file)


def _read(file: int) -> int:
    count: int = struct.unpack("=Q", os.read(file, 8))[0]
    return count
