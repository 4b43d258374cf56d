"""Binary values inside a packet travel as attachments: messages of their own behind it.

In the packet each is replaced by `{"_placeholder": true, "num": i}` (protocol v5, "Sending and
receiving data").
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from arcwire.socketio.protocol.models import dump, fields_of, is_model
from arcwire.socketio.protocol.packet import PacketError

BINARY_TYPES = (bytes, bytearray, memoryview)

LEAVES = frozenset((str, int, float, bool, type(None)))
"""Types whose values hold no others."""


def has_binary(value: object) -> bool:
    """Whether a value holds bytes anywhere, at any depth. Runs for every packet sent."""
    kind: Any = type(value)
    if kind in LEAVES:
        return False
    items: Iterable[object]
    if kind is dict:
        items = value.values()  # type: ignore[attr-defined]
    elif kind is list or kind is tuple:
        items = value  # type: ignore[assignment]
    elif (fields := _fields_of(kind)) is not None:
        items = fields(value)
    else:
        return _has_binary_inside(value)
    for item in items:
        if type(item) not in LEAVES and has_binary(item):
            return True
    return False


@lru_cache(maxsize=1024)
def _fields_of(struct: Any) -> Callable[[object], tuple[object, ...]] | None:
    """What gets the values of all fields at once; None for a type that is not a struct, or an empty one."""
    if not issubclass(struct, msgspec.Struct) or not struct.__struct_fields__:
        return None
    # Of one name alone, attrgetter gives no tuple.
    names = struct.__struct_fields__
    return attrgetter(*names, names[0]) if len(names) == 1 else attrgetter(*names)


def _has_binary_inside(value: object) -> bool:
    if isinstance(value, BINARY_TYPES):
        return True
    if isinstance(value, dict):
        return any(map(has_binary, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(has_binary, value))
    if is_dataclass(value) and not isinstance(value, type):
        return (
            any(map(has_binary, vars(value).values()))
            if hasattr(value, "__dict__")
            else any(has_binary(getattr(value, name)) for name in value.__dataclass_fields__)
        )
    if is_model(type(value)):
        return any(map(has_binary, fields_of(value)))
    return False


def detach(value: object) -> tuple[object, list[bytes]]:
    """Take binary values out: the value with placeholders, and the attachments in their order.

    Raises TypeError for an object that has no JSON form.
    """
    attachments: list[bytes] = []
    # Structs, dataclasses and the like become dicts under their wire names; bytes stay.
    plain = msgspec.to_builtins(value, builtin_types=BINARY_TYPES, str_keys=True, enc_hook=_plain_bytes)
    return _detach(plain, attachments), attachments


def _plain_bytes(value: object) -> object:
    # msgspec asks for what it does not know, and of bytes it knows no subclasses.
    if isinstance(value, BINARY_TYPES):
        return bytes(value)
    if is_model(type(value)):
        return dump(value, binary=has_binary(value))
    raise TypeError(f"an object of type {type(value).__name__} has no JSON form")


def _detach(value: object, attachments: list[bytes]) -> object:
    if isinstance(value, BINARY_TYPES):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _detach(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_detach(item, attachments) for item in value]
    return value


def attach(value: object, attachments: Sequence[bytes]) -> object:
    """Put attachments back in place of their placeholders.

    Raises PacketError for a placeholder without attachment.
    """
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < len(attachments):
                raise PacketError("illegal attachments")
            return attachments[number]
        return {key: attach(item, attachments) for key, item in value.items()}
    if isinstance(value, list):
        return [attach(item, attachments) for item in value]
    return value
