"""One measurement: a new server on its core, the load generator on another, the figures of both."""

import json
import os
import selectors
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import peers
from peers import Peer
from processes import (
    CpuClock,
    ProcessFailed,
    core_seconds,
    free_port,
    resident_bytes,
    server,
    spawn,
    used_cpu_seconds,
)
from system_calls import SystemCalls, system_calls
from works import IDLE_FIRST, Work

SERVER_CORE, LOAD_CORE = 0, 1
SETTLE_SECONDS = 1.0
"""How long a server is left alone before its memory is read."""
PATIENCE_SECONDS = 120
"""How long the load generator may say nothing."""
LONGEST = 3
"""How many times its CPU time a run may last, on a busy machine or with a server that mostly waits."""
COUNTED = 1 / 2
"""Share of the warm-up in which system calls are counted, where they are."""
INTERPRETED_WARMUP = 1 / 3
"""Share of the warm-up that is enough for servers without a compiler."""
CROWD = 1000
"""Connections from which on any server needs the whole, to finish what their coming made it do."""
ENDLESS = ("--warmup=1000", "--seconds=1000")
COUNT = "--count=1000"
"""For the load generator, which is told when to go on."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """How to take measurements; each has a new process of its server. Times are seconds."""

    load: Path
    runtimes: Mapping[str, peers.Runtime]
    seconds: float
    warmup: float
    nice: int = 0
    """Added to the niceness of server and load generator."""

    def measure(self, peer: Peer, work: Work, count_calls: bool = False) -> Figures:
        """The figures of one run, with those of system calls if they are to be and can be counted.

        Raises ProcessFailed.
        """
        port = free_port()
        command = self.runtimes[peer.runtime].command(peer, port, work.kind)
        if work.kind == "start":
            return self._start(command, port)
        with server(command, port, SERVER_CORE, graceful=False, nice=self.nice) as pid:
            if work.kind == "idle":
                return self._memory(pid, port, work)
            if work.kind == "storm":
                return self._storm(pid, port, work)
            short = peer.kind != peers.JAVASCRIPT and work.connections < CROWD
            warmup = self.warmup * work.warmups * (INTERPRETED_WARMUP if short else 1)
            if count_calls and not work.rate:
                with system_calls(pid) as calls:
                    return self._pace(pid, port, work, warmup, calls)
            return self._pace(pid, port, work, warmup)

    def _pace(
        self, pid: int, port: int, work: Work, warmup: float, calls: SystemCalls | None = None
    ) -> Figures:
        with self._load(port, work, *ENDLESS, *([COUNT] if calls else [])) as generator:
            generator.next_line()
            clock = CpuClock(pid)
            counts = self._count(calls, generator, clock, warmup * COUNTED) if calls else {}
            self._work(clock, warmup)
            generator.go()
            generator.next_line()
            clock, busy = CpuClock(pid), core_seconds(SERVER_CORE)
            if work.rate:
                time.sleep(self.seconds)
            else:
                self._work(clock, self.seconds)
            generator.go()
            result = generator.next_line()
            cpu, busy = clock.seconds(), core_seconds(SERVER_CORE) - busy
            system = clock.system_share()
        if not result["messages"] or not cpu:
            raise ProcessFailed("nothing was measured: too short a time")
        seconds, latency, cost = result["seconds"], result["latency_us"], cpu / result["messages"] * 1e6
        figures = {
            "messages_per_cpu_second": result["messages"] / cpu,
            "user_us": cost * (1 - system),
            "system_us": cost * system,
            **counts,
            "messages_per_second": result["messages"] / seconds,
            "p50_us": latency["p50"],
            "p99_us": latency["p99"],
            "server_cpu_share": cpu / seconds,
            "load_cpu_share": result["load_cpu_seconds"] / seconds,
            "foreign_cpu_share": max(busy - cpu, 0) / seconds,
        }
        if work.rate:
            figures["rate_share"] = result["messages"] / seconds / work.rate
        return figures

    def _count(
        self, calls: SystemCalls, generator: "LoadGenerator", clock: CpuClock, seconds: float
    ) -> Figures:
        """System calls a message while the server works for so long; then they are counted no more."""
        calls.start()
        self._work(clock, seconds)
        generator.go()
        messages = generator.next_line()["messages"]
        counts = calls.stop()
        calls.close()
        return {kind: count / messages for kind, count in counts.items()} if messages else {}

    def _work(self, clock: CpuClock, seconds: float) -> None:
        """Wait until the server has used so many seconds of CPU time, or some times as many have passed.

        So others, who may take a part of the core, shorten neither the warm-up nor what is measured.
        """
        deadline = time.monotonic() + LONGEST * seconds
        while (left := seconds - clock.seconds()) > 0 and time.monotonic() < deadline:
            time.sleep(max(left, 0.005))

    def _memory(self, pid: int, port: int, work: Work) -> Figures:
        """Growth of the server's resident memory by connections that do nothing but answer pings."""
        empty = resident_bytes(pid)
        with self._load(port, replace(work, connections=IDLE_FIRST)) as first:
            first.next_line()
            time.sleep(SETTLE_SECONDS)
            before = resident_bytes(pid)
            rest = replace(work, connections=work.connections - IDLE_FIRST)
            with self._load(port, rest) as more:
                more.next_line()
                time.sleep(SETTLE_SECONDS)
                after = resident_bytes(pid)
        return {
            "bytes_per_connection": (after - before) / rest.connections,
            "empty_bytes": empty,
        }

    def _storm(self, pid: int, port: int, work: Work) -> Figures:
        """From the end of all connections but one until the server tells that one that it is alone."""
        with self._load(port, work) as generator:
            generator.next_line()
            clock = CpuClock(pid)
            generator.go()
            result = generator.next_line()
            cpu = clock.seconds()
        return {
            "connections_per_cpu_second": result["gone"] / cpu,
            "gone_seconds": result["seconds"],
            "longest_answer_ms": result["longest_answer_ms"],
        }

    def _start(self, command: list[str], port: int) -> Figures:
        """From the start of the process until it has answered the first handshake."""
        begin = time.monotonic()
        with server(command, port, SERVER_CORE, handshake, graceful=False, nice=self.nice) as pid:
            return {"start_seconds": time.monotonic() - begin, "start_cpu_seconds": used_cpu_seconds(pid)}

    @contextmanager
    def _load(self, port: int, work: Work, *times: str) -> Iterator["LoadGenerator"]:
        """Run the load generator until the body has read what it wants, then check how it ended."""
        with tempfile.TemporaryFile() as messages:
            command: list[str | Path] = [self.load, f"--port={port}", *work.flags(), *times]
            process = spawn(command, LOAD_CORE, subprocess.PIPE, messages, self.nice)
            generator = LoadGenerator(process, messages)
            try:
                yield generator
                generator.finish()
            finally:
                process.kill()
                process.wait()


