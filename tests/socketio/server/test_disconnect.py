"""How sockets go."""

import asyncio
import logging

import pytest

from arcwire import DisconnectReason, Server, Socket
from arcwire.engineio.protocol.reasons import CloseReason
from support.memory import MemoryClient, until


def server() -> tuple[Server, list[tuple[str, frozenset[str]]]]:
    io = Server()
    gone: list[tuple[str, frozenset[str]]] = []

    @io.on_disconnect
    async def on_disconnect(socket: Socket, reason: DisconnectReason) -> None:
        assert not socket.connected
        gone.append((reason.value, socket.rooms - {socket.id}))

    return io, gone


@pytest.mark.parametrize("reason", list(CloseReason))
async def test_every_end_of_a_connection_has_its_reason(reason: CloseReason) -> None:
    io, gone = server()
    client = MemoryClient(io)
    (await client.enter()).join("lobby")
    client.drop(reason)
    await until(lambda: gone)
    assert gone == [(reason.value, {"lobby"})]
    assert io.engine.clients_count == 0
    assert not io._multiplexers


async def test_the_client_leaves_a_namespace() -> None:
    io, gone = server()
    client = MemoryClient(io)
    await client.connect()
    client.send("1")
    await until(lambda: gone)
    assert gone == [("client namespace disconnect", frozenset())]
    assert not client.closed
    await client.connect()
    assert len(io.sockets) == 1


async def test_the_server_disconnects_a_socket() -> None:
    io, gone = server()
    io.of("/other")
    client = MemoryClient(io)
    socket = await client.enter()
    await client.connect("/other")
    socket.disconnect()
    socket.disconnect()
    assert client.inbox[-1] == "1"
    # What the client sent before it knew does not end its other namespaces.
    client.send('2["late"]', "30[]", "1")
    await until(lambda: gone)
    assert gone == [("server namespace disconnect", frozenset())]
    assert not client.closed
    await client.connect()


async def test_the_server_disconnects_a_connection() -> None:
    io, gone = server()
    other = io.of("/other")
    client = MemoryClient(io)
    socket = await client.enter()
    await client.connect("/other")
    socket.disconnect(close=True)
    assert client.inbox[-2:] == ["1", "1/other,"]
    assert client.closed
    assert not io.sockets
    assert not other.sockets
    await until(lambda: gone)
    assert gone == [("server namespace disconnect", frozenset())]


async def test_disconnecting_in_a_connection_handler() -> None:
    io, gone = server()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.disconnect()

    client = MemoryClient(io)
    await client.connect()
    await until(lambda: gone)
    assert client.inbox[-1] == "1"
    assert not io.sockets


async def test_closing_the_server() -> None:
    io, gone = server()
    clients = [MemoryClient(io) for _ in range(3)]
    for client in clients:
        await client.connect()
    await io.close()
    assert [reason for reason, _ in gone] == ["server shutting down"] * 3
    assert all(client.closed for client in clients)
    assert io.engine.clients_count == 0
    assert not io.sockets


async def test_closing_waits_for_handlers() -> None:
    io = Server()
    log: list[str] = []

    @io.on("work")
    async def work(socket: Socket) -> None:
        await asyncio.sleep(0.01)
        log.append("done")

    @io.on_disconnect
    def gone(socket: Socket) -> None:
        log.append("gone")

    client = MemoryClient(io)
    await client.connect()
    client.send('2["work"]')
    await io.close()
    assert sorted(log) == ["done", "gone"]


async def test_a_failing_disconnection_handler_is_logged_and_the_others_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io = Server()
    log: list[str] = []

    @io.on_disconnect
    async def fails(socket: Socket) -> None:
        raise TypeError("a bug in the handler, not a wrong signature")

    @io.on_disconnect
    async def runs(socket: Socket, reason: str, description: str) -> None:
        log.append(description)

    client = MemoryClient(io)
    await client.connect()
    with caplog.at_level(logging.ERROR):
        client.drop()
        await until(lambda: log)
    assert log == ["dropped by the test"]
    assert len(caplog.records) == 1


async def test_a_half_received_binary_packet_goes_with_its_connection() -> None:
    io, gone = server()
    client = MemoryClient(io)
    await client.connect()
    client.send('52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"a")
    client.drop()
    await until(lambda: gone)
    again = MemoryClient(io)
    await again.connect()
    again.send('2["x"]')
    assert not again.closed


async def test_closing_does_not_wait_for_handlers_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()
    ended: list[str] = []

    @io.on("stream")
    async def stream(socket: Socket) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stream")

    client = MemoryClient(io)
    await client.connect()
    client.send('2["stream"]')
    await io.close(grace=0.01)
    assert ended == ["stream"]
    assert "1 running handler" in caplog.text
