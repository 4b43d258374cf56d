"""Compare Socket.IO servers: throughput, messages per second of server CPU time, latency, memory.

See README.md. Exit status: 0, 1 if a run failed (the others are still reported), 2 for bad usage.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO

import peers
import report
from peers import Peer
from processes import (
    ProcessFailed,
    core_seconds,
    cpu_seconds,
    free_port,
    leave_nothing_running,
    resident_bytes,
    server,
    spawn,
)

SERVER_CORE, LOAD_CORE = 0, 1
SETTLE_SECONDS = 1.0
"""How long a server is left alone before its memory is read."""


@dataclass(frozen=True, slots=True)
class Work:
    """A task for the load generator. `in_flight` is per connection, for a broadcast in all."""

    name: str
    kind: str
    connections: int
    in_flight: int = 1
    size: int = 32


WORKS = (
    Work("echo-100x8", "echo", 100, 8),
    Work("echo-1x1", "echo", 1, 1),
    Work("ack-100x8", "ack", 100, 8),
    Work("broadcast-1000", "broadcast", 1000),
    Work("idle-5000", "idle", 5000),
)
IDLE_FIRST = 500
"""Connections that are open before the ones whose memory is measured, so that start-up is not counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    leave_nothing_running()
    works = [work for work in WORKS if chosen(work.name, options.works)]
    try:
        if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
            raise peers.MissingTool(f"cores {SERVER_CORE} and {LOAD_CORE}: server and load each need one")
        pythons = peers.find_pythons(options.python)
        servers = [peer for peer in peers.peers_for(pythons) if chosen(peer.name, options.servers)]
        if options.list or not works or not servers:
            for title, names in (("servers", servers), ("works", works)):
                sys.stdout.write(f"{title}: {' '.join(item.name for item in names) or 'none'}\n")
            return 0 if options.list else 2
        runtimes = {peer.runtime: peers.install(peer.runtime) for peer in servers}
        load = peers.build_load()
    except peers.MissingTool as error:
        sys.stderr.write(f"missing: {error}\n")
        return 2

    bench = Bench(load, runtimes, options.seconds, options.warmup)
    runs, failures = run_all(bench, servers, works, options.rounds)
    summary = report.summarize(runs)
    result = {
        "machine": report.machine(),
        "settings": {name: getattr(options, name) for name in ("rounds", "seconds", "warmup")},
        "servers": {peer.name: runtimes[peer.runtime].versions for peer in servers},
        "summary": summary,
        "runs": runs,
        "failures": failures,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"\n{report.table(summary, options.baseline)}\n\nwritten to {options.output}\n")
    for failure in failures:
        sys.stderr.write(f"FAILED: {failure}\n")
    return 1 if failures else 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare Socket.IO servers.")
    parser.add_argument(
        "--servers", nargs="+", metavar="NAME", help="servers to run (patterns such as 'arcwire-*')"
    )
    parser.add_argument("--works", nargs="+", metavar="NAME", help="works to run (patterns such as 'echo-*')")
    parser.add_argument("--list", action="store_true", help="name the servers and works, and end")
    parser.add_argument(
        "--python",
        nargs="+",
        default=[],
        metavar="VERSION",
        help="Pythons for Arcwire, as versions or paths (default: the newest one present, and 3.11); "
        "the newest of them also runs the ASGI host and python-socketio",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="measured time of a run")
    parser.add_argument("--warmup", type=float, default=1, help="seconds of work before it")
    parser.add_argument("--baseline", default="node-ws", help="server that ratios refer to")
    parser.add_argument("--output", type=Path, default=peers.BUILD / "results.json")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0 or options.warmup < 0:
        parser.error("rounds and times are positive numbers")
    return options


def chosen(name: str, patterns: Sequence[str] | None) -> bool:
    return patterns is None or any(fnmatch(name, pattern) for pattern in patterns)


