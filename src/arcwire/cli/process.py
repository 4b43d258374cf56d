"""A command as a process: one coroutine, ended cleanly by signals and by pipes that close."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from arcwire.cli.failures import CommandError, complain
from arcwire.cli.output import OutputGone


def run_command(command: Coroutine[Any, Any, int]) -> int:
    """Run a command to its end and return its exit code.

    SIGINT, SIGTERM and SIGHUP cancel the coroutine, which closes its connections; then the process ends by
    that signal, as shells and service managers expect of a program that a signal ended: a loop in a
    shell script stops at Ctrl-C. A reader of the output that goes ends it by SIGPIPE, silently.
    """
    caught: list[signal.Signals] = []
    try:
        with asyncio.Runner() as runner:
            return runner.run(_guarded(command, caught))
    except CommandError as error:
        complain(error.message)
        return error.exit_code
    except (asyncio.CancelledError, KeyboardInterrupt):
        return _end_by(caught[0] if caught else signal.SIGINT)
    except (OutputGone, BrokenPipeError):
        return _end_by(getattr(signal, "SIGPIPE", signal.SIGTERM))


async def _guarded(command: Coroutine[Any, Any, int], caught: list[signal.Signals]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def catch(number: signal.Signals) -> None:
        caught.append(number)
        # Once: the second one is not waited for.
        loop.remove_signal_handler(number)
        task.cancel()

    # SIGINT is asyncio.Runner's, which does the same. Windows has no handlers for the others.
    for name in ("SIGTERM", "SIGHUP"):
        with contextlib.suppress(NotImplementedError, KeyError):
            number = signal.Signals[name]
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, catch, number)
    return await command


def _end_by(number: int) -> int:
    """End as a program without handlers does; where that is not possible, by the code that shells show."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    if os.name == "posix":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number
