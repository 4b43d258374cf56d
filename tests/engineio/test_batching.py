"""The link whose text messages leave in batches, before a link in memory."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.batching import BatchingLink
from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.batch import LIMIT, split_batch
from support.links import MemoryLink


class Watched(MemoryLink):
    """Notes what was written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write_packet(self, packet: bytes) -> None:
        super().write_packet(packet)
        self.written.append(packet.decode())


@pytest.fixture
def below() -> Watched:
    return Watched()


@pytest.fixture
async def link(below: Watched) -> BatchingLink:
    return BatchingLink(below)


async def tick() -> None:
    await asyncio.sleep(0)


async def test_what_one_tick_sends_is_one_message(below: Watched, link: BatchingLink) -> None:
    for text in (b"a", "€".encode(), b""):
        link.send_text(text)
    assert below.take() == []
    await tick()
    assert below.take() == ["\x1e4a\x1e4€\x1e4"] == below.written
    link.send_text(b"b")
    link.send_text(b"c")
    await tick()
    assert below.take() == ["\x1e4b\x1e4c"]
    await tick()
    assert below.take() == []


async def test_the_first_messages_of_a_tick_may_go_ahead(below: Watched) -> None:
    link = BatchingLink(below, ahead=2)
    for _ in range(2):
        link.send_text(b"a")
        assert below.take() == []
        link.send_text(b"b")
        assert below.take() == ["\x1e4a\x1e4b"]
        for text in (b"c", b"d", b"e"):
            link.send_text(text)
        assert below.take() == []
        await tick()
        assert below.take() == ["\x1e4c\x1e4d\x1e4e"]
        link.send_text(b"alone")
        await tick()
        assert below.take() == ["4alone"]
    assert len(below.written) == 6


async def test_what_cannot_wait_counts_among_those_that_go_ahead(below: Watched) -> None:
    link = BatchingLink(below, ahead=2)
    link.send_text(b"a")
    link.send_binary(b"\x01")
    link.send_text(b"b")
    assert below.take() == ["4a", b"\x01", "4b"]
    link.send_text(b"c")
    link.abort()
    await tick()
    assert below.take() == []


async def test_one_message_stays_as_it_is(below: Watched, link: BatchingLink) -> None:
    link.send_text(b"a")
    await tick()
    assert below.take() == ["4a"] == below.written


Send = Callable[[BatchingLink], None]
OTHERS: list[tuple[Send, str | bytes]] = [
    (lambda link: link.send_binary(b"\x01"), b"\x01"),
    (lambda link: link.send_packet(b"3"), "3"),
    (lambda link: link.write_packet(b"3"), "3"),
    (lambda link: link.send_prepared(PreparedMessage(b"\x01", binary=True)), b"\x01"),
    (lambda link: link.send_prepared(PreparedMessage(b"x", compress=False)), "4x"),
]


@pytest.mark.parametrize("send, frame", OTHERS)
async def test_what_is_no_text_message_keeps_its_place(
    below: Watched, link: BatchingLink, send: Send, frame: str | bytes
) -> None:
    link.send_text(b"a")
    link.send_text(b"b")
    send(link)
    link.send_text(b"c")
    await tick()
    assert below.take() == ["\x1e4a\x1e4b", frame, "4c"]


async def test_what_goes_before_the_end_of_the_tick_is_written_at_its_end(
    below: Watched, link: BatchingLink
) -> None:
    link.send_text(b"a")
    link.send_binary(b"\x01")
    assert below.take() == ["4a", b"\x01"]
    assert below.written == []
    link.send_text(b"b")
    await tick()
    assert below.written == ["4b"]


async def test_compression_stays_off_where_it_was(below: Watched, link: BatchingLink) -> None:
    link.send_packet(b"3", compress=False)
    link.send_text(b"a")
    link.send_prepared(PreparedMessage(b"x", compress=False))
    await tick()
    assert below.take() == ["3", "4a", "4x"]
    assert below.uncompressed == ["3", "4x"]


