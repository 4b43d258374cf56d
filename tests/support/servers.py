"""Servers under test as processes of their own, on free loopback ports.

    with running("uvicorn-fast", "support.fixture_app:app") as server:
        ...                                  # server.url, server.port
        server.kill()                        # SIGKILL, nothing is closed properly
        server.start()                       # again, on the same port

Modules below `tests/` can be served, as in `support.fixture_app:app`.
"""

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 10.0

Command = Callable[[str, int], list[str]]


def _uvicorn(*options: str) -> Command:
    def command(app: str, port: int) -> list[str]:
        base = [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", str(port), "--no-access-log"]
        # uvicorn's own host waits for pending polls as for any request, without a limit by default.
        return [*base, "--timeout-graceful-shutdown", "1", *options]

    return command


def _hypercorn(app: str, port: int) -> list[str]:
    return [sys.executable, "-m", "hypercorn", app, "--bind", f"{HOST}:{port}", "--workers", "0"]


def _granian(app: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", app, "--interface", "asgi"),
        *("--host", HOST, "--port", str(port), "--no-access-log"),
    ]


def _node(script: str, port: int) -> list[str]:
    return ["node", script, str(port)]


HOSTS: Mapping[str, Command] = {
    "uvicorn-fast": _uvicorn(
        *("--http", "arcwire.hosts.uvicorn:HttpProtocol"),
        *("--ws", "arcwire.hosts.uvicorn:WebSocketProtocol"),
    ),
    "uvicorn-asgi": _uvicorn("--ws", "websockets-sansio"),
    "uvicorn-wsproto": _uvicorn("--ws", "wsproto"),
    "hypercorn": _hypercorn,
    "granian": _granian,
    "node": _node,
}
"""How to serve an application (`module:attribute`; for node a script) on a port, by host."""


class ServerError(Exception):
    """A server did not start or stop; with the end of its output."""


# Several processes run tests at the same time and must not take each other's servers for their own: each has
# a block of ports, whose first it holds as a sign. Linux gives ports from 32768 on to connections.
_BLOCK_SIZE = 100
_BLOCKS = range(20_000, 32_000, _BLOCK_SIZE)


def _claim() -> range:
    """The ports of a block that no other process has."""
    # Hypothesis seeds the random numbers of the process, the same for all.
    for first in random.SystemRandom().sample(_BLOCKS, len(_BLOCKS)):
        sign = socket.socket()
        try:
            sign.bind((HOST, first))
        except OSError:
            sign.close()
        else:
            sign.detach()  # open as long as the process is there
            return range(first + 1, first + _BLOCK_SIZE)
    raise ServerError("all blocks of ports are taken")


_ports = itertools.cycle(_claim())


def free_port() -> int:
    """A port that nothing uses, and that the system gives to no connection: servers come back to it."""
    for port in itertools.islice(_ports, _BLOCK_SIZE):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
    raise ServerError("all ports are in use")


class ServerProcess:
    """A server that may be started again on its port after it was stopped.

    It leads a process group, so that its worker processes end with it.
    """

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.command = list(command)
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.environment = dict(os.environ, PYTHONPATH=str(TESTS), PYTHONUNBUFFERED="1")
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    @property
    def pid(self) -> int:
        """The process, which must be running."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """What the server wrote to its standard output and error so far, over all starts."""
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def start(self) -> None:
        """Start, and return when connections are accepted. Raises ServerError."""
        assert not self.running, "it runs already"
        self._process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            if not self.running:
                raise ServerError(f"{self.command} ended with {self._process.returncode}:\n{self.output()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.command} accepts no connection:\n{self.output()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, without a chance to close anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as a service manager does. Raises ServerError if it does not."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Kill it and forget its output."""
        self.kill()
        self._log.close()

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def _end(self, with_signal: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, with_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise ServerError(
                f"{self.command} did not end after {with_signal.name}:\n{self.output()}"
            ) from None


@contextlib.contextmanager
def running(host: str, app: str, port: int | None = None) -> Iterator[ServerProcess]:
    """A server of this host that serves `app`, started; killed at the end."""
    port = free_port() if port is None else port
    server = ServerProcess(HOSTS[host](app, port), port)
    try:
        server.start()
        yield server
    finally:
        server.close()
