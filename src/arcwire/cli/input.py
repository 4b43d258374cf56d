"""Lines of the standard input, read beside the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import BinaryIO

from arcwire.cli.values import standard_input

AHEAD = 100
"""Lines that are read before they are wanted."""


async def input_lines(stream: BinaryIO | None = None) -> AsyncIterator[bytes]:
    """The lines of a stream, by default the standard input, without their ends. Raises OSError.

    The stream is read by a daemon: a terminal on which nobody types must not keep the process.
    """
    source = standard_input() if stream is None else stream
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | OSError] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)

    def report(line: bytes | OSError) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        try:
            line = b"-"
            while line:
                room.acquire()
                line = source.readline()
                report(line)
        except OSError as error:
            report(error)

    threading.Thread(target=read, name="arcwire-input", daemon=True).start()
    while line := await lines.get():
        if isinstance(line, OSError):
            raise line
        room.release()
        yield line.rstrip(b"\r\n")
