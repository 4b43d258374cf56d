"""Every transition of a session. All times are seconds; a session is opened at 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.notices import (
    Closed,
    Discarded,
    MessageReceived,
    PacketsSent,
    PollAnswered,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import CLOSE_TIMEOUT, ServerSession, State
from support.strategies import garbage, near_packets
from support.vectors import vectors

FORCED = Closed(CloseReason.FORCED_CLOSE, "closed by the server")
LEFT = Closed(CloseReason.TRANSPORT_CLOSE, "the client sent a close packet")
SILENT = Closed(CloseReason.PING_TIMEOUT, "no pong arrived in time")
LOST = Closed(CloseReason.TRANSPORT_ERROR, "lost")


def new_session(transport="polling"):
    return ServerSession("sid", transport, ping_interval=25, ping_timeout=20, upgrade_timeout=10, now=0)


@pytest.fixture
def polling():
    return new_session("polling")


@pytest.fixture
def websocket():
    return new_session("websocket")


@pytest.fixture(params=["polling", "websocket"])
def session(request):
    return new_session(request.param)


@pytest.fixture
def probing(polling):
    """A polling session whose WebSocket has been probed at 1; no poll waits."""
    assert polling.begin_upgrade(1)
    assert polling.receive_probe("2probe", 1) == [ProbeAnswered(b"3probe")]
    return polling


def post(session, body, now=1):
    assert session.begin_post()
    return session.end_post(body, now)


def is_dead(session):
    """Nothing comes out of a closed session, whatever goes in."""
    return (
        session.state is State.CLOSED
        and not session.is_open
        and session.deadline is None
        and session.queued_bytes == 0
        and not session.handle_deadline(1e9)
        and not session.send(b"4late")
        and not session.close(1e9)
        and not session.shutdown()
        and not session.abort(CloseReason.TRANSPORT_ERROR, "late")
        and session.poll(1e9) is None
        and session.end_post(b"4late", 1e9) == ((), True)
        and not session.receive("4late", 1e9)
        and not session.receive_probe("5", 1e9)
        and not session.begin_upgrade(1e9)
    )


# -- opening --------------------------------------------------------------------


def test_a_new_session(session):
    assert session.sid == "sid"
    assert session.state is State.OPEN
    assert session.is_open
    assert session.deadline == 25
    assert session.queued_bytes == 0


def test_keeps_no_dict(session):
    assert not hasattr(session, "__dict__")
    assert not hasattr(session.heartbeat, "__dict__")


# -- sending and polling ----------------------------------------------------------


def test_packets_wait_for_a_poll(polling):
    assert not polling.send(b"4a")
    assert not polling.send(Binary(b"\x01\x02\x03"))
    assert polling.queued_bytes == 5
    assert polling.poll(1) == [PollAnswered(b"4a\x1ebAQID")]
    assert polling.queued_bytes == 0


def test_a_poll_waits_for_packets(polling):
    assert not polling.poll(1)
    assert polling.send(b"4a") == [PollAnswered(b"4a")]
    assert not polling.send(b"4b")
    assert polling.poll(2) == [PollAnswered(b"4b")]
    assert not polling.poll(3)


def test_a_websocket_takes_packets_at_once(websocket):
    assert websocket.send(b"4a") == [PacketsSent([b"4a"])]
    assert websocket.send(Binary(b"\x01")) == [PacketsSent([Binary(b"\x01")])]
    assert websocket.queued_bytes == 0


def test_a_second_poll_is_refused_and_ends_the_session(polling):
    polling.poll(1)
    assert polling.poll(2) is None
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [PollAnswered(b"1"), LOST, Discarded()]
    assert is_dead(polling)


def test_a_second_post_is_refused_and_ends_the_session(polling):
    assert polling.begin_post()
    assert not polling.begin_post()
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [LOST, Discarded()]
    assert is_dead(polling)


def test_a_post_may_follow_another(polling):
    assert post(polling, b"4a") == ([MessageReceived("a")], True)
    assert post(polling, b"4b") == ([MessageReceived("b")], True)


def test_an_aborted_poll_ends_the_session(polling):
    polling.poll(1)
    notices = polling.abort(CloseReason.TRANSPORT_ERROR, "lost")
    assert notices[-2:] == [LOST, Discarded()]
    assert is_dead(polling)


def test_the_end_of_a_session_ends_what_is_queued(polling):
    polling.send(b"4a")
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [LOST, Discarded()]
    assert is_dead(polling)


# -- receiving ----------------------------------------------------------------------


def test_messages_over_a_websocket(websocket):
    assert websocket.receive("4hello", 1) == [MessageReceived("hello")]
    assert websocket.receive("4", 1) == [MessageReceived("")]


def test_binary_as_text_over_a_websocket(websocket):
    assert websocket.receive("bAQID", 1) == [MessageReceived(b"\x01\x02\x03")]
    first, last = websocket.receive("bAQI", 1)
    assert first == Closed(CloseReason.PARSE_ERROR, "a binary message is not valid base64")
    assert last == Discarded()


@pytest.mark.parametrize("row", vectors("engineio-payloads", "valid"))
def test_posts(row, polling):
    notices, valid = post(polling, row["body"].encode())
    assert valid
    messages = [
        MessageReceived(packet if isinstance(packet, bytes) else packet[1:])
        for packet in row["packets"]
        if isinstance(packet, bytes) or packet[0] == "4"
    ]
    assert [notice for notice in notices if isinstance(notice, MessageReceived)] == messages


@pytest.mark.parametrize("row", vectors("engineio-payloads", "invalid"))
def test_bad_posts_deliver_what_is_good_and_end_the_session(row, polling):
    polling.poll(1)
    body = row["body"] if isinstance(row["body"], bytes) else row["body"].encode()
    notices, valid = post(polling, body, 2)
    assert not valid
    good = [MessageReceived(p if isinstance(p, bytes) else p[1:]) for p in row["packets"]]
    assert notices[: len(good)] == good
    answer, closed, discarded = notices[len(good) :]
    assert answer == PollAnswered(b"1")
    assert closed.reason is CloseReason.PARSE_ERROR
    assert discarded == Discarded()
    assert is_dead(polling)


def test_a_post_of_more_than_16_packets_is_taken_whole(polling):
    notices, valid = post(polling, b"\x1e".join(b"4%d" % i for i in range(1000)))
    assert valid
    assert notices == [MessageReceived(str(i)) for i in range(1000)]


def test_what_follows_a_close_packet_is_ignored(polling):
    notices, valid = post(polling, b"4a\x1e1\x1e4b\x1enot a packet")
    assert valid
    assert notices == [MessageReceived("a"), LEFT, Discarded()]
    assert is_dead(polling)


@pytest.mark.parametrize("packet", ["0", "5", "6", "0{}", "6x"])
def test_packets_without_meaning_are_ignored(packet, session):
    assert not session.receive(packet, 1)
    assert session.is_open


def test_a_ping_from_the_client_ends_the_session(session):
    wrong = Closed(CloseReason.TRANSPORT_ERROR, "invalid heartbeat direction")
    if session.transport == "websocket":
        assert session.receive("2", 1) == [wrong, Discarded()]
    else:
        assert post(session, b"2\x1e4a") == ([wrong, Discarded()], True)
    assert is_dead(session)


def test_nothing_is_received_while_closing(polling):
    polling.close(1)
    assert post(polling, b"4a", 2) == ((), True)
    assert post(polling, b"garbage", 2) == ((), True)
    assert not polling.receive("4a", 2)
    assert polling.state is State.CLOSING


@given(garbage)
def test_no_post_raises(body):
    session = new_session("polling")
    session.poll(1)
    notices, valid = post(session, body)
    if not valid:
        assert [type(notice) for notice in notices[-3:]] == [PollAnswered, Closed, Discarded]


@given(st.lists(near_packets))
def test_no_frame_raises(frames):
    session = new_session("websocket")
    notices = [notice for frame in frames for notice in session.receive(frame, 1)]
    assert sum(isinstance(notice, Closed) for notice in notices) == (not session.is_open)


@given(st.lists(st.sampled_from(["2probe", "5", "4a"]) | near_packets))
def test_no_probe_raises(frames):
    session = new_session("polling")
    session.begin_upgrade(1)
    for frame in frames:
        session.receive_probe(frame, 1)
    assert session.is_open


# -- heartbeat ------------------------------------------------------------------------


def test_ping_over_polling(polling):
    polling.poll(1)
    assert polling.handle_deadline(25) == [PollAnswered(b"2")]
    assert polling.deadline == 45


def test_ping_waits_for_a_poll(polling):
    assert polling.handle_deadline(25) == []
    assert polling.poll(26) == [PollAnswered(b"2")]


def test_ping_over_a_websocket(websocket):
    assert websocket.handle_deadline(25) == [PacketsSent([b"2"])]
    assert websocket.deadline == 45


def test_a_deadline_that_has_not_come_does_nothing(session):
    assert session.handle_deadline(24.9) == []
    assert session.deadline == 25


def test_pong(session):
    session.handle_deadline(25)
    if session.transport == "websocket":
        assert not session.receive("3", 30)
    else:
        assert post(session, b"3", 30) == ([], True)
    assert session.deadline == 55


def test_ping_timeout_on_a_websocket(websocket):
    websocket.handle_deadline(25)
    assert websocket.handle_deadline(45) == [SILENT, Discarded()]
    assert is_dead(websocket)


def test_ping_timeout_while_a_poll_waits(polling):
    polling.handle_deadline(25)
    polling.poll(26)
    polling.poll(27)
    assert polling.handle_deadline(45) == [PollAnswered(b"1"), SILENT, Discarded()]
    assert is_dead(polling)


@pytest.mark.parametrize("packet", ["4a", "6", "bAQID"])
def test_packets_renew_patience_once(session, packet):
    def receive(now):
        if session.transport == "websocket":
            session.receive(packet, now)
        else:
            post(session, packet.encode(), now)

    session.handle_deadline(25)
    receive(40)
    assert session.deadline == 60
    receive(59)
    assert session.deadline == 60
    assert SILENT in session.handle_deadline(60)


def test_supervision_survives_an_upgrade_between_ping_and_pong(probing):
    # The reference loses its timer here: the session is never pinged again and never times out.
    probing.poll(2)
    probing.lose_probe()
    probing.handle_deadline(25)
    probing.begin_upgrade(26)
    probing.receive_probe("2probe", 26)
    probing.receive_probe("5", 26)
    assert probing.transport == "websocket"
    assert probing.deadline == 45
    assert probing.handle_deadline(45) == [SILENT, Discarded()]


def test_a_pong_after_an_upgrade_leads_to_the_next_ping(polling):
    polling.handle_deadline(25)
    polling.begin_upgrade(26)
    polling.receive_probe("2probe", 26)
    # The ping had no poll to leave by, so it leaves by the WebSocket.
    assert polling.receive_probe("5", 27) == [Upgraded([b"2"])]
    assert not polling.receive("3", 28)
    assert polling.deadline == 53
    assert polling.handle_deadline(53) == [PacketsSent([b"2"])]


# -- upgrade ----------------------------------------------------------------------------


def test_upgrade(polling):
    assert polling.begin_upgrade(1)
    assert polling.receive_probe("2probe", 2) == [ProbeAnswered(b"3probe")]
    assert polling.transport == "polling"
    assert polling.receive_probe("5", 3) == [Upgraded([])]
    assert polling.transport == "websocket"
    assert polling.send(b"4a") == [PacketsSent([b"4a"])]
    assert polling.receive("4b", 4) == [MessageReceived("b")]


def test_a_waiting_poll_is_released_after_the_answer_to_the_probe(polling):
    """Not with it: a client that had the noop first would poll again."""
    polling.poll(1)
    polling.begin_upgrade(2)
    assert polling.receive_probe("2probe", 3) == [ProbeAnswered(b"3probe")]
    assert polling.deadline == 3
    assert polling.handle_deadline(3) == [PollAnswered(b"6")]


def test_a_poll_after_the_probe_is_released(probing):
    assert probing.poll(2) == [PollAnswered(b"6")]


def test_polls_during_an_upgrade_do_not_spin(probing):
    assert probing.poll(2) == [PollAnswered(b"6")]
    assert not probing.poll(2)
    assert probing.deadline == 2.1
    assert probing.handle_deadline(2.05) == []
    assert probing.handle_deadline(2.1) == [PollAnswered(b"6")]
    assert probing.deadline == 11


def test_a_poll_before_the_probe_waits_as_ever(polling):
    polling.begin_upgrade(1)
    assert not polling.poll(2)
    assert polling.deadline == 11
    assert polling.send(b"4a") == [PollAnswered(b"4a")]


def test_a_poll_that_still_waits_at_the_upgrade_is_released(probing):
    probing.poll(2)
    assert not probing.poll(2.05)
    assert probing.receive_probe("5", 2.06) == [PollAnswered(b"6"), Upgraded([])]


def test_packets_sent_during_an_upgrade_leave_once_and_in_order(probing):
    probing.send(b"4a")
    assert probing.poll(2) == [PollAnswered(b"4a")]
    probing.send(b"4b")
    probing.send(Binary(b"\x01"))
    assert probing.receive_probe("5", 3) == [Upgraded([b"4b", Binary(b"\x01")])]
    assert probing.queued_bytes == 0
    assert probing.send(b"4c") == [PacketsSent([b"4c"])]


def test_posts_are_taken_during_and_across_an_upgrade(probing):
    assert post(probing, b"4a", 2) == ([MessageReceived("a")], True)
    assert probing.begin_post()
    probing.receive_probe("5", 3)
    assert probing.end_post(b"4b", 4) == ([MessageReceived("b")], True)
    assert probing.is_open


def test_a_probe_that_never_completes_is_dropped(probing):
    assert probing.deadline == 11
    assert probing.handle_deadline(11) == [ProbeDropped()]
    assert probing.transport == "polling"
    assert not probing.receive_probe("5", 12)
    assert probing.transport == "polling"


@pytest.mark.parametrize("probed", [False, True])
@pytest.mark.parametrize("how", ["lost", "wrong packet", "timeout"])
def test_polling_works_after_a_dropped_probe(polling, how, probed):
    # Elsewhere every later poll comes back empty at once: a busy loop without data.
    polling.begin_upgrade(1)
    if probed:
        polling.receive_probe("2probe", 1)
    if how == "lost":
        polling.lose_probe()
    elif how == "wrong packet":
        assert polling.receive_probe("4hello", 2) == [ProbeDropped()]
    else:
        assert polling.handle_deadline(11) == [ProbeDropped()]
    assert not polling.poll(12)
    assert polling.deadline == 25
    assert polling.send(b"4a") == [PollAnswered(b"4a")]
    assert polling.begin_upgrade(13)
    assert polling.receive_probe("2probe", 13) == [ProbeAnswered(b"3probe")]
    assert polling.receive_probe("5", 13) == [Upgraded([])]


def test_only_one_probe_at_a_time(probing):
    assert not probing.begin_upgrade(2)
    assert probing.receive_probe("5", 3) == [Upgraded([])]


def test_no_upgrade_after_an_upgrade(probing):
    probing.receive_probe("5", 2)
    assert not probing.begin_upgrade(3)
    assert probing.is_open


def test_no_upgrade_of_a_websocket(websocket):
    assert not websocket.begin_upgrade(1)


def test_the_deadline_of_a_probe_and_of_the_heartbeat_at_once(polling):
    polling.begin_upgrade(15)
    assert polling.deadline == 25
    polling.poll(16)
    assert polling.handle_deadline(25) == [ProbeDropped(), PollAnswered(b"2")]


def test_the_heartbeat_may_be_due_during_a_probe(polling):
    polling.begin_upgrade(20)
    assert polling.deadline == 25
    assert polling.handle_deadline(25) == []
    assert polling.deadline == 30


def test_the_end_of_the_session_ends_the_probe(probing):
    assert probing.abort(CloseReason.TRANSPORT_ERROR, "lost") == [ProbeDropped(), LOST, Discarded()]
    assert is_dead(probing)


# -- closing ------------------------------------------------------------------------------


def test_close_over_a_websocket(websocket):
    assert websocket.close(1) == [FORCED, Discarded()]
    assert is_dead(websocket)


def test_close_while_a_poll_waits(polling):
    polling.poll(1)
    assert polling.close(2) == [PollAnswered(b"1"), FORCED, Discarded()]
    assert is_dead(polling)


def test_close_keeps_the_rest_for_one_more_poll(polling):
    # In a payload of its own: JavaScript's client would handle the close packet first.
    polling.send(b"4a")
    assert polling.close(1) == [FORCED]
    assert polling.state is State.CLOSING
    assert not polling.is_open
    assert not polling.send(b"4b")
    assert not polling.close(2)
    assert polling.poll(3) == [PollAnswered(b"4a")]
    assert polling.state is State.CLOSING
    assert polling.poll(4) == [PollAnswered(b"1"), Discarded()]
    assert is_dead(polling)


def test_a_client_that_does_not_fetch_the_rest_is_forgotten(polling):
    polling.close(1)
    assert polling.deadline == 1 + CLOSE_TIMEOUT
    assert not polling.handle_deadline(CLOSE_TIMEOUT)
    assert polling.handle_deadline(1 + CLOSE_TIMEOUT) == [Discarded()]
    assert is_dead(polling)


def test_a_closing_session_does_not_upgrade(polling):
    polling.close(1)
    assert not polling.begin_upgrade(2)


def test_close_during_an_upgrade_lets_it_bring_the_rest(probing):
    # Clients that have stopped polling for the upgrade would hear of the end by nothing else.
    probing.send(b"4a")
    assert probing.close(2) == [FORCED]
    assert probing.receive_probe("5", 3) == [Upgraded([b"4a"]), Discarded()]
    assert is_dead(probing)


def test_close_during_an_upgrade_and_one_more_poll(probing):
    probing.send(b"4a")
    probing.close(2)
    assert probing.poll(3) == [PollAnswered(b"4a")]
    assert probing.poll(4) == [PollAnswered(b"1"), ProbeDropped(), Discarded()]
    assert is_dead(probing)


def test_close_during_an_upgrade_while_a_poll_waits(polling):
    polling.begin_upgrade(1)
    polling.poll(2)
    assert polling.close(3) == [ProbeDropped(), PollAnswered(b"1"), FORCED, Discarded()]
    assert is_dead(polling)


def test_close_during_an_upgrade_that_never_completes(probing):
    probing.close(2)
    assert probing.handle_deadline(2 + CLOSE_TIMEOUT) == [ProbeDropped(), Discarded()]
    assert is_dead(probing)


def test_a_probe_that_fails_while_closing_leaves_the_poll(probing):
    probing.close(2)
    assert probing.receive_probe("4a", 3) == [ProbeDropped()]
    assert probing.poll(4) == [PollAnswered(b"1"), Discarded()]


def test_the_client_closes_over_polling(polling):
    polling.poll(1)
    assert post(polling, b"1", 2) == ([PollAnswered(b"6"), LEFT, Discarded()], True)
    assert is_dead(polling)


def test_the_client_closes_over_a_websocket(websocket):
    assert websocket.receive("1", 1) == [LEFT, Discarded()]
    assert is_dead(websocket)


def test_abort_of_a_closing_session_says_nothing_twice(polling):
    polling.close(1)
    assert polling.abort(CloseReason.TRANSPORT_ERROR, "lost") == [Discarded()]
    assert is_dead(polling)


def test_shutdown(session):
    stopped = Closed(CloseReason.SERVER_SHUTTING_DOWN, "the server is being stopped")
    assert session.shutdown() == [stopped, Discarded()]
    assert is_dead(session)


def test_shutdown_answers_a_waiting_poll(polling):
    polling.poll(1)
    assert polling.shutdown()[0] == PollAnswered(b"1")


def test_shutdown_of_a_closing_session(polling):
    polling.close(1)
    assert polling.shutdown() == [Discarded()]
    assert is_dead(polling)
