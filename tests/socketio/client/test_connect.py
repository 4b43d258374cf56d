"""Connecting to a server and to its namespaces."""

import asyncio
import json

import pytest

from arcwire import (
    ConnectError,
    ConnectRefused,
    ConnectTimeout,
    Disconnected,
    DisconnectReason,
    State,
    StateName,
    Unreachable,
)
from support.engine_server import until


async def test_connects_to_the_namespace_of_the_url(server):
    client = server.client("http://server.test/chat?room=1", auth={"token": "x"})
    assert repr(client) == "<Client of http://server.test, not connected; /chat closed>"
    task = asyncio.create_task(client.__aenter__())
    connection = await server.accept()
    assert connection.sent == ['0/chat,{"token":"x"}']
    assert client.socket.state == State(name=StateName.CONNECTING)
    assert not task.done()
    connection.let_in("/chat", "abc")
    socket = await task
    assert socket is client.socket
    assert socket.id == "abc"
    assert socket.connected
    assert socket.active
    assert socket.transport == "websocket"
    assert not socket.recovered
    assert repr(socket) == "<ClientSocket abc of '/chat', open over websocket>"
    assert repr(client) == "<Client of http://server.test, open over websocket; /chat open>"
    await client.__aexit__(None, None, None)
    assert connection.sent[1:] == ["1/chat,"]
    assert not connection.is_open
    assert not socket.active
    assert socket.id is None
    assert repr(socket) == "<ClientSocket of '/chat', closed>"
    assert repr(client) == "<Client of http://server.test, closed; /chat closed>"


async def test_connecting_is_a_plain_call(server):
    client = server.client()
    client.connect()
    client.connect()
    connection = await server.accept()
    connection.let_in()
    assert client.socket.connected
    await client.connect()
    assert connection.sent == ["0"]
    assert server.attempts == 1


async def test_many_may_wait(server):
    client = server.client()
    tasks = [asyncio.create_task(_connect(client)) for _ in range(3)]
    connection = await server.accept()
    connection.let_in()
    await asyncio.gather(*tasks)
    assert server.attempts == 1


async def test_the_first_failure_is_raised(server):
    error = Unreachable("nothing listens at http://server.test")
    server.unreachable = error
    client = server.client()
    told = []
    client.socket.on_connect_error(told.append)
    with pytest.raises(Unreachable) as caught:
        await client.connect()
    assert caught.value is error
    assert server.attempts == 1
    assert client.socket.state == State(name=StateName.CLOSED, description=str(error), error=error, attempt=1)
    await until(lambda: told == [error])


async def test_a_client_that_keeps_trying(server):
    server.failures = [Unreachable("one"), Unreachable("two")]
    client = server.client(retry_connect=True)
    states = client.socket.states()
    connecting = client.connect()
    connection = await server.accept()
    connection.let_in()
    await connecting
    assert server.attempts == 3
    seen = [await anext(states) for _ in range(5)]
    assert [(state.name, str(state.error or ""), state.attempt) for state in seen] == [
        ("closed", "", 0),
        ("connecting", "", 0),
        ("connecting", "one", 1),
        ("connecting", "two", 2),
        ("open", "", 0),
    ]
    assert all(state.delay is not None for state in seen[2:4])


async def test_one_call_that_keeps_trying(server):
    server.failures = [Unreachable("one")]
    client = server.client()
    connecting = client.connect(retry=True)
    connection = await server.accept()
    connection.let_in()
    await connecting


async def test_attempts_are_limited(server):
    server.unreachable = Unreachable("down")
    client = server.client(retry_connect=True, reconnection_attempts=3)
    with pytest.raises(Unreachable, match="down"):
        await client.connect()
    assert server.attempts == 4, "the first, and three more"
    assert client.socket.state.attempt == 4


async def test_a_refusal_has_data(server):
    client = server.client("http://server.test/admin")
    connecting = client.connect()
    connection = await server.accept()
    connection.receive('4/admin,{"message":"unauthorized","data":{"hint":1}}')
    with pytest.raises(ConnectRefused, match=r"'/admin' refused the connection: unauthorized") as caught:
        await connecting
    assert (caught.value.message, caught.value.data, caught.value.namespace) == (
        "unauthorized",
        {"hint": 1},
        "/admin",
    )
    assert not client.socket.active
    assert not connection.is_open, "nobody needs it any more"
    assert server.attempts == 1


@pytest.mark.parametrize(
    "content, message, data",
    [
        ('{"message":"no"}', "no", None),
        ('"no"', "no", None),
        ('{"code":1}', "connection refused", {"code": 1}),
    ],
)
async def test_refusals_of_all_kinds(server, content, message, data):
    client = server.client()
    connecting = client.connect()
    (await server.accept()).receive(f"4{content}")
    with pytest.raises(ConnectRefused) as caught:
        await connecting
    assert (caught.value.message, caught.value.data) == (message, data)


