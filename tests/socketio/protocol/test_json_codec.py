"""The default codec against the vectors, and against everything else that may arrive."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.socketio.protocol.json_codec import MAX_ATTACHMENTS, JsonCodec, decode_json, repair_json
from arcwire.socketio.protocol.packet import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    RESERVED_EVENTS,
    Packet,
    PacketError,
)
from support.strategies import binary_values, json_values, unicode_text
from support.vectors import vectors

CODEC = JsonCodec()
decode, encode_event, encode_ack = CODEC.decode_text, CODEC.encode_event, CODEC.encode_ack

TYPES = {
    "connect": CONNECT,
    "disconnect": DISCONNECT,
    "event": EVENT,
    "ack": ACK,
    "connect_error": CONNECT_ERROR,
}


def read(*messages: str | bytes) -> tuple[Packet, object]:
    """Decode one packet and its content, as those who receive it do."""
    text, *attachments = messages
    assert isinstance(text, str)
    packet: object = decode(text)
    if not isinstance(packet, Packet):
        partial = packet
        *first, last = attachments
        assert [partial.add(attachment) for attachment in first] == [None] * len(first)
        packet = partial.add(last)
    else:
        assert not attachments, "the packet takes no attachments"
    assert isinstance(packet, Packet), "the packet is not complete"
    return packet, packet.data if packet.json is None else decode_json(packet.json)


def encode(packet: dict) -> tuple[bytes, list[bytes]]:
    namespace, data, id = packet["nsp"], packet.get("data"), packet.get("id")
    match packet["type"]:
        case "connect":
            return CODEC.encode_control(CONNECT, namespace, data), []
        case "disconnect":
            return CODEC.encode_control(DISCONNECT, namespace), []
        case "connect_error":
            return CODEC.encode_control(CONNECT_ERROR, namespace, data), []
        case "event":
            text, attachments = encode_event(namespace, data[0], tuple(data[1:]), id)
        case _:
            text, attachments = encode_ack(namespace, id, tuple(data))
    return text, attachments or []


# -- vectors ----------------------------------------------------------------------


@pytest.mark.parametrize("row", vectors("socketio-packets", "valid"))
def test_encode(row):
    attachments = [bytes.fromhex(attachment) for attachment in row["attachments"]]
    assert encode(row["packet"]) == (row["text"].encode(), attachments)


@pytest.mark.parametrize(
    "row", vectors("socketio-packets", "valid") + vectors("socketio-packets", "decode_only")
)
def test_decode(row):
    expected = row["packet"]
    packet, content = read(row["text"], *map(bytes.fromhex, row["attachments"]))
    assert packet.type == TYPES[expected["type"]]
    assert packet.namespace == expected["nsp"]
    assert packet.id == expected.get("id")
    assert content == expected.get("data")
    if packet.type == EVENT:
        assert packet.name == str(expected["data"][0])


@pytest.mark.parametrize("row", vectors("socketio-packets", "invalid"))
def test_invalid(row):
    with pytest.raises(PacketError):
        read(*row["messages"])


def test_the_vectors_name_every_reserved_event():
    texts = {row.values[0]["messages"][0] for row in vectors("socketio-packets", "invalid")}
    assert {f'2["{name}"]' for name in RESERVED_EVENTS} <= texts


# -- round trips --------------------------------------------------------------------

namespaces = st.just("/") | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=","), max_size=10
).map("/".__add__)
names = unicode_text.filter(lambda name: name not in RESERVED_EVENTS)
ids = st.none() | st.integers(0, 2**53 - 1)


def attachment_count(value: object) -> int:
    if isinstance(value, bytes):
        return 1
    if isinstance(value, dict):
        return sum(map(attachment_count, value.values()))
    return sum(map(attachment_count, value)) if isinstance(value, list | tuple) else 0


@given(namespaces, names, st.lists(json_values, max_size=4), ids)
def test_event_round_trip(namespace, name, args, id):
    text, attachments = encode_event(namespace, name, tuple(args), id)
    assert attachments is None
    packet, content = read(text.decode())
    assert (packet.type, packet.namespace, packet.id, packet.name) == (EVENT, namespace, id, name)
    assert content == [name, *args]


@given(namespaces, st.lists(json_values, max_size=4), st.integers(0, 2**53 - 1))
def test_ack_round_trip(namespace, args, id):
    text, attachments = encode_ack(namespace, id, tuple(args))
    assert attachments is None
    packet, content = read(text.decode())
    assert (packet.type, packet.namespace, packet.id, content) == (ACK, namespace, id, args)


few_binaries = st.lists(binary_values, max_size=3).filter(
    lambda values: 0 < attachment_count(values) <= MAX_ATTACHMENTS
)


@given(namespaces, names, few_binaries, ids)
def test_binary_event_round_trip(namespace, name, args, id):
    text, attachments = encode_event(namespace, name, tuple(args), id)
    assert len(attachments) == attachment_count(args)
    packet, content = read(text.decode(), *attachments)
    assert (packet.type, packet.namespace, packet.id, packet.name) == (EVENT, namespace, id, name)
    assert content == [name, *args]


@given(namespaces, few_binaries, st.integers(0, 2**53 - 1))
def test_binary_ack_round_trip(namespace, args, id):
    text, attachments = encode_ack(namespace, id, tuple(args))
    packet, content = read(text.decode(), *attachments)
    assert (packet.type, packet.namespace, packet.id, content) == (ACK, namespace, id, args)


@given(namespaces, names, json_values)
def test_what_is_written_is_what_javascript_reads(namespace, name, value):
    text, _ = encode_event(namespace, name, (value,), None)
    head = "2" if namespace == "/" else f"2{namespace},"
    assert text.decode().startswith(head)
    assert json.loads(text[len(head.encode()) :]) == [name, value]


@given(namespaces, unicode_text, json_values)
def test_connect_round_trip(namespace, text, data):
    packet, content = read(CODEC.encode_control(CONNECT, namespace, {"sid": text}).decode())
    assert (packet.type, packet.namespace, content) == (CONNECT, namespace, {"sid": text})
    error = {"message": text, "data": data}
    packet, content = read(CODEC.encode_control(CONNECT_ERROR, namespace, error).decode())
    assert (packet.type, packet.namespace, content) == (CONNECT_ERROR, namespace, error)
    packet, content = read(CODEC.encode_control(DISCONNECT, namespace).decode())
    assert (packet.type, packet.namespace, content) == (DISCONNECT, namespace, None)


# -- whatever arrives -----------------------------------------------------------------

near_texts = st.text(st.sampled_from('0123456-/,[]{}"ab:_ \\u\n€')) | st.text()
placeholders = st.dictionaries(
    st.sampled_from(["_placeholder", "num", "a"]),
    st.booleans() | st.integers(-2, 3) | st.floats(0, 2) | st.just("0"),
)


@given(near_texts)
def test_no_text_raises_anything_but_packet_error(text):
    try:
        packet = decode(text)
        if isinstance(packet, Packet) and packet.json is not None:
            decode_json(packet.json)
    except PacketError:
        return
    assert isinstance(packet, Packet) or hasattr(packet, "add")
    if isinstance(packet, Packet):
        assert packet.type in TYPES.values()
        assert packet.namespace[:1] == "/"


@given(st.lists(placeholders | st.lists(placeholders)), st.integers(1, 3))
def test_no_placeholder_raises_anything_but_packet_error(args, count):
    text = f"5{count}-" + json.dumps(["a", *args])
    try:
        packet, content = read(text, *[b"%d" % i for i in range(count)])
    except PacketError:
        return
    assert packet.name == "a"
    assert '"_placeholder": true' not in json.dumps(content, default=str)


@pytest.mark.parametrize("text", ['2["a",{}]', "0{}", "31{}", '51-["a",{}]', "4{}"])
@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_nesting_is_refused_or_read_and_never_raises_otherwise(text, depth):
    deep = text.replace("{}", '{"a":' * depth + "1" + "}" * depth)
    attachments = [b"1"] if text[0] == "5" else []
    if depth == 10 and text[:2] != "31":
        assert read(deep, *attachments)
    else:
        with pytest.raises(PacketError):
            read(deep, *attachments)


def test_attachments_of_a_packet_as_deep_as_json_may_be():
    # The depth that the JSON decoder takes must not overflow what puts attachments in place.
    for depth in range(50, 1_100, 50):
        text = '51-["a",' + "[" * depth + '{"_placeholder":true,"num":0}' + "]" * depth + "]"
        try:
            _, content = read(text, b"x")
        except PacketError:
            continue
        for _ in range(depth):
            content = content[-1]
        assert content[-1] == b"x"


def test_the_number_of_attachments_is_limited():
    most = ",".join(json.dumps({"_placeholder": True, "num": i}) for i in range(MAX_ATTACHMENTS))
    packet, content = read(f'5{MAX_ATTACHMENTS}-["a",{most}]', *[b"x"] * MAX_ATTACHMENTS)
    assert packet.name == "a"
    assert content == ["a", *[b"x"] * MAX_ATTACHMENTS]
    with pytest.raises(PacketError, match="too many attachments"):
        decode(f'5{MAX_ATTACHMENTS + 1}-["a",{most}]')
    with pytest.raises(PacketError, match="too many attachments"):
        decode(f"6{MAX_ATTACHMENTS + 1}-1[{most}]")


def test_a_partial_packet_says_when_it_is_complete():
    text = '53-["a",{"_placeholder":true,"num":2}]'
    partial = decode(text)
    assert not isinstance(partial, Packet)
    assert partial.add(b"0") is None
    assert partial.add(b"1") is None
    packet = partial.add(b"2")
    assert packet == Packet(EVENT, "/", None, "a", None, ["a", b"2"])


def test_arguments_are_left_for_later():
    packet = decode('2/n,7["a",{"b":1}]')
    assert packet == Packet(EVENT, "/n", 7, "a", '["a",{"b":1}]')
    assert decode('31["a"]') == Packet(ACK, "/", 1, "", '["a"]')


# -- text that Python and JavaScript see differently --------------------------------------


@pytest.mark.parametrize(
    "text, repaired",
    [
        (r'["\ud800"]', r'["\ufffd"]'),
        (r'["\udc00a"]', r'["\ufffda"]'),
        (r'["\ud83d\ude00"]', r'["\ud83d\ude00"]'),
        (r'["\uD83D\uDE00\uD83D"]', r'["\uD83D\uDE00\ufffd"]'),
        (r'["\ud800\ud83d\ude00"]', r'["\ufffd\ud83d\ude00"]'),
        (r'["\\ud800"]', r'["\\ud800"]'),
        (r'["\\\ud800"]', r'["\\\ufffd"]'),
        (r'["plain"]', r'["plain"]'),
    ],
)
def test_lone_surrogates_are_replaced(text, repaired):
    assert repair_json(text) == repaired
    assert decode_json(text) == json.loads(repaired)


def test_lone_surrogates_in_packets():
    assert read(r'2["a","\ud800"]')[1] == ["a", "\ufffd"]
    packet, content = read(r'2["\ud800",1]')
    assert packet.name == "\ufffd"
    assert content == ["\ufffd", 1]
    assert read(r'0{"a":"\udfff"}')[1] == {"a": "\ufffd"}


def test_a_lone_surrogate_cannot_be_sent():
    with pytest.raises(ValueError, match="surrogate"):
        encode_event("/", "a", ("\ud800",))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_null(value):
    assert encode_event("/", "a", (value,)) == (b'2["a",null]', None)


def test_what_has_no_json_form_raises_type_error():
    with pytest.raises(TypeError):
        encode_event("/", "a", (object(),))
    with pytest.raises(TypeError):
        encode_ack("/", 1, (object(), b"x"))


def test_integers_beyond_64_bits():
    assert encode_event("/", "a", (2**64, -(2**64))) == (
        b'2["a",18446744073709551616,-18446744073709551616]',
        None,
    )
    assert read('2["a",18446744073709551616]')[1] == ["a", 2**64]


@pytest.mark.parametrize("number", ["1" * 5_000, "1" * 5_000 + ".5", "1e999"])
def test_numbers_beyond_all_bounds_are_refused(number):
    with pytest.raises(PacketError):
        read(f'2["a",{number}]')


@pytest.mark.parametrize(
    "number, name",
    [("1", "1"), ("1.0", "1"), ("-1.5", "-1.5"), ("1234567.5", "1234567.5"), ("1e21", "1e+21")],
)
def test_numbers_name_events_as_in_javascript(number, name):
    assert read(f"2[{number}]")[0].name == name


def test_structs_are_sent_as_objects():
    class Point(msgspec.Struct, rename="camel"):
        at_x: int
        raw: bytes = b"r"

    text, attachments = encode_event("/", "a", (Point(1),))
    assert text == b'51-["a",{"atX":1,"raw":{"_placeholder":true,"num":0}}]'
    assert attachments == [b"r"]
