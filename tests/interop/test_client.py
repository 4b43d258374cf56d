"""Arcwire's client against the servers of the world; see tests/support/worlds.py."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from arcwire import AckTimeout, Client, ClientSocket, ConnectRefused, Disconnected, DisconnectReason
from support.proxy import Proxy, proxying
from support.servers import ServerProcess
from support.worlds import TRANSPORTS, WORLDS, Servers, World

PATIENCE = 10.0

VALUES = [
    None,
    [True, False, 0, -1, 1.5, 2**53],
    {"list": [], "object": {}, "text": ""},
    'é 漢字 🎉 \u2028 \u0000 \u001e \\ " /',
    b"\x00\x01\xfe\xff",
    b"",
    {"parts": [b"one", {"thumb": b"two"}, "text"], "again": b"one"},
]

Join = Callable[..., Awaitable[ClientSocket]]


@pytest.fixture
def process(servers: Servers, world: World) -> ServerProcess:
    """The server that a world is at."""
    return servers(world.server)


def worlds(condition: Callable[[World], bool]) -> pytest.MarkDecorator:
    """With each world of which this holds."""
    return pytest.mark.parametrize("world", [world for world in WORLDS if condition(world)], ids=str)


everywhere = worlds(lambda world: True)


@pytest.fixture(params=list(TRANSPORTS))
def transports(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What the client may use."""
    return TRANSPORTS[request.param]


