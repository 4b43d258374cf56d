"""Arcwire's client and server over bad networks: what is acknowledged was handled once, in order.

`STORM_SECONDS=300 pytest tests/interop/test_client_storm.py` is the long form; `STORM_SEED` repeats one.
"""

import asyncio
import gc
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from arcwire import ArcwireError, Client, Event, MsgpackCodec, Recovery, Server, Socket
from support.storm import Storm, storming
from support.uvicorn_server import running
from support.worlds import TRANSPORTS

SECONDS = float(os.environ.get("STORM_SECONDS", "4"))
SEED = os.environ.get("STORM_SEED")
PATIENCE = 20.0
ASGI_HOST = {"http": "httptools", "ws": "websockets-sansio"}
"""uvicorn's own protocols in place of ours."""

AT_ONCE = 100
"""Events of one client that wait for their acknowledgement, more than its window."""


class Ledger:
    """What a server's handlers were called with, by client."""

    def __init__(
        self, io: Server, dice: random.Random, *, ordered: bool = False, middleware: bool = False
    ) -> None:
        self.handled: dict[str, list[int]] = {}

        @io.on_connect
        async def connected(socket: Socket, auth: dict[str, Any]) -> None:
            socket.data["name"] = auth["name"]
            self.handled.setdefault(auth["name"], [])

        @io.on("numbered", ordered=ordered)
        async def numbered(socket: Socket, number: int, content: Any = None) -> dict[str, Any]:
            self.handled[socket.data["name"]].append(number)
            if dice.random() < 0.3:
                await asyncio.sleep(dice.uniform(0, 0.05))
            return {"number": number, "content": content}

        if middleware:

            @io.use_event
            async def look(event: Event) -> None:
                if dice.random() < 0.1:
                    await asyncio.sleep(dice.uniform(0, 0.05))


class Emitter:
    """A client that emits numbered events, as many at a time as it may, and checks what is answered."""

    def __init__(self, name: str, url: str, transports: tuple[str, ...], **options: Any) -> None:
        self.name = name
        self.client = Client(
            url,
            auth={"name": name},
            transports=transports,
            reconnection_delay=0.01,
            reconnection_delay_max=0.1,
            timeout=2.0,
            retry_connect=True,
            **{"retries": 10_000, "ack_timeout": 1.0, **options},
        )
        self.acknowledged: list[int] = []
        self.failed: list[int] = []
        self.number = 0
        self._waiting: set[asyncio.Task[None]] = set()

    async def emit_until(self, stop: asyncio.Event, dice: random.Random) -> None:
        while not stop.is_set():
            if len(self._waiting) < AT_ONCE:
                content = dice.choice([None, "text" * dice.randrange(500), b"bytes" * dice.randrange(500)])
                task = asyncio.create_task(self._emit(self.number, content))
                self.number += 1
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
            await asyncio.sleep(dice.uniform(0, 0.01))
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._waiting)

    async def _emit(self, number: int, content: Any) -> None:
        args = (number,) if content is None else (number, content)
        try:
            answer = await self.client.socket.emit_with_ack("numbered", *args)
        except ArcwireError:
            self.failed.append(number)
        else:
            assert answer == {"number": number, "content": content}
            self.acknowledged.append(number)


def new_server(*, recovery: bool, **options: Any) -> Server:
    """A server that notices soon who is gone."""
    return Server(
        deduplicate_retries=True,
        ping_interval=0.4,
        ping_timeout=0.6,
        connection_state_recovery=Recovery() if recovery else None,
        **options,
    )


MAX_GROWTH = 24 * 1024 * 1024
"""Bytes that this process may grow by in the last two thirds; the lists of numbers here are most of it."""


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# What is remembered of a client that went away, for the time in which it may come back.
REMEMBERED = {"Inbox", "Acknowledgement", "Session", "Membership"}


