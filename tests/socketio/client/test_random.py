"""Whatever happens in whatever order: acknowledgements settle, order holds, and nothing is left."""

import asyncio
import random
import re

import pytest

from arcwire import ArcwireError, ConnectError, OfflineBuffer, Unreachable
from support.engine_server import MemoryConnection, MemoryServer, until

EVENT = re.compile(r'2(/b,)?(\d*)\["n",(\d+)\]')


class World:
    """A client with two namespaces, and a server that does as the dice say."""

    def __init__(self, server: MemoryServer, dice: random.Random, retries: int) -> None:
        self.server = server
        self.dice = dice
        self.client = server.client(
            retries=retries,
            retry_window=dice.choice([1, 3, 64]),
            retry_connect=dice.random() < 0.5,
            ack_timeout=dice.choice([None, 0.002]),
            reconnection_attempts=dice.choice([None, 2]),
            timeout=dice.choice([None, 0.002]),
            offline_buffer=OfflineBuffer(max_events=5, overflow=dice.choice(["drop_oldest", "drop_newest"])),
        )
        self.sockets = [self.client.socket, self.client.of("/b")]
        self.answers = []
        self.number = 0
        self.volatile: set[int] = set()
        self.states = []
        for socket in self.sockets:
            socket.on_state(self._changed)
        self.streams = [socket.events(limit=3, overflow="drop_oldest") for socket in self.sockets]

    async def _changed(self, state) -> None:
        self.states.append(state)
        if state.name == "closed" and self.dice.random() < 0.2 and not self.client.manager.closed:
            self.dice.choice(self.sockets).connect()

    @property
    def connection(self) -> MemoryConnection | None:
        connections = self.server.connections
        return connections[-1] if connections and connections[-1].is_open else None

    def step(self) -> None:
        socket = self.dice.choice(self.sockets)
        if self.dice.random() < 0.6:
            self.use(socket)
        elif self.connection is not None:
            self.serve(self.connection, socket.namespace.name)
        else:
            self.server.unreachable = Unreachable("down") if self.dice.random() < 0.3 else None

    def use(self, socket) -> None:
        """The application does something."""
        number = self.number = self.number + 1
        match self.dice.randrange(8):
            case 0 | 1 | 2:
                socket.emit("n", number)
            case 3 | 4:
                self.answers.append(socket.emit_with_ack("n", number))
            case 5:
                self.volatile.add(number)
                self.answers.append(socket.volatile.emit_with_ack("n", number))
            case 6:
                socket.connect()
            case 7 if self.dice.random() < 0.3:
                socket.disconnect()

    def serve(self, connection: MemoryConnection, namespace: str) -> None:
        """The server does something."""
        head = "" if namespace == "/" else f"{namespace},"
        match self.dice.randrange(5):
            case 0:
                connection.drop()
            case 1 | 2:
                greeting = self.dice.choice([{}, {"pid": "p"}])
                connection.let_in(namespace, f"s{self.dice.randrange(9)}", **greeting)
            case 3:
                kinds = [f'2{head}["e",1]', f'2{head}7["e"]', f"1{head}", f'4{head}{{"message":"no"}}', "bad"]
                connection.receive(self.dice.choices(kinds, [5, 5, 1, 1, 1])[0])
            case 4:
                for packet in connection.sent[-3:]:
                    if (match := EVENT.fullmatch(str(packet))) and match[2]:
                        connection.receive(f"3{match[1] or ''}{match[2]}[]")

    def sent(self, namespace: str) -> list[list[int]]:
        """The numbers of the events that each connection carried, those first sent on it alone."""
        seen: set[int] = set()
        sent = []
        for connection in self.server.connections:
            matches = [EVENT.fullmatch(str(packet)) for packet in connection.sent]
            numbers = [int(each[3]) for each in matches if each and bool(each[1]) == (namespace != "/")]
            new = [number for number in dict.fromkeys(numbers) if number not in seen | self.volatile]
            seen.update(new)
            sent.append(new)
        return sent


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("seed", range(25))
async def test_whatever_happens(server, seed, retries):
    world = World(server, random.Random(seed), retries)
    for _ in range(400):
        world.step()
        for _ in range(world.dice.randrange(4)):
            await asyncio.sleep(0)
        for socket in world.sockets:
            assert socket.connected is (socket.state.name == "open")
            assert (socket.id is not None) is socket.connected
    await world.client.close(grace=0)
    outcomes = await asyncio.wait_for(asyncio.gather(*world.answers, return_exceptions=True), 5)
    assert all(each is None or isinstance(each, ArcwireError) for each in outcomes)
    for socket in world.sockets:
        assert socket.state.name == "closed"
        assert len(socket._outbox) == len(socket._outbox._acks) == 0
        first_tries = [number for numbers in world.sent(socket.namespace.name) for number in numbers]
        assert first_tries == sorted(first_tries), "events leave in the order of their emission"
    for stream in world.streams:
        try:
            async for _ in stream:
                pass
        except (ArcwireError, ConnectError):
            pass
    await until(lambda: not server.connections or not server.connections[-1].is_open)
