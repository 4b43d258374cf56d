"""One connection over its transports: messages, heartbeat, upgrade, closing, back-pressure."""

import asyncio

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server.connection import HIGH_WATER, Connection
from support.clock import jump
from support.links import MemoryClient, MemoryExchange, MemoryLink, open_link, request
from support.raw_http import until
from support.recorder import RecordedEngine, Recorder

INTERVAL, TIMEOUT, UPGRADE = 25.0, 20.0, 10.0


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(ping_interval=INTERVAL, ping_timeout=TIMEOUT, upgrade_timeout=UPGRADE))


@pytest.fixture
async def polling(engine: RecordedEngine) -> MemoryClient:
    return MemoryClient.over_polling(engine)


@pytest.fixture
async def link(engine: RecordedEngine) -> MemoryLink:
    return MemoryClient.over_websocket(engine)[1]


def the_only(engine: RecordedEngine) -> Recorder:
    (recorder,) = engine.recorded.values()
    return recorder


def assert_gone(engine: RecordedEngine, reason: CloseReason) -> None:
    """The one session has ended for this reason, and nothing of it is left."""
    assert the_only(engine).reason is reason
    assert engine.clients_count == 0
    assert the_only(engine).connection.timer_slot == 0
    assert not the_only(engine).connection.is_open


# -- messages ------------------------------------------------------------------------


async def test_messages_over_a_websocket(engine: RecordedEngine, link: MemoryLink) -> None:
    link.receive("4hello", b"\x00\x01", "4", b"", "4€")
    assert the_only(engine).messages == ["hello", b"\x00\x01", "", b"", "€"]

    connection = the_only(engine).connection
    connection.send_text("€".encode())
    connection.send_binary(b"\x02")
    connection.send_prepared(PreparedMessage(b"all"))
    connection.send_prepared(PreparedMessage(b"\x03", binary=True))
    assert link.take() == ["4€", b"\x02", "4all", b"\x03"]


async def test_messages_wait_for_a_poll_in_order(engine: RecordedEngine, polling: MemoryClient) -> None:
    connection = the_only(engine).connection
    connection.send_text("€".encode())
    connection.send_binary(b"\x01\x02\x03\x04")
    connection.send_prepared(PreparedMessage(b"all"))
    connection.send_prepared(PreparedMessage(b"\x03", binary=True))
    assert connection.buffered_bytes == 4 + 4 + 4 + 1
    assert polling.poll().body == "4€\x1ebAQIDBA==\x1e4all\x1ebAw=="
    assert connection.buffered_bytes == 0


async def test_a_waiting_poll_is_answered_at_once(engine: RecordedEngine, polling: MemoryClient) -> None:
    poll = polling.poll()
    assert poll.response is None
    the_only(engine).connection.send_text(b"now")
    assert poll.body == "4now"
    the_only(engine).connection.send_text(b"next")
    assert polling.poll().body == "4next"


async def test_one_prepared_message_reaches_a_mixed_audience(engine: RecordedEngine) -> None:
    """Whoever comes first, each gets its own form."""
    first, a = MemoryClient.over_websocket(engine)
    second = MemoryClient.over_polling(engine)
    third, b = MemoryClient.over_websocket(engine)
    clients = [first, second, third]
    for order in (clients, clients[::-1]):
        message = PreparedMessage(b"\x01\x02", binary=True)
        for client in order:
            engine.recorded[client.sid].connection.send_prepared(message)
        assert a.take() == b.take() == [b"\x01\x02"]
        assert second.poll().body == "bAQI="


def send_of_all_kinds(connection: Connection) -> None:
    """Text and binary messages, and the same with the wish not to be compressed."""
    connection.send_text(b"text")
    connection.send_binary(b"\x01")
    for compress in (True, False):
        connection.send_prepared(PreparedMessage(b"%a" % compress, compress=compress))
        connection.send_prepared(PreparedMessage(b"\x02%a" % compress, binary=True, compress=compress))


