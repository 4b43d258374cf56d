"""Batches, as the engine agrees on them, reads and sends them."""

import asyncio
import json
from collections.abc import Callable

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.reasons import CloseReason
from support.links import MemoryClient, MemoryExchange, MemoryLink, open_link, request
from support.recorder import RecordedEngine, Recorder
from support.vectors import vectors

ASKED = {"arcwire": "batch"}


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(allow_eio3=True))


def upgraded(engine: RecordedEngine) -> MemoryLink:
    return MemoryClient.over_polling(engine, **ASKED).upgrade()


def opened(engine: RecordedEngine) -> MemoryLink:
    return MemoryClient.over_websocket(engine, **ASKED)[1]


EITHER_WAY = pytest.mark.parametrize("connect", [opened, upgraded])
Connect = Callable[[RecordedEngine], MemoryLink]


def the_only(engine: RecordedEngine) -> Recorder:
    (recorder,) = engine.recorded.values()
    return recorder


@pytest.mark.parametrize(
    "query, agreed",
    [
        (ASKED, True),
        ({}, False),
        ({"arcwire": ""}, False),
        ({"arcwire": "other"}, False),
        ({"batch": "batch"}, False),
        ({**ASKED, "EIO": "3"}, False),
    ],
)
async def test_only_who_asks_is_told(engine: RecordedEngine, query: dict[str, str], agreed: bool) -> None:
    link = open_link(engine, request(transport="websocket", **query))
    exchange = MemoryExchange(request(transport="polling", **query))
    engine.handle_request(exchange)
    (first,) = link.take()
    assert isinstance(first, str)
    poll = exchange.body[exchange.body.index("{") : exchange.body.rindex("}") + 1]
    for packet in (first[1:], poll):
        assert json.loads(packet).get("arcwire") == ("batch" if agreed else None)
    connection = next(iter(engine.recorded.values())).connection
    connection.send_text(b"a")
    connection.send_text(b"b")
    await asyncio.sleep(0)
    assert link.take() == (["\x1e4a\x1e4b"] if agreed else ["4a", "4b"])


@EITHER_WAY
@pytest.mark.parametrize("row", vectors("engineio-batches", "valid"))
async def test_both_ways(engine: RecordedEngine, connect: Connect, row: dict[str, list[str]]) -> None:
    link = connect(engine)
    texts = [packet[1:] for packet in row["packets"]]
    link.receive(row["batch"])
    assert the_only(engine).messages == texts
    for text in texts:
        the_only(engine).connection.send_text(text.encode())
    await asyncio.sleep(0)
    assert link.take() == [row["batch"]]


@pytest.mark.parametrize("row", vectors("engineio-batches", "decode_only"))
async def test_reading(engine: RecordedEngine, row: dict[str, list[str]]) -> None:
    opened(engine).receive(row["batch"])
    assert the_only(engine).messages == [packet[1:] for packet in row["packets"] if packet[0] == "4"]
    assert the_only(engine).connection.is_open


@EITHER_WAY
@pytest.mark.parametrize("row", vectors("engineio-batches", "invalid"))
async def test_what_is_no_packet_ends_the_session(
    engine: RecordedEngine, connect: Connect, row: dict[str, list[str]]
) -> None:
    connect(engine).receive(row["batch"])
    assert the_only(engine).messages == [packet[1:] for packet in row["packets"]]
    assert the_only(engine).reason is CloseReason.PARSE_ERROR
    assert engine.clients_count == 0


async def test_without_the_agreement_a_batch_is_no_packet(engine: RecordedEngine) -> None:
    MemoryClient.over_websocket(engine)[1].receive("\x1e4a\x1e4b")
    assert the_only(engine).messages == []
    assert the_only(engine).reason is CloseReason.PARSE_ERROR


async def test_a_probe_sends_no_batches(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine, **ASKED)
    link = client.probe()
    link.receive("\x1e2probe")
    assert the_only(engine).connection.transport == "polling"
    assert not link.open


@pytest.mark.parametrize("leave", ["close", "client"])
async def test_nothing_follows_the_end_within_a_batch(engine: RecordedEngine, leave: str) -> None:
    link = opened(engine)
    recorder = the_only(engine)
    if leave == "close":
        receive = recorder.receive_text

        def receive_and_close(data: str) -> None:
            receive(data)
            recorder.connection.close()

        recorder.receive_text = receive_and_close  # type: ignore[method-assign]
        link.receive("\x1e4a\x1e4b")
    else:
        link.receive("\x1e4a\x1e1\x1e4b")
    assert recorder.messages == ["a"]
    assert not recorder.connection.is_open


async def test_what_waits_is_sent_before_the_end_and_counted(engine: RecordedEngine) -> None:
    link = opened(engine)
    connection = the_only(engine).connection
    connection.send_text(b"a")
    connection.send_text(b"b")
    connection.send_binary(b"\x01")
    connection.send_prepared(PreparedMessage(b"all"))
    connection.send_text(b"c")
    assert connection.buffered_bytes == 3
    connection.close()
    assert link.take() == ["\x1e4a\x1e4b", b"\x01", "4all", "4c"]


async def test_binary_as_text_keeps_its_place(engine: RecordedEngine) -> None:
    link = MemoryClient.over_websocket(engine, **ASKED, b64="1")[1]
    connection = the_only(engine).connection
    connection.send_text(b"a")
    connection.send_binary(b"\x01")
    connection.send_text(b"b")
    await asyncio.sleep(0)
    assert link.take() == ["4a", "bAQ==", "4b"]
