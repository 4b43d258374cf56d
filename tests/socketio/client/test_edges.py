"""What seldom happens: bad input at bad moments, limits, threads, handlers that interfere."""

import asyncio
import logging
import threading

import pytest

from arcwire import (
    BufferFull,
    ClientSocket,
    DisconnectReason,
    EventDropped,
    OfflineBuffer,
    State,
    Unreachable,
)
from arcwire.socketio.client import membership, outbox
from support.engine_server import until


async def test_wait_for_and_a_handler_right_after_it(server):
    client = server.client()
    heard = []

    async def main() -> None:
        await asyncio.wait_for(client.connect(), 5)
        client.socket.on("hello", heard.append)

    task = asyncio.create_task(main())
    connection = await server.accept()
    connection.let_in()
    connection.receive('2["hello",1]')
    await task
    await until(lambda: heard == [1])


async def test_bad_events_while_events_are_held(server, caplog):
    client = server.client()
    task = asyncio.create_task(_connect(client))
    connection = await server.accept()
    client.socket.on("a", lambda value: None)
    connection.let_in()
    connection.receive('2["a",nonsense]')
    await task
    second = await server.accept()
    assert client.socket.state.reason in (DisconnectReason.PARSE_ERROR, None)
    second.let_in()
    assert client.socket.connected
    assert "not Socket.IO" in caplog.text


async def _connect(client):
    await client.connect()


async def test_bad_events_for_a_stream(server):
    socket, connection = await server.join()
    stream = socket.events()
    connection.receive('2["a",nonsense]')
    assert socket.state.reason is DisconnectReason.PARSE_ERROR
    (await server.accept()).let_in()
    assert len(stream) == 0


@pytest.mark.parametrize("packet", ['30{"a":1}', "30[nonsense]"])
async def test_bad_acknowledgements(server, packet):
    socket, connection = await server.join()
    socket.emit_with_ack("a")
    connection.receive(packet)
    assert socket.state.reason is DisconnectReason.PARSE_ERROR


async def test_acknowledgements_without_an_id_are_ignored(server):
    socket, connection = await server.join()
    connection.receive("3[]")
    assert socket.connected


async def test_events_before_the_answer_are_limited(server, monkeypatch):
    monkeypatch.setattr(membership, "MAX_EARLY", 2)
    client = server.client()
    connecting = client.connect()
    connection = await server.accept()
    connection.receive('2["a"]', '2["a"]', '2["a"]')
    assert not connection.is_open
    with pytest.raises(Exception, match="too many events before the namespace was joined"):
        await connecting


async def test_questions_are_limited(server, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_PENDING_ACKS", 2)
    socket, connection = await server.join()
    first = [socket.emit_with_ack("a") for _ in range(2)]
    with pytest.raises(EventDropped, match="2 acknowledgements of the server are missing"):
        await socket.emit_with_ack("a")
    connection.receive("30[]")
    await first[0]
    again = socket.emit_with_ack("a")
    connection.receive("33[]")
    assert await again is None


async def test_another_thread_that_emits_too_much(server, caplog):
    limits = OfflineBuffer(max_events=1)
    socket, connection = await server.join(offline_buffer=limits)
    server.unreachable = Unreachable("down")
    connection.drop()

    def work() -> list[type]:
        errors = []
        socket.emit("a")
        socket.emit("dropped")
        try:
            socket.emit_with_ack("b").result()
        except Exception as error:
            errors.append(type(error))
        return errors

    assert await asyncio.to_thread(work) == [BufferFull]
    assert "what another thread emitted is dropped" in caplog.text


async def test_threads_and_retries(server):
    socket, connection = await server.join(retries=2)
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for number in range(50):
            socket.emit("n", number)

    await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))
    ids = set()
    while len(ids) < 200:
        await asyncio.sleep(0)
        for packet in connection.sent[1:]:
            id = int(packet[1 : packet.index("[")])
            if id not in ids:
                ids.add(id)
                connection.receive(f"3{id}[]")
    assert ids == set(range(200))
    with pytest.raises(TypeError):
        await asyncio.to_thread(socket.emit, "n", object())
    assert socket._outbox.greet()["retry"]["from"] == 200


