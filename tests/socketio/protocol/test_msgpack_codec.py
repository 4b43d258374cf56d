"""The MessagePack codec against the vectors, and against everything else that may arrive."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from arcwire.codecs import MsgpackCodec
from arcwire.socketio.protocol import notepack
from arcwire.socketio.protocol.packet import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    PacketError,
)
from support.strategies import binary_values
from support.vectors import vectors

CODEC = MsgpackCodec()

TYPES = {
    "connect": CONNECT,
    "disconnect": DISCONNECT,
    "event": EVENT,
    "ack": ACK,
    "connect_error": CONNECT_ERROR,
}


def dated(value: object) -> object:
    """Replace `{"date": ...}` by a datetime, at any depth."""
    if isinstance(value, dict):
        if value.keys() == {"date"}:
            return datetime.fromisoformat(value["date"])
        return {key: dated(item) for key, item in value.items()}
    return [dated(item) for item in value] if isinstance(value, list) else value


def encode(packet: dict) -> bytes:
    namespace, data, id = packet["nsp"], dated(packet.get("data")), packet.get("id")
    match packet["type"]:
        case "event":
            message, attachments = CODEC.encode_event(namespace, data[0], tuple(data[1:]), id)
        case "ack":
            message, attachments = CODEC.encode_ack(namespace, id, tuple(data))
        case control:
            return CODEC.encode_control(TYPES[control], namespace, data)
    assert attachments is None
    return message


def decode(message: bytes) -> Packet:
    packet = CODEC.decode_binary(message)
    assert isinstance(packet, Packet)
    return packet


def sent(*args: object) -> object:
    """What a client gets that reads exactly, when these arguments are emitted."""
    message, _ = CODEC.encode_event("/", "x", args)
    return decode(message).data[1:]


# -- vectors ------------------------------------------------------------------------


@pytest.mark.parametrize("row", vectors("socketio-msgpack", "valid"))
def test_encode(row):
    assert encode(row["packet"]).hex() == row["message"]


@pytest.mark.parametrize(
    "row", vectors("socketio-msgpack", "valid") + vectors("socketio-msgpack", "decode_only")
)
def test_decode(row):
    expected = row["packet"]
    packet = decode(bytes.fromhex(row["message"]))
    assert packet.type == TYPES[expected["type"]]
    assert (packet.namespace, packet.id) == (expected["nsp"], expected.get("id"))
    assert packet.data == dated(expected.get("data"))
    assert packet.json is None
    if packet.type == EVENT:
        assert packet.name == str(expected["data"][0])


@pytest.mark.parametrize("row", vectors("socketio-msgpack", "invalid"))
def test_decode_invalid(row):
    with pytest.raises(PacketError):
        CODEC.decode_binary(bytes.fromhex(row["message"]))


def test_it_takes_no_text():
    with pytest.raises(PacketError, match="another parser"):
        CODEC.decode_text('2["x"]')


# -- values -------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: int
    at: datetime | None = None


@dataclass
class Box:
    corner: Point
    raw: bytes


class Text(str):
    """A subclass of text."""


MOMENT = datetime(2026, 11, 24, 12, 34, 56, 789_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value, arrives",
    [
        (Point(1, MOMENT), {"x": 1, "at": MOMENT}),
        (Box(Point(1), b"a"), {"corner": {"x": 1, "at": None}, "raw": b"a"}),
        ([Point(1)], [{"x": 1, "at": None}]),
        (Colour.RED, "red"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2026, 11, 24), "2026-11-24"),
        (MOMENT.astimezone(timezone(timedelta(hours=2))), MOMENT),
        (MOMENT.replace(microsecond=789_999), MOMENT),
        (MOMENT.replace(tzinfo=None), "2026-11-24T12:34:56.789000"),
        ({"a": [MOMENT, {"b": (MOMENT,)}]}, {"a": [MOMENT, {"b": [MOMENT]}]}),
        ({1: "a", Colour.RED: "b", Text("c"): MOMENT}, {"1": "a", "red": "b", "c": MOMENT}),
        ({"d": Colour.RED, "e": {2}}, {"d": "red", "e": [2]}),
        ((1, 2), [1, 2]),
        ({MOMENT: 1}, {"2026-11-24T12:34:56.789000Z": 1}),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ([MOMENT, bytearray(b"ab")], [MOMENT, b"ab"]),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (math.inf, math.inf),
        (1e300, 1e300),
    ],
    ids=repr,
)
def test_values_with_a_form_of_their_own(value, arrives):
    assert sent(value) == [arrives]


@pytest.mark.parametrize("value", [object(), 1j, {(1, 2): 3}, [Point(1, object())]], ids=repr)
def test_values_without_a_form(value):
    for encode_it in (
        lambda: CODEC.encode_event("/", "x", (value,)),
        lambda: CODEC.encode_ack("/", 1, (value,)),
        lambda: CODEC.encode_control(CONNECT_ERROR, "/", {"message": "no", "data": value}),
    ):
        with pytest.raises(TypeError):
            encode_it()


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, [{"a": 2**70}]], ids=repr)
def test_integers_that_are_too_large(value):
    with pytest.raises(ValueError, match="64 bits"):
        CODEC.encode_event("/", "x", (value,))


def test_a_value_that_holds_itself():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested"):
        CODEC.encode_event("/", "x", (value,))


def test_foreign_extensions_stay_what_they_are():
    for ext in (msgpack.Ext(5, b"ab"), msgpack.Ext(-2, b"a" * 8), msgpack.Ext(7, b"x" * 300)):
        for beside in (None, MOMENT):  # both decoders
            found = sent(ext, beside)[0]
            assert (found.code, found.data) == (ext.code, ext.data)


def test_timestamps_of_messagepack_itself():
    # python-socketio's users may send them.
    envelope = {"type": EVENT, "nsp": "/", "data": ["x", MOMENT]}
    assert decode(msgpack.encode(envelope)).data == ["x", MOMENT]
    envelope["data"] = ["x", MOMENT, msgpack.Ext(0, b"\0")]
    assert decode(msgpack.encode(envelope)).data == ["x", MOMENT, None]


@pytest.mark.parametrize("milliseconds", [864 * 10**13, -864 * 10**13, 2**62])
def test_a_date_beyond_the_years_of_python_goes_back_as_it_came(milliseconds):
    ext = msgpack.Ext(0, milliseconds.to_bytes(8, "big", signed=True))
    message, _ = CODEC.encode_event("/", "x", (ext,))
    found = decode(message).data[1]
    assert (found.code, found.data) == (ext.code, ext.data)
    assert CODEC.encode_event("/", "x", (found,))[0] == message


@given(st.lists(binary_values, max_size=4))
def test_values_come_back(args):
    assert sent(*args) == args


@given(
    st.datetimes(
        datetime(1, 1, 3),
        datetime(9999, 12, 29),
        timezones=st.timezones() | st.just(UTC),
        allow_imaginary=False,
    )
)
def test_dates_come_back_to_the_millisecond(moment):
    # In UTC, because moments of one time zone are compared without it.
    moment = moment.astimezone(UTC)
    (found,) = sent(moment)
    assert timedelta() <= moment - found < timedelta(milliseconds=1)


# -- what should not arrive ---------------------------------------------------------


@pytest.mark.parametrize("opened", ["91", "81a161", "dd00000001", "c70100", "dcffff"])
def test_depth_bombs(opened):
    bomb = bytes.fromhex("83a47479706502a36e7370a12fa464617461" + opened * 100_000)
    with pytest.raises(PacketError):
        CODEC.decode_binary(bomb)
    # The exact decoder too.
    with pytest.raises(PacketError):
        CODEC.decode_binary(bytes.fromhex("84a26964d40000") + bomb[1:])


@given(st.binary(max_size=60))
def test_anything_else_is_refused(data):
    for message in (data, bytes.fromhex("83a47479706502a36e7370a12fa464617461") + data):
        try:
            packet = decode(message)
        except PacketError:
            continue
        assert packet.type in TYPES.values()


@given(binary_values, st.data())
def test_damaged_messages_are_refused_or_read(value, data):
    message = bytearray(CODEC.encode_event("/", "x", (value, MOMENT))[0])
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] = data.draw(st.integers(0, 255))
    try:
        packet = decode(bytes(message))
    except PacketError:
        return
    assert packet.type in TYPES.values()


# -- the exact decoder, against that of msgspec -------------------------------------


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
        | st.binary(max_size=300),
        lambda inner: (
            st.lists(inner, max_size=40) | st.dictionaries(st.text("abc\u0100"), inner, max_size=20)
        ),
        max_leaves=30,
    )
)
def test_both_decoders_agree(value):
    message = msgpack.encode(value)
    assert notepack.decode(message) == msgpack.decode(message) == value


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_every_form_of_a_length(size):
    for value in ("x" * size, b"x" * size, [None] * size, dict.fromkeys(range(size))):
        assert notepack.decode(msgpack.encode(value)) == value
    found = notepack.decode(msgpack.encode(msgpack.Ext(3, b"x" * size)))
    assert (found.code, found.data) == (3, b"x" * size)


def test_single_precision():
    assert notepack.decode(bytes.fromhex("ca3fc00000")) == 1.5


@pytest.mark.parametrize("message", ["8190c0", "8180c0", "81d40000c0", "81d7000000000000000000c0"])
def test_keys_that_are_no_keys(message):
    with pytest.raises(ValueError, match="a key cannot be"):
        notepack.decode(bytes.fromhex(message))
