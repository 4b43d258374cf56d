import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arcwire.engineio.protocol.packet import Binary, UncompressedBinary
from arcwire.engineio.protocol.payload import PayloadError
from arcwire.engineio.protocol.payload_v3 import (
    decode_binary,
    decode_binary_payload,
    decode_payload,
    encode_binary,
    encode_payload,
)
from support.strategies import wire_packets
from support.vectors import vectors


def outgoing(packets):
    return [packet.encode() if isinstance(packet, str) else Binary(packet) for packet in packets]


def as_bytes(body):
    return body if isinstance(body, bytes) else body.encode()


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "text"))
def test_text(row):
    body = as_bytes(row["body"])
    assert encode_payload(outgoing(row["packets"]), True) == (body, False)
    assert list(decode_payload(body)) == row["packets"]


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "binary"))
def test_binary(row):
    assert encode_payload(outgoing(row["packets"]), False) == (row["body"], True)
    assert list(decode_binary_payload(row["body"])) == row["packets"]


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "invalid_text"))
def test_what_precedes_a_bad_packet_is_given_out_first(row):
    packets = decode_payload(as_bytes(row["body"]))
    assert [next(packets) for _ in row["packets"]] == row["packets"]
    with pytest.raises(PayloadError):
        next(packets)


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "invalid_binary"))
def test_what_precedes_a_bad_packet_in_a_binary_body_too(row):
    packets = decode_binary_payload(row["body"])
    assert [next(packets) for _ in row["packets"]] == row["packets"]
    with pytest.raises(PayloadError):
        next(packets)


def test_text_alone_stays_text():
    assert encode_payload([b"4a"], False) == (b"2:4a", False)


def test_binary_that_is_not_to_be_compressed_is_binary():
    assert encode_payload([UncompressedBinary(b"\x01")], False) == (b"\x01\x02\xff\x04\x01", True)


def test_binary_is_told_by_type_not_by_content():
    assert encode_payload([b"4hello", Binary(b"4hello")], True) == (b"6:4hello10:b4NGhlbGxv", False)


@given(st.lists(wire_packets, min_size=1), st.booleans())
def test_round_trip(packets, base64):
    body, binary = encode_payload(outgoing(packets), base64)
    assert list((decode_binary_payload if binary else decode_payload)(body)) == packets
    assert binary == (not base64 and any(isinstance(packet, bytes) for packet in packets))


@given(st.lists(wire_packets, min_size=1))
def test_lengths_are_those_of_javascript(packets):
    body, _ = encode_payload(outgoing(packets), True)
    units = body.decode().encode("utf-16-le")
    for packet in packets:
        text = packet if isinstance(packet, str) else encode_binary(packet).decode()
        head = f"{len(text.encode('utf-16-le')) // 2}:".encode("utf-16-le")
        assert units.startswith(head)
        units = units[len(head) :]
        assert units.startswith(text.encode("utf-16-le"))
        units = units[len(text.encode("utf-16-le")) :]
    assert not units


@given(st.lists(wire_packets), st.binary() | st.text().map(str.encode), st.booleans())
@example([], b"99999999999999999999:4", True)
@example([], b"\x00" + b"\x09" * 400 + b"\xff4", False)
def test_garbage_raises_nothing_but_payload_error(packets, tail, base64):
    body, binary = encode_payload(outgoing(packets), base64)
    decoded = []
    try:
        decoded.extend((decode_binary_payload if binary else decode_payload)(body + tail))
    except PayloadError:
        pass
    else:
        assert len(decoded) >= len(packets)
    assert decoded[: len(packets)] in (packets, [])  # [] where the whole is not UTF-8


@pytest.mark.parametrize("row", vectors("engineio3-payloads", "frames"))
def test_base64_on_a_websocket(row):
    assert encode_binary(row["content"]).decode() == row["base64"]
    assert decode_binary(row["base64"]) == row["content"]


@pytest.mark.parametrize("text", ["b", "b4A", "b3AQ==", "b4\u20ac", "b4 AQ=="])
def test_bad_base64(text):
    with pytest.raises(PayloadError):
        decode_binary(text)
