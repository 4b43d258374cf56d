"""What a client under the benchmark is told to do, and answers. node_client.mjs is the same in JavaScript.

A process reads commands from standard input, a line each, and answers each with a line of JSON:

    connect COUNT            so many more clients are connected          -> {"connected": COUNT}
    calls SECONDS            every client calls, one call after another  -> {"done": ..., "median": seconds}
    calls-at-once SECONDS N  the same with N calls in flight             -> {"done": ...}
    events SECONDS N         N events in flight, answered by events      -> {"done": ...}
    blocking SECONDS         one blocking client calls                   -> {"done": ..., "median": seconds}
    end                      the process ends

The first line that it writes is {"ready": true}: what a client needs is imported by then.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

TEXT = "x" * 32
CONNECTING_AT_ONCE = 32
IN_A_ROW = 16
"""Calls between two looks at the clock."""
DUE_SECONDS = 20.0


class Driver:
    """A client library: how to connect, call, emit, hear."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clients: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self) -> Any:
        raise NotImplementedError

    async def call(self, client: Any, times: int) -> None:
        """Call so often, one call after another."""
        raise NotImplementedError

    def emit(self, client: Any) -> None:
        raise NotImplementedError

    def on_echo(self, client: Any, function: Callable[[], None]) -> None:
        raise NotImplementedError

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def connect_many(self, count: int) -> dict[str, Any]:
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one() -> None:
            async with gate:
                self.clients.append(await self.connect())

        await asyncio.gather(*(one() for _ in range(count)))
        return {"connected": len(self.clients)}

    async def calls(self, seconds: float, at_once: int = 1) -> dict[str, Any]:
        end = time.perf_counter() + seconds
        times: list[float] = []

        async def work(client: Any) -> None:
            while (start := time.perf_counter()) < end:
                await self.call(client, IN_A_ROW)
                times.append((time.perf_counter() - start) / IN_A_ROW)

        await asyncio.gather(*(work(client) for client in self.clients for _ in range(at_once)))
        return {"done": len(times) * IN_A_ROW, "median": statistics.median(times)}

    async def events(self, seconds: float, at_once: int) -> dict[str, Any]:
        counts = [0, 0]
        end = time.perf_counter() + seconds
        over = asyncio.get_running_loop().create_future()

        def answer_with(client: Any) -> Callable[[], None]:
            def heard() -> None:
                counts[1] += 1
                if time.perf_counter() < end:
                    counts[0] += 1
                    self.emit(client)
                elif counts[0] == counts[1] and not over.done():
                    over.set_result(None)

            return heard

        for client in self.clients:
            self.on_echo(client, answer_with(client))
            for _ in range(at_once):
                counts[0] += 1
                self.emit(client)
        await asyncio.wait_for(over, seconds + DUE_SECONDS)
        return {"done": counts[1]}


async def drive(driver: Driver, blocking: Callable[[str, float], dict[str, Any]] | None = None) -> None:
    """Do what standard input says, until it ends."""

    def tell(answer: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    tell({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        command, *args = line.split()
        if command == "connect":
            tell(await driver.connect_many(int(args[0])))
        elif command == "calls":
            tell(await driver.calls(float(args[0])))
        elif command == "calls-at-once":
            tell(await driver.calls(float(args[0]), int(args[1])))
        elif command == "events":
            tell(await driver.events(float(args[0]), int(args[1])))
        elif command == "blocking" and blocking is not None:
            tell(await asyncio.to_thread(blocking, driver.url, float(args[0])))
        elif command == "end":
            break
        else:
            raise ValueError(f"unknown command {line!r}")
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    # Closing a thousand clients is not measured.
    os._exit(0)