async def test_messages_that_are_not_to_be_compressed(engine: RecordedEngine, link: MemoryLink) -> None:
    send_of_all_kinds(the_only(engine).connection)
    assert link.take() == ["4text", b"\x01", "4True", b"\x02True", "4False", b"\x02False"]
    assert link.uncompressed == ["4False", b"\x02False"]


async def test_the_same_for_a_client_that_asked_for_base64(engine: RecordedEngine) -> None:
    link = open_link(engine, request(transport="websocket", b64="1"))
    link.take()
    send_of_all_kinds(the_only(engine).connection)
    assert link.take() == ["4text", "bAQ==", "4True", "bAlRydWU=", "4False", "bAkZhbHNl"]
    assert link.uncompressed == ["4False", "bAkZhbHNl"]


async def test_the_wish_outlives_an_upgrade(engine: RecordedEngine, polling: MemoryClient) -> None:
    send_of_all_kinds(the_only(engine).connection)
    link = polling.upgrade()
    assert link.take() == ["4text", b"\x01", "4True", b"\x02True", "4False", b"\x02False"]
    assert link.uncompressed == ["4False", b"\x02False"]


async def test_the_wish_does_not_change_a_payload(engine: RecordedEngine, polling: MemoryClient) -> None:
    send_of_all_kinds(the_only(engine).connection)
    assert polling.poll().body == "4text\x1ebAQ==\x1e4True\x1ebAlRydWU=\x1e4False\x1ebAkZhbHNl"


@pytest.mark.parametrize("packet", ["b*", "7", "", "x", "2"])
async def test_what_is_no_packet_ends_a_websocket(
    engine: RecordedEngine, link: MemoryLink, packet: str
) -> None:
    link.receive("4before", packet, "4after")
    assert the_only(engine).messages == ["before"]
    assert link.close_frame == (1005, "")
    reason = CloseReason.TRANSPORT_ERROR if packet == "2" else CloseReason.PARSE_ERROR
    assert_gone(engine, reason)


async def test_a_handler_that_closes_hears_no_more(engine: RecordedEngine, polling: MemoryClient) -> None:
    recorder = the_only(engine)
    receive, recorder.receive_text = recorder.receive_text, lambda data: recorder.connection.close()
    polling.post(b"4one\x1e4two")
    recorder.receive_text = receive
    polling.post(b"4three")
    assert recorder.messages == []
    assert recorder.reason is CloseReason.FORCED_CLOSE


# -- heartbeat -----------------------------------------------------------------------


async def test_a_websocket_is_pinged_at_each_interval(engine: RecordedEngine, link: MemoryLink) -> None:
    for _ in range(3):
        await asyncio.sleep(INTERVAL - 0.1)
        assert link.take() == []
        await asyncio.sleep(0.2)
        assert link.take() == ["2"]
        link.receive("3")
    assert the_only(engine).reason is None


async def test_a_websocket_that_does_not_answer_a_ping_ends(engine: RecordedEngine, link: MemoryLink) -> None:
    await asyncio.sleep(INTERVAL + TIMEOUT - 0.1)
    assert the_only(engine).reason is None
    await asyncio.sleep(0.4)
    assert_gone(engine, CloseReason.PING_TIMEOUT)
    assert link.close_frame == (1005, "")