class Footprint:
    """What this process holds: tasks, files and sockets, objects of the package."""

    def __init__(self) -> None:
        gc.collect()
        self.held = Counter({f"task {task.get_name()}": 1 for task in asyncio.all_tasks()})
        self.held["files"] = len(os.listdir("/proc/self/fd"))
        for each in gc.get_objects():
            kind = type(each)
            if str(kind.__module__).startswith("arcwire") and kind.__name__ not in REMEMBERED:
                self.held[f"{kind.__module__}.{kind.__name__}"] += 1

    def grown(self, after: "Footprint") -> dict[str, int]:
        """What there is more of later."""
        return dict(after.held - self.held)


async def settle(measure: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not measure():
            await asyncio.sleep(0.05)


def dice_of(request: pytest.FixtureRequest) -> random.Random:
    seed = SEED or str(random.SystemRandom().randrange(10**6))
    print(f"STORM_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(f"{seed} {request.node.name}")


@pytest.mark.timeout(SECONDS + 90)
@pytest.mark.parametrize("other", [False, True], ids=["plain", "recovery-msgpack-asgi"])
async def test_everything_is_handled_once_and_in_order(request: pytest.FixtureRequest, other: bool) -> None:
    dice = dice_of(request)
    options: dict[str, Any] = {"codec": MsgpackCodec()} if other else {}
    io = new_server(recovery=other, **options)
    ledger = Ledger(io, dice, middleware=other)
    async with running(io.asgi(), **(ASGI_HOST if other else {})) as server:
        await visit(server.url, **options)
        before = Footprint()
        emitters, _ = await rage(
            server.url, dice, options, enough=lambda _, storms: troubles(storms) > SECONDS
        )
        for emitter in emitters:
            assert emitter.failed == []
            assert sorted(emitter.acknowledged) == list(range(emitter.number))
            assert ledger.handled[emitter.name] == list(range(emitter.number))
        await settle(lambda: not io.sockets)
        await settle(lambda: len(io._tasks) == 0)
        for emitter in emitters:
            del emitter.client
        grown: dict[str, int] = {}

        def is_as_before() -> bool:
            grown.clear()
            grown.update(before.grown(Footprint()))
            return not grown

        with suppress(TimeoutError):
            await settle(is_as_before)
        assert grown == {}


@pytest.mark.timeout(SECONDS + 90)
async def test_what_is_given_up_is_handled_once_at_most(request: pytest.FixtureRequest) -> None:
    dice = dice_of(request)
    io = new_server(recovery=False)
    ledger = Ledger(io, dice, ordered=True)
    async with running(io.asgi()) as server:
        options = {"retries": 1, "ack_timeout": 0.3}
        emitters, _ = await rage(server.url, dice, options, enough=lambda emitters, _: failures(emitters))
        for emitter in emitters:
            handled = ledger.handled[emitter.name]
            assert handled == sorted(set(handled))
            assert set(emitter.acknowledged) <= set(handled)
            assert sorted(emitter.acknowledged + emitter.failed) == list(range(emitter.number))


@pytest.mark.timeout(SECONDS + 90)
async def test_without_retries_everything_settles_and_nothing_is_handled_twice(
    request: pytest.FixtureRequest,
) -> None:
    dice = dice_of(request)
    io = new_server(recovery=False)
    ledger = Ledger(io, dice)
    async with running(io.asgi()) as server:
        options = {"retries": 0, "ack_timeout": 2.0}
        emitters, _ = await rage(server.url, dice, options, enough=lambda emitters, _: failures(emitters))
        for emitter in emitters:
            handled = ledger.handled[emitter.name]
            assert handled == sorted(set(handled))
            assert set(emitter.acknowledged) <= set(handled)
            assert sorted(emitter.acknowledged + emitter.failed) == list(range(emitter.number))


@pytest.mark.timeout(SECONDS + 90)
async def test_with_recovery_no_event_of_the_server_is_lost_or_doubled(
    request: pytest.FixtureRequest,
) -> None:
    dice = dice_of(request)
    io = new_server(recovery=True)
    Ledger(io, dice)
    heard: dict[str, list[int]] = {name: [] for name in TRANSPORTS}
    recovered: dict[str, list[bool]] = {name: [] for name in TRANSPORTS}
    count = 0

    async def speak(until: asyncio.Event) -> None:
        nonlocal count
        while not until.is_set():
            for _ in range(dice.randrange(5)):
                io.emit("told", count, *([b"bytes" * dice.randrange(100)] if dice.random() < 0.2 else []))
                count += 1
            if dice.random() < 0.2:
                io.volatile.emit("volatile", "a string at the end")
            await asyncio.sleep(dice.uniform(0, 0.02))

    def listen(emitter: Emitter) -> None:
        socket = emitter.client.socket

        @socket.on_connect
        async def connected() -> None:
            recovered[emitter.name].append(socket.recovered)

        @socket.on("told")
        async def told(number: int, content: bytes = b"") -> None:
            heard[emitter.name].append(number)

    async with running(io.asgi()) as server:
        over = asyncio.Event()

        async def finish() -> None:
            over.set()
            await settle(lambda: all(numbers[-1:] == [count - 1] for numbers in heard.values()))

        speaking: list[asyncio.Task[None]] = []
        emitters, _ = await rage(
            server.url,
            dice,
            {},
            prepare=listen,
            begin=lambda: speaking.append(asyncio.create_task(speak(over))),
            finish=finish,
            enough=lambda *_: sum(map(len, recovered.values())) > 2 * len(TRANSPORTS),
        )
        await asyncio.gather(*speaking)
        for name, numbers in heard.items():
            assert numbers == list(range(count)), name
            assert recovered[name] == [False, *[True] * (len(recovered[name]) - 1)], name
        assert all(emitter.failed == [] for emitter in emitters)


def troubles(storms: list[Storm]) -> int:
    """How many there were."""
    return sum(storm.troubles.total() for storm in storms)


def failures(emitters: list[Emitter]) -> int:
    """How many events were given up."""
    return sum(len(emitter.failed) for emitter in emitters)


async def visit(url: str, **options: Any) -> None:
    """Have the server make what it makes once."""
    for transports in TRANSPORTS.values():
        async with Client(url, auth={"name": "visitor"}, transports=transports, **options) as socket:
            await socket.emit_with_ack("numbered", 0)


async def rage(
    url: str,
    dice: random.Random,
    options: dict[str, Any],
    prepare: Callable[[Emitter], None] = lambda emitter: None,
    begin: Callable[[], None] = lambda: None,
    finish: Callable[[], Awaitable[None]] | None = None,
    enough: Callable[[list[Emitter], list[Storm]], object] = lambda emitters, storms: True,
) -> tuple[list[Emitter], list[Storm]]:
    """A client of each kind in a storm of its own, for a while; then they come to their end.

    `prepare` gets each client before it connects; `begin` is called once all are in, `finish` when the
    weather is good again, and that is not before `enough` has happened.
    """
    stop = asyncio.Event()
    emitters: list[Emitter] = []
    storms: list[Storm] = []
    async with AsyncExitStack() as stack:
        for name, transports in TRANSPORTS.items():
            proxy, storm = await stack.enter_async_context(storming(url, dice))
            emitter = Emitter(name, proxy.url, transports, **options)
            stack.push_async_callback(emitter.client.close)
            prepare(emitter)
            emitters.append(emitter)
            storms.append(storm)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(emitter.client.connect() for emitter in emitters))
        begin()
        running_emitters = [asyncio.create_task(each.emit_until(stop, dice)) for each in emitters]
        await asyncio.sleep(SECONDS / 3)
        early = resident()
        await asyncio.sleep(SECONDS * 2 / 3)
        assert resident() - early < MAX_GROWTH
        await settle(lambda: enough(emitters, storms))
        stop.set()
        for storm in storms:
            await storm.end()
        await asyncio.gather(*running_emitters)
        if finish is not None:
            await finish()
    return emitters, storms
