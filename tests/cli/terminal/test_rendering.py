"""How things look in the terminal."""

from datetime import datetime

import pytest

from arcwire.cli.terminal.rendering import (
    STYLES,
    plain_text,
    render_duration,
    render_event,
    render_time,
    render_values,
)


def test_values_are_coloured_by_what_they_are() -> None:
    fragments = render_values([{"a": [1, -2.5e3, True, None, 'say "hi": 1'], "b": {}}])
    named = [(style.removeprefix("class:"), text) for style, text in fragments if style]
    assert named == [
        ("key", '"a"'),
        ("number", "1"),
        ("number", "-2500.0"),
        ("constant", "true"),
        ("constant", "null"),
        ("string", r'"say \"hi\": 1"'),
        ("key", '"b"'),
    ]
    assert {name for name, _ in named} <= set(STYLES)


@pytest.mark.parametrize(
    "args, text",
    [
        ([], ""),
        (["hi", 1], ' "hi" 1'),
        ([{"a": b"\0\1\xff"}], ' {"a":<3 bytes: 00 01 ff>}'),
        ([b""], " <0 bytes>"),
        ([b"x"], " <1 byte: 78>"),
        ([bytes(100)], " <100 bytes: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 …>"),
        (['{"$bytes":"AAEC"}'], r' "{\"$bytes\":\"AAEC\"}"'),
        (["\x1b[2J\x9b31m\u202e"], r' "\u001b[2J\u009b31m\u202e"'),
    ],
)
def test_values(args: list[object], text: str) -> None:
    assert plain_text(render_values(args)) == text


def test_long_values_are_cut_and_counted() -> None:
    assert plain_text(render_values(["x" * 100], limit=10)) == f' "{"x" * 9}… 92 characters more'
    assert plain_text(render_values([list(range(5))], limit=4)) == " [0,1… 7 characters more"
    assert plain_text(render_values([1, 2, 3], limit=1)) == " 1 … 2 values more"
    assert plain_text(render_values([1, 2], limit=1)) == " 1 … 1 value more"


@pytest.mark.parametrize(
    "event, text",
    [
        ("say", "say"),
        ("two words", '"two words"'),
        ("", '""'),
        (".help", '".help"'),
        ("/x", '"/x"'),
        ("--ack", '"--ack"'),
        ("\x1b[2J", r'"\u001b[2J"'),
        ("été", "été"),
        ("a\u202eb", r'"a\u202eb"'),
    ],
)
def test_events(event: str, text: str) -> None:
    assert render_event(event) == text


def test_times() -> None:
    assert render_time(datetime(2026, 1, 2, 3, 4, 5, 6_000))[1] == "03:04:05.006 "
    assert [render_duration(each) for each in (0.00025, 0.0032, 0.25, 1.5, 90, 5000)] == [
        *("250 µs", "3.2 ms", "250 ms", "1.5 s", "90 s", "5,000 s")
    ]