@pytest.fixture
async def make(world: World, transports: tuple[str, ...]) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients, which are closed at the end."""
    clients: list[Client] = []

    def new(url: str, **options: Any) -> Client:
        client = Client(
            url,
            **{
                "path": world.path,
                "transports": transports,
                "reconnection_delay": 0.02,
                "reconnection_delay_max": 0.1,
                **world.options,
                **options,
            },
        )
        clients.append(client)
        return client

    yield new
    for client in clients:
        await client.close()


@pytest.fixture
async def join(make: Callable[..., Client], process: ServerProcess) -> Join:
    """Makes connected sockets of the root namespace."""

    async def connect(url: str = process.url, **options: Any) -> ClientSocket:
        client = make(url, **options)
        await client.connect()
        return client.socket

    return connect


class Heard:
    """The arguments of an event, each time that it comes."""

    def __init__(self, socket: ClientSocket, event: str) -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

        @socket.on(event)
        async def heard(*values: Any) -> None:
            self._queue.put_nowait(values)

    async def next(self) -> tuple[Any, ...]:
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def call(socket: ClientSocket, event: str, *values: Any) -> Any:
    return await socket.timeout(PATIENCE).emit_with_ack(event, *values)


async def lose(proxy: Proxy, socket: ClientSocket) -> None:
    """Break the connection, which the server may not notice at once."""
    while socket.connected:  # between two polls there is none to cut
        proxy.cut(unnoticed=True)
        await asyncio.sleep(0.005)


@everywhere
async def test_uses_the_transport_it_was_asked_to_use(
    make: Callable[..., Client], process: ServerProcess, transports: tuple[str, ...]
) -> None:
    client = make(process.url)
    await client.connect()
    assert await call(client.socket, "echo", "x") == "x"
    await until(lambda: client.socket.transport == transports[-1])
    assert await call(client.socket, "echo", "y") == "y"
    assert repr(client.socket).count(transports[-1]) == 1


@everywhere
async def test_values_come_back_as_they_went(join: Join) -> None:
    socket = await join()
    bounced = Heard(socket, "bounced")
    answers = [call(socket, "echo", value) for value in VALUES]
    assert await asyncio.gather(*answers) == VALUES
    for value in VALUES:
        socket.emit("bounce", value, "second", value)
    for value in VALUES:
        assert await bounced.next() == (value, "second", value)


@everywhere
async def test_acknowledgements_both_ways(join: Join) -> None:
    socket = await join()

    @socket.on("question")
    async def question(asked: Any) -> Any:
        return {"asked": asked, "mine": [b"bytes"]}

    answer = await call(socket, "ask-me", {"photo": b"data"})
    assert answer == {"answer": {"asked": {"photo": b"data"}, "mine": [b"bytes"]}}
    assert await call(socket, "echo", 1, "two", [3]) == (1, "two", [3])


@worlds(lambda world: world.path != "/retrying" and world.server != "python-socketio")
async def test_an_answer_that_never_comes(join: Join) -> None:
    socket = await join()
    with pytest.raises(AckTimeout):
        await socket.timeout(0.05).emit_with_ack("never")
    assert await call(socket, "echo", "alive") == "alive"


@everywhere
async def test_order_is_kept_both_ways(join: Join) -> None:
    socket = await join()
    bounced, counted = Heard(socket, "bounced"), Heard(socket, "counted")
    for number in range(200):
        socket.emit("bounce", number, *([b"bytes"] if number % 50 == 7 else []))
    assert [(await bounced.next())[0] for _ in range(200)] == list(range(200))
    assert await call(socket, "count", 300) == 300
    assert [(await counted.next())[0] for _ in range(300)] == list(range(300))


@everywhere
async def test_large_values(join: Join) -> None:
    socket = await join()
    assert await call(socket, "big", 300_000) == "x" * 300_000
    value = {"text": "é" * 100_000, "bytes": b"\xff" * 200_000}
    assert await call(socket, "echo", value) == value


@everywhere
async def test_shows_the_server_who_it_is(join: Join, process: ServerProcess, world: World) -> None:
    auth = None if world.is_old else {"name": "ana"}
    socket = await join(f"{process.url}/?room=7", auth=auth, extra_headers={"X-Interop": "yes"})
    me = await call(socket, "who-am-i")
    assert me["namespace"] == "/"
    assert (me["query"], me["header"]) == ("7", "yes")
    if not world.is_old:
        shown = {key: value for key, value in me["auth"].items() if key != "retry"}
        assert (me["id"], shown) == (socket.id, auth)


@everywhere
async def test_namespaces_share_a_connection(
    make: Callable[..., Client], process: ServerProcess, world: World
) -> None:
    client = make(process.url)
    root, custom = client.socket, client.of("/custom")
    welcomes = [Heard(socket, "welcome") for socket in (root, custom)]
    await client.connect()
    await custom.connect()
    assert [(await each.next()) for each in welcomes] == [("/",), ("/custom",)]
    assert (await call(custom, "who-am-i"))["namespace"] == "/custom"
    custom.disconnect()
    assert custom.state.name == "closed"
    assert await call(root, "echo", "still here") == "still here"
    await custom.connect()
    assert await welcomes[1].next() == ("/custom",)
    assert await call(custom, "echo", b"back") == b"back"
    assert root.connected


@everywhere
async def test_the_path_of_the_url_is_the_namespace(join: Join, process: ServerProcess) -> None:
    socket = await join(f"{process.url}/custom?room=7")
    assert socket.namespace.name == "/custom"
    me = await call(socket, "who-am-i")
    assert (me["namespace"], me["query"]) == ("/custom", "7")


@everywhere
async def test_a_namespace_that_refuses(join: Join, process: ServerProcess, world: World) -> None:
    guarded = f"{process.url}/guarded"
    with pytest.raises(ConnectRefused) as refused:
        await join(guarded)
    error = refused.value
    assert error.namespace == "/guarded"
    assert error.data == {"hint": "token", "status": 401}
    if world.is_old:
        socket = await join(f"{guarded}?token=sesame")
    else:
        assert error.message == "unauthorized"
        socket = await join(guarded, auth=lambda: {"token": "sesame"})
    assert await call(socket, "echo", "in") == "in"


@everywhere
async def test_the_server_ends_a_namespace(make: Callable[..., Client], process: ServerProcess) -> None:
    client = make(process.url)
    await client.connect()
    custom = client.of("/custom")
    await custom.connect()
    custom.emit("leave-me", False)
    await until(lambda: custom.state.name == "closed")
    assert custom.state.reason == DisconnectReason.SERVER_NAMESPACE_DISCONNECT
    assert await call(client.socket, "echo", "still here") == "still here"
    await custom.connect()
    assert await call(custom, "echo", "again") == "again"


@everywhere
async def test_the_server_ends_everything(join: Join) -> None:
    socket = await join()
    lost = socket.timeout(PATIENCE).emit_with_ack("leave-me", True)
    with pytest.raises(Disconnected):
        await lost
    await until(lambda: socket.state.name == "closed")
    assert socket.state.reason == DisconnectReason.SERVER_NAMESPACE_DISCONNECT
    await socket.connect()
    assert await call(socket, "echo", "again") == "again"


@everywhere
async def test_comes_back_after_a_lost_connection(join: Join, process: ServerProcess, world: World) -> None:
    async with proxying(process.url) as proxy:
        socket = await join(proxy.url)
        bounced, welcome = Heard(socket, "bounced"), Heard(socket, "welcome")
        before = socket.id
        assert await call(socket, "echo", 1) == 1
        await lose(proxy, socket)
        assert socket.state.name == "recovering"
        assert socket.state.reason in (DisconnectReason.TRANSPORT_CLOSE, DisconnectReason.TRANSPORT_ERROR)
        socket.emit("bounce", "while away", b"bytes")
        assert await call(socket, "echo", "asked while away") == "asked while away"
        assert await bounced.next() == ("while away", b"bytes")
        assert socket.connected
        assert not socket.recovered or world.recovers
        if not socket.recovered:
            assert await welcome.next() == ("/",)
        if not world.is_old:
            assert (socket.id == before) is socket.recovered
        socket.disconnect()


@worlds(lambda world: world.recovers)
async def test_continues_where_it_was(join: Join, process: ServerProcess, world: World) -> None:
    async with proxying(process.url) as proxy:
        speaker, socket = await join(), await join(proxy.url)
        news: list[Any] = []
        run = str(uuid.uuid4())

        @socket.on("news")
        async def heard(value: Any) -> None:
            if value[0] == run:
                news.append(value[1])

        before = socket.id
        for number in range(10):
            await call(speaker, "tell-all", [run, number, b"binary"])
            if number == 4:
                await until(lambda: news == [0, 1, 2, 3, 4])
                proxy.refusing = True
                await lose(proxy, socket)
                # The reference gives a client a new session that comes back before it missed it.
                while not world.server.startswith("arcwire") and await call(speaker, "is-there", before):
                    await asyncio.sleep(0.01)
        assert news == [0, 1, 2, 3, 4]
        proxy.refusing = False
        await until(lambda: len(news) == 10)
        assert news == list(range(10))
        assert socket.recovered
        assert socket.id == before
        socket.disconnect()


@worlds(lambda world: world.path == "/retrying")
async def test_the_server_says_that_it_deduplicates(join: Join) -> None:
    socket = await join()
    assert socket.deduplicated
