"""`deduplicate_retries`, over memory links: clients that send events again."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from arcwire import (
    Ack,
    ConnectionRefused,
    Event,
    EventError,
    MsgpackCodec,
    Recovery,
    Server,
    Socket,
)
from arcwire.engineio.protocol.reasons import CloseReason
from support.memory import MemoryClient, until

RETRY_ID = "abcdefghijklmnopqrst"


async def started() -> None:
    """Handlers run: before Python 3.12 they start in the next tick."""
    for _ in range(3):
        await asyncio.sleep(0)


class Client:
    """Sends events under ids of the test's choice, over as many connections as it likes."""

    def __init__(self, io: Server, namespace: str = "/", id: str = RETRY_ID) -> None:
        self.io = io
        self.namespace = namespace
        self.head = "" if namespace == "/" else f"{namespace},"
        self.id = id
        self.greeting: dict[str, Any] = {}
        self.line: MemoryClient

    async def connect(self, start: int = 0, **auth: object) -> "Client":
        self.line = MemoryClient(self.io)
        said = json.dumps({"retry": {"id": self.id, "from": start}, **auth})
        self.line.send(f"0{self.head}{said}")
        head = f"0{self.head}" + "{"
        answer = await self.line.wait_for(lambda data: isinstance(data, str) and data.startswith(head))
        self.greeting = json.loads(str(answer)[len(head) - 1 :])
        return self

    async def emit(self, id: int, event: str, *args: object) -> None:
        self.line.send(f"2{self.head}{id}{json.dumps([event, *args])}")
        await started()

    def lose(self) -> None:
        """The connection breaks."""
        self.line.drop(CloseReason.TRANSPORT_ERROR)

    def answers(self) -> list[str]:
        """The acknowledgements on this line."""
        return [str(data) for data in self.line.inbox if isinstance(data, str) and data[0] in "36"]


class Handled:
    """A server's record of what its handlers were called with."""

    def __init__(self, io: Server, namespace: str = "/") -> None:
        self.numbers: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}

        @io.of(namespace).on("count")
        async def count(socket: Socket, number: int) -> int:
            self.numbers.append(number)
            if number in self.gates:
                await self.gates[number].wait()
            return number * 10