def handshake(port: int) -> bool:
    """Whether a server answers a client that opens a session by polling."""
    request = (
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 10) as stream:
        stream.sendall(request)
        answer = b""
        while data := stream.recv(65536):
            answer += data
        if b'"sid":"' not in answer:
            raise ProcessFailed(f"the handshake was answered with {answer!r}")
        return True
    return False


class LoadGenerator:
    """A running load generator, which reports in lines of JSON."""

    def __init__(self, process: subprocess.Popen[str], messages: BinaryIO) -> None:
        self._process = process
        self._messages = messages

    def next_line(self) -> dict[str, Any]:
        """Wait for the next report. Raises ProcessFailed when the generator ends or stays silent instead."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(PATIENCE_SECONDS):
                raise ProcessFailed(f"the load generator said nothing for {PATIENCE_SECONDS} s")
        line = self._process.stdout.readline()
        if not line:
            self.finish()
            raise ProcessFailed("the load generator ended without a result")
        report: dict[str, Any] = json.loads(line)
        return report

    def go(self) -> None:
        """Let it continue, where it waits for that."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Let it end. Raises ProcessFailed if any message was wrong."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait(PATIENCE_SECONDS):
            self._messages.seek(0)
            raise ProcessFailed(self._messages.read().decode(errors="replace").strip())


def require_cores() -> None:
    """Raises MissingTool if this process may not run on both cores."""
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise peers.MissingTool(f"cores {SERVER_CORE} and {LOAD_CORE}: server and load each need one")
