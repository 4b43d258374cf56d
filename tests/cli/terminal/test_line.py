"""What lines of the terminal mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.cli.terminal.line import (
    CommandLine,
    EmitLine,
    Line,
    LineFault,
    NamespaceLine,
    parse_line,
    parse_values,
)


def read(path: str) -> bytes:
    return f'["{path}"]'.encode()


@pytest.mark.parametrize(
    "text, line",
    [
        ("", None),
        ("   ", None),
        ("ping", EmitLine(event="ping")),
        ('  say "hi"   {"to": [1, 2]} ', EmitLine(event="say", args=("hi", {"to": [1, 2]}))),
        ("say -1 1.5e3 true null", EmitLine(event="say", args=(-1, 1500.0, True, None))),
        ('"two words" 1', EmitLine(event="two words", args=(1,))),
        ('"" 1', EmitLine(event="", args=(1,))),
        ('"/x"', EmitLine(event="/x")),
        ('"--ack"', EmitLine(event="--ack")),
        ("ask 1 --ack", EmitLine(event="ask", args=(1,), ack=True)),
        ("ask --ack 1", EmitLine(event="ask", args=(1,), ack=True)),
        ("ask --ack=2.5", EmitLine(event="ask", ack=True, timeout=2.5)),
        ("at 1 --volatile", EmitLine(event="at", args=(1,), volatile=True)),
        ('say "--ack"', EmitLine(event="say", args=("--ack",))),
        ("/admin say 1", EmitLine(event="say", args=(1,), namespace="/admin")),
        ("/admin", NamespaceLine(namespace="/admin")),
        (" / ", NamespaceLine(namespace="/")),
        ("/ /admin", EmitLine(event="/admin", namespace="/")),
        ("put @a.json", EmitLine(event="put", args=(["a.json"],))),
        ('put @"a b.json" 1', EmitLine(event="put", args=(["a b.json"], 1))),
        ("put bytes@a text@b", EmitLine(event="put", args=(b'["a"]', '["b"]'))),
        (".help", CommandLine(name="help", offset=5)),
        ("  .use  /admin  ", CommandLine(name="use", rest="/admin", offset=8)),
        (".", CommandLine(name="", offset=1)),
        ("été 1", EmitLine(event="été", args=(1,))),
    ],
)
def test_meaning(text: str, line: Line | None) -> None:
    assert parse_line(text, read) == line


@pytest.mark.parametrize(
    "text, message, position",
    [
        ("say hello", 'hello is not JSON; text needs double quotes: "hello"', 4),
        ('say "hi" there', 'there is not JSON; text needs double quotes: "there"', 9),
        ('say {"a": }', "expecting value at }", 10),
        ('say 1"x"', "values are separated by spaces", 5),
        ("say [1]2", "values are separated by spaces", 7),
        ('"say"1', "a space is missing after the name of the event", 5),
        ('"say', "a string has no closing quote", 0),
        ("--ack say", "the name of an event comes first", 0),
        ("say --loud", "there is no option --loud; there are --ack and --volatile", 4),
        ("say --volatile=1", "there is no option --volatile=1", 4),
        ("say --ack=soon", "soon is no number of seconds above 0", 10),
        ("say --ack=", "nothing is no number of seconds above 0", 10),
        ("say --ack=-1", "-1 is no number of seconds above 0", 10),
        ("say --ack=inf", "inf is no number of seconds above 0", 10),
        ("say --ack --volatile", "a volatile event that is dropped has no acknowledgement", 0),
    ],
)
def test_faults(text: str, message: str, position: int) -> None:
    with pytest.raises(LineFault) as raised:
        parse_line(text)
    assert raised.value.message.startswith(message)
    assert raised.value.position == position


def test_values_of_commands() -> None:
    assert parse_values('{"ok": true} 2', 5) == ({"ok": True}, 2)
    assert parse_values("") == ()
    with pytest.raises(LineFault) as raised:
        parse_values("1 --ack", 10)
    assert raised.value.position == 12


@given(st.text() | st.text('"{}[]:,.@-/ a1'))
def test_any_line_is_understood_or_refused(text: str) -> None:
    fault = None
    try:
        parse_line(text, read)
    except LineFault as raised:
        fault = raised
    if fault is not None:
        assert 0 <= fault.position <= len(text)
        assert fault.message
