"""Connection state recovery with JavaScript's client, whose connections are cut."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from arcwire import Recovery, Server, Socket
from support.interop import SUITES
from support.proxy import Proxy, proxying
from support.uvicorn_server import running

CUTS = 200
TRANSPORTS = ["websocket", "polling", "polling,websocket"]
PATIENCE = 20


class NodeClient:
    """recovery.mjs as a process, and what it told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[list[Any]] = []
        self._changed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, url: str, transports: str) -> "NodeClient":
        return cls(
            await asyncio.create_subprocess_exec(
                *("node", "recovery.mjs", url, transports), cwd=SUITES, stdout=asyncio.subprocess.PIPE
            )
        )

    def all(self, what: str) -> list[list[Any]]:
        """The arguments of each time that this happened."""
        return [values for name, *values in self.told if name == what]

    async def wait_for(self, what: str, count: int = 1) -> None:
        """Wait until this happened so often."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.all(what)) >= count)

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._changed:
                self.told.append(json.loads(line))
                self._changed.notify_all()


@asynccontextmanager
async def connected(io: Server, proxy: Proxy, *transports: str) -> AsyncIterator[dict[str, NodeClient]]:
    """A client for each kind of transports, by the id of its socket."""
    clients = await asyncio.gather(*(NodeClient.start(proxy.url, each) for each in transports))
    try:
        for client in clients:
            await client.wait_for("connect")
        yield {client.all("connect")[0][0]: client for client in clients}
    finally:
        await asyncio.gather(*(client.close() for client in clients))


def recovering() -> Server:
    """A server that notices soon when a client polls no more.

    JavaScript's stays paused when a probe fails while its transport pauses; only heartbeats end that.
    """
    return Server(connection_state_recovery=Recovery(), ping_interval=1, ping_timeout=1)


class Speaker:
    """Emits numbered events to all clients, by all ways, and others in between that may get lost."""

    def __init__(self, io: Server, dice: random.Random) -> None:
        self.io = io
        self.dice = dice
        self.number = 0
        self.sockets: dict[str, Socket] = {}
        io.on_connect(self.enter)

    async def enter(self, socket: Socket) -> None:
        if not socket.recovered:
            self.sockets[socket.id] = socket
            socket.join(f"room of {socket.id}", "everybody")

    def speak(self) -> None:
        """One numbered event for each client."""
        way = self.dice.choice(["room", "namespace", "direct", "own room"])
        if way == "room":
            self.io.to("everybody").emit("numbered", self.number)
        elif way == "namespace":
            self.io.emit("numbered", self.number, b"binary")
        for id, socket in self.sockets.items():
            if way == "direct":
                socket.emit("numbered", self.number, "text")  # also while its client is away
            elif way == "own room":
                self.io.to(f"room of {id}").emit("numbered", self.number)
        self.number += 1
        self.interrupt()

    def interrupt(self) -> None:
        """Perhaps an event that is not sent again, with what a client could take for an offset."""
        what = self.dice.choice(["volatile", "volatile to all", "ask", "ask all", "", ""])
        if what == "volatile to all":
            self.io.volatile.emit("volatile")
        elif what == "ask all":
            self.io.emit_with_ack("ask", "a string at the end")
        for socket in self.io.sockets.values():
            if what == "volatile":
                socket.volatile.emit("volatile", "a string at the end")
            elif what == "ask":
                socket.emit_with_ack("ask", "a string at the end")


@pytest.mark.timeout(90)
async def test_no_event_is_lost_or_doubled_over_cuts_at_random_moments(node_modules: Path) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)  # noqa: T201 - pytest shows it when the test fails
    dice = random.Random(seed)
    io = recovering()
    speaker = Speaker(io, dice)
    async with (
        running(io.asgi()) as server,
        proxying(server.url, seed=seed) as proxy,
        connected(io, proxy, *TRANSPORTS) as clients,
    ):
        cuts = 0
        while cuts < CUTS:
            for _ in range(dice.randrange(20)):
                speaker.speak()
                await asyncio.sleep(0.002)
            cuts += proxy.cut(unnoticed=dice.random() < 0.3) > 0
        io.emit("end")
        for client in clients.values():
            await client.wait_for("end")
        assert proxy.lost > 0
        assert set(speaker.sockets) == set(clients)  # nobody started anew
        for id, client in clients.items():
            assert [number for (number,) in client.all("numbered")] == list(range(speaker.number))
            first, *others = client.all("connect")
            assert first == [id, False]
            assert others == [[id, True]] * len(others)
            assert others
        assert sum(len(client.all("connect")) for client in clients.values()) > CUTS / 4


@pytest.mark.parametrize("transports", TRANSPORTS)
@pytest.mark.parametrize("unnoticed", [False, True], ids=["noticed", "unnoticed"])
async def test_a_cut_before_the_first_event(node_modules: Path, transports: str, unnoticed: bool) -> None:
    io = recovering()
    async with (
        running(io.asgi()) as server,
        proxying(server.url) as proxy,
        connected(io, proxy, transports) as clients,
    ):
        ((id, client),) = clients.items()
        while not client.all("disconnect"):  # between two polls there is no connection to cut
            proxy.cut(unnoticed=unnoticed)
            await asyncio.sleep(0.01)
        io.emit("numbered", 0)
        io.to(id).emit("numbered", 1)
        await client.wait_for("connect", 2)
        io.emit("end")
        await client.wait_for("end")
        connects = client.all("connect")
        assert connects == [[id, False], *[[id, True]] * (len(connects) - 1)]
        assert client.all("numbered") == [[0], [1]]
        what = [name for name, *_ in client.told]
        assert what.index("numbered") > what.index("connect", what.index("disconnect"))