async def test_after_a_refusal_with_a_new_token(server):
    client = server.client(auth={"token": "old"})

    @client.socket.on_connect_error
    async def refused(error: ConnectError) -> None:
        client.socket.auth = {"token": "new"}
        client.connect()

    connecting = client.connect()
    connection = await server.accept()
    connection.receive('4{"message":"expired"}')
    with pytest.raises(ConnectRefused):
        await connecting
    second = await server.accept()
    assert second.sent == ['0{"token":"new"}']
    second.let_in()
    assert client.socket.connected


async def test_auth_is_asked_for_at_each_connection(server):
    tokens = iter(range(10))
    client = server.client(auth=lambda: {"token": next(tokens)})
    connecting = client.connect()
    first = await server.accept()
    first.let_in()
    await connecting
    first.drop()
    second = await server.accept()
    assert (first.sent, second.sent) == (['0{"token":0}'], ['0{"token":1}'])


async def test_auth_may_take_time(server):
    allowed = asyncio.Event()

    async def get_token():
        await allowed.wait()
        return {"token": "x"}

    client = server.client(auth=get_token)
    connecting = client.connect()
    await until(lambda: server.connections)
    assert not server.connections[0].sent
    allowed.set()
    connection = await server.accept()
    assert connection.sent == ['0{"token":"x"}']
    connection.let_in()
    await connecting


async def test_auth_that_fails(server):
    async def get_token():
        raise KeyError("secret")

    client = server.client(auth=get_token)
    with pytest.raises(ConnectError, match="`auth` failed: KeyError") as caught:
        await client.connect()
    assert isinstance(caught.value.__cause__, KeyError)


async def test_auth_that_fails_for_a_while(server):
    failures = iter([OSError("no network"), OSError("no network")])

    async def get_token():
        for failure in failures:
            raise failure
        return {"token": 1}

    client = server.client(auth=get_token, retry_connect=True)
    errors = []
    client.socket.on_connect_error(errors.append)
    connecting = client.connect()
    connection = await server.accept()
    connection.let_in()
    await connecting
    assert server.attempts == 1, "the connection is good"
    await until(lambda: len(errors) == 2)


@pytest.mark.parametrize("auth", [[1], "token", {"key": object()}])
async def test_auth_that_cannot_be_sent(server, auth):
    client = server.client(auth=auth)
    with pytest.raises(ConnectError, match="cannot be sent"):
        await client.connect()


async def test_a_namespace_that_does_not_answer(server):
    client = server.client(timeout=0.01)
    with pytest.raises(ConnectTimeout, match=r"'/' did not answer within 0.01 seconds"):
        await client.connect()
    assert server.connections[0].sent == ["0"]
    assert not server.connections[0].is_open


async def test_a_namespace_that_does_not_answer_again(server):
    client = server.client(timeout=0.01)
    connecting = client.connect()
    first = await server.accept()
    first.let_in()
    await connecting
    first.drop()
    second = await server.accept()
    third = await server.accept()
    assert not second.is_open
    third.let_in()
    assert client.socket.connected


async def test_a_server_of_socket_io_2(server):
    client = server.client()
    connecting = client.connect()
    (await server.accept()).receive("0")
    with pytest.raises(ConnectError, match="protocol=3"):
        await connecting


async def test_lost_before_the_namespace_answered(server):
    client = server.client()
    connecting = client.connect()
    (await server.accept()).drop()
    with pytest.raises(ConnectError, match=r"lost before '/' answered"):
        await connecting


async def test_a_connection_that_ends_at_once(server):
    real = server.open

    async def open_and_lose(*args):
        connection = await real(*args)
        connection.drop()
        return connection

    client = server.client()
    client.manager.open_connection = open_and_lose
    with pytest.raises(ConnectError, match="ended at once"):
        await client.connect()


async def test_defects_do_not_hang_a_client(server):
    server.failures = [RuntimeError("a defect")]
    client = server.client()
    with pytest.raises(ConnectError, match="a defect") as caught:
        await client.connect()
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_giving_up(server):
    client = server.client()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.connect()
    assert not client.socket.active
    assert client.manager.connection is None
    await until(lambda: not server.connections or not server.connections[0].is_open)


async def test_giving_up_while_another_waits(server):
    client = server.client()
    other = asyncio.create_task(_connect(client))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.connect()
    assert client.socket.active
    (await server.accept()).let_in()
    await other


async def test_giving_up_leaves_who_did_not_await(server):
    client = server.client()
    client.connect()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.connect()
    assert client.socket.active


async def _connect(client):
    await client.connect()


async def test_entering_is_cancelled(server):
    client = server.client()
    task = asyncio.create_task(client.__aenter__())
    connection = await server.accept()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.manager.closed
    assert not connection.is_open


async def test_entering_fails(server):
    server.unreachable = Unreachable("down")
    client = server.client()
    with pytest.raises(Unreachable):
        async with client:
            raise AssertionError("it was entered")
    assert client.manager.closed


async def test_a_closed_client_is_closed(server):
    socket, _ = await server.join()
    client = server.clients[0]
    await client.close()
    await client.close()
    for use in (
        client.connect,
        lambda: socket.emit("a"),
        lambda: socket.emit_with_ack("a"),
        lambda: client.of("/new"),
    ):
        with pytest.raises(Disconnected, match="the client is closed"):
            use()
    socket.disconnect()
    assert client.of("/") is socket


