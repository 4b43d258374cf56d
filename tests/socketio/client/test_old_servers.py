"""Servers of Socket.IO 2: `protocol=3`."""

import pytest

from arcwire import ConnectError, ConnectRefused


async def test_the_root_namespace_is_joined_without_being_asked_for(server):
    client = server.client(protocol=3)
    connecting = client.connect()
    connection = await server.accept()
    connection.receive("0")
    await connecting
    assert connection.sent == []
    assert client.socket.id == "engine1"
    answer = client.socket.emit_with_ack("a", 1)
    connection.receive('30["b"]')
    assert await answer == "b"
    client.socket.disconnect()
    assert connection.sent == ['20["a",1]', "1"]


async def test_what_arrives_before_the_connection_is_used(server):
    server.early = ["0", '2["a",1]']
    client = server.client(protocol=3)
    stream = client.socket.events("a")
    await client.connect()
    assert (await anext(stream)).args == [1]


async def test_other_namespaces(server):
    client = server.client("http://server.test/admin?room=1", protocol=3, auth={"token": "a b"})
    connecting = client.connect()
    connection = await server.accept()
    await connection.sends("0/admin?room=1&token=a+b,")
    connection.receive("0", "0/admin")
    await connecting
    assert client.socket.id == "/admin#engine1"
    connection.drop()
    second = await server.accept()
    await second.sends("0/admin?room=1&token=a+b,")
    second.receive("0", "0/admin")
    assert client.socket.id == "/admin#engine2"
    assert not client.socket.recovered


@pytest.mark.parametrize("auth", [{"token": "x"}, lambda: {"token": "x"}])
async def test_auth_of_the_root_namespace_is_in_the_query(server, auth):
    server.early = ["0"]
    client = server.client(protocol=3, auth=auth, query={"a": "1"})
    await client.connect()
    connection = await server.accept()
    assert dict(connection.config.query) == {"a": "1", "token": "x"}
    assert dict(client.manager.engine.query) == {"a": "1"}


async def test_auth_that_fails(server):
    def auth():
        raise OSError("no network")

    with pytest.raises(ConnectError, match="no network"):
        await server.client(protocol=3, auth=auth).connect()
    with pytest.raises(ConnectError, match="is a dict"):
        await server.client(protocol=3, auth=["token"]).connect()
    assert server.attempts == 0


@pytest.mark.parametrize(
    "content, message, data",
    [('"Invalid namespace"', "Invalid namespace", None), ('{"a":1}', "connection refused", {"a": 1})],
)
async def test_refusals(server, content, message, data):
    client = server.client("http://server.test/admin", protocol=3)
    connecting = client.connect()
    connection = await server.accept()
    connection.receive("0", f"4/admin,{content}")
    with pytest.raises(ConnectRefused) as caught:
        await connecting
    assert (caught.value.message, caught.value.data) == (message, data)


async def test_errors_of_a_namespace_that_is_open(server, caplog):
    server.early = ["0"]
    client = server.client(protocol=3)
    await client.connect()
    connection = await server.accept()
    connection.receive('4"something is wrong"')
    assert client.socket.connected
    assert "something is wrong" in caplog.text


async def test_retries_are_not_spoken_of(server):
    client = server.client("http://server.test/admin", protocol=3, retries=2)
    client.connect()
    connection = await server.accept()
    await connection.sends("0/admin,")
