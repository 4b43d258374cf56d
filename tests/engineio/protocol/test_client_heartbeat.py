"""When a server counts as gone. Times are seconds; sessions begin at 0, when the wall clock says 5000."""

import pytest

from arcwire.engineio.protocol.client_heartbeat import Pinger, PingWatch, Verdict

WALL = 5000


@pytest.fixture
def watch():
    return PingWatch(25, 20, 0, WALL)


@pytest.fixture
def pinger():
    return Pinger(25, 20, 0, WALL)


def test_ping_is_answered_and_moves_the_deadline(watch):
    assert watch.EXPECTS == "2"
    assert watch.deadline == 45
    assert watch.beat(25, WALL + 25) == b"3"
    assert watch.deadline == 70


def test_server_without_a_ping_is_gone(watch):
    assert not watch.overdue(44, WALL + 44)
    assert watch.overdue(45, WALL + 45)
    assert watch.expire(45) is Verdict.GONE


def test_server_that_sends_is_not_gone_while_its_ping_is_late(watch):
    watch.heard = True
    assert not watch.overdue(45, WALL + 45)
    assert watch.expire(45) is Verdict.WELL
    assert watch.deadline == 65
    assert watch.expire(65) is Verdict.GONE


def test_suspension_counts(watch):
    watch.heard = True
    assert not watch.overdue(10, WALL + 10 + 34)
    assert watch.overdue(10, WALL + 10 + 35)


def test_suspension_between_two_pings_is_forgotten(watch):
    watch.beat(10, WALL + 600)
    assert not watch.overdue(11, WALL + 601)
    assert watch.overdue(11, WALL + 601 + 45)


def test_wall_clock_that_is_set_back_means_nothing(watch):
    assert not watch.overdue(44, 0)
    assert watch.overdue(45, 0)


def test_wall_clock_that_drifts_a_little_means_nothing(watch):
    watch.heard = True
    assert not watch.overdue(44.9, WALL + 45.5)


def test_pings_after_each_interval(pinger):
    assert pinger.EXPECTS == "3"
    assert pinger.deadline == 25
    assert pinger.expire(25) is Verdict.PING
    assert pinger.deadline == 45
    assert pinger.beat(26, WALL + 26) is None
    assert pinger.deadline == 51


def test_server_without_a_pong_is_gone(pinger):
    pinger.expire(25)
    assert not pinger.overdue(44, WALL + 44)
    assert pinger.overdue(45, WALL + 45)
    assert pinger.expire(45) is Verdict.GONE


def test_server_that_sends_is_not_gone_while_its_pong_is_late(pinger):
    pinger.heard = True
    pinger.expire(25)
    assert not pinger.heard, "what came before the ping does not answer it"
    pinger.heard = True
    assert pinger.expire(45) is Verdict.WELL
    assert pinger.deadline == 65
    assert pinger.expire(65) is Verdict.GONE


def test_suspension_counts_before_the_ping_too(pinger):
    assert not pinger.overdue(10, WALL + 10 + 34)
    assert pinger.overdue(10, WALL + 10 + 35)
