"""Events that are sent until they are acknowledged."""

import asyncio
import json
import logging

import pytest

from arcwire import AckTimeout, BufferFull, Disconnected, EventDropped, OfflineBuffer, PayloadTooLarge
from support.engine_server import until


def introduction(connection):
    """What the client said with CONNECT."""
    return json.loads(connection.sent[0][1:])


async def test_every_event_asks_for_an_acknowledgement(server):
    socket, connection = await server.join(retries=3, auth={"token": "x"})
    said = introduction(connection)
    assert said["token"] == "x"
    assert said["retry"].keys() == {"id", "from"}
    assert said["retry"]["from"] == 0
    assert len(said["retry"]["id"]) >= 20
    socket.emit("a")
    answer = socket.emit_with_ack("b", b"x")
    socket.volatile.emit("c")
    assert connection.sent[1:] == ['20["a"]', '51-1["b",{"_placeholder":true,"num":0}]', b"x", '2["c"]']
    connection.receive("30[]", '31["ok"]', "31[]", "30[]")
    assert await answer == "ok"
    assert len(socket._outbox) == 0


async def test_the_window(server):
    socket, connection = await server.join(retries=3, retry_window=2)
    emissions = [socket.emit("n", number) for number in range(4)]
    assert connection.sent[1:] == ['20["n",0]', '21["n",1]']
    waiting = asyncio.create_task(_await(emissions[3]))
    connection.receive("31[]")
    assert connection.sent[3:] == ['22["n",2]']
    await asyncio.sleep(0)
    assert not waiting.done()
    connection.receive("30[]")
    assert connection.sent[4:] == ['23["n",3]']
    await waiting


async def _await(emission):
    await emission


async def test_sent_again_after_a_loss_with_the_same_ids(server):
    socket, first = await server.join(retries=3, retry_window=3)
    answers = [socket.emit_with_ack("n", number) for number in range(5)]
    first.receive("31[]")
    first.drop()
    assert not answers[0].settled, "a loss is no answer"
    later = socket.emit_with_ack("n", 5)
    second = await server.accept()
    assert introduction(second)["retry"] == {"id": introduction(first)["retry"]["id"], "from": 0}
    second.let_in()
    assert second.sent[1:] == ['20["n",0]', '22["n",2]', '23["n",3]']
    for id in (0, 2, 3, 4, 5):
        second.receive(f'3{id}["{id}"]')
    assert [await answer for answer in (answers[0], *answers[2:], later)] == ["0", "2", "3", "4", "5"]
    assert await answers[1] is None
    second.drop()
    third = await server.accept()
    assert introduction(third)["retry"]["from"] == 6
    third.let_in()
    assert len(third.sent) == 1


async def test_sent_again_when_the_acknowledgement_is_late(server):
    socket, connection = await server.join(retries=2, ack_timeout=0.01)
    answer = socket.emit_with_ack("a")
    await until(lambda: connection.sent[1:] == ['20["a"]', '20["a"]'])
    connection.receive('30["late"]', "30[]")
    assert await answer == "late"


async def test_given_up_after_so_many_tries(server, caplog):
    socket, connection = await server.join(retries=2)
    answer = socket.timeout(0.01).emit_with_ack("a")
    later = socket.emit_with_ack("b")
    with pytest.raises(AckTimeout, match=r"within 0\.01 seconds, after 3 tries"):
        await answer
    assert connection.sent.count('20["a"]') == 3
    connection.receive("31[]")
    assert await later is None
    emission = socket.timeout(0.001).emit("c")
    await until(lambda: len(socket._outbox) == 0)
    assert "event 'c' was not acknowledged" in caplog.text
    with pytest.raises(AckTimeout):
        await emission


async def test_losses_count_as_tries(server):
    socket, connection = await server.join(retries=1)
    answer = socket.emit_with_ack("a")
    connection.drop()
    second = await server.accept()
    second.let_in()
    assert second.sent[1:] == ['20["a"]']
    other = socket.emit_with_ack("b")
    second.drop()
    with pytest.raises(Disconnected, match="lost 2 times"):
        await answer
    third = await server.accept()
    assert introduction(third)["retry"]["from"] == 1
    third.let_in()
    assert third.sent[1:] == ['21["b"]']
    third.receive("31[]")
    assert await other is None


