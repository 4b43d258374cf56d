"""Offsets at the end of events: which strings are some, and what is left of the event."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.socketio.client.offsets import Offsets

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


def yeast(seconds: float) -> str:
    number, text = int(seconds * 1000), ""
    while number:
        number, digit = divmod(number, 64)
        text = DIGITS[digit] + text
    return text


@pytest.mark.parametrize(
    "offset",
    [
        "Ab_-" + "-0",
        "x1y2-18446744",
        "1700000000000-0",
        "507f1f77bcf86cd799439011",
        yeast(time.time()),
        yeast(time.time()) + ".a",
    ],
)
def test_offsets_of_known_servers(offset):
    offsets = Offsets()
    assert offsets.cut(f'["said",1,"text","{offset}"]') == '["said",1,"text"]'
    assert offsets.last == offset
    content = ["said", 1, offset]
    Offsets().cut_list(content)
    assert content == ["said", 1]


@pytest.mark.parametrize(
    "json",
    [
        '["said"]',
        '["said",1]',
        '["said","text"]',
        '["said",["Ab_--0"]]',
        '["said",{"a":"Ab_--0"}]',
        '["said","a\\"b_--0"]',
        '["Ab_--0"]',
        '["said",null]',
        '["said","Request"]',
        '["said","warning"]',
    ],
)
def test_what_is_none_stays(json):
    offsets = Offsets()
    assert offsets.cut(json) == json


def test_an_event_without_arguments_may_have_one():
    assert Offsets().cut('["tick","Ab_--12"]') == '["tick"]'


def test_a_volatile_event_does_not_take_the_place_of_an_offset():
    offsets = Offsets()
    offsets.cut('["a",1,"Ab_--12"]')
    for text in ("other", "zzzz-13", "Ab_--x", yeast(time.time()), "1700000000000-0"):
        assert offsets.cut(f'["b","{text}"]') == f'["b","{text}"]'
    assert offsets.last == "Ab_--12"
    offsets.cut('["c","Ab_--13"]')
    assert offsets.last == "Ab_--13"


def test_offsets_of_an_unknown_server_are_returned_and_stay():
    offsets = Offsets()
    assert offsets.cut('["a",1,"<position 7>"]') == '["a",1,"<position 7>"]'
    assert offsets.last == "<position 7>"
    offsets.cut(f'["a",1,"{yeast(time.time())}"]')
    offsets.cut('["a",1,"<position 8>"]')
    assert offsets.last == yeast(time.time())[:4] + offsets.last[4:], "known ones count more"


@given(st.text(), st.lists(st.text()))
def test_lists_and_texts_of_anything(name, texts):
    Offsets().cut(name)
    Offsets().cut_list([name, *texts])
    Offsets().cut_list(None)


def test_an_offset_of_node_that_looks_like_ours_by_chance_does_not_stick():
    offsets = Offsets()
    by_chance = yeast(time.time())[:4] + "-12"
    assert offsets.cut(f'["a","{by_chance}"]') == '["a"]'
    assert offsets.last == by_chance
    later = yeast(time.time())
    assert offsets.cut(f'["a","{later}"]') == '["a"]'
    assert offsets.last == later
    assert offsets.cut('["a","abcd-12"]') == '["a"]'
    assert offsets.cut('["a","efgh-13"]') == '["a","efgh-13"]', "now it is known to be a server of ours"
    assert offsets.last == "abcd-12"
