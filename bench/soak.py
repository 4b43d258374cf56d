"""Many clients of all kinds chat, end in all ways, and the server must be as it was before.

    python bench/soak.py [--connections 2000] [--seconds 60] [--python 3.13] [--host fast|asgi]

Exit status: 0, 1 with what went wrong, 2 for bad usage.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

import peers
from processes import ProcessFailed, free_port, leave_nothing_running, server, spawn

CLIENT = peers.BENCH / "soak_client.py"
WARMUP_CLIENTS = 50
CLEANUP_SECONDS = 30
"""Time for the server to notice silent clients (10 s) and to end what keep-alive holds open (5 s)."""


class Leak(Exception):
    """The server is not as it was before; the message says in what."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    leave_nothing_running()
    try:
        version = peers.find_pythons([options.python] if options.python else [])[0]
        runtime = peers.install(version)
    except peers.MissingTool as error:
        sys.stderr.write(f"missing: {error}\n")
        return 2
    port = free_port()
    script = peers.Peer("soak", version, "soak_server.py", options.host, (options.host,))
    try:
        with server(runtime.command(script, port), port):
            soak(runtime, port, options.connections, options.seconds)
    except (Leak, ProcessFailed) as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    say("passed: nothing is left")
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Look for what a server leaks.")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60, help="how long the clients chat")
    parser.add_argument(
        "--python", metavar="VERSION", help="Python for the server (default: the newest one present)"
    )
    parser.add_argument("--host", choices=("fast", "asgi"), default="fast")
    options = parser.parse_args(arguments)
    if options.connections < 50:
        parser.error("50 connections are the least that cover every kind and every end")
    return options


def soak(runtime: peers.Runtime, port: int, connections: int, seconds: float) -> None:
    # What is made once, at first use, belongs to the state before.
    with clients(runtime, port, WARMUP_CLIENTS, 1, "warm-up") as group:
        for command in (None, "chat", "end"):
            group.ask(command)
    before = settled_state(port)
    say(f"before: {shown(before)}")

    killed = connections // 5
    with ExitStack() as stack:
        sizes = (killed, (connections - killed) // 2, connections - killed - (connections - killed) // 2)
        groups = [
            stack.enter_context(clients(runtime, port, size, seconds, f"{number}-"))
            for number, size in enumerate(sizes)
        ]
        ask_all(groups, None)
        during = state(port)
        say(f"open:   {shown(during)}")
        if not during["sessions"] == during["sockets"] == connections:
            raise Leak(f"{connections} clients are connected, the server has {shown(during)}")
        chats = ask_all(groups, "chat")
        said, delivered = (sum(chat[name] for chat in chats) for name in ("said", "delivered"))
        say(f"chat:   {said:,} messages, {delivered:,} deliveries, all complete")
        groups[0].kill()
        ask_all(groups[1:], "end")
        # The clients that fell silent still hold their connections: the server has to end them.
        wait_until_as_before(port, before)
    say(f"after:  {shown(wait_until_as_before(port, before))}")


class Clients:
    """A process of soak_client.py."""

    def __init__(self, process: subprocess.Popen[str], errors: BinaryIO) -> None:
        self._process = process
        self._errors = errors

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, int]:
        """Wait for the next answer. Raises ProcessFailed when the process ends instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise ProcessFailed(f"clients failed:\n{self._errors.read().decode(errors='replace')[-4000:]}")
        answer: dict[str, int] = json.loads(line)
        return answer

    def ask(self, command: str | None) -> dict[str, int]:
        """Give a command (none for the start, which goes without one) and wait for the answer."""
        if command is not None:
            self.tell(command)
        return self.answer()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def ask_all(groups: Sequence[Clients], command: str | None) -> list[dict[str, int]]:
    """As `Clients.ask`, with all groups at work at the same time."""
    if command is not None:
        for group in groups:
            group.tell(command)
    return [group.answer() for group in groups]


@contextmanager
def clients(runtime: peers.Runtime, port: int, count: int, seconds: float, prefix: str) -> Iterator[Clients]:
    """Run a process with so many clients; it is killed at the end, and its connections with it."""
    with tempfile.TemporaryFile() as errors:
        command: list[str | Path] = [runtime.executable, CLIENT, str(port), str(count), str(seconds), prefix]
        process = spawn(command, None, subprocess.PIPE, errors)
        try:
            yield Clients(process, errors)
        finally:
            process.kill()
            process.wait()


def state(port: int) -> dict[str, Any]:
    """What the server counts. Raises Leak if it has logged a warning or an error."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=30) as answer:
            values: dict[str, Any] = json.load(answer)
    except (OSError, HTTPException) as error:
        raise ProcessFailed(f"the server does not tell its state: {error}") from None
    if values["complaints"]:
        raise Leak("the server complains:\n" + "\n".join(values["complaints"]))
    return values


def settled_state(port: int) -> dict[str, Any]:
    """The state once it has no sessions and has not changed for three seconds."""
    deadline = time.monotonic() + CLEANUP_SECONDS
    last, since = state(port), time.monotonic()
    while last["sessions"] or time.monotonic() < since + 3:
        if time.monotonic() > deadline:
            raise Leak(f"the server does not come to rest: {shown(last)}")
        time.sleep(0.5)
        current = state(port)
        if current != last:
            last, since = current, time.monotonic()
    return last


def wait_until_as_before(port: int, before: dict[str, Any]) -> dict[str, Any]:
    """The state as soon as nothing in it is above what was before. Raises Leak if that never comes."""
    deadline = time.monotonic() + CLEANUP_SECONDS
    while True:
        current = state(port)
        excess = differences(before, current)
        if not excess:
            return current
        if time.monotonic() > deadline:
            raise Leak(f"left after {CLEANUP_SECONDS} s:\n  " + "\n  ".join(excess))
        time.sleep(0.5)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Everything that there is more of than before."""
    counts = {**after, **after["objects"]}
    limits = {**before, **before["objects"]}
    return [
        f"{name}: {limits.get(name, 0)} before, {count} now"
        for name, count in counts.items()
        if isinstance(count, int) and count > limits.get(name, 0)
    ]


def shown(values: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in values.items() if isinstance(count, int))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