async def test_a_shared_message_is_joined_to_others_but_alone_is_shared(
    below: Watched, link: BatchingLink
) -> None:
    shared = PreparedMessage(b"all")
    link.send_prepared(shared)
    assert below.take() == ["4all"]
    link.send_text(b"a")
    link.send_prepared(shared)
    await tick()
    assert below.take() == ["\x1e4a\x1e4all"]


async def test_a_separator_in_a_message(below: Watched, link: BatchingLink) -> None:
    for text in (b"a", b"b\x1e4c", b"d"):
        link.send_text(text)
    await tick()
    assert below.take() == ["4a", "4b\x1e4c", "4d"]


@pytest.mark.parametrize("limit", [100, LIMIT, 10 * LIMIT])
async def test_batches_have_a_limit(below: Watched, limit: int) -> None:
    link = BatchingLink(below, limit)
    limit = min(limit, LIMIT)
    half = b"x" * (limit // 2 - 2)
    for text in (half, half, b"", b"y" * limit, b"z"):
        link.send_text(text)
    await tick()
    assert below.take() == [f"\x1e4{half.decode()}" * 2, "4", "4" + "y" * limit, "4z"]


async def test_closing_sends_what_waits(below: Watched, link: BatchingLink) -> None:
    link.send_text(b"a")
    link.send_text(b"b")
    link.close(1000, "bye")
    assert below.take() == ["\x1e4a\x1e4b"]
    assert below.close_frame == (1000, "bye")
    link.send_text(b"late")
    await tick()
    assert below.take() == []


async def test_aborting_does_not(below: Watched, link: BatchingLink) -> None:
    below.receiver = Deaf()
    link.send_text(b"a")
    link.abort()
    await tick()
    assert below.take() == []
    assert link.buffered_bytes() == 0


async def test_buffered_bytes(below: Watched, link: BatchingLink) -> None:
    """What waits counts; too much of it goes to the link below, which tells when it has become less."""
    below.waiting_bytes = LIMIT - 10
    link.send_text(b"12345")
    assert link.buffered_bytes() == LIMIT - 10 + 7
    assert below.take() == []
    link.send_text(b"12345")
    assert link.buffered_bytes() == LIMIT - 10  # the link in memory counts nothing
    assert below.take() == ["\x1e412345\x1e412345"]
    below.waiting_bytes = 10 * LIMIT
    assert link.buffered_bytes() == 10 * LIMIT


class Deaf:
    def receive_text(self, packet: str) -> None: ...
    def receive_binary(self, data: bytes) -> None: ...
    def link_drained(self) -> None: ...
    def link_closed(self, reason: object, description: str) -> None: ...


async def test_receiver_is_that_of_the_link_below(below: Watched, link: BatchingLink) -> None:
    link.receiver = receiver = Deaf()
    assert below.receiver is receiver
    assert link.receiver is receiver


MESSAGES = st.one_of(
    st.text(st.sampled_from("a€\x1e4"), max_size=40),
    st.binary(max_size=40),
    st.none(),  # the end of a tick
)


@given(st.lists(MESSAGES, max_size=30), st.integers(10, 100))
def test_nothing_is_lost_and_order_kept(messages: list[str | bytes | None], limit: int) -> None:
    below = Watched()

    async def send() -> None:
        link = BatchingLink(below, limit)
        for message in messages:
            if message is None:
                await tick()
            elif isinstance(message, str):
                link.send_text(message.encode())
            else:
                link.send_binary(message)
        await tick()

    asyncio.run(send())
    arrived: list[str | bytes] = []
    for frame in below.frames:
        if isinstance(frame, str) and frame.startswith("\x1e"):
            assert len(frame.encode()) <= limit
            arrived += [packet.removeprefix("4") for packet in split_batch(frame)]
        else:
            arrived.append(frame if isinstance(frame, bytes) else frame.removeprefix("4"))
    assert arrived == [message for message in messages if message is not None]
