"""Connections that are lost, and come back."""

import asyncio

import pytest

from arcwire import (
    BufferFull,
    ConnectRefused,
    Disconnected,
    DisconnectReason,
    EventDropped,
    OfflineBuffer,
    PayloadTooLarge,
    State,
    StateName,
    Unreachable,
)
from arcwire.engineio.protocol.reasons import CloseReason
from support.engine_server import until


async def test_states_of_a_connection_that_comes_back(server):
    socket, first = await server.join()
    states = socket.states()
    heard = []

    @socket.on_state
    async def changed(state: State) -> None:
        heard.append(state)

    server.failures = [Unreachable("down")]
    first.drop(CloseReason.PING_TIMEOUT)
    assert not socket.connected
    assert socket.active
    assert repr(socket) == "<ClientSocket of '/', recovering>"
    second = await server.accept()
    second.let_in(sid="s2")
    seen = [await anext(states) for _ in range(4)]
    lost = {"reason": DisconnectReason.PING_TIMEOUT, "description": "dropped by the test"}
    assert [state.name for state in seen] == ["open", "recovering", "recovering", "open"]
    assert seen[1] == State(name=StateName.RECOVERING, delay=seen[1].delay, **lost)
    assert seen[2] == State(
        name=StateName.RECOVERING, error=seen[2].error, attempt=1, delay=seen[2].delay, **lost
    )
    assert str(seen[2].error) == "down"
    assert 0 < seen[2].delay <= 0.001
    assert seen[3] == State(name=StateName.OPEN)
    await until(lambda: heard == seen[1:])
    assert socket.id == "s2"


async def test_lifecycle_handlers(server):
    client = server.client()
    socket = client.socket
    calls = []

    @socket.on_connect
    async def connected() -> None:
        calls.append("connected")

    @socket.on_disconnect
    async def gone(reason: DisconnectReason) -> None:
        calls.append(reason)

    @socket.on_connect_error
    def failed(error: Exception) -> None:
        calls.append(str(error))

    client.connect()
    first = await server.accept()
    first.let_in()
    server.failures = [Unreachable("down")]
    first.drop()
    (await server.accept()).let_in()
    await until(lambda: len(calls) == 4)
    assert sorted(calls) == ["connected", "connected", "down", "transport close"]


async def test_without_reconnection(server):
    socket, connection = await server.join(reconnection=False)
    states = socket.states()
    connection.drop()
    assert [await anext(states) for _ in range(2)][1] == State(
        name=StateName.CLOSED, reason=DisconnectReason.TRANSPORT_CLOSE, description="dropped by the test"
    )
    with pytest.raises(Disconnected, match="the socket is closed: dropped by the test"):
        await socket.emit_with_ack("ask")


async def test_when_the_attempts_are_used_up(server):
    socket, connection = await server.join(reconnection_attempts=2)
    server.unreachable = Unreachable("down")
    connection.drop()
    await until(lambda: not socket.active)
    assert server.attempts == 3
    assert socket.state.error is server.unreachable
    assert socket.state.reason is DisconnectReason.TRANSPORT_CLOSE
    assert socket.state.attempt == 2
    server.unreachable = None
    connecting = socket.connect()
    (await server.accept()).let_in()
    await connecting


async def test_unlimited_and_woken_early(server):
    socket, first = await server.join(reconnection_delay=3600, reconnection_delay_max=3600)
    first.drop()
    assert 1000 < socket.state.delay <= 3600
    await asyncio.sleep(0)
    assert server.attempts == 1
    server.failures = [Unreachable("down")]
    socket.connect()
    await until(lambda: socket.state.attempt == 1)
    connecting = socket.connect()
    second = await server.accept()
    second.let_in()
    await connecting
    assert server.attempts == 3


async def test_leaving_while_it_is_away(server):
    socket, first = await server.join(reconnection_delay=3600, reconnection_delay_max=3600)
    calls = []
    socket.on_disconnect(lambda reason: calls.append(reason))
    first.drop()
    socket.disconnect()
    assert socket.state.reason is DisconnectReason.CLIENT_NAMESPACE_DISCONNECT
    await until(lambda: calls == ["transport close"])


async def test_giving_up_the_wait_does_not_give_up_the_connection(server):
    socket, first = await server.join()
    first.drop()
    server.unreachable = Unreachable("down")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await socket.connect()
    assert socket.active
    server.unreachable = None
    (await server.accept()).let_in()
    assert socket.connected


async def test_refused_when_it_comes_back(server):
    socket, first = await server.join()
    first.drop()
    (await server.accept()).receive('4{"message":"banned"}')
    assert not socket.active
    assert isinstance(socket.state.error, ConnectRefused)


async def test_all_namespaces_come_back(server):
    socket, first = await server.join()
    admin, left = socket.of("/admin"), socket.of("/left")
    for each in (admin, left):
        each.connect()
    first.let_in("/admin", "a")
    first.let_in("/left", "l")
    left.disconnect()
    first.drop()
    second = await server.accept()
    assert second.sent == ["0", "0/admin,"]
    second.let_in("/admin", "a2")
    assert (admin.id, socket.id) == ("a2", None)
    second.let_in()
    assert socket.connected
    assert not left.active


