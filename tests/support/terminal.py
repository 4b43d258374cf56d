"""A program in a terminal, as its user sees it.

with Terminal([...]) as terminal:
    terminal.wait_for("connected")
    terminal.type("say 1\\r")
    terminal.screen()           # the lines that are there now
"""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

PATIENCE = 40.0


class _Screen(pyte.HistoryScreen):
    """Answers what programs ask their terminal, and keeps what scrolls away."""

    def __init__(self, columns: int, lines: int, master: int) -> None:
        super().__init__(columns, lines, history=10_000, ratio=0.5)
        self._master = master

    def write_process_input(self, data: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._master, data.encode())


class Terminal:
    """A program on a pseudo-terminal, whose screen an emulator keeps."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 100,
        lines: int = 30,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen = _Screen(columns, lines, self._master)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.raw = b""
        """Everything that the program wrote."""
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **(environment or {})},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self._master)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._master, text.encode())

    def screen(self) -> list[str]:
        """The lines on the screen, and before them those that have scrolled away."""
        with self._lock:
            width = self._screen.columns
            gone = ["".join(line[x].data for x in range(width)).rstrip() for line in self._screen.history.top]
            return gone + [line.rstrip() for line in self._screen.display]

    def wait_for(self, pattern: str, *, gone: bool = False) -> re.Match[str] | None:
        """Wait until a line of the screen matches, or none does any more."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, "\n".join(self.screen()), re.MULTILINE)
            if (found is None) is gone:
                return found
            assert time.monotonic() < deadline, f"no {pattern!r} on:\n" + "\n".join(self.screen())
            time.sleep(0.02)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it does not become true:\n" + "\n".join(self.screen())
            time.sleep(0.02)

    def colour_of(self, text: str) -> str:
        """The colour in which this text is shown, where it is last on the screen; "" where it is not."""
        with self._lock:
            for number in range(self._screen.lines - 1, -1, -1):
                column = self._screen.display[number].find(text)
                if column >= 0:
                    return self._screen.buffer[number][column].fg
        return ""

    def wait(self) -> int:
        """Wait for the end; the exit code."""
        return self.process.wait(PATIENCE)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux says EIO at the end
            while data := os.read(self._master, 65_536):
                with self._lock:
                    self.raw += data
                    self._stream.feed(data)
