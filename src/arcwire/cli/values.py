"""Values as people and scripts write them: JSON, in which bytes have a form of their own.

    {"$bytes": "AAEC"}      three bytes, in base64, at any depth
    @FILE                   the JSON in a file; `@-` is the standard input
    text@FILE  bytes@FILE   what a file contains, as one string or as bytes

`to_json` writes what `from_json` reads, so what one command prints another takes.
"""

import base64
import binascii
import errno
import json
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import msgspec

BYTES_KEY: Final = "$bytes"
"""The only key of an object that stands for bytes."""

Read = Callable[[str], bytes]
"""Gives the content of a file by its path. Raises OSError."""

_FILE = re.compile(r"(?P<kind>text|bytes|)@")
# Valid in JSON, but they move or hide text on a terminal: DEL and C1, line separators, directions.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class ValueFault(ValueError):
    """A value is not written as it has to be. `position` is where in the text, from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def read_file(path: str) -> bytes:
    """The content of a file, or, for `-`, of the standard input. Raises OSError."""
    if path == "-":
        return standard_input().read()
    return Path(path).expanduser().read_bytes()


def standard_input() -> BinaryIO:
    """The bytes of the standard input. Raises OSError if it is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sys.stdin.buffer


# -- reading -----------------------------------------------------------------------------


def from_json(text: str) -> Any:
    """The one value that `text` is. Raises ValueFault."""
    start = len(text) - len(text.lstrip())
    value, end = scan_json(text, start)
    if rest := text[end:].lstrip():
        end = len(text) - len(rest)
        raise ValueFault(f"there is more after the value: {_excerpt(text, end)}", end)
    return value


def scan_json(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends. Raises ValueFault."""
    if start >= len(text):
        raise ValueFault("a value is missing", start)
    try:
        return _decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueFault(_explain(text, start, error), error.pos) from None
    except RecursionError:
        raise ValueFault("the value is nested too deeply", start) from None
    except _Refused as refused:
        raise ValueFault(str(refused), start) from None
    except ValueError:  # Python's guard against integers that take long to read
        raise ValueFault("a number has too many digits", start) from None


def scan_argument(text: str, start: int, read: Read = read_file) -> tuple[Any, int]:
    """As `scan_json`, or what a file contains: `@FILE`, with quotes if there are spaces in its name."""
    found = _FILE.match(text, start)
    if found is None:
        return scan_json(text, start)
    begin = found.end()
    if text.startswith('"', begin):
        try:
            path, end = _decoder.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            raise ValueFault("the name of the file has no closing quote", error.pos) from None
    else:
        end = begin
        while end < len(text) and not text[end].isspace():
            end += 1
        path = text[begin:end]
    return _from_file(found["kind"], path, start, read), end


def from_argument(text: str, read: Read = read_file) -> Any:
    """The value of one argument of a command: as a whole a file's name, or JSON. Raises ValueFault."""
    found = _FILE.match(text)
    return from_json(text) if found is None else _from_file(found["kind"], text[found.end() :], 0, read)


def _from_file(kind: str, path: str, position: int, read: Read) -> Any:
    if not path:
        raise ValueFault("the name of a file is missing after @", position)
    name = "the standard input" if path == "-" else path
    try:
        content = read(path)
    except OSError as error:
        raise ValueFault(f"cannot read {name}: {error.strerror or error}", position) from None
    if kind == "bytes":
        return content
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueFault(f"{name} is not text in UTF-8; bytes@ takes it as it is", position) from None
    if kind == "text":
        return text
    try:
        return from_json(text)
    except ValueFault as fault:
        line = text.count("\n", 0, fault.position) + 1
        raise ValueFault(f"{name}, line {line}: {fault.message}", position) from None


class _Refused(Exception):
    """A value that the decoder's hooks do not take."""


def _object(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    content = value.get(BYTES_KEY)
    if len(pairs) != 1 or not isinstance(content, str):
        return value
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error:
        raise _Refused(f"the text of {BYTES_KEY} is not base64: {content[:40]!r}") from None


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} has no form in JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Refused(f"{digits} is larger than numbers can be")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def _explain(text: str, start: int, error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Unterminated string"):
        return "a string has no closing quote"
    if error.pos > start:
        message = error.msg[0].lower() + error.msg[1:]
        return f"{message} at {_excerpt(text, error.pos)}"
    word = _excerpt(text, start)
    hint = f"; text needs double quotes: {json.dumps(word)}" if word[:1].isalpha() else ""
    return f"{word} is not JSON{hint}"


def _excerpt(text: str, position: int) -> str:
    rest = text[position:].split(maxsplit=1)
    word = rest[0] if rest else "the end"
    return word if len(word) <= 40 else f"{word[:39]}…"


# -- writing -------------------------------------------------------------------------------


def to_json(value: object) -> str:
    """The value on one line of JSON, safe to show on a terminal. What has no JSON form is named."""
    try:
        text = msgspec.json.encode(_plain(value), enc_hook=repr).decode()
    except RecursionError:
        return json.dumps("(nested too deeply)")
    except UnicodeEncodeError:  # half of a surrogate pair
        text = json.dumps(_plain(value), default=repr, separators=(",", ":"))
    return escape(text)


def escape(text: str) -> str:
    """The text with escapes, as in JSON, for characters that a terminal would obey instead of show."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {BYTES_KEY: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
