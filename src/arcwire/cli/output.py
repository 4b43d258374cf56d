"""Lines on the standard output, written beside the event loop."""

import asyncio
import contextlib
import errno
import os
import stat
import sys
import threading
from collections import deque
from types import TracebackType
from typing import NoReturn, Self

from arcwire.cli.failures import CommandError, ExitCode
from arcwire.errors import ArcwireError

MAX_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for a reader who is slower than the events."""


class OutputGone(Exception):
    """Nobody reads the output any more."""


class LineWriter:
    """Writes lines from a thread of its own, so that a slow reader does not hold up the connection.

    It fails with OutputGone when the reader goes, also while there is nothing to write, and with
    CommandError when writing fails, or when more than `max_waiting` bytes wait. Making one for an output
    that is closed raises CommandError.
    """

    def __init__(self, descriptor: int | None = None, max_waiting: int = MAX_WAITING) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = _standard_output() if descriptor is None else descriptor
        self._max_waiting = max_waiting
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._closing = False
        self._written: asyncio.Future[None] = self._loop.create_future()
        self._failed: asyncio.Future[NoReturn] = self._loop.create_future()
        self._failed.add_done_callback(lambda future: future.exception())  # whoever cares has it
        self._watches = False
        if stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            # The writing end of a pipe becomes readable when the reading end is closed. On Windows only
            # writing tells.
            with contextlib.suppress(NotImplementedError):
                self._loop.add_reader(self._descriptor, self._fail, OutputGone())
                self._watches = True
        # A daemon: a reader that does not read must not keep the process.
        self._thread = threading.Thread(target=self._run, name="arcwire-output", daemon=True)
        self._thread.start()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until everything is written, except where a signal or the output itself is the end."""
        if kind is None or issubclass(kind, ArcwireError | CommandError):
            await self.close()

    def write(self, line: str) -> None:
        """Write a line, soon. Never blocks."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            self._lines.append(data)
            self._waiting += len(data)
            overrun = self._waiting > self._max_waiting
            self._changed.notify()
        if overrun:
            self._fail(
                CommandError(
                    f"the reader of the output is too slow: {self._max_waiting} bytes wait for it",
                    ExitCode.NO_OUTPUT,
                )
            )

    async def watch(self) -> NoReturn:
        """Raise what it fails with, if ever."""
        await asyncio.shield(self._failed)
        raise AssertionError("it is settled with exceptions only")

    async def close(self) -> None:
        """Wait until everything is written. Raises what it fails with."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.wait((self._written, self._failed), return_when=asyncio.FIRST_COMPLETED)
        self._unwatch()
        if self._failed.done():
            self._failed.result()

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    while not self._lines and not self._closing:
                        self._changed.wait()
                    data = b"".join(self._lines)
                    self._lines.clear()
                if not data:
                    break
                self._write_all(data)
                with self._changed:
                    self._waiting -= len(data)
        except BrokenPipeError:
            self._report(self._fail, OutputGone())
        except OSError as error:
            self._report(self._fail, _unwritable(error))
        else:
            self._report(self._settle)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _report(self, callback: object, *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(callback, *args)  # type: ignore[arg-type]

    def _settle(self) -> None:
        if not self._written.done():
            self._written.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._unwatch()
        if not self._failed.done():
            self._failed.set_exception(error)

    def _unwatch(self) -> None:
        if self._watches:
            self._watches = False
            self._loop.remove_reader(self._descriptor)


def _standard_output() -> int:
    if sys.stdout is None:
        raise _unwritable(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    return sys.stdout.fileno()


def _unwritable(error: OSError) -> CommandError:
    return CommandError(f"cannot write the output: {error.strerror or error}", ExitCode.NO_OUTPUT)