async def test_the_first_emit_within_a_connect_handler_is_sent_once(server):
    client = server.client(retries=3)

    @client.socket.on_connect
    async def connected() -> None:
        client.socket.emit("hello")

    client.socket.emit("early")
    connecting = client.connect()
    connection = await server.accept()
    assert introduction(connection)["retry"]["from"] == 0
    connection.let_in()
    await connecting
    await connection.sends('21["hello"]')
    assert connection.sent[1:] == ['20["early"]', '21["hello"]']


async def test_nobody_waits_for_an_answer_any_more(server):
    socket, first = await server.join(retries=3)
    task = asyncio.create_task(_await(socket.emit_with_ack("a")))
    await first.sends('20["a"]')
    task.cancel()
    await asyncio.wait((task,))
    first.drop()
    second = await server.accept()
    second.let_in()
    assert second.sent[1:] == ['20["a"]'], "the event is sent all the same"
    second.receive("30[]")
    assert len(socket._outbox) == 0


@pytest.mark.parametrize("overflow, error", [("raise", BufferFull), ("drop_newest", EventDropped)])
async def test_more_than_may_wait(server, overflow, error):
    limits = OfflineBuffer(max_events=1, overflow=overflow)
    socket, connection = await server.join(retries=3, retry_window=1, offline_buffer=limits)
    socket.emit("sent")
    socket.emit("waits")
    with pytest.raises(error):
        await socket.emit_with_ack("too many")
    connection.receive("30[]")
    assert connection.sent[1:] == ['20["sent"]', '21["waits"]']


async def test_leaving_ends_what_is_asked_and_keeps_what_is_told(server, caplog):
    socket, _ = await server.join(retries=3, retry_window=1)
    socket.emit("sent")
    answer, waiting = socket.emit_with_ack("asked"), socket.emit_with_ack("asked too")
    socket.emit("waits")
    socket.disconnect()
    for each in (answer, waiting):
        with pytest.raises(Disconnected, match="this client left"):
            await each
    with pytest.raises(Disconnected, match="this client left"):
        await socket.emit_with_ack("nobody is there")
    connecting = socket.connect()
    second = await server.accept()
    second.let_in()
    await connecting
    second.receive("30[]")
    assert second.sent[1:] == ['20["sent"]', '23["waits"]']
    assert "not acknowledged" not in caplog.text
    with caplog.at_level(logging.WARNING):
        await server.clients[0].close()
    assert "event 'waits' was not acknowledged: the socket is closed" in caplog.text


@pytest.mark.parametrize("waits_first", [False, True])
async def test_a_listener_that_leaves_ends_the_deadlines_of_what_it_hears(server, waits_first):
    client = server.client(retries=3)
    socket = client.socket

    @socket.on_any_outgoing
    async def sent(event: str, *args: object) -> None:
        socket.disconnect()

    connecting = client.connect()
    connection = await server.accept()
    if waits_first:
        answer, _ = socket.emit_with_ack("asked"), socket.emit("told")
    connection.let_in()
    if not waits_first:
        await connecting
        answer, _ = socket.emit_with_ack("asked"), socket.emit("told")
    with pytest.raises(Disconnected, match="this client left"):
        await answer
    assert not socket.active
    assert not any(client.manager.timers._slots.values())
    assert len(socket._outbox) == 1, "what is told stays"


async def test_too_large(server, caplog):
    server.max_payload = 200
    client = server.client(retries=1)
    answer = client.socket.emit_with_ack("a", "x" * 300)
    client.socket.emit("b", "x" * 300)
    client.socket.emit("c")
    connecting = client.connect()
    connection = await server.accept()
    connection.let_in()
    await connecting
    assert connection.sent[1:] == ['22["c"]']
    with pytest.raises(PayloadTooLarge):
        await answer
    with pytest.raises(PayloadTooLarge):
        client.socket.emit("d", "x" * 300)
    assert "event 'b'" in caplog.text
    assert len(client.socket._outbox) == 1


async def test_a_server_that_leaves_repeated_events_out(server):
    client = server.client(retries=1)
    connecting = client.connect()
    first = await server.accept()
    first.let_in(retry=True)
    await connecting
    assert client.socket.deduplicated
    first.drop()
    (await server.accept()).let_in()
    assert not client.socket.deduplicated


async def test_without_retries_nothing_is_said(server):
    socket, connection = await server.join()
    assert connection.sent == ["0"]
    assert not socket.deduplicated
