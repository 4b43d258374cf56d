import pytest

from arcwire.engineio.protocol.upgrade import NOOP_INTERVAL, Step, Upgrade


@pytest.fixture
def upgrade():
    return Upgrade(timeout=10, now=100)


def test_deadline(upgrade):
    assert upgrade.deadline == 110


def test_probe_and_upgrade(upgrade):
    assert upgrade.receive("2probe", 101) is Step.PROBED
    assert upgrade.receive("5", 102) is Step.UPGRADED


@pytest.mark.parametrize("packet", ["", "2", "2probe ", "3probe", "4hello", "5", "6", "abc"])
def test_anything_but_the_probe_fails_first(upgrade, packet):
    assert upgrade.receive(packet, 101) is Step.FAILED


@pytest.mark.parametrize("packet", ["", "2", "2probe", "4hello", "55", "6", "abc"])
def test_anything_but_the_upgrade_fails_then(upgrade, packet):
    upgrade.receive("2probe", 101)
    assert upgrade.receive(packet, 102) is Step.FAILED


def test_no_poll_is_released_before_the_probe(upgrade):
    assert upgrade.noop_at is None
    assert upgrade.release(101) is None


def test_polls_are_released_at_once_and_then_at_intervals(upgrade):
    upgrade.receive("2probe", 101)
    assert upgrade.release(101) == b"6"
    assert upgrade.noop_at == 101 + NOOP_INTERVAL
    assert upgrade.release(101) is None
    assert upgrade.release(101 + NOOP_INTERVAL) == b"6"
