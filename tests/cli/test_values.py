"""Values as JSON, with bytes and files."""

import datetime
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.cli.values import ValueFault, from_argument, from_json, scan_argument, to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    # Halves of surrogate pairs have no form in UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"])) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab$\x9f\u2028"), inner),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    text = to_json(value)
    assert "\n" not in text
    assert from_json(text) == value


@pytest.mark.parametrize(
    "value, text",
    [
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        (b"\0\1\2", '{"$bytes":"AAEC"}'),
        ([memoryview(b"x"), bytearray(b"y")], '[{"$bytes":"eA=="},{"$bytes":"eQ=="}]'),
        ((1, 2), "[1,2]"),
        ({1: 2}, '{"1":2}'),
        (math.nan, "null"),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), '"2026-01-02T00:00:00Z"'),
        ("\x1b[31m\x7f\x9b\u202e\n", '"\\u001b[31m\\u007f\\u009b\\u202e\\n"'),
        ("\ud800", '"\\ud800"'),
        (ExceptionGroup, f"{json.dumps(repr(ExceptionGroup))}"),
    ],
)
def test_written(value: object, text: str) -> None:
    assert to_json(value) == text


def test_too_deep_a_value_is_named() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert to_json(value) == '"(nested too deeply)"'


@pytest.mark.parametrize(
    "text, message, position",
    [
        ("", "a value is missing", 0),
        ("hello", 'hello is not JSON; text needs double quotes: "hello"', 0),
        ("'hello'", "'hello' is not JSON", 0),
        ("1 2", "there is more after the value: 2", 2),
        ('{"a": }', "expecting value at }", 6),
        ('{"a" 1}', "expecting ':' delimiter at 1}", 5),
        ('"open', "a string has no closing quote", 0),
        ("NaN", "NaN has no form in JSON", 0),
        ('{"$bytes": "!"}', "the text of $bytes is not base64: '!'", 0),
        ("9" * 5_000, "a number has too many digits", 0),
        ("[" * 100_000, "the value is nested too deeply", 0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_faults(text: str, message: str, position: int) -> None:
    with pytest.raises(ValueFault) as raised:
        from_json(text)
    assert raised.value.message == message
    assert raised.value.position == position


def test_objects_that_only_look_like_bytes() -> None:
    assert from_json('{"$bytes": 1}') == {"$bytes": 1}
    assert from_json('{"$bytes": "AAEC", "a": 1}') == {"$bytes": "AAEC", "a": 1}


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "a value.json"
    file.write_text('\ufeff{"a":\n 1}\n')
    assert from_argument(f"@{file}") == {"a": 1}
    assert from_argument(f"text@{file}") == '{"a":\n 1}\n'
    assert from_argument(f"bytes@{file}") == file.read_bytes()
    assert scan_argument(f'1 @"{file}" 2', 2)[0] == {"a": 1}


@pytest.mark.parametrize(
    "argument, content, message",
    [
        ("@no/file", None, "cannot read no/file: No such file or directory"),
        ("@", None, "the name of a file is missing after @"),
        ("@x", b"\xff", "x is not text in UTF-8; bytes@ takes it as it is"),
        ("@x", b'{\n"a": b}', "x, line 2: expecting value at b}"),
        ("@-", b"", "the standard input, line 1: a value is missing"),
    ],
)
def test_faults_of_files(argument: str, content: bytes | None, message: str) -> None:
    def read(path: str) -> bytes:
        if content is None:
            return Path(path).read_bytes()
        return content

    with pytest.raises(ValueFault) as raised:
        from_argument(argument, read)
    assert raised.value.message == message