@pytest.fixture(params=[None, Recovery()], ids=["plain", "recovery"])
async def io(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    server = Server(deduplicate_retries=True, connection_state_recovery=request.param)
    yield server
    await server.close()


async def test_the_server_says_so_and_hides_what_belongs_to_the_protocol() -> None:
    class Login(msgspec.Struct, forbid_unknown_fields=True):
        user: str

    io = Server(deduplicate_retries=True)
    seen: list[Login] = []

    @io.on_connect
    async def connected(socket: Socket, auth: Login) -> None:
        seen.append(auth)
        assert socket.handshake.auth == {"user": "ana"}

    client = await Client(io).connect(user="ana")
    assert client.greeting["retry"] is True
    assert seen == [Login("ana")]


async def test_off_by_default_and_hidden_all_the_same() -> None:
    io = Server()
    handled = Handled(io)
    client = await Client(io).connect(user="ana")
    assert client.greeting.keys() == {"sid"}
    (socket,) = io.sockets.values()
    assert type(socket) is Socket
    assert socket.handshake.auth == {"user": "ana"}
    await client.emit(0, "count", 1)
    await client.emit(0, "count", 1)
    assert handled.numbers == [1, 1]


async def test_clients_that_say_nothing_get_ordinary_sockets(io: Server) -> None:
    line = MemoryClient(io)
    socket = await line.enter()
    assert not line.inbox[0].count('"retry"')  # type: ignore[arg-type]
    assert "Deduplicating" not in [kind.__name__ for kind in type(socket).__mro__]


@pytest.mark.parametrize(
    "own",
    [
        True,
        {"id": "short", "from": 0},
        {"id": RETRY_ID},
        {"id": RETRY_ID, "from": -1},
        {"id": RETRY_ID, "from": "0"},
        {"id": RETRY_ID, "from": True},
        {"id": RETRY_ID, "from": 0, "more": 1},
        {"id": "x" * 65, "from": 0},
    ],
)
async def test_a_key_of_the_application_with_this_name_is_left_alone(io: Server, own: object) -> None:
    line = MemoryClient(io)
    socket = await line.enter(auth={"retry": own})
    assert socket.handshake.auth == {"retry": own}


async def test_a_predicate_of_namespaces_does_not_see_it() -> None:
    io = Server(deduplicate_retries=True)
    seen: list[dict[str, Any]] = []

    async def allow(name: str, auth: dict[str, Any]) -> bool:
        seen.append(auth)
        return True

    io.of(allow)
    client = await Client(io, "/made").connect(user="ana")
    assert client.greeting["retry"] is True
    assert seen == [{"user": "ana"}]


async def test_an_answered_event_gets_the_recorded_answer(io: Server) -> None:
    handled = Handled(io)
    client = await Client(io).connect()
    await client.emit(3, "count", 7)
    assert client.answers() == ["33[70]"]
    await client.emit(3, "count", 7)  # an impatient client, on the same connection
    assert client.answers() == ["33[70]", "33[70]"]
    client.lose()
    await client.connect(3)
    await client.emit(3, "count", 7)
    await client.emit(4, "count", 8)
    assert client.answers() == ["33[70]", "34[80]"]
    assert handled.numbers == [7, 8]


async def test_a_running_handler_answers_on_the_connection_that_is_there_then(io: Server) -> None:
    handled = Handled(io)
    handled.gates[7] = asyncio.Event()
    client = await Client(io).connect()
    await client.emit(0, "count", 7)
    await until(lambda: handled.numbers == [7])
    client.lose()
    await client.connect()
    await client.emit(0, "count", 7)
    await client.emit(1, "count", 8)
    await until(lambda: client.answers() == ["31[80]"])
    handled.gates[7].set()
    await until(lambda: client.answers() == ["31[80]", "30[70]"])
    assert handled.numbers == [7, 8]


async def test_an_answer_given_while_the_client_is_away(io: Server) -> None:
    handled = Handled(io)
    handled.gates[7] = asyncio.Event()
    client = await Client(io).connect()
    await client.emit(0, "count", 7)
    await until(lambda: handled.numbers == [7])
    client.lose()
    handled.gates[7].set()
    await until(lambda: not io._tasks)
    await client.connect()
    assert client.answers() == []
    await client.emit(0, "count", 7)
    assert client.answers() == ["30[70]"]
    assert handled.numbers == [7]


async def test_binary_answers_are_repeated_whole(io: Server) -> None:
    calls: list[bytes] = []

    @io.on("echo")
    async def echo(socket: Socket, value: bytes) -> dict[str, Any]:
        calls.append(value)
        return {"one": value, "two": [value]}

    client = await Client(io).connect()
    for _ in range(2):
        for _ in range(2):
            client.line.send('51-5["echo",{"_placeholder":true,"num":0}]', b"data")
            await started()
        start = client.line.inbox.index(client.answers()[0])
        answer = client.line.inbox[start : start + 3]
        assert answer[1:] == [b"data", b"data"]
        assert client.line.inbox[start:] == answer * 2
        client.lose()
        await client.connect()
    assert calls == [b"data"]


async def test_with_messagepack() -> None:
    io = Server(deduplicate_retries=True, codec=MsgpackCodec())
    handled = Handled(io)
    for _ in range(2):
        line = MemoryClient(io)
        for packet in (
            {"type": 0, "nsp": "/", "data": {"retry": {"id": RETRY_ID, "from": 0}}},
            {"type": 2, "nsp": "/", "id": 5, "data": ["count", 7]},
        ):
            line.send(msgspec.msgpack.encode(packet))
            await started()
        answer = {"type": 3, "nsp": "/", "id": 5, "data": [70]}
        assert msgspec.msgpack.decode(line.inbox[1]) == answer  # type: ignore[arg-type]
        line.drop()
    assert handled.numbers == [7]


async def test_errors_are_answers_too(io: Server) -> None:
    calls: list[int] = []

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        calls.append(1)
        raise EventError("no")

    client = await Client(io).connect()
    for _ in range(2):
        await client.emit(0, "fail")
        await client.emit(1, "unknown")
        await client.emit(2, "fail", "too", "many", "arguments")
        assert len(calls) == 1
        codes = [json.loads(each[2:])[0]["error"]["code"] for each in client.answers()]
        assert codes == ["no", "unknown_event", "invalid"]
        client.lose()
        await client.connect()


async def test_an_answer_from_a_thread(io: Server) -> None:
    acks: list[Ack] = []

    @io.on("later")
    async def later(socket: Socket, ack: Ack) -> None:
        acks.append(ack)

    client = await Client(io).connect()
    await client.emit(0, "later")
    client.lose()
    await client.connect()
    await client.emit(0, "later")
    await asyncio.to_thread(acks[0], "done")
    await until(lambda: client.answers() == ['30["done"]'])
    await client.emit(0, "later")
    assert client.answers() == ['30["done"]'] * 2
    assert len(acks) == 1


async def test_what_is_settled_is_forgotten_and_not_handled(io: Server) -> None:
    handled = Handled(io)
    client = await Client(io).connect()
    for id in range(3):
        await client.emit(id, "count", id)
    client.lose()
    await client.connect(2)
    await client.emit(0, "count", 0)
    await client.emit(2, "count", 2)
    first, second = client.answers()
    assert json.loads(first[2:])[0]["error"]["code"] == "answer_lost"
    assert second == "32[20]"
    assert handled.numbers == [0, 1, 2]


async def test_namespaces_and_clients_have_ids_of_their_own(io: Server) -> None:
    here, there = Handled(io), Handled(io, "/there")
    clients = [await Client(io).connect(), await Client(io, "/there").connect()]
    clients.append(await Client(io, id="another_client_entirely").connect())
    for number, client in enumerate(clients):
        await client.emit(0, "count", number)
        assert client.answers() == [f"3{client.head}0[{number * 10}]"]
    assert (here.numbers, there.numbers) == ([0, 2], [1])


async def test_the_newer_connection_takes_over(io: Server) -> None:
    handled = Handled(io)
    handled.gates[7] = asyncio.Event()
    client = await Client(io).connect()
    await client.emit(0, "count", 7)
    await until(lambda: handled.numbers == [7])
    old = client.line  # broken, but the server has not noticed
    await client.connect()
    assert old.closed
    handled.gates[7].set()
    await until(lambda: client.answers() == ["30[70]"])
    assert len(io.sockets) == 1
    assert not [data for data in old.inbox if str(data).startswith("3")]


async def test_events_that_wait_for_connection_handlers_are_new_when_they_come_again(io: Server) -> None:
    handled = Handled(io)
    ready = asyncio.Event()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        await ready.wait()

    client = Client(io)
    client.line = MemoryClient(io)
    client.line.send(f'0{{"retry":{{"id":"{RETRY_ID}","from":0}}}}')
    await client.emit(0, "count", 7)
    client.lose()
    ready.set()
    await client.connect()
    assert handled.numbers == []
    await client.emit(0, "count", 7)
    await until(lambda: client.answers() == ["30[70]"])
    assert handled.numbers == [7]


async def test_an_event_that_cannot_be_read_is_not_counted_as_seen(io: Server) -> None:
    handled = Handled(io)
    client = await Client(io).connect()
    client.line.send('20["count",}')
    assert client.line.closed
    await client.connect()
    await client.emit(0, "count", 7)
    assert client.answers() == ["30[70]"]
    assert handled.numbers == [7]


async def test_order_holds_over_connections_where_middlewares_take_their_time(io: Server) -> None:
    handled = Handled(io)
    slow = asyncio.Event()

    @io.use_event
    async def look(event: Event) -> None:
        if event.args == [1]:
            await slow.wait()

    client = await Client(io).connect()
    for id in range(3):
        await client.emit(id, "count", id)
    await until(lambda: handled.numbers == [0])
    for connection in range(3):
        client.lose()
        await client.connect()
        for id in range(4 + connection):
            await client.emit(id, "count", id)
    assert handled.numbers == [0]
    slow.set()
    await until(lambda: len(set(client.answers())) == 6)
    assert handled.numbers == [0, 1, 2, 3, 4, 5]
    assert sorted(set(client.answers())) == [f"3{id}[{id * 10}]" for id in range(6)]


async def test_ordered_handlers_stay_so_over_connections(io: Server) -> None:
    started: list[int] = []
    gate = asyncio.Event()

    @io.on("step", ordered=True)
    async def step(socket: Socket, number: int) -> int:
        started.append(number)
        if number == 0:
            await gate.wait()
        return number

    client = await Client(io).connect()
    for id in range(3):
        await client.emit(id, "step", id)
    client.lose()
    await client.connect()
    for id in range(5):
        await client.emit(id, "step", id)
    await until(lambda: started == [0])
    gate.set()
    await until(lambda: len(client.answers()) == 5)
    assert started == [0, 1, 2, 3, 4]


async def test_a_client_that_is_refused_leaves_nothing(io: Server) -> None:
    @io.use
    async def refuse(socket: Socket) -> None:
        raise ConnectionRefused("no")

    line = MemoryClient(io)
    line.send(f'0{{"retry":{{"id":"{RETRY_ID}","from":0}}}}')
    await until(lambda: any(str(data).startswith("4") for data in line.inbox))
    assert io.deduplicator is not None
    assert len(io.deduplicator.inboxes) == 0


async def test_clients_are_forgotten_in_time() -> None:
    io = Server(deduplicate_retries=0.05)
    handled = Handled(io)
    client = await Client(io).connect()
    await client.emit(0, "count", 7)
    client.lose()
    assert io.deduplicator is not None
    inboxes = io.deduplicator.inboxes
    assert len(inboxes) == 1
    await until(lambda: len(inboxes) == 0)
    await client.connect()
    await client.emit(0, "count", 7)
    assert handled.numbers == [7, 7]
    await asyncio.sleep(0.1)  # longer than the retention: who is here is not forgotten
    await client.emit(0, "count", 7)
    assert handled.numbers == [7, 7]


async def test_nothing_outlives_the_server(io: Server) -> None:
    Handled(io)
    client = await Client(io).connect()
    await client.emit(0, "count", 7)
    deduplicator = io.deduplicator
    assert deduplicator is not None
    await io.close()
    assert len(deduplicator.inboxes) == 0
    assert deduplicator.timer_slot == 0


@pytest.mark.parametrize("option", [0, -1, "long"])
def test_options_that_cannot_work(option: Any) -> None:
    with pytest.raises(ValueError, match="positive number"):
        Server(deduplicate_retries=option)