def run_all(
    bench: "Bench", servers: Sequence[Peer], works: Sequence[Work], rounds: int
) -> tuple[list[report.Run], list[str]]:
    """Every server gets every work once in each round; returns the runs and what failed.

    Each round begins with another server, so that none is always measured after the same one.
    """
    runs: list[report.Run] = []
    failures: list[str] = []
    for number in range(rounds):
        turn = number % len(servers)
        for work in works:
            for peer in [*servers[turn:], *servers[:turn]]:
                title = f"round {number + 1}/{rounds} {work.name} {peer.name}"
                try:
                    figures = bench.measure(peer, work)
                except ProcessFailed as error:
                    failures.append(f"{title}: {error}")
                    sys.stderr.write(f"{title}: FAILED\n")
                    continue
                runs.append({"server": peer.name, "work": work.name, "round": number + 1, **figures})
                name, value = next(iter(figures.items()))
                sys.stderr.write(f"{title}: {value:,.0f} {name.replace('_', ' ')}\n")
    return runs, failures


@dataclass(frozen=True, slots=True)
class Bench:
    """How to take one measurement; each has a new process of its server. Times are seconds."""

    load: Path
    runtimes: Mapping[str, peers.Runtime]
    seconds: float
    warmup: float

    def measure(self, peer: Peer, work: Work) -> dict[str, float]:
        """The figures of one run, the most important one first. Raises ProcessFailed."""
        port = free_port()
        with server(self.runtimes[peer.runtime].command(peer, port), port, SERVER_CORE) as pid:
            return self._memory(pid, port, work) if work.kind == "idle" else self._pace(pid, port, work)

    def _pace(self, pid: int, port: int, work: Work) -> dict[str, float]:
        times = (f"--warmup={self.warmup}", f"--seconds={self.seconds}")
        with load_generator(self.load, port, work, *times) as generator:
            generator.next_line()
            cpu, busy = cpu_seconds(pid), core_seconds(SERVER_CORE)
            result = generator.next_line()
            cpu, busy = cpu_seconds(pid) - cpu, core_seconds(SERVER_CORE) - busy
            memory = resident_bytes(pid)
        if not result["messages"] or not cpu:
            raise ProcessFailed("nothing was measured: too short a time")
        latency = result["latency_us"]
        return {
            "messages_per_cpu_second": result["messages"] / cpu,
            "messages_per_second": result["messages"] / result["seconds"],
            "min_us": latency["min"],
            "p50_us": latency["p50"],
            "p99_us": latency["p99"],
            "server_cpu_share": cpu / result["seconds"],
            "load_cpu_share": result["load_cpu_seconds"] / result["seconds"],
            "foreign_cpu_share": max(busy - cpu, 0) / result["seconds"],
            "resident_bytes": memory,
        }

    def _memory(self, pid: int, port: int, work: Work) -> dict[str, float]:
        """Growth of the server's resident memory by connections that do nothing but answer pings."""
        empty = resident_bytes(pid)
        with load_generator(self.load, port, replace(work, connections=IDLE_FIRST)) as first:
            first.next_line()
            time.sleep(SETTLE_SECONDS)
            before = resident_bytes(pid)
            with load_generator(self.load, port, work) as more:
                more.next_line()
                time.sleep(SETTLE_SECONDS)
                after = resident_bytes(pid)
        return {"bytes_per_connection": (after - before) / work.connections, "empty_bytes": empty}


class LoadGenerator:
    """A running load generator, which reports in lines of JSON."""

    def __init__(self, process: subprocess.Popen[str], messages: BinaryIO) -> None:
        self._process = process
        self._messages = messages

    def next_line(self) -> dict[str, Any]:
        """Wait for the next report. Raises ProcessFailed when the generator ends without one."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.finish()
            raise ProcessFailed("the load generator ended without a result")
        report: dict[str, Any] = json.loads(line)
        return report

    def finish(self) -> None:
        """Let it end. Raises ProcessFailed if any message was wrong."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait():
            self._messages.seek(0)
            raise ProcessFailed(self._messages.read().decode(errors="replace").strip())


@contextmanager
def load_generator(load: Path, port: int, work: Work, *times: str) -> Iterator[LoadGenerator]:
    """Run the load generator until the body has read what it wants, then check how it ended."""
    numbers = {"port": port, "connections": work.connections, "in-flight": work.in_flight, "size": work.size}
    flags = [f"--{name}={number}" for name, number in numbers.items()]
    with tempfile.TemporaryFile() as messages:
        process = spawn([load, f"--work={work.kind}", *flags, *times], LOAD_CORE, subprocess.PIPE, messages)
        generator = LoadGenerator(process, messages)
        try:
            yield generator
            generator.finish()
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
