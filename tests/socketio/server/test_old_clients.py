"""Clients of Socket.IO 2, over links in memory; the real ones are in tests/interop."""

from typing import Any

import pytest

from arcwire import ConnectionRefused, DisconnectReason, Server, Socket
from arcwire.socketio.recovery import Recovery
from support.memory import MemoryClient, until


@pytest.fixture
def io() -> Server:
    return Server(allow_eio3=True)


async def connect(io: Server) -> MemoryClient:
    """A client of Socket.IO 2 that is in the root namespace."""
    client = MemoryClient(io, query="&EIO=3")
    await until(lambda: bool(client.inbox))
    return client


def sid(client: MemoryClient) -> str:
    return client.link.sent[0].split('"')[3]  # type: ignore[union-attr,arg-type]


async def test_are_in_the_root_namespace_without_asking(io: Server) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    @io.on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        seen.append((socket.id, auth))
        socket.emit("welcome", socket.handshake.query["EIO"])

    client = await connect(io)
    assert client.inbox == ["0", '2["welcome","3"]']
    assert seen == [(sid(client), {})]
    assert list(io.sockets) == [sid(client)]
    assert io.sockets[sid(client)].rooms == {sid(client)}


async def test_events_and_acknowledgements_go_both_ways(io: Server) -> None:
    @io.on("double")
    async def double(socket: Socket, number: int) -> int:
        return number * 2

    client = await connect(io)
    assert await client.ask(1, "double", 21) == [42]
    answer = io.sockets[sid(client)].emit_with_ack("question", b"\x01")
    assert client.inbox[-2:] == ['51-0["question",{"_placeholder":true,"num":0}]', b"\x04\x01"]
    client.send('30["yes"]')
    assert await answer == "yes"


async def test_binary_events(io: Server) -> None:
    got: list[bytes] = []

    @io.on("photo")
    async def photo(socket: Socket, data: bytes) -> None:
        got.append(data)

    client = await connect(io)
    client.send('51-["photo",{"_placeholder":true,"num":0}]', b"\x04\xff\x00")
    await until(lambda: bool(got))
    assert got == [b"\xff\x00"]


async def test_join_namespaces_with_a_query_as_auth(io: Server) -> None:
    seen: list[Any] = []

    @io.of("/admin").on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        seen.append((socket.id, auth, socket.handshake.auth))

    client = await connect(io)
    client.send("0/admin?token=a%2Cb&x=1,")
    await client.wait_for(lambda packet: packet == "0/admin,")
    auth = {"token": "a,b", "x": "1"}
    assert seen == [(f"/admin#{sid(client)}", auth, auth)]
    client.send("0/admin?token=2,")
    await until(lambda: client.closed)


async def test_join_dynamic_namespaces(io: Server) -> None:
    seen: list[Any] = []

    @io.of("/project-{id:int}").on_connect
    async def connected(socket: Socket, auth: dict[str, Any]) -> None:
        seen.append((socket.namespace.name, auth))

    client = await connect(io)
    client.send("0/project-7?token=1")
    await client.wait_for(lambda packet: packet == "0/project-7,")
    assert seen == [("/project-7", {"token": "1"})]


@pytest.mark.parametrize(
    "data, packet", [({"a": 1}, '4/admin,{"a":1}'), ("nope2", '4/admin,"nope2"'), (None, '4/admin,"no"')]
)
async def test_are_refused_with_the_bare_data_or_message(io: Server, data: object, packet: str) -> None:
    @io.of("/admin").use
    async def refuse(socket: Socket) -> None:
        raise ConnectionRefused("no", data)

    client = await connect(io)
    client.send("0/admin,")
    await client.wait_for(lambda sent: sent == packet)
    client.send('2["still","here"]')
    assert not client.closed


async def test_are_refused_by_the_root_namespace(io: Server) -> None:
    @io.use
    async def refuse(socket: Socket) -> None:
        raise ConnectionRefused("closed today")

    client = await connect(io)
    assert client.inbox == ['4"closed today"']


async def test_hear_of_namespaces_that_do_not_exist(io: Server) -> None:
    client = await connect(io)
    client.send("0/nowhere?x=1,")
    await client.wait_for(lambda packet: packet == '4/nowhere,{"message":"Invalid namespace"}')


async def test_may_not_join_the_root_twice(io: Server) -> None:
    client = await connect(io)
    client.send("0")
    await until(lambda: client.closed)


async def test_may_be_sent_away_by_their_connection_handler(io: Server) -> None:
    gone: list[DisconnectReason] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.disconnect(close=True)

    @io.on_disconnect
    async def disconnected(socket: Socket, reason: DisconnectReason) -> None:
        gone.append(reason)

    client = MemoryClient(io, query="&EIO=3")
    await until(lambda: client.closed)
    assert client.inbox == ["0", "1"]
    assert gone == [DisconnectReason.SERVER_NAMESPACE_DISCONNECT]


async def test_that_are_gone_at_once_join_nothing(io: Server) -> None:
    seen: list[str] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        seen.append(socket.id)

    MemoryClient(io, query="&EIO=3").drop()
    await connect(io)
    assert len(seen) == 1
    assert len(io.sockets) == 1


async def test_share_broadcasts_with_new_clients(io: Server) -> None:
    old, new = await connect(io), MemoryClient(io)
    await new.connect()
    io.emit("news", b"\x01")
    assert old.inbox[-2:] == ['51-["news",{"_placeholder":true,"num":0}]', b"\x04\x01"]
    assert new.inbox[-2:] == ['51-["news",{"_placeholder":true,"num":0}]', b"\x01"]


async def test_are_not_recovered() -> None:
    io = Server(allow_eio3=True, connection_state_recovery=Recovery())
    client = await connect(io)
    assert client.inbox == ["0"]
    client.drop()
    await until(lambda: not io.sockets)
