"""What a session of protocol 3 does otherwise. All times are seconds; a session is opened at 0."""

import pytest

from arcwire.engineio.protocol.dialect import V3, V4, dialect_of
from arcwire.engineio.protocol.notices import (
    Closed,
    Discarded,
    MessageReceived,
    PacketsSent,
    PollAnswered,
    ProbeAnswered,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession

SILENT = Closed(CloseReason.PING_TIMEOUT, "no ping arrived in time")
DIRECTION = Closed(CloseReason.TRANSPORT_ERROR, "invalid heartbeat direction")


def new_session(transport="polling", base64=False):
    return ServerSession(
        "sid",
        transport,
        ping_interval=25,
        ping_timeout=20,
        upgrade_timeout=10,
        now=0,
        dialect=V3,
        base64=base64,
    )


@pytest.fixture
def polling():
    return new_session("polling")


@pytest.fixture
def websocket():
    return new_session("websocket")


def post(session, body, now=1, binary=False):
    assert session.begin_post()
    return session.end_post(body, now, binary=binary)


@pytest.mark.parametrize("eio", [None, "", "3", "5", "abc", "4.0", "04"])
def test_all_but_4_means_3(eio):
    assert dialect_of(eio) is V3
    assert dialect_of("4") is V4


def test_polls_are_answered_in_text_with_lengths(polling):
    polling.send(b"4a")
    polling.send("4€".encode())
    assert polling.poll(1) == [PollAnswered("2:4a2:4€".encode())]


def test_polls_with_binary_are_answered_in_binary_unless_base64_is_asked_for(polling):
    for session, answer in (
        (polling, PollAnswered(b"\x00\x02\xff4a\x01\x03\xff\x04\x01\x02", True)),
        (new_session(base64=True), PollAnswered(b"2:4a6:b4AQI=")),
    ):
        session.send(b"4a")
        session.send(Binary(b"\x01\x02"))
        assert session.poll(1) == [answer]


def test_posts_may_be_text_or_binary(polling):
    assert post(polling, b"2:4a6:b4AQI=") == ([MessageReceived("a"), MessageReceived(b"\x01\x02")], True)
    body = b"\x00\x02\xff4a\x01\x03\xff\x04\x01\x02"
    assert post(polling, body, binary=True) == ([MessageReceived("a"), MessageReceived(b"\x01\x02")], True)


@pytest.mark.parametrize("binary", [False, True])
def test_a_post_that_is_no_payload_ends_the_session(polling, binary):
    notices, valid = post(polling, b"4a", binary=binary)
    assert not valid
    assert notices[0].reason is CloseReason.PARSE_ERROR


def test_a_post_of_protocol_4_may_not_be_binary():
    session = ServerSession("sid", "polling", ping_interval=25, ping_timeout=20, upgrade_timeout=10, now=0)
    notices, valid = post(session, b"4a", binary=True)
    assert not valid
    assert notices[0] == Closed(CloseReason.TRANSPORT_ERROR, "a post with binary content")


def test_a_post_without_a_payload_is_nothing(polling):
    assert post(polling, None) == ((), True)
    assert post(polling, b"1:4") == ([MessageReceived("")], True)


@pytest.mark.parametrize("ping", ["2", "2data"])
def test_pings_are_answered_without_their_data(polling, websocket, ping):
    assert websocket.receive(ping, 20) == [PacketsSent([b"3"])]
    assert post(polling, f"{len(ping)}:{ping}".encode(), 20) == ([], True)
    assert polling.poll(21) == [PollAnswered(b"1:3")]
    assert polling.deadline == websocket.deadline == 65


def test_pongs_do_not_pile_up(polling):
    assert post(polling, b"1:2" * 100_000) == ([], True)
    assert polling.queued_bytes == 1
    polling.send(b"4a")
    assert post(polling, b"1:21:2") == ([], True)
    assert polling.poll(2) == [PollAnswered(b"1:32:4a1:3")]


def test_a_waiting_poll_carries_the_pong(polling):
    polling.poll(1)
    assert post(polling, b"1:2", 20) == ([PollAnswered(b"1:3")], True)


def test_a_pong_is_the_wrong_direction(websocket):
    assert websocket.receive("3", 1) == [DIRECTION, Discarded()]


def test_silence_ends_the_session(polling, websocket):
    polling.poll(1)
    assert polling.deadline == websocket.deadline == 45
    assert websocket.handle_deadline(44.9) == []
    assert websocket.handle_deadline(45) == [SILENT, Discarded()]
    assert polling.handle_deadline(45) == [PollAnswered(b"1:1"), SILENT, Discarded()]


def test_any_packet_is_a_sign_of_life(polling, websocket):
    websocket.receive("4a", 40)
    post(polling, b"2:4a", 40)
    assert polling.deadline == websocket.deadline == 85


def test_supervision_goes_on_after_an_upgrade(polling):
    """The reference forgets the timer when a session of protocol 3 is upgraded."""
    assert polling.begin_upgrade(1)
    assert polling.receive_probe("2probe", 1) == [ProbeAnswered(b"3probe")]
    assert polling.poll(2) == [PollAnswered(b"1:6")]
    assert polling.receive_probe("5", 3) == [Upgraded([])]
    assert polling.deadline == 45
    assert polling.receive("2", 30) == [PacketsSent([b"3"])]
    assert polling.deadline == 75
    assert polling.handle_deadline(75) == [SILENT, Discarded()]


def test_a_poll_that_waits_during_an_upgrade_is_released(polling):
    polling.poll(0.5)
    polling.begin_upgrade(1)
    assert polling.receive_probe("2probe", 1) == [ProbeAnswered(b"3probe")]
    assert polling.handle_deadline(1) == [PollAnswered(b"1:6")]
    polling.poll(1.01)
    assert polling.receive_probe("5", 1.02) == [PollAnswered(b"1:6"), Upgraded([])]


def test_base64_on_a_websocket(websocket):
    assert websocket.receive("b4AQI=", 1) == [MessageReceived(b"\x01\x02")]
    assert websocket.receive("bAQI=", 2)[0].reason is CloseReason.PARSE_ERROR


def test_closing(polling):
    polling.poll(1)
    assert post(polling, b"1:1")[0][0] == PollAnswered(b"1:6")
    other = new_session()
    other.send(b"4a")
    other.close(1)
    assert other.poll(2) == [PollAnswered(b"2:4a")]
    assert other.poll(3) == [PollAnswered(b"1:1"), Discarded()]