async def test_leaving_while_connecting(server):
    client = server.client()
    connecting = client.connect()
    await asyncio.sleep(0)
    client.socket.disconnect()
    with pytest.raises(Disconnected, match="this client left") as caught:
        await connecting
    assert caught.value.reason is DisconnectReason.CLIENT_NAMESPACE_DISCONNECT


async def test_disconnecting_and_connecting_again(server):
    socket, first = await server.join()
    ends = []
    socket.on_disconnect(lambda reason, description: ends.append((reason, description)))
    socket.disconnect()
    socket.disconnect()
    assert first.sent == ["0", "1"]
    assert not first.is_open
    connecting = socket.connect()
    second = await server.accept()
    second.let_in(sid="s2")
    await connecting
    assert socket.id == "s2"
    await until(lambda: ends == [("client namespace disconnect", "this client left the namespace")])


async def test_the_server_ends_the_namespace(server):
    socket, connection = await server.join()
    connection.receive("1")
    assert socket.state == State(
        name=StateName.CLOSED,
        reason=DisconnectReason.SERVER_NAMESPACE_DISCONNECT,
        description="the server ended the namespace",
    )
    assert not connection.is_open
    await asyncio.sleep(0.01)
    assert server.attempts == 1, "it does not come back by itself"


async def test_needs_an_event_loop():
    from arcwire import Client

    client = Client("http://server.test")
    with pytest.raises(RuntimeError, match="no running event loop"):
        await asyncio.get_running_loop().run_in_executor(None, client.connect)


# -- namespaces ---------------------------------------------------------------------


async def test_namespaces_share_a_connection(server):
    socket, connection = await server.join(auth={"t": 1})
    admin = socket.of("/admin")
    assert admin is server.clients[0].of("admin")
    assert not admin.active
    news = server.clients[0].of("/news", auth={})
    async with asyncio.timeout(5):
        tasks = [asyncio.create_task(_enter(each)) for each in (admin, news)]
        await connection.sends("0/news,")
        assert connection.sent == ['0{"t":1}', '0/admin,{"t":1}', "0/news,"]
        connection.let_in("/admin", "a")
        connection.let_in("/news", "n")
        await asyncio.gather(*tasks)
    assert (socket.id, admin.id, news.id) == ("s1", "a", "n")
    admin.emit("x", 1)
    connection.receive('2/admin,["y"]')
    admin.disconnect()
    assert connection.sent[3:] == ['2/admin,["x",1]', "1/admin,"]
    assert connection.is_open
    socket.disconnect()
    assert connection.is_open
    connection.receive("1/news,")
    assert not connection.is_open, "it went with the last of them"


async def _enter(socket):
    await socket.connect()


async def test_a_namespace_for_a_while(server):
    socket, connection = await server.join()
    task = asyncio.create_task(socket.of("/admin").__aenter__())
    await connection.sends("0/admin,")
    connection.let_in("/admin")
    admin = await task
    await admin.__aexit__(None, None, None)
    assert connection.sent[-1] == "1/admin,"
    assert socket.connected


async def test_one_namespace_is_refused_the_other_not(server):
    client = server.client()
    admin = client.of("/admin")
    connecting = client.connect(), admin.connect()
    connection = await server.accept()
    await connection.sends("0/admin,")
    connection.receive('4/admin,{"message":"no"}')
    connection.let_in()
    await connecting[0]
    with pytest.raises(ConnectRefused):
        await connecting[1]
    assert connection.is_open


async def test_packets_for_nobody_are_ignored(server):
    socket, connection = await server.join()
    connection.receive('2/other,["a"]', '3/other,1["a"]', "1/other,", '0/other,{"sid":"x"}', '4/other,"no"')
    connection.receive('0{"sid":"again"}')
    assert socket.id == "s1"
    assert connection.is_open


async def test_query_and_options_reach_the_connection(server):
    _, connection = await server.join(query={"a": "1"}, extra_headers={"x": "y"}, path="/live")
    assert dict(connection.config.query) == {"a": "1"}
    assert connection.config.path == "/live"
    assert json.loads(connection.sent[0][1:] or "{}") == {}


@pytest.mark.parametrize(
    "options",
    [
        {"reconnection_attempts": 0},
        {"reconnection_delay": 0},
        {"randomization_factor": 2},
        {"timeout": 0},
        {"ack_timeout": -1},
        {"retries": -1},
        {"retry_window": 0},
        {"transports": ("carrier pigeon",)},
    ],
)
def test_options_that_cannot_work(options):
    from arcwire import Client

    with pytest.raises(ValueError, match=next(iter(options))):
        Client("http://server.test", **options)
    with pytest.raises(TypeError):
        Client("http://server.test", offline_buffer=5)


def test_options_of_the_connection_are_all_there():
    import dataclasses

    from arcwire.engineio.client import EngineClientConfig
    from arcwire.socketio.client.options import ConnectionOptions

    own = {"path", "timeout"}  # those that `Client` names itself
    fields = {field.name: field.type for field in dataclasses.fields(EngineClientConfig) if field.init}
    assert ConnectionOptions.__annotations__.keys() | own == fields.keys()
