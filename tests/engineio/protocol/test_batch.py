"""Several packets in one WebSocket message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.batch import OVERHEAD, encode_batch, split_batch
from arcwire.engineio.protocol.handshake import open_packet
from support.vectors import vectors


def payloads(row):
    return [packet.removeprefix("4").encode() for packet in row["packets"]]


@pytest.mark.parametrize("row", vectors("engineio-batches", "valid"))
def test_both_ways(row):
    batch = encode_batch(payloads(row))
    assert batch is not None
    assert batch.decode() == row["batch"]
    assert split_batch(row["batch"]) == row["packets"]


@pytest.mark.parametrize("row", vectors("engineio-batches", "decode_only"))
def test_reading(row):
    assert split_batch(row["batch"]) == row["packets"]


@pytest.mark.parametrize("row", vectors("engineio-batches", "alone"))
def test_what_has_the_separator_in_it_is_not_joined(row):
    assert encode_batch(payloads(row)) is None


@given(st.lists(st.text(), min_size=1))
def test_any_messages(texts):
    batch = encode_batch([text.encode() for text in texts])
    if any("\x1e" in text for text in texts):
        assert batch is None
    else:
        assert batch is not None
        assert len(batch) == sum(len(text.encode()) + OVERHEAD for text in texts)
        assert split_batch(batch.decode()) == ["4" + text for text in texts]


def test_first_packet_says_it_last():
    settings = {"ping_interval": 25, "ping_timeout": 20, "max_payload": 1}
    plain = open_packet("s", [], **settings)
    assert open_packet("s", [], **settings, batches=True) == plain[:-1] + b',"arcwire":"batch"}'
