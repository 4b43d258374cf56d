"""The dialect of MessagePack that JavaScript's MessagePack parser of Socket.IO speaks (notepack.io 2).

It gives extension type 0 three meanings, told apart by the form of the header: one byte in the
fixed form is `undefined`, eight bytes in the fixed form are a Date (milliseconds since 1970, a
signed 64-bit number), and everything with a length in front is an ArrayBuffer.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec
from msgspec.msgpack import Ext

from arcwire.socketio.protocol.attachments import BINARY_TYPES
from arcwire.socketio.protocol.models import dump, is_model

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INT64 = struct.Struct(">q")

# Without memoryview, which may have gaps: msgspec refuses those, so they become bytes.
_LEAVES = frozenset((str, int, float, bool, type(None), bytes, bytearray, Ext))
_KEPT = (*BINARY_TYPES, datetime)


# -- encoding -----------------------------------------------------------------------


def is_plain(value: object) -> bool:
    """Whether msgspec encodes a value as this dialect wants it. Runs for every packet sent."""
    kind = type(value)
    if kind in _LEAVES:
        return True
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or (type(item) not in _LEAVES and not is_plain(item)):
                return False
        return True
    if kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]
            if type(item) not in _LEAVES and not is_plain(item):
                return False
        return True
    return False


def plain(value: object) -> object:
    """Turn a value into one that is plain: structs and the like into dicts, dates into Dates.

    A `datetime` without time zone becomes ISO text, as it is no moment. Raises TypeError for an
    object that has no form.
    """
    if type(value) in _LEAVES:
        return value
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else _date(value)
    if isinstance(value, BINARY_TYPES):
        return bytes(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    built = msgspec.to_builtins(value, builtin_types=_KEPT, str_keys=True, enc_hook=_keep_bytes)
    return plain(built) if isinstance(built, list | dict) else built


def _key(key: object) -> str:
    if isinstance(key, str) and not isinstance(key, Enum):
        return str(key)
    (text,) = msgspec.to_builtins({key: None}, str_keys=True)
    assert isinstance(text, str)
    return text


def _keep_bytes(value: object) -> object:
    # msgspec asks for what it does not know, and of bytes it knows no subclasses.
    if isinstance(value, BINARY_TYPES):
        return bytes(value)
    if is_model(type(value)):
        return dump(value, binary=True)
    raise TypeError(f"an object of type {type(value).__name__} has no MessagePack form")


def _date(moment: datetime) -> Ext:
    return Ext(0, _INT64.pack((moment - _EPOCH) // _MILLISECOND))


# -- decoding -----------------------------------------------------------------------


class Ambiguous(Exception):
    """msgspec does not tell which form an extension had: decode the message with `decode`."""


def decode_ext(code: int, data: memoryview) -> object:
    """For msgspec: an ArrayBuffer is bytes, what is not of this dialect stays an `Ext`.

    Raises Ambiguous where `undefined` or a Date is possible too.
    """
    if code != 0:
        return Ext(code, bytes(data))
    if len(data) in (1, 8):
        raise Ambiguous
    return bytes(data)


def decode(data: bytes) -> object:
    """Decode a message exactly. Ten to twenty-five times as slow as msgspec.

    `undefined` is None, and absent where it is the value of a key; a Date is a `datetime` in UTC,
    or an `Ext` where it is beyond the years that Python has. Raises ValueError for what is not a
    message, RecursionError for one that is nested too deeply.
    """
    reader = _Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise ValueError("bytes after the end of the message")
    return None if value is _UNDEFINED else value


_UNDEFINED = object()


class _Reader:
    """Reads values one by one; `at` is the position of the next."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def value(self) -> object:
        prefix = self.take(1)[0]
        if prefix < 0x80:
            return prefix
        if prefix >= 0xE0:
            return prefix - 0x100
        if prefix >= 0xC0:
            return _FORMS[prefix](self)
        if prefix >= 0xA0:
            return self.text(prefix & 0x1F)
        if prefix >= 0x90:
            return self.array(prefix & 0x0F)
        return self.map(prefix & 0x0F)

    def number(self, form: struct.Struct) -> int | float:
        value: int | float = form.unpack(self.take(form.size))[0]
        return value

    def take(self, size: int) -> bytes:
        start = self.at
        self.at = end = start + size
        if end > len(self.data):
            raise ValueError("the message is cut off")
        return bytes(self.data[start:end])

    def text(self, size: int) -> str:
        return self.take(size).decode()

    def array(self, size: int) -> list[object]:
        values = (self.value() for _ in range(size))
        return [None if value is _UNDEFINED else value for value in values]

    def map(self, size: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for _ in range(size):
            key = self.value()
            value = self.value()
            if not isinstance(key, str | bytes | int | float | None):
                raise ValueError(f"a key cannot be a {type(key).__name__}")
            if value is not _UNDEFINED:
                found[key] = value
        return found

    def sized_ext(self, size: int) -> object:
        code = self.take(1)[0]
        data = self.take(size)
        return data if code == 0 else _foreign(code, data)

    def fixed_ext(self, size: int) -> object:
        code = self.take(1)[0]
        data = self.take(size)
        if code != 0:
            return _foreign(code, data)
        if size == 1:
            return _UNDEFINED
        if size == 8:
            try:
                return _EPOCH + _INT64.unpack(data)[0] * _MILLISECOND
            except OverflowError:
                pass
        return Ext(0, data)


def _foreign(code: int, data: bytes) -> object:
    if code == 0xFF:
        # MessagePack's own timestamp, which msgspec knows.
        header = bytes((0xC7, len(data), code))
        return msgspec.msgpack.decode(header + data)
    return Ext(code - 0x100 if code > 0x7F else code, data)


_Form = Callable[[_Reader], object]


def _constant(value: object) -> _Form:
    return lambda reader: value


def _numeric(form: str) -> _Form:
    packed = struct.Struct(form)
    return lambda reader: reader.number(packed)


def _sized(method: Callable[[_Reader, int], object], form: str) -> _Form:
    packed = struct.Struct(form)
    return lambda reader: method(reader, int(reader.number(packed)))


def _fixed(size: int) -> _Form:
    return lambda reader: reader.fixed_ext(size)


def _never(reader: _Reader) -> object:
    raise ValueError("0xc1 is no form of MessagePack")


# The MessagePack specification, "Formats", from 0xc0 on.
_FORMS: dict[int, _Form] = dict(
    enumerate(
        (
            *(_constant(None), _never, _constant(False), _constant(True)),
            *(_sized(_Reader.take, form) for form in (">B", ">H", ">I")),
            *(_sized(_Reader.sized_ext, form) for form in (">B", ">H", ">I")),
            *(_numeric(form) for form in (">f", ">d", ">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q")),
            *(_fixed(size) for size in (1, 2, 4, 8, 16)),
            *(_sized(_Reader.text, form) for form in (">B", ">H", ">I")),
            *(_sized(_Reader.array, form) for form in (">H", ">I")),
            *(_sized(_Reader.map, form) for form in (">H", ">I")),
        ),
        start=0xC0,
    )
)