async def test_polling_is_pinged_and_ends_without_a_pong(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    poll = polling.poll()
    await asyncio.sleep(INTERVAL + 0.1)
    assert poll.body == "2"
    assert polling.post(b"3").status == 200
    await asyncio.sleep(INTERVAL + 0.1)
    assert polling.poll().body == "2"
    await asyncio.sleep(TIMEOUT + 0.3)
    assert_gone(engine, CloseReason.PING_TIMEOUT)


async def test_a_poll_that_waits_ends_with_the_session(engine: RecordedEngine, polling: MemoryClient) -> None:
    await asyncio.sleep(INTERVAL + 0.1)
    assert polling.poll().body == "2"
    poll = polling.poll()
    await asyncio.sleep(TIMEOUT + 0.2)
    assert poll.body == "1"
    assert_gone(engine, CloseReason.PING_TIMEOUT)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_pings_come_in_time_though_patience_is_longer(transport: str) -> None:
    """The next ping is due before the time for the last pong is over."""
    engine = RecordedEngine(EngineConfig(ping_interval=1, ping_timeout=60))
    client, link = (
        MemoryClient.over_websocket(engine)
        if transport == "websocket"
        else (MemoryClient.over_polling(engine), None)
    )
    for _ in range(5):
        await asyncio.sleep(1.1)
        if link is None:
            assert client.poll().body == "2"
            assert client.post(b"3").status == 200
        else:
            assert link.take() == ["2"]
            link.receive("3")


async def test_a_message_extends_patience_once(engine: RecordedEngine, link: MemoryLink) -> None:
    await asyncio.sleep(INTERVAL + TIMEOUT - 1)
    link.receive("4a long upload delayed the pong")
    await asyncio.sleep(TIMEOUT - 1)
    assert the_only(engine).reason is None
    link.receive(b"\x01")
    await asyncio.sleep(1.1)
    assert_gone(engine, CloseReason.PING_TIMEOUT)


async def test_a_pong_that_came_while_the_loop_was_blocked_counts(
    engine: RecordedEngine, link: MemoryLink
) -> None:
    await asyncio.sleep(INTERVAL + 0.1)
    jump(60)
    asyncio.get_running_loop().call_later(0, link.receive, "3")
    await asyncio.sleep(1)
    assert the_only(engine).reason is None


# -- upgrade -------------------------------------------------------------------------


async def test_an_upgrade_keeps_what_was_sent_and_its_order(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    connection = the_only(engine).connection
    connection.send_text(b"1")
    assert polling.poll().body == "41"
    poll = polling.poll()
    link = polling.probe()
    link.receive("2probe")
    assert link.take() == ["3probe"]
    assert poll.response is None, "a client that had the noop first would poll again"
    await until(lambda: poll.response)
    assert poll.body == "6", "released, so that the client can stop polling"
    connection.send_text(b"2")
    connection.send_binary(b"\x03")
    assert connection.transport == "polling"

    link.receive("5", "4up")
    connection.send_text(b"4")

    assert connection.transport == "websocket"
    assert link.take() == ["42", b"\x03", "44"]
    assert the_only(engine).messages == ["up"]
    assert polling.poll().status == 400
    assert the_only(engine).reason is None


async def test_polls_during_a_probe_are_released_one_after_the_other(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    link = polling.probe()
    link.receive("2probe")
    first = polling.poll()
    assert first.body == "6"
    second = polling.poll()
    assert second.response is None
    await asyncio.sleep(0.2)
    assert second.body == "6"


async def test_a_poll_that_waits_at_the_end_of_an_upgrade_is_released(polling: MemoryClient) -> None:
    link = polling.probe()
    link.receive("2probe")
    assert polling.poll().body == "6"
    poll = polling.poll()
    link.receive("5")
    assert poll.body == "6"


@pytest.mark.parametrize(
    "frames", [["4hello"], ["5"], ["2"], ["2probe", "2probe"], ["2probe", "4x"], [b"\x01"], [""]]
)
async def test_a_probe_that_says_something_else_is_dropped(
    engine: RecordedEngine, polling: MemoryClient, frames: list[str | bytes]
) -> None:
    link = polling.probe()
    link.receive(*frames)
    assert link.close_frame == (1005, "")
    link.receive("2probe", "5", "4late")
    await assert_polling_works(engine, polling)
    polling.upgrade()


async def test_a_probe_that_stalls_is_dropped(engine: RecordedEngine, polling: MemoryClient) -> None:
    for frames in ([], ["2probe"]):
        link = polling.probe()
        link.receive(*frames)
        await asyncio.sleep(UPGRADE - 0.1)
        assert link.open
        await asyncio.sleep(0.2)
        assert link.close_frame == (1005, "")
        await assert_polling_works(engine, polling)


@pytest.mark.parametrize("frames", [[], ["2probe"]])
async def test_a_probe_that_vanishes_leaves_polling_as_it_was(
    engine: RecordedEngine, polling: MemoryClient, frames: list[str]
) -> None:
    """The session must not answer polls with noops for ever."""
    link = polling.probe()
    link.receive(*frames)
    link.vanish()
    poll = polling.poll()
    await asyncio.sleep(1)
    assert poll.response is None
    the_only(engine).connection.send_text(b"x")
    assert poll.body == "4x"
    polling.upgrade()


async def test_a_second_probe_is_turned_away(engine: RecordedEngine, polling: MemoryClient) -> None:
    first, second = polling.probe(), polling.probe()
    assert second.close_frame == (1005, "")
    await asyncio.sleep(0)  # its end is reported
    first.receive("2probe", "5", "4x")
    assert the_only(engine).messages == ["x"]
    third = polling.probe()
    assert third.close_frame == (1005, "")
    assert first.open


@pytest.mark.parametrize("after", ["ping", "upgrade"])
async def test_an_upgrade_between_ping_and_pong_keeps_supervision(
    engine: RecordedEngine, polling: MemoryClient, after: str
) -> None:
    await asyncio.sleep(INTERVAL + 0.1)
    assert polling.poll().body == "2"
    link = polling.upgrade()
    if after == "ping":
        await asyncio.sleep(TIMEOUT)
        assert_gone(engine, CloseReason.PING_TIMEOUT)
        assert link.close_frame == (1005, "")
    else:
        link.receive("3")
        await asyncio.sleep(INTERVAL + 0.1)
        assert link.take() == ["2"]
        await asyncio.sleep(TIMEOUT + 0.1)
        assert_gone(engine, CloseReason.PING_TIMEOUT)


async def test_a_session_that_ends_takes_its_probe_along(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    link = polling.probe()
    link.receive("2probe")
    polling.poll()
    polling.poll().vanish()
    assert link.close_frame == (1005, "")
    assert_gone(engine, CloseReason.TRANSPORT_ERROR)


async def test_the_end_of_an_upgraded_link_is_the_end_of_the_session(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    polling.upgrade().vanish(CloseReason.TRANSPORT_CLOSE)
    assert_gone(engine, CloseReason.TRANSPORT_CLOSE)


# -- closing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", [CloseReason.TRANSPORT_CLOSE, CloseReason.TRANSPORT_ERROR, CloseReason.PAYLOAD_TOO_LARGE]
)
async def test_the_end_of_a_link_is_reported_as_the_host_says(
    engine: RecordedEngine, link: MemoryLink, reason: CloseReason
) -> None:
    link.vanish(reason)
    assert_gone(engine, reason)


async def test_a_client_closes_a_websocket_by_packet(engine: RecordedEngine, link: MemoryLink) -> None:
    link.receive("1")
    assert_gone(engine, CloseReason.TRANSPORT_CLOSE)
    assert link.close_frame == (1005, "")
    await asyncio.sleep(0)


async def test_a_client_closes_polling_by_packet(engine: RecordedEngine, polling: MemoryClient) -> None:
    poll = polling.poll()
    assert polling.post(b"4last\x1e1\x1e4late").body == "ok"
    assert poll.body == "6"
    assert the_only(engine).messages == ["last"]
    assert_gone(engine, CloseReason.TRANSPORT_CLOSE)


async def test_closing_a_websocket_sends_what_was_sent_before(
    engine: RecordedEngine, link: MemoryLink
) -> None:
    connection = the_only(engine).connection
    connection.send_text(b"last")
    connection.close()
    connection.close()
    connection.send_text(b"late")
    assert link.take() == ["4last"]
    assert link.close_frame == (1005, "")
    await asyncio.sleep(0)
    assert_gone(engine, CloseReason.FORCED_CLOSE)


async def test_closing_answers_a_waiting_poll(engine: RecordedEngine, polling: MemoryClient) -> None:
    poll = polling.poll()
    the_only(engine).connection.close()
    assert poll.body == "1"
    assert_gone(engine, CloseReason.FORCED_CLOSE)


async def test_closing_leaves_the_rest_for_the_polls_to_come(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    connection = the_only(engine).connection
    connection.send_text(b"last")
    connection.close()
    assert the_only(engine).reason is CloseReason.FORCED_CLOSE
    assert engine.clients_count == 1
    assert polling.post(b"4late").status == 200
    await asyncio.sleep(29)
    assert polling.poll().body == "4last"
    assert engine.clients_count == 1
    assert polling.poll().body == "1"
    assert the_only(engine).messages == []
    assert_gone(engine, CloseReason.FORCED_CLOSE)


async def test_a_closed_session_is_forgotten_when_no_poll_comes(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    the_only(engine).connection.close()
    await asyncio.sleep(31)
    assert_gone(engine, CloseReason.FORCED_CLOSE)
    assert polling.poll().status == 400


async def test_closing_during_an_upgrade_sends_the_rest_over_the_websocket(
    engine: RecordedEngine, polling: MemoryClient
) -> None:
    link = polling.probe()
    link.receive("2probe")
    connection = the_only(engine).connection
    connection.send_text(b"last")
    connection.close()
    link.receive("5")
    assert link.take() == ["3probe", "4last"]
    assert link.close_frame == (1005, "")
    await asyncio.sleep(0)
    assert_gone(engine, CloseReason.FORCED_CLOSE)


# -- back-pressure -------------------------------------------------------------------


async def test_drain_waits_until_the_link_has_taken_most(engine: RecordedEngine, link: MemoryLink) -> None:
    connection = the_only(engine).connection
    await connection.drain()
    link.waiting_bytes = HIGH_WATER + 1
    waiters = [asyncio.create_task(connection.drain()) for _ in range(3)]
    await asyncio.sleep(1)
    waiters[0].cancel()
    link.receiver.link_drained()
    await asyncio.sleep(1)
    assert not any(waiter.done() for waiter in waiters[1:]), "still too much"
    link.waiting_bytes = HIGH_WATER
    link.receiver.link_drained()
    await asyncio.gather(*waiters[1:])


async def test_drain_waits_for_a_poll(engine: RecordedEngine, polling: MemoryClient) -> None:
    connection = the_only(engine).connection
    connection.send_text(b"x" * HIGH_WATER)
    waiter = asyncio.create_task(connection.drain())
    await asyncio.sleep(1)
    assert not waiter.done()
    polling.poll()
    await waiter


async def test_drain_ends_with_an_upgrade(engine: RecordedEngine, polling: MemoryClient) -> None:
    connection = the_only(engine).connection
    connection.send_text(b"x" * HIGH_WATER)
    waiter = asyncio.create_task(connection.drain())
    await asyncio.sleep(1)
    polling.upgrade()
    await waiter


@pytest.mark.parametrize("end", ["close", "vanish", "shutdown"])
async def test_drain_ends_with_the_connection(engine: RecordedEngine, link: MemoryLink, end: str) -> None:
    connection = the_only(engine).connection
    link.waiting_bytes = HIGH_WATER + 1
    waiter = asyncio.create_task(connection.drain())
    await asyncio.sleep(1)
    if end == "close":
        connection.close()
    elif end == "vanish":
        link.vanish()
    else:
        engine.shutdown()
    await waiter


# -- helpers -------------------------------------------------------------------------


async def assert_polling_works(engine: RecordedEngine, polling: MemoryClient) -> None:
    poll: MemoryExchange = polling.poll()
    await asyncio.sleep(0.5)
    assert poll.response is None
    the_only(engine).connection.send_text(b"down")
    assert poll.body == "4down"
    assert polling.post(b"4up").status == 200
    assert the_only(engine).messages.pop() == "up"
