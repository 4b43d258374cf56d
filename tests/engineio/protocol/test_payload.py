import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.payload import (
    PayloadError,
    decode_binary,
    decode_payload,
    encode_payload,
)
from support.strategies import garbage, text_packets, wire_packets
from support.vectors import vectors


def outgoing(packet: str | bytes) -> bytes:
    return packet.encode() if isinstance(packet, str) else Binary(packet)


@pytest.mark.parametrize("row", vectors("engineio-packets", "valid"))
def test_one_packet(row):
    packet, polling = row["websocket"], row["polling"].encode()
    assert encode_payload([outgoing(packet)]) == polling
    assert list(decode_payload(polling)) == [packet]


@pytest.mark.parametrize("row", vectors("engineio-payloads", "valid"))
def test_vectors(row):
    body = row["body"].encode()
    assert encode_payload(map(outgoing, row["packets"])) == body
    assert list(decode_payload(body)) == row["packets"]


@pytest.mark.parametrize("row", vectors("engineio-payloads", "invalid"))
def test_what_precedes_a_bad_packet_is_given_out_first(row):
    body = row["body"] if isinstance(row["body"], bytes) else row["body"].encode()
    packets = decode_payload(body)
    assert [next(packets) for _ in row["packets"]] == row["packets"]
    with pytest.raises(PayloadError):
        next(packets)


def test_binary_is_told_by_type_not_by_content():
    # Bytes that look like a text packet must not be taken for one, nor the other way round.
    assert encode_payload([b"4hello", Binary(b"4hello")]) == b"4hello\x1ebNGhlbGxv"


@given(st.lists(wire_packets, min_size=1))
def test_round_trip(packets):
    body = encode_payload(map(outgoing, packets))
    assert list(decode_payload(body)) == packets


@given(st.lists(text_packets, min_size=1), garbage)
@example(["4a"], b"")
def test_garbage_raises_nothing_but_payload_error(packets, tail):
    decoded = []
    try:
        decoded.extend(decode_payload("\x1e".join(packets).encode() + b"\x1e" + tail))
    except PayloadError:
        pass
    else:
        assert len(decoded) > len(packets)
    assert decoded[: len(packets)] in (packets, [])  # [] where the whole is not UTF-8


@given(st.binary())
def test_binary_round_trip(data):
    assert decode_binary(encode_payload([Binary(data)]).decode()) == data


@given(st.text(st.characters(max_codepoint=0x7F)) | st.text())
def test_bad_base64_raises_nothing_but_payload_error(text):
    with contextlib.suppress(PayloadError):
        assert isinstance(decode_binary("b" + text), bytes)
