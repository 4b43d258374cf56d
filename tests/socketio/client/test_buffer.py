"""Events that wait for a connection: how many, how large, and what becomes of the others."""

import pytest

from arcwire import BufferFull, EventDropped, OfflineBuffer
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.client.buffer import OVERHEAD, Buffer, Outgoing


def event(name: str = "a", size: int = 10, attachments: list[bytes] | None = None) -> Outgoing:
    return Outgoing(name, (), b"x" * size, attachments, True, 1, SingleAnswer(None, None))


def names(buffer: Buffer) -> list[str]:
    return [each.name for each in buffer]


def test_keeps_the_order_and_counts_bytes():
    buffer = Buffer(OfflineBuffer())
    buffer.add(event("a", 10))
    buffer.add(event("b", 20, [b"12345"]))
    assert buffer.size == 35 + 2 * OVERHEAD
    assert len(buffer) == 2
    assert names(buffer) == ["a", "b"]
    assert [buffer.take().name, buffer.take().name] == ["a", "b"]
    assert buffer.size == len(buffer) == 0
    assert buffer.take() is None


def test_removing():
    buffer = Buffer(OfflineBuffer())
    a, b = event("a"), event("b")
    buffer.add(a)
    buffer.add(b)
    buffer.remove(a)
    buffer.remove(a)
    assert names(buffer) == ["b"]
    assert buffer.take() is b
    assert buffer.size == 0


@pytest.mark.parametrize(
    "limits, limit",
    [({"max_events": 2}, "max_events"), ({"max_bytes": 2 * (OVERHEAD + 10)}, "max_bytes")],
)
def test_raises(limits, limit):
    buffer = Buffer(OfflineBuffer(**limits))
    buffer.add(event("a"))
    buffer.add(event("b"))
    with pytest.raises(BufferFull, match=limit) as caught:
        buffer.add(event("c"))
    assert caught.value.limit == limit
    assert names(buffer) == ["a", "b"]


def test_drops_the_oldest():
    buffer = Buffer(OfflineBuffer(max_events=2, overflow="drop_oldest"))
    events = [event(name) for name in "abc"]
    for each in events:
        buffer.add(each)
    assert names(buffer) == ["b", "c"]
    assert events[0].answer.settled
    with pytest.raises(EventDropped):
        events[0].answer.result()
    assert not events[1].answer.settled


def test_drops_as_many_of_the_oldest_as_it_takes():
    buffer = Buffer(OfflineBuffer(max_bytes=3 * (OVERHEAD + 10), overflow="drop_oldest"))
    for name in "abc":
        buffer.add(event(name))
    buffer.add(event("d", OVERHEAD + 20))
    assert names(buffer) == ["c", "d"]
    too_large = event("e", 10_000)
    buffer.add(too_large)
    assert names(buffer) == ["c", "d"], "nothing is dropped for what has no room in any case"
    assert too_large.answer.settled


def test_drops_the_newest():
    buffer = Buffer(OfflineBuffer(max_events=1, overflow="drop_newest"))
    buffer.add(event("a"))
    dropped = event("b")
    buffer.add(dropped)
    assert names(buffer) == ["a"]
    with pytest.raises(EventDropped):
        dropped.answer.result()


@pytest.mark.parametrize("overflow", ["raise", "drop_oldest", "drop_newest"])
def test_none_at_all(overflow):
    buffer = Buffer(OfflineBuffer(max_events=0, overflow=overflow))
    if overflow == "raise":
        with pytest.raises(BufferFull):
            buffer.add(event())
    else:
        buffer.add(event())
    assert len(buffer) == 0


def test_high_at_half():
    buffer = Buffer(OfflineBuffer(max_events=4))
    for high in (False, False, True):
        buffer.add(event())
        assert buffer.is_high is high


@pytest.mark.parametrize("options", [{"max_events": -1}, {"max_bytes": 1.5}, {"overflow": "block"}])
def test_options_that_cannot_work(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        OfflineBuffer(**options)
