"""Where a client stands with the server while the answer to its CONNECT is outstanding."""

import asyncio
from collections.abc import Mapping

import pytest

from arcwire import ConnectError, ConnectRefused, ConnectTimeout, Disconnected, StateName
from support.engine_server import until


@pytest.fixture
async def joined(server):
    """The client's namespace `/a`, and its connection, which the root namespace keeps open."""
    socket, connection = await server.join()
    return socket.of("/a"), connection


async def test_a_namespace_is_left_once_it_has_answered(joined):
    socket, connection = joined
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await socket.connect()
    assert connection.sent[1:] == ["0/a,"]
    connection.receive('2/a,["early"]')
    connection.let_in("/a")
    assert connection.sent[1:] == ["0/a,", "1/a,"]
    connection.let_in("/")
    assert connection.is_open
    assert not socket.active


async def test_a_namespace_that_did_not_answer_in_time_is_left_once_it_has(server):
    root, connection = await server.join(timeout=0.01)
    with pytest.raises(ConnectTimeout):
        await root.of("/a").connect()
    assert connection.sent[1:] == ["0/a,"]
    connection.let_in("/a")
    assert connection.sent[1:] == ["0/a,", "1/a,"]
    assert root.connected


async def test_one_that_refuses_is_not_left(joined):
    socket, connection = joined
    socket.connect()
    socket.disconnect()
    connection.receive('4/a,{"message":"no"}')
    assert connection.sent[1:] == ["0/a,"]
    connecting = socket.connect()
    assert connection.sent[1:] == ["0/a,", "0/a,"]
    connection.let_in("/a", "new")
    await connecting
    assert socket.id == "new"


@pytest.mark.parametrize("answer", ['0/a,{"sid":"old","pid":"p"}', '4/a,{"message":"no"}', "1/a,"])
async def test_entering_again_waits_for_the_old_answer(joined, answer):
    socket, connection = joined
    socket.auth = {"token": "old"}
    socket.connect()
    socket.disconnect()
    socket.auth = lambda: {"token": "new"}
    connecting = socket.connect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert connection.sent[1:] == ['0/a,{"token":"old"}']
    connection.receive(answer)
    left = ["1/a,"] if answer.startswith("0") else []
    await connection.sends('0/a,{"token":"new"}')
    assert connection.sent[2:] == [*left, '0/a,{"token":"new"}']
    assert not socket.connected
    connection.let_in("/a", "new")
    await connecting
    assert socket.id == "new"


async def test_leaving_while_the_old_answer_is_waited_for(joined):
    socket, connection = joined
    for _ in range(2):
        socket.connect()
        socket.disconnect()
    connection.let_in("/a")
    assert connection.sent[1:] == ["0/a,", "1/a,"]


async def test_the_old_answer_does_not_come_in_time(server):
    root, connection = await server.join(timeout=0.01)
    socket = root.of("/a")
    socket.connect()
    socket.disconnect()
    with pytest.raises(ConnectTimeout, match="'/a' did not answer"):
        await socket.connect()
    connection.let_in("/a")
    assert connection.sent[1:] == ["0/a,", "1/a,"], "and nobody waits any more"


async def test_the_connection_is_lost_while_the_old_answer_is_waited_for(server):
    root, first = await server.join(retry_connect=True)
    socket = root.of("/a")
    socket.connect()
    socket.disconnect()
    connecting = socket.connect()
    first.drop()
    second = await server.accept()
    assert sorted(second.sent) == ["0", "0/a,"], "nothing is remembered of the other connection"
    second.let_in("/a", "new")
    await connecting
    assert socket.id == "new"


async def test_the_client_is_closed_while_the_old_answer_is_waited_for(server, joined):
    socket, connection = joined
    socket.connect()
    socket.disconnect()
    connecting = socket.connect()
    await server.clients[0].close()
    with pytest.raises(Disconnected):
        await connecting
    assert connection.sent == ["0", "0/a,", "1"]
    assert not connection.is_open


async def test_leaving_while_auth_is_asked_for(joined):
    socket, connection = joined
    asked = asyncio.Event()

    async def auth():
        asked.set()
        await asyncio.sleep(60)

    socket.auth = auth
    socket.connect()
    await asked.wait()
    socket.disconnect()
    socket.auth = None
    socket.connect()
    assert connection.sent[1:] == ["0/a,"]


async def test_auth_that_leaves(joined):
    socket, connection = joined

    async def auth():
        socket.disconnect()
        return {}

    socket.auth = auth
    with pytest.raises(Disconnected):
        await socket.connect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert connection.sent == ["0"]


async def test_the_end_of_an_older_membership_is_not_that_of_the_next(joined):
    socket, connection = joined
    auth = asyncio.Event()

    async def show():
        await auth.wait()
        return {}

    socket.auth = None
    socket.connect()
    connection.let_in("/a")
    socket.disconnect()
    socket.auth = show
    connecting = socket.connect()
    connection.receive("1/a,")
    assert socket.active
    auth.set()
    await until(lambda: connection.sent[1:] == ["0/a,", "1/a,", "0/a,"])
    connection.let_in("/a")
    await connecting


