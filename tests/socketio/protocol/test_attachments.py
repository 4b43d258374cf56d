from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

import msgspec
import pytest
from hypothesis import given

from arcwire.socketio.protocol.attachments import attach, detach, has_binary
from arcwire.socketio.protocol.packet import PacketError
from support.strategies import binary_values, json_values


class Struct(msgspec.Struct):
    value: object


@dataclass
class Data:
    value: object


@dataclass(slots=True)
class SlottedData:
    value: object


class Color(Enum):
    RED = "red"


class Bytes(bytes):
    pass


CONTAINERS = [
    lambda value: value,
    lambda value: [value],
    lambda value: (1, value),
    lambda value: {"a": value},
    lambda value: {"a": [{"b": (value,)}]},
    lambda value: OrderedDict(a=value),
    Struct,
    Data,
    SlottedData,
    lambda value: [Struct([Data(value)])],
]


@pytest.mark.parametrize("contain", CONTAINERS)
@pytest.mark.parametrize("binary", [b"", b"x", bytearray(b"x"), memoryview(b"x"), Bytes(b"x")], ids=repr)
def test_bytes_are_found_and_detached(contain, binary):
    value = contain(binary)
    assert has_binary(value)
    plain, attachments = detach(value)
    assert attachments == [bytes(binary)]
    assert all(type(attachment) is bytes for attachment in attachments)
    assert not has_binary(plain)
    assert b'{"_placeholder":true,"num":0}' in msgspec.json.encode(plain)


@pytest.mark.parametrize("contain", CONTAINERS)
@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}, (), Color.RED], ids=repr)
def test_other_values_are_no_bytes(contain, value):
    assert not has_binary(contain(value))
    assert detach(contain(value))[1] == []


@pytest.mark.parametrize("value", [{b"x"}, frozenset([b"x"])])
def test_sets_hold_bytes_too(value):
    assert has_binary(value)
    assert detach(value)[1] == [b"x"]


def test_a_class_is_no_value():
    assert not has_binary(Data)
    assert not has_binary(Struct)


def test_order_is_depth_first():
    plain, attachments = detach([b"0", {"a": b"1", "b": [b"2"]}, b"3"])
    assert attachments == [b"0", b"1", b"2", b"3"]
    assert plain == [
        {"_placeholder": True, "num": 0},
        {
            "a": {"_placeholder": True, "num": 1},
            "b": [{"_placeholder": True, "num": 2}],
        },
        {"_placeholder": True, "num": 3},
    ]


def test_detaching_leaves_the_value_as_it_was():
    value = {"a": [b"x"]}
    detach(value)
    assert value == {"a": [b"x"]}


def test_what_has_no_json_form_raises_type_error():
    with pytest.raises(TypeError):
        detach([object(), b"x"])


@given(binary_values)
def test_round_trip(value):
    plain, attachments = detach(value)
    assert attach(plain, attachments) == value
    assert bool(attachments) == has_binary(value)


@given(json_values)
def test_plain_values_are_left_alone(value):
    assert attach(value, [b"x"]) == value


@pytest.mark.parametrize("number", [-1, 1, 0.0, "0", None, True, [], 2**70])
def test_placeholders_without_attachment(number):
    with pytest.raises(PacketError, match="illegal attachments"):
        attach([{"_placeholder": True, "num": number}], [b"x"])


def test_a_placeholder_without_number():
    with pytest.raises(PacketError, match="illegal attachments"):
        attach({"_placeholder": True}, [b"x"])


@pytest.mark.parametrize(
    "value", [{"_placeholder": False, "num": 0}, {"_placeholder": 1, "num": 0}, {"num": 0}]
)
def test_objects_that_only_look_like_placeholders(value):
    assert attach(value, [b"x"]) == value
