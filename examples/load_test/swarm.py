"""Many clients in one process, each of which sends and waits for its acknowledgement."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

from arcwire import AckTimeout, Client, ConnectError, ConnectRefused, Disconnected
from outcome import Results


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the clients do. Durations are seconds."""

    url: str
    clients: int = 2000
    connect_rate: float = 500.0
    """New connections a second."""
    duration: float = 30.0
    """How long messages are sent, once all clients have connected or failed to."""
    interval: float = 1.0
    """Between two messages of one client."""
    event: str = "echo"
    args: tuple[Any, ...] = ("hello",)
    ack_timeout: float = 10.0
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the clients."""


class Swarm:
    """The clients of one test.

    Sending is on schedule: a client that still waits for its answer when the next message is due sends that
    late, and its latency counts from when it was due. So a server that stops for a second is seen by all
    the messages of that second, and not by one for each client.
    """

    def __init__(self, plan: Plan, results: Results) -> None:
        self.plan = plan
        self.results = results
        self._clients: list[Client] = []
        self._began = 0.0
        self._closing = False

    @property
    def clients(self) -> int:
        """How many clients are done with connecting, well or not."""
        return self.results.connects.count + sum(
            number for what, number in self.results.failures.items() if what.startswith("connecting: ")
        )

    @property
    def elapsed(self) -> float:
        """Seconds since messages are sent."""
        return time.perf_counter() - self._began if self._began else 0.0

    async def connect(self) -> None:
        """Open all connections, at the rate of the plan."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self.plan.clients):
                ahead = number / self.plan.connect_rate - (time.perf_counter() - began)
                if ahead > 0:
                    await asyncio.sleep(ahead)
                group.create_task(self._connect())

    async def send(self) -> None:
        """Let every client that is connected send, for the duration of the plan."""
        self._began = time.perf_counter()
        until = self._began + self.plan.duration
        try:
            async with asyncio.TaskGroup() as group:
                for client in self._clients:
                    group.create_task(self._send(client, until))
        finally:
            self.results.seconds = self.elapsed

    async def close(self) -> None:
        """Close all connections."""
        self._closing = True
        await asyncio.gather(*(client.close() for client in self._clients))
        self._clients.clear()

    async def _connect(self) -> None:
        client = Client(self.plan.url, **self.plan.options)
        began = time.perf_counter()
        try:
            await client.connect()
        except ConnectError as error:
            self._count(f"connecting: {_name(error)}")
            await client.close()
            return
        except BaseException:
            await client.close()
            raise
        self._clients.append(client)
        self.results.connects.record(time.perf_counter() - began)
        self.results.connected += 1
        self._watch(client)

    def _watch(self, client: Client) -> None:
        socket = client.socket

        @socket.on_disconnect
        async def lost(reason: str) -> None:
            if not self._closing:
                self.results.connected -= 1
                self._count(f"disconnected: {reason}")

        @socket.on_connect
        async def back() -> None:
            self.results.connected += 1

    async def _send(self, client: Client, until: float) -> None:
        interval = self.plan.interval
        # Apart from each other, or all would send at the same moment.
        due = self._began + random.random() * interval
        ask = client.socket.timeout(self.plan.ack_timeout)
        while due < until:
            await asyncio.sleep(due - time.perf_counter())
            self.results.sent += 1
            try:
                await ask.emit_with_ack(self.plan.event, *self.plan.args)
            except (AckTimeout, Disconnected) as error:
                self._count(f"asking: {_name(error)}")
            else:
                self.results.answers.record(time.perf_counter() - due)
                self.results.seconds = self.elapsed
            due += interval

    def _count(self, what: str) -> None:
        self.results.failures[what] += 1


def _name(error: Exception) -> str:
    if isinstance(error, ConnectRefused):
        return f"refused: {error.message}"
    return type(error).__name__