async def test_a_handler_of_what_came_before_leaves_and_connects_again(joined):
    socket, connection = joined

    @socket.on("early")
    async def early() -> None:
        if not told:
            told.append(True)
            socket.disconnect()
            socket.connect()

    told = []
    task = asyncio.create_task(_enter(socket))
    await connection.sends("0/a,")
    connection.let_in("/a")
    connection.receive('2/a,["early"]')
    socket.disconnect()
    assert connection.sent[1:] == ["0/a,", "1/a,", "0/a,"]
    connection.let_in("/a", "new")
    await until(lambda: socket.connected)
    assert socket.id == "new"
    await task


async def _enter(socket):
    await socket.connect()


# -- Socket.IO 2 ------------------------------------------------------------------------


async def test_the_root_namespace_of_version_2_is_left_once_it_has_answered(server):
    client = server.client("http://server.test/a", protocol=3)
    client.connect()
    connection = await server.accept()
    await connection.sends("0/a,")
    client.of("/").connect()
    client.of("/").disconnect()
    assert connection.sent == ["0/a,"]
    connection.receive("0")
    assert connection.sent == ["0/a,", "1"]


async def test_the_root_namespace_of_version_2_is_entered_again(server):
    client = server.client("http://server.test/a", protocol=3)
    client.connect()
    connection = await server.accept()
    await connection.sends("0/a,")
    root = client.of("/")
    root.connect()
    root.disconnect()
    connecting = root.connect()
    connection.receive("0")
    await connecting
    root.disconnect()
    connecting = root.connect()
    assert connection.sent == ["0/a,", "1", "0"]
    connection.receive("0")
    await connecting


async def test_the_root_namespace_of_version_2_was_joined_before_it_is_used(server):
    client = server.client("http://server.test/a", protocol=3)
    client.connect()
    connection = await server.accept()
    await connection.sends("0/a,")
    connection.receive("0")
    root = await client.of("/").connect()
    assert root.id == "engine1"
    assert connection.sent == ["0/a,"]


# -- auth ----------------------------------------------------------------------------------


class Broken(Mapping):
    """One that fails when it is read."""

    def __getitem__(self, key):
        raise KeyError(key)

    def __iter__(self):
        return iter(["token"])

    def __len__(self):
        return 1


CYCLIC = {}
CYCLIC["again"] = CYCLIC


@pytest.mark.parametrize("bad", [CYCLIC, Broken()], ids=["cyclic", "broken"])
@pytest.mark.parametrize("asked", [False, True])
async def test_auth_that_cannot_be_sent_ends_its_namespace_alone(server, bad, asked):
    client = server.client()
    socket = client.of("/a", auth=(lambda: bad) if asked else bad)
    bad_one, good_one = socket.connect(), client.connect()
    with pytest.raises(ConnectError, match="the auth for '/a' cannot be sent"):
        await bad_one
    (await server.accept()).let_in()
    await good_one


async def test_a_handler_of_a_failed_namespace_connects_another(server):
    client = server.client(auth=CYCLIC)
    other = client.of("/b", auth={})

    @client.socket.on_connect_error
    async def failed(error: ConnectError) -> None:
        other.connect()

    last = client.of("/c", auth={})
    client.connect()
    last.connect()
    connection = await server.accept()
    await connection.sends("0/b,")
    assert sorted(connection.sent) == ["0/b,", "0/c,"]


async def test_auth_that_takes_too_long(server):
    async def auth():
        await asyncio.sleep(60)

    with pytest.raises(ConnectTimeout, match=r"`auth` did not end within 0\.01 seconds"):
        await server.client(auth=auth, timeout=0.01).connect()
    with pytest.raises(ConnectTimeout, match=r"`auth` did not end within 0\.01 seconds"):
        await server.client(auth=auth, timeout=0.01, protocol=3).connect()
    assert [connection.sent for connection in server.connections] == [[]]


async def test_auth_that_takes_too_long_for_a_while(server):
    calls = []

    async def auth():
        calls.append(True)
        if len(calls) < 3:
            await asyncio.sleep(60)

    connecting = server.client(auth=auth, timeout=0.01, retry_connect=True).connect()
    (await server.accept()).let_in()
    await connecting
    assert server.attempts == 1


@pytest.mark.parametrize("protocol", [4, 3])
async def test_auth_that_is_cancelled_by_itself(server, protocol):
    async def auth():
        raise asyncio.CancelledError

    with pytest.raises(ConnectError, match="`auth` failed: CancelledError"):
        await server.client(auth=auth, protocol=protocol).connect()


# -- giving up ------------------------------------------------------------------------------


async def test_what_was_given_up_is_awaited_again(server):
    connecting = server.client().connect()
    for error in (TimeoutError, Disconnected):
        with pytest.raises(error):
            await asyncio.wait_for(connecting, 0.01)


async def test_what_was_given_up_while_recovering_is_awaited_again(server):
    socket, connection = await server.join()
    server.unreachable = ConnectRefused("down", None, "/")
    connection.drop()
    connecting = socket.connect()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connecting, 0.01)
    assert socket.state.name is StateName.RECOVERING
    with pytest.raises(Disconnected, match="given up"):
        await asyncio.wait_for(connecting, 5)