async def test_a_handler_that_connects_at_once(server):
    socket, first = await server.join(reconnection_delay=3600, reconnection_delay_max=3600)

    @socket.on_disconnect
    async def gone() -> None:
        socket.connect()

    first.drop()
    (await server.accept()).let_in()
    assert socket.connected


async def test_a_handler_that_leaves(server):
    socket, first = await server.join()
    other = socket.of("/other")
    other.connect()
    first.let_in("/other")

    @socket.on_disconnect
    async def gone() -> None:
        socket.disconnect()
        other.disconnect()

    first.drop()
    await until(lambda: not socket.active)
    assert not other.active
    await asyncio.sleep(0.01)
    assert server.attempts == 1


async def test_closing_within_a_handler(server):
    socket, connection = await server.join()
    closed = asyncio.Event()

    @socket.on("quit")
    async def quit_() -> None:
        await server.clients[0].close()
        closed.set()

    connection.receive('2["quit"]')
    await asyncio.wait_for(closed.wait(), 5)
    assert server.clients[0].manager.closed


async def test_handlers_are_not_doubled(server):
    client = server.client()
    socket = client.socket
    calls = []

    @socket.on("a")
    async def outside() -> None:
        calls.append("outside")

    @socket.on_connect
    async def connected() -> None:
        @socket.on("a")
        async def inside() -> None:
            calls.append("inside")

        await asyncio.sleep(0)

        @socket.on("a")
        async def later() -> None:
            calls.append("later")

    client.connect()
    for _ in range(3):
        connection = await server.accept()
        connection.let_in()
        await until(lambda: len(socket.namespace.handlers.take("a")) == 3)
        calls.clear()
        connection.receive('2["a"]')
        await until(lambda: len(calls) == 3)
        assert calls == ["outside", "inside", "later"]
        connection.drop()
    assert len(socket.namespace.handlers.take("a")) == 1


async def test_a_suspended_machine(server):
    socket, first = await server.join()
    first.ping_expired = True
    socket.emit("a")
    answer = socket.emit_with_ack("b")
    assert first.sent == ["0"], "nobody would hear it"
    first.drop(CloseReason.PING_TIMEOUT)
    second = await server.accept()
    second.let_in()
    assert second.sent == ["0", '2["a"]', '20["b"]']
    second.receive('30["heard"]')
    assert await answer == "heard"


# -- the offline buffer ---------------------------------------------------------------


async def test_events_wait_for_the_connection(server):
    client = server.client()
    socket = client.socket
    socket.emit("before", b"1")
    connecting = client.connect()
    connection = await server.accept()
    answer = socket.emit_with_ack("asked", 2)
    seen = []

    @socket.on_connect
    async def connected() -> None:
        seen.extend(connection.sent)

    connection.let_in()
    await connecting
    sent = ["0", '51-["before",{"_placeholder":true,"num":0}]', b"1", '20["asked",2]']
    assert connection.sent == sent
    await until(lambda: seen == sent)
    connection.receive('30["ok"]')
    assert await answer == "ok"


async def test_events_wait_while_it_is_away(server):
    socket, first = await server.join()
    first.drop()
    for number in range(3):
        socket.emit("n", number)
    second = await server.accept()
    socket.emit("n", 3)
    second.let_in()
    socket.emit("n", 4)
    assert second.sent == ["0", *(f'2["n",{number}]' for number in range(5))]


async def test_a_full_buffer_raises(server):
    socket, first = await server.join(offline_buffer=OfflineBuffer(max_events=2))
    first.drop()
    socket.emit("a")
    answer = socket.emit_with_ack("b")
    with pytest.raises(BufferFull, match="max_events"):
        socket.emit("c")
    with pytest.raises(BufferFull, match="max_events"):
        socket.emit_with_ack("d")
    socket.volatile.emit("e")
    second = await server.accept()
    second.let_in()
    assert second.sent == ["0", '2["a"]', '20["b"]']
    second.receive("30[]")
    assert await answer is None
    assert not socket._outbox._acks


async def test_a_full_buffer_drops(server):
    socket, first = await server.join(offline_buffer=OfflineBuffer(max_events=1, overflow="drop_oldest"))
    first.drop()
    answer = socket.emit_with_ack("old")
    socket.emit("new")
    with pytest.raises(EventDropped):
        await answer
    second = await server.accept()
    second.let_in()
    assert second.sent == ["0", '2["new"]']


async def test_what_waits_may_time_out(server):
    socket, first = await server.join()
    server.unreachable = Unreachable("down")
    first.drop()
    with pytest.raises(TimeoutError):
        await socket.timeout(0.01).emit_with_ack("old")
    server.unreachable = None
    second = await server.accept()
    second.let_in()
    assert second.sent == ["0"], "whoever asked was told that it failed: it must not happen later"


async def test_what_waits_ends_with_the_socket(server):
    socket, first = await server.join(reconnection_delay=3600, reconnection_delay_max=3600)
    first.drop()
    socket.emit("stays")
    answer = socket.emit_with_ack("goes")
    socket.disconnect()
    with pytest.raises(Disconnected, match="this client left"):
        await answer
    connecting = socket.connect()
    second = await server.accept()
    second.let_in()
    await connecting
    assert second.sent == ["0", '2["stays"]']