async def test_a_handler_of_what_came_before_leaves(server):
    client = server.client()
    socket = client.socket
    other = client.of("/other")
    calls = []

    @socket.on("bye")
    async def bye() -> None:
        socket.disconnect()
        other.disconnect()

    @socket.on_disconnect
    async def gone(reason: DisconnectReason) -> None:
        calls.append(reason)

    other.connect()
    task = asyncio.create_task(_connect(client))
    connection = await server.accept()
    await connection.sends("0")
    connection.let_in("/other")
    connection.let_in()
    connection.receive('2["bye"]', '2["bye"]')
    connection.drop()
    await task
    await until(lambda: calls)
    await until(lambda: not socket.active and not other.active)
    await asyncio.sleep(0.01)
    assert server.attempts == 1
    assert len(calls) == 1


async def test_handlers_of_the_lifecycle_that_fail(server, caplog):
    client = server.client()
    told = []

    @client.socket.on_connect
    async def connected() -> None:
        raise KeyError("in on_connect")

    connecting = client.connect()
    first = await server.accept()
    with caplog.at_level(logging.ERROR):
        first.let_in()
        await connecting
        await until(lambda: "in on_connect" in caplog.text)

    @client.socket.on_error
    async def failed(error: Exception, socket: ClientSocket, event: str) -> None:
        told.append((str(error), event))

    first.drop()
    (await server.accept()).let_in()
    await until(lambda: told == [("'in on_connect'", "connect")])


async def test_signatures_of_the_lifecycle(server):
    client = server.client()
    socket = client.socket
    calls = []

    @socket.on_disconnect
    def both(reason: DisconnectReason, own: ClientSocket, description: str = "") -> None:
        calls.append((reason, own, description))

    @socket.on_disconnect
    async def rest(*values: object, more: int = 1) -> None:
        calls.append(values)

    @socket.on_state
    async def nothing() -> None: ...

    @socket.on_state
    async def state(own: ClientSocket, state: State) -> None:
        assert own is socket

    with pytest.raises(TypeError, match="on_connect has 0 values to tell"):
        socket.on_connect(lambda value: None)
    with pytest.raises(TypeError, match="on_state needs a function"):
        socket.on_state(None)
    with pytest.raises(ValueError, match="register it with on_connect"):
        socket.on("connect", lambda: None)
    connecting = client.connect()
    connection = await server.accept()
    connection.let_in()
    await connecting
    connection.drop()
    reason = DisconnectReason.TRANSPORT_CLOSE
    await until(lambda: len(calls) == 2)
    assert (reason, socket, "dropped by the test") in calls
    assert (reason, "dropped by the test") in calls


async def test_closing_with_handlers_that_do_not_end(server, caplog):
    socket, connection = await server.join()
    cancelled = []

    @socket.on("hang")
    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    connection.receive('2["hang"]')
    await asyncio.sleep(0)
    await server.clients[0].close(grace=0.01)
    assert cancelled == [True]
    assert "did not end within 0.01 seconds" in caplog.text


async def test_closing_is_cancelled(server):
    socket, connection = await server.join()
    cancelled = []

    @socket.on("hang")
    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    connection.receive('2["hang"]')
    await asyncio.sleep(0)
    task = asyncio.create_task(server.clients[0].close())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: cancelled)
    assert not connection.is_open


async def test_an_error_in_the_block_closes_at_once(server):
    client = server.client()
    task = asyncio.create_task(client.__aenter__())
    connection = await server.accept()
    connection.let_in()
    socket = await task

    @socket.on("hang")
    async def hang() -> None:
        await asyncio.Event().wait()

    connection.receive('2["hang"]')
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await client.__aexit__(ValueError, ValueError(), None)


async def test_flags_are_combined_and_kept(server):
    socket, connection = await server.join()
    flagged = socket.volatile.compress(False).timeout(5)
    flagged.emit("a")
    flagged.send("b")
    answer = flagged.emit_with_ack("c")
    connection.receive("30[]")
    assert await answer is None
    assert connection.uncompressed == ['2["a"]', '2["message","b"]', '20["c"]']
    connection.writable = False
    flagged.emit("d")
    assert len(connection.sent) == 4
    with pytest.raises(ValueError, match="positive"):
        socket.timeout(0)


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="tasks are eager from Python 3.12 on")
async def test_in_a_loop_with_eager_tasks(server):
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def fail(*args):
        raise Unreachable("down")

    async def auth():
        return {"token": "x"}

    client = server.client(auth=auth)
    client.manager.open_connection = fail
    with pytest.raises(Unreachable):
        await client.connect()
    client.manager.open_connection = server.open
    connecting = client.connect()
    first = await server.accept()
    first.let_in()
    await connecting
    first.drop()
    second = await server.accept()
    second.let_in()
    client.socket.disconnect()
    assert second.sent == ['0{"token":"x"}', "1"]
