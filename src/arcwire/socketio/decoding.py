"""Decoding what clients send into the types of annotations."""

import inspect
import typing
from typing import Any

import msgspec

from arcwire.socketio.callables import type_arguments, type_name
from arcwire.socketio.protocol.attachments import BINARY_TYPES
from arcwire.socketio.protocol.json_codec import decode_json
from arcwire.socketio.protocol.models import decode_model, first_error, is_model, is_pydantic_dataclass

_BINARY_INFOS = (msgspec.inspect.BytesType, msgspec.inspect.ByteArrayType, msgspec.inspect.MemoryViewType)
_FOREIGN_CONSTRAINTS = ("pydantic", "pydantic_core", "annotated_types")


class InvalidPayload(Exception):
    """Values that do not fit the annotations. `path` begins with the parameter's name."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class Parameter:
    """A value that comes from a client: a name for messages, and its type.

    Raises TypeError for a type that nothing can be decoded into; the message says which, and what
    to use instead.
    """

    __slots__ = ("_adapter", "_decoder", "default", "exact", "name", "type")

    def __init__(self, name: str, type_: Any, default: object = inspect.Parameter.empty) -> None:
        self.name = name
        self.type = type_
        self.default = default
        _check_constraints(type_)
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._adapter: Any = None
        binary = False
        try:
            self._decoder = msgspec.json.Decoder(type_, dec_hook=decode_model)
            binary = holds_bytes(type_)
        except TypeError as error:
            # msgspec has no unions of types that it does not know; pydantic has those of its models.
            self._adapter = _pydantic_adapter(type_, error)
        else:
            _check_types(type_)
        # Whether a decoder for JSON is enough: binary values and the adapter want plain objects.
        self.exact = self._adapter is None and not binary

    def decode(self, raw: msgspec.Raw) -> object:
        """Decode from JSON. Raises InvalidPayload."""
        if not self.exact or self._decoder is None:
            return self.convert(decode_json(bytes(raw).decode()))
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise _invalid(error, self.name) from None

    def convert(self, value: object) -> object:
        """Check and convert a decoded value. Raises InvalidPayload."""
        if self._adapter is not None:
            try:
                return self._adapter.validate_python(value)
            except ValueError as error:
                message, path = first_error(error) or (str(error), "")
                raise InvalidPayload(message, self.name + path) from None
        try:
            return msgspec.convert(
                value, self.type, builtin_types=BINARY_TYPES, str_keys=True, dec_hook=decode_model
            )
        except msgspec.ValidationError as error:
            raise _invalid(error, self.name) from None


def _invalid(error: msgspec.ValidationError, name: str) -> InvalidPayload:
    text = str(error)
    message, found, path = text.rpartition(" - at `$")
    if not found:
        message, path = text, ""
    path = name + path.removesuffix("`")
    inside = first_error(error.__cause__)
    if inside is not None:
        message, path = inside[0], path + inside[1]
    return InvalidPayload(message, path)


def holds_bytes(type_: Any) -> bool:
    """Whether a value of this type may hold binary values in places that say so."""
    return any(isinstance(info, _BINARY_INFOS) for info in _parts(msgspec.inspect.type_info(type_)))


def _check_constraints(type_: Any) -> None:
    """Raise TypeError for constraints that would not be checked."""
    for part in type_arguments(type_):
        for constraint in getattr(part, "__metadata__", ()):
            if type(constraint).__module__.partition(".")[0] in _FOREIGN_CONSTRAINTS:
                raise TypeError(f"{constraint!r} is only checked within pydantic models; use msgspec.Meta")


def _check_types(type_: Any) -> None:
    """Raise TypeError for types that nothing is decoded into, or not as they say."""
    for info in _parts(msgspec.inspect.type_info(type_)):
        if isinstance(info, msgspec.inspect.CustomType) and not is_model(info.cls):
            raise TypeError(
                f"{type_name(info.cls)} is not a type that JSON can be decoded into; use a "
                "msgspec.Struct, a dataclass, a TypedDict, a pydantic model, or built-in types"
            )
        if isinstance(info, msgspec.inspect.DataclassType) and is_pydantic_dataclass(info.cls):
            raise TypeError(f"{type_name(info.cls)} is a dataclass of pydantic; make it a pydantic.BaseModel")


def _parts(info: Any) -> typing.Iterator[Any]:
    """A type and all types inside, as msgspec describes them."""
    seen: set[int] = set()
    todo = [info]
    while todo:
        info = todo.pop()
        if isinstance(info, tuple | list):
            todo.extend(info)
        elif isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field) and id(info) not in seen:
            seen.add(id(info))
            yield info
            todo.extend(getattr(info, name) for name in info.__struct_fields__)


def _pydantic_adapter(type_: Any, error: TypeError) -> Any:
    """What decodes a type that holds models; raises `error` where there is nothing."""
    if not any(is_model(part) for part in type_arguments(type_)):
        raise error
    from pydantic import PydanticUserError, TypeAdapter  # whoever has a model has imported it

    try:
        return TypeAdapter(type_)
    except PydanticUserError:
        raise error from None
