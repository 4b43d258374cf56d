"""What is measured: tasks for the load generator, and the figure that counts in each."""

from dataclasses import dataclass

IDLE_FIRST = 500
"""Connections that are open before the ones whose memory is measured, so that start-up is not counted."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured quantity: its name in the results, how it is called, how it is shown."""

    name: str
    unit: str
    scale: float = 1
    """What a shown unit is in measured ones."""
    lower_is_better: bool = False


PER_CPU_SECOND = Figure("messages_per_cpu_second", "k / CPU s", 1000)
CONNECTIONS_PER_CPU_SECOND = Figure("connections_per_cpu_second", "k / CPU s", 1000)
MEMORY = Figure("bytes_per_connection", "kB / connection", 1000, lower_is_better=True)
START = Figure("start_seconds", "ms", 0.001, lower_is_better=True)
LATENCY = Figure("p99_us", "ms, p99", 1000, lower_is_better=True)


@dataclass(frozen=True, slots=True)
class Work:
    """A task for the load generator. `in_flight` is per connection, for broadcasts per room."""

    name: str
    title: str
    kind: str
    connections: int
    in_flight: int = 1
    size: int = 32
    """Characters or bytes of a payload."""
    transport: str = "websocket"
    rate: int = 0
    """Messages a second, where they come at a fixed rate."""
    room_size: int = 0
    """Connections a room; 0 is all of them."""
    figure: Figure = PER_CPU_SECOND
    warmups: int = 1
    """How many times the usual warm-up it takes until compilers have done their best."""
    steady: bool = False
    """Whether the figure is the same in each run, so that the first rounds are enough."""

    def flags(self) -> list[str]:
        """Arguments for the load generator."""
        flags = {
            "work": self.kind,
            "connections": self.connections,
            "in-flight": self.in_flight,
            "size": self.size,
            "transport": self.transport,
            "rate": self.rate,
            "room-size": self.room_size,
        }
        return [f"--{name}={value}" for name, value in flags.items() if value]


WORKS = (
    Work("echo-1x1", "echo, 1 connection, 1 in flight", "echo", 1),
    Work("echo-100x1", "echo, 100 connections, 1 in flight", "echo", 100),
    Work("echo-100x8", "echo, 8 in flight", "echo", 100, 8),
    Work("echo-100x64", "echo, 64 in flight", "echo", 100, 64),
    Work("ack-100x8", "acknowledgement, 8 in flight", "ack", 100, 8),
    Work("ack-100x64", "acknowledgement, 64 in flight", "ack", 100, 64),
    Work("typed-100x8", "typed event and acknowledgement, 8 in flight", "typed", 100, 8),
    Work("text-4k", "text of 4 KiB, both ways", "echo", 50, 2, 4096),
    Work("text-64k", "text of 64 KiB, both ways", "echo", 20, 2, 65536),
    Work("binary-16k", "binary attachment of 16 KiB, both ways", "binary", 50, 2, 16384),
    Work("broadcast-1000", "broadcast to 1,000", "broadcast", 1000),
    Work("broadcast-10000", "broadcast to 10,000", "broadcast", 10_000),
    Work("rooms-100x10", "broadcasts to 100 rooms of 10", "rooms", 1000, room_size=10),
    Work("polling-100", "long-polling round trip", "echo", 100, transport="polling"),
    Work("connect-websocket", "connections by WebSocket", "connect", 64, warmups=2),
    Work(
        "connect-upgrade",
        "connections by polling, then upgrade",
        "connect",
        512,
        transport="upgrade",
        warmups=2,
    ),
    Work("storm-10000", "10,000 disconnect at once", "storm", 10_000, figure=CONNECTIONS_PER_CPU_SECOND),
    Work("latency-4000", "echo at 4,000 / s", "echo", 100, 64, rate=4000, figure=LATENCY),
    Work("latency-20000", "echo at 20,000 / s", "echo", 100, 64, rate=20_000, figure=LATENCY),
    Work(
        "idle-websocket",
        "memory of an idle WebSocket, 10,000 of them",
        "idle",
        10_000,
        figure=MEMORY,
        steady=True,
    ),
    Work(
        "idle-polling",
        "memory of an idle polling client, 10,000 of them",
        "idle",
        10_000,
        transport="polling",
        figure=MEMORY,
        steady=True,
    ),
    Work("start", "start of a small server", "start", 1, figure=START),
)
