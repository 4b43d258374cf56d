import pytest

from arcwire.engineio.protocol.heartbeat import ClientHeartbeat, Heartbeat


@pytest.fixture
def heartbeat():
    return Heartbeat(interval=25, timeout=20, now=100)


def test_pings_an_interval_after_the_beginning(heartbeat):
    assert heartbeat.deadline == 125
    assert not heartbeat.awaiting


def test_waits_for_a_pong_after_a_ping(heartbeat):
    assert heartbeat.expired(125) is False
    assert heartbeat.awaiting
    assert heartbeat.deadline == 145


def test_a_late_ping_leaves_the_peer_all_its_time(heartbeat):
    heartbeat.expired(130)
    assert heartbeat.deadline == 150


def test_gives_up_without_a_pong(heartbeat):
    heartbeat.expired(125)
    assert heartbeat.expired(145) is True


def test_a_pong_leads_to_the_next_ping(heartbeat):
    heartbeat.expired(125)
    heartbeat.beat(130)
    assert not heartbeat.awaiting
    assert heartbeat.deadline == 155


def test_another_packet_extends_the_wait_once(heartbeat):
    heartbeat.expired(125)
    heartbeat.sign_of_life(140)
    assert heartbeat.deadline == 160
    heartbeat.sign_of_life(159)
    assert heartbeat.deadline == 160
    assert heartbeat.expired(160) is True


def test_every_ping_may_be_extended_again(heartbeat):
    heartbeat.expired(125)
    heartbeat.sign_of_life(140)
    heartbeat.beat(150)
    heartbeat.expired(175)
    heartbeat.sign_of_life(180)
    assert heartbeat.deadline == 200


def test_packets_between_pings_change_nothing(heartbeat):
    heartbeat.sign_of_life(120)
    assert heartbeat.deadline == 125


class TestClientHeartbeat:
    @pytest.fixture
    def heartbeat(self):
        return ClientHeartbeat(interval=25, timeout=20, now=100)

    def test_waits_for_interval_and_timeout(self, heartbeat):
        assert heartbeat.deadline == 145
        assert heartbeat.expired(145) is True

    def test_answers_each_ping_and_waits_anew(self, heartbeat):
        assert heartbeat.beat(120) == b"3"
        assert heartbeat.deadline == 165

    def test_takes_every_packet_for_a_sign_of_life(self, heartbeat):
        for now in (110, 150, 190):
            assert heartbeat.awaiting
            heartbeat.sign_of_life(now)
            assert heartbeat.deadline == now + 45