async def test_closing_drops_what_waits(server):
    client = server.client()
    client.socket.emit("a")
    answer = client.socket.emit_with_ack("b")
    await client.close()
    with pytest.raises(Disconnected):
        await answer
    assert len(client.socket._outbox) == 0


async def test_too_large_for_the_server_that_came(server, caplog):
    server.max_payload = 50
    client = server.client()
    client.socket.emit("a", "x" * 100)
    answer = client.socket.emit_with_ack("b", "x" * 100)
    client.socket.emit("c")
    connecting = client.connect()
    connection = await server.accept()
    connection.let_in()
    await connecting
    assert connection.sent == ["0", '2["c"]']
    assert "event 'a'" in caplog.text
    with pytest.raises(PayloadTooLarge):
        await answer


async def test_awaiting_while_away_is_back_pressure(server):
    socket, first = await server.join(offline_buffer=OfflineBuffer(max_events=10))
    server.unreachable = Unreachable("down")
    first.drop()
    emitted = 0

    async def emit_all() -> None:
        nonlocal emitted
        for number in range(50):
            await socket.emit("n", number)
            emitted += 1

    task = asyncio.create_task(emit_all())
    await until(lambda: socket.state.attempt > 3)
    assert emitted == 5, "half of the buffer"
    server.unreachable = None
    second = await server.accept()
    second.let_in()
    await task
    assert second.sent == ["0", *(f'2["n",{number}]' for number in range(50))]


async def test_back_pressure_ends_when_it_is_closed(server):
    socket, first = await server.join(offline_buffer=OfflineBuffer(max_events=2))
    server.unreachable = Unreachable("down")
    first.drop()
    socket.emit("a")

    async def emit() -> None:
        await socket.emit("b")

    task = asyncio.create_task(emit())
    await asyncio.sleep(0)
    assert not task.done()
    socket.disconnect()
    await asyncio.wait_for(task, 5)


# -- connection state recovery -----------------------------------------------------------


async def test_a_session_is_continued(server):
    client = server.client(auth={"token": "x"})
    connecting = client.connect()
    first = await server.accept()
    first.let_in(pid="p1")
    await connecting
    socket = client.socket
    heard = []
    socket.on("n", heard.append)
    first.receive('2["n",1,"Ab12-7"]', '20["n",2]', '2["n",3]')
    first.drop()
    second = await server.accept()
    assert second.sent == ['0{"pid":"p1","offset":"Ab12-7","token":"x"}']
    second.receive('2["n",4,"Ab12-8"]')
    second.let_in(pid="p1")
    assert socket.recovered
    assert socket.state == State(name=StateName.OPEN, recovered=True)
    await until(lambda: len(heard) == 4)
    assert sorted(heard) == [1, 2, 3, 4]
    second.drop()
    third = await server.accept()
    assert third.sent == ['0{"pid":"p1","offset":"Ab12-8","token":"x"}']
    third.let_in(sid="new", pid="p2")
    assert not socket.recovered
    third.drop()
    fourth = await server.accept()
    assert fourth.sent == ['0{"pid":"p2","token":"x"}'], "no offset of another session"
    fourth.let_in()
    fourth.drop()
    assert (await server.accept()).sent == ['0{"token":"x"}']


async def test_keys_of_the_application_count_more(server):
    client = server.client(auth={"pid": "mine"})
    client.connect()
    first = await server.accept()
    first.let_in(pid="p1")
    first.drop()
    assert (await server.accept()).sent == ['0{"pid":"mine"}']


# -- what comes with the connection --------------------------------------------------------


async def test_a_handler_that_is_registered_right_after_connecting(server):
    client = server.client()
    heard = []

    async def main() -> None:
        async with asyncio.timeout(5):
            socket = await client.__aenter__()
        socket.on("hello", heard.append)

    task = asyncio.create_task(main())
    connection = await server.accept()
    connection.receive('2["hello","early"]')
    connection.let_in()
    connection.receive('2["hello","with it"]')
    await task
    await until(lambda: len(heard) == 2)
    assert sorted(heard) == ["early", "with it"]


async def test_what_came_before_the_loss_is_handled(server):
    client = server.client()
    heard = []

    @client.socket.on("hello")
    async def hello(text: str) -> None:
        heard.append(text)

    @client.socket.on_disconnect
    async def gone() -> None:
        heard.append("gone")

    task = asyncio.create_task(client.__aenter__())
    connection = await server.accept()
    connection.let_in()
    connection.receive('2["hello","hi"]')
    connection.drop()
    await until(lambda: len(heard) == 2)
    assert heard == ["hi", "gone"]
    await task


async def test_events_of_a_namespace_that_was_left_are_not_handled(server):
    socket, connection = await server.join()
    heard = []

    @socket.on("a")
    async def a() -> None:
        heard.append("a")

    socket.of("/other").connect()
    socket.disconnect()
    connection.receive('2["a"]')
    await asyncio.sleep(0)
    assert not heard
