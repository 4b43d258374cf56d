"""Every transition of a client's session. All times are seconds; a session is opened at 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.announcement import Announcement
from arcwire.engineio.protocol.client_session import CLOSE_TIMEOUT, ClientSession, State
from arcwire.engineio.protocol.dialect import V3, V4
from arcwire.engineio.protocol.notices import (
    Closed,
    Discarded,
    MessageReceived,
    PacketsSent,
    PollWanted,
    PostWanted,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from support.strategies import garbage, near_packets
from support.vectors import vectors

CLOSED = Closed(CloseReason.FORCED_CLOSE, "closed by this client")
LEFT = Closed(CloseReason.TRANSPORT_CLOSE, "the server sent a close packet")
SILENT = Closed(CloseReason.PING_TIMEOUT, "no ping arrived in time")
LOST = Closed(CloseReason.TRANSPORT_ERROR, "lost")


def new_session(transport="polling", max_payload=1_000_000, **options):
    announcement = Announcement(
        sid="sid", upgrades=("websocket",), ping_interval=25, ping_timeout=20, max_payload=max_payload
    )
    session = ClientSession(announcement, transport, now=0, wall=0, **options)
    if transport == "polling":
        assert session.resume() == [PollWanted()]
    return session


@pytest.fixture
def polling():
    """A polling session whose poll waits."""
    return new_session("polling")


@pytest.fixture
def websocket():
    return new_session("websocket")


@pytest.fixture
def probing(polling):
    """A polling session that has probed a WebSocket; its poll waits."""
    assert polling.begin_probe(10, 0) == [ProbeAnswered(b"2probe")]
    return polling


@pytest.fixture
def pausing(probing):
    """The same after the answer to its probe."""
    assert probing.receive_probe("3probe") == ()
    return probing


def answer(session, body, now=1, **options):
    return list(session.poll_ended(body, now, now, **options))


# -- messages ------------------------------------------------------------------


@pytest.mark.parametrize("row", vectors("engineio-payloads", "valid"))
def test_payloads_of_answers(polling, row):
    messages = [
        MessageReceived(packet if isinstance(packet, bytes) else packet[1:])
        for packet in row["packets"]
        if isinstance(packet, bytes) or packet[0] == "4"
    ]
    received = [
        notice for notice in answer(polling, row["body"].encode()) if isinstance(notice, MessageReceived)
    ]
    closes = "1" in row["packets"]
    assert received == messages or closes


@pytest.mark.parametrize("row", vectors("engineio-payloads", "invalid"))
def test_payloads_that_are_none(polling, row):
    body = row["body"] if isinstance(row["body"], bytes) else row["body"].encode()
    *before, closed, discarded = answer(polling, body)
    assert isinstance(closed, Closed)
    assert discarded == Discarded()
    assert [notice.data for notice in before if isinstance(notice, MessageReceived)] == [
        packet if isinstance(packet, bytes) else packet[1:]
        for packet in row["packets"]
        if isinstance(packet, bytes) or packet[0] == "4"
    ]


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "text"))
def test_posts_in_protocol_3_with_base64(row):
    session = new_session("polling", dialect=V3, base64=True)
    for packet in row["packets"]:
        session.send(Binary(packet) if isinstance(packet, bytes) else packet.encode())
    assert session.take_post() == (row["body"].encode(), False)


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "binary"))
def test_posts_and_answers_in_protocol_3(row):
    session = new_session("polling", dialect=V3)
    for packet in row["packets"]:
        session.send(Binary(packet) if isinstance(packet, bytes) else packet.encode())
    assert session.take_post() == (row["body"], True)
    received = [
        notice.data
        for notice in answer(session, row["body"], binary=True)
        if isinstance(notice, MessageReceived)
    ]
    assert received == [
        packet if isinstance(packet, bytes) else packet[1:]
        for packet in row["packets"]
        if isinstance(packet, bytes) or packet[0] == "4"
    ]


@pytest.mark.parametrize("row", vectors("engineio-packets", "invalid"))
def test_packets_that_are_none(websocket, row):
    closed, discarded = websocket.receive(row["websocket"], 1, 1)
    assert closed.reason is CloseReason.PARSE_ERROR
    assert discarded == Discarded()


def test_text_and_binary_over_a_websocket(websocket):
    assert websocket.send(b"4hello") == [PacketsSent([b"4hello"])]
    assert websocket.receive("4hello", 1, 1) == [MessageReceived("hello")]
    assert websocket.receive("bAQID", 1, 1) == [MessageReceived(b"\x01\x02\x03")]


def test_binary_content_in_protocol_4(polling):
    closed, discarded = answer(polling, b"\x00", binary=True)
    assert (closed.reason, discarded) == (CloseReason.PARSE_ERROR, Discarded())


def test_packets_without_meaning_are_ignored(websocket):
    for packet in ("6", "0{}", "5", "3"):
        assert websocket.receive(packet, 1, 1) == ()
    assert websocket.is_open


# -- posts -----------------------------------------------------------------------


def test_what_is_sent_in_one_tick_leaves_in_one_post(polling):
    assert polling.send(b"4a") == [PostWanted()]
    assert polling.send(Binary(b"\x01\x02\x03")) == ()
    assert polling.queued_bytes == 5
    assert polling.take_post() == (b"4a\x1ebAQID", False)
    assert polling.queued_bytes == 0


def test_one_post_at_a_time(polling):
    polling.send(b"4a")
    polling.take_post()
    assert polling.send(b"4b") == ()
    assert polling.take_post() is None
    assert polling.post_ended() == [PostWanted()]
    assert polling.take_post() == (b"4b", False)
    assert polling.post_ended() == ()


def test_posts_keep_to_what_the_server_takes():
    session = new_session(max_payload=100)
    packets = [b"4" + bytes([65 + number]) * 30 for number in range(6)]
    for packet in packets:
        session.send(packet)
    bodies = []
    while (post := session.take_post()) is not None:
        bodies.append(post[0])
        session.post_ended()
    assert [body.split(b"\x1e") for body in bodies] == [packets[0:2], packets[2:4], packets[4:6]]
    assert all(len(body) <= 100 for body in bodies)


@pytest.mark.parametrize("limit", [None, 1_000_000])
def test_posts_have_no_more_packets_than_every_server_takes(limit):
    session = new_session(max_payload=limit)
    for _ in range(40):
        session.send(b"4a")
    counts = []
    while (post := session.take_post()) is not None:
        counts.append(len(post[0].split(b"\x1e")))
        session.post_ended()
    assert counts == [16, 16, 8]


def test_packet_that_is_too_large_goes_alone():
    session = new_session(max_payload=10)
    session.send(b"4a")
    session.send(Binary(bytes(100)))
    session.send(b"4b")
    sizes = []
    while (post := session.take_post()) is not None:
        sizes.append(len(post[0]))
        session.post_ended()
    assert sizes == [2, 137, 2]


@given(
    st.lists(st.integers(0, 60), max_size=20),
    st.integers(60, 200),
    st.sampled_from([V3, V4]),
    st.booleans(),
)
def test_posts_have_everything_in_order(sizes, limit, dialect, base64):
    session = new_session(max_payload=limit, dialect=dialect, base64=base64)
    packets = [
        Binary(bytes([number]) * size) if number % 3 else f"4{number}€{'x' * size}".encode()
        for number, size in enumerate(sizes)
    ]
    for packet in packets:
        session.send(packet)
    arrived = []
    while (post := session.take_post()) is not None:
        body, binary = post
        decode = dialect.decode_binary_payload if binary else dialect.decode_payload
        batch = list(decode(body))
        assert len(body) <= limit or len(batch) == 1
        arrived += batch
        session.post_ended()
    assert arrived == [bytes(p) if isinstance(p, Binary) else p.decode() for p in packets]
    assert session.queued_bytes == 0


def test_sizes_as_they_leave():
    packet = Binary(bytes(4))
    assert new_session("websocket").size(packet) == 4
    assert new_session("websocket", base64=True).size(packet) == 9
    assert new_session("polling").size(packet) == 9
    assert new_session("polling").size(b"4four") == 5


# -- polls -----------------------------------------------------------------------


def test_poll_follows_poll(polling):
    assert polling.resume() == [], "one poll at a time"
    assert answer(polling, b"4a") == [MessageReceived("a"), PollWanted()]


def test_lost_request_ends_the_session(polling):
    polling.send(b"4a")
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [LOST, Discarded()]
    assert polling.state is State.CLOSED
    assert polling.queued_bytes == 0
    assert polling.deadline is None


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_server_closes(transport):
    session = new_session(transport)
    if transport == "polling":
        assert answer(session, b"4a\x1e1\x1e4b") == [MessageReceived("a"), LEFT, Discarded()]
    else:
        assert session.receive("1", 1, 1) == [LEFT, Discarded()]
    assert session.send(b"4c") == ()
    assert session.close(2) == ()


# -- closing -----------------------------------------------------------------------


def test_closing_a_websocket(websocket):
    assert websocket.close(1) == [CLOSED, Discarded()]
    assert websocket.close(1) == ()
    assert websocket.receive("4late", 1, 1) == ()


def test_closing_posts_what_waits_and_a_close_packet(polling):
    polling.send(b"4a")
    assert polling.close(1) == [CLOSED]
    assert polling.send(b"4late") == ()
    assert polling.take_post() == (b"4a\x1e1", False)
    assert polling.post_ended() == [Discarded()]


def test_closing_wants_a_post(polling):
    assert polling.close(1) == [PostWanted(), CLOSED]
    assert polling.take_post() == (b"1", False)
    assert answer(polling, b"6") == []
    assert polling.post_ended() == [Discarded()]


def test_closing_waits_for_the_post_under_way(polling):
    polling.send(b"4a")
    polling.take_post()
    polling.close(1)
    assert polling.take_post() is None
    assert polling.post_ended() == [PostWanted()]
    assert polling.take_post() == (b"1", False)


def test_closing_has_a_limit(polling):
    polling.close(1)
    assert polling.deadline == 1 + CLOSE_TIMEOUT
    assert polling.handle_deadline(CLOSE_TIMEOUT) == ()
    assert polling.handle_deadline(1 + CLOSE_TIMEOUT) == [Discarded()]
    assert polling.deadline is None


def test_failure_while_closing_is_the_end(polling):
    polling.close(1)
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [Discarded()]


# -- heartbeats ----------------------------------------------------------------------


def test_pings_are_answered(websocket, polling):
    assert websocket.receive("2", 20, 20) == [PacketsSent([b"3"])]
    assert websocket.deadline == 65
    assert answer(polling, b"2", 20) == [PostWanted(), PollWanted()]
    assert polling.take_post() == (b"3", False)


def test_one_pong_answers_many_pings(polling):
    polling.send(b"4a")
    polling.take_post()
    answer(polling, b"2\x1e2")
    answer(polling, b"2")
    polling.post_ended()
    assert polling.take_post() == (b"3", False)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_silent_server(transport):
    session = new_session(transport)
    assert session.handle_deadline(44) == []
    assert session.handle_deadline(45) == [SILENT, Discarded()]


def test_silent_server_is_found_out_by_the_wall_clock(websocket):
    assert websocket.check_silence(10, 44) == ()
    assert websocket.check_silence(10, 45) == [SILENT, Discarded()]
    assert websocket.check_silence(10, 45) == ()


def test_answers_are_signs_of_life(polling):
    answer(polling, b"4a", 44)
    assert polling.handle_deadline(45) == []
    assert polling.deadline == 65


def test_client_pings_in_protocol_3():
    session = new_session("websocket", dialect=V3)
    assert session.deadline == 25
    assert session.handle_deadline(25) == [PacketsSent([b"2"])]
    assert session.receive("3", 26, 26) == ()
    assert session.deadline == 51
    session.handle_deadline(51)
    closed, _ = session.handle_deadline(71)
    assert closed == Closed(CloseReason.PING_TIMEOUT, "no pong arrived in time")


# -- upgrade --------------------------------------------------------------------------


def test_upgrade(pausing):
    assert pausing.send(b"4late") == (), "sends wait"
    assert pausing.take_post() is None
    assert answer(pausing, b"6") == [Upgraded([b"5", b"4late"])]
    assert pausing.transport == "websocket"
    assert pausing.send(b"4x") == [PacketsSent([b"4x"])]
    assert pausing.deadline == 45


def test_replies_to_messages_of_the_last_poll_go_to_the_websocket(pausing):
    assert answer(pausing, b"4a\x1e6") == [Upgraded([b"5"]), MessageReceived("a")]
    assert pausing.send(b"4reply") == [PacketsSent([b"4reply"])]


def test_upgrade_waits_for_the_post_under_way(polling):
    polling.send(b"4a")
    polling.take_post()
    polling.begin_probe(10, 0)
    polling.receive_probe("3probe")
    assert answer(polling, b"6") == []
    assert polling.post_ended() == [Upgraded([b"5"])]


def test_pong_that_waits_for_the_upgrade():
    session = new_session("polling")
    session.begin_probe(10, 0)
    session.receive_probe("3probe")
    assert answer(session, b"2") == [Upgraded([b"5", b"3"])], "the pong goes by the WebSocket"


def test_posts_go_on_during_the_probe(probing):
    assert probing.send(b"4a") == [PostWanted()]
    assert probing.take_post() == (b"4a", False)


@pytest.mark.parametrize("packet", ["3", "4a", "", "6", "3probe2"])
def test_wrong_answer_to_the_probe(probing, packet):
    assert probing.receive_probe(packet) == [ProbeDropped()]
    assert probing.is_open
    assert probing.receive_probe("3probe") == ()


def test_probe_that_is_lost_before_its_answer(probing):
    assert probing.lose_probe() == []
    assert answer(probing, b"4a") == [MessageReceived("a"), PollWanted()]


def test_probe_that_is_lost_while_polling_pauses(pausing):
    pausing.send(b"4a")
    assert pausing.lose_probe() == [PostWanted()], "the poll still waits"
    assert answer(pausing, b"6") == [PollWanted()]
    assert pausing.take_post() == (b"4a", False)


def test_probe_that_is_lost_after_the_last_poll(polling):
    polling.send(b"4a")
    polling.take_post()
    polling.begin_probe(10, 0)
    polling.receive_probe("3probe")
    answer(polling, b"6")
    assert polling.lose_probe() == [PollWanted()]


def test_probe_has_a_limit(pausing):
    assert pausing.deadline == 10
    assert pausing.handle_deadline(10) == [ProbeDropped()]
    assert answer(pausing, b"6") == [PollWanted()]


def test_second_poll_is_not_begun_while_pausing(pausing):
    assert pausing.resume() == []


def test_close_gives_the_upgrade_up(pausing):
    pausing.send(b"4a")
    assert pausing.close(1) == [ProbeDropped(), PostWanted(), CLOSED]
    assert pausing.take_post() == (b"4a\x1e1", False)


def test_end_of_the_session_ends_the_probe(pausing):
    assert answer(pausing, b"1") == [ProbeDropped(), LEFT, Discarded()]


def test_probe_of_a_session_that_has_ended(polling, websocket):
    polling.abort(CloseReason.TRANSPORT_ERROR, "lost")
    assert polling.begin_probe(10, 0) == [ProbeDropped()]
    assert websocket.begin_probe(10, 0) == [ProbeDropped()]


# -- whatever comes --------------------------------------------------------------------


@given(near_packets, st.sampled_from([V3, V4]))
def test_any_packet(packet, dialect):
    session = new_session("websocket", dialect=dialect)
    notices = session.receive(packet, 1, 1)
    assert session.is_open is (Discarded() not in notices)


@given(garbage, st.booleans(), st.sampled_from([V3, V4]))
def test_any_answer(body, binary, dialect):
    session = new_session("polling", dialect=dialect)
    notices = session.poll_ended(body, 1, 1, binary=binary)
    assert session.is_open is (notices[-1] in (PollWanted(), PostWanted()))
