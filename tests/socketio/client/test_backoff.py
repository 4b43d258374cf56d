"""The delays before attempts to connect."""

import pytest

from arcwire.socketio.client.backoff import Backoff


@pytest.mark.parametrize(
    "random, delays",
    [
        (0.0, [1, 2, 4, 5, 5]),  # an even tenth: the deviation, 0 here, is taken off
        (0.2, [0.9, 1.8, 3.6, 5, 5]),
        (0.1, [1.05, 2.1, 4.2, 5, 5]),
        (0.99, [1.495, 2.99, 5, 5, 5]),
    ],
)
def test_delays_of_the_reference(random, delays):
    backoff = Backoff(1.0, 5.0, 0.5)
    assert [backoff.next(random) for _ in delays] == pytest.approx(delays)


def test_without_jitter_randomness_does_not_matter():
    backoff = Backoff(0.25, 10.0, 0.0)
    assert [backoff.next(random / 10) for random in range(6)] == [0.25, 0.5, 1, 2, 4, 8]


def test_begins_again_after_a_connection():
    backoff = Backoff(1.0, 5.0, 0.0)
    backoff.next(0)
    backoff.next(0)
    assert backoff.attempts == 2
    backoff.reset()
    assert backoff.next(0) == 1
    assert backoff.attempts == 1


def test_years_without_a_network():
    backoff = Backoff(1.0, 5.0, 1.0)
    assert all(0 <= backoff.next(random=0.4) <= 5 for _ in range(10_000))
