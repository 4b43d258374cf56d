"""What a handler's signature promises, read once, when the handler is registered."""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from arcwire.socketio.protocol.attachments import BINARY_TYPES
from arcwire.socketio.protocol.json_codec import decode_json, repair_json
from arcwire.socketio.protocol.packet import Packet, PacketError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class InvalidPayload(Exception):
    """Arguments that do not fit the annotations. `path` begins with the parameter's name."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class Parameter:
    """One parameter that is filled from the arguments of an event."""

    __slots__ = ("_binary", "_decoder", "default", "name", "type")

    def __init__(self, name: str, type_: Any, default: object) -> None:
        self.name = name
        self.type = type_
        self.default = default
        self._decoder = msgspec.json.Decoder(type_)
        self._binary = holds_bytes(type_)

    @property
    def takes_bytes(self) -> bool:
        """Whether the type wants binary values anywhere."""
        return self._binary

    def decode(self, raw: msgspec.Raw) -> object:
        """Decode from JSON. Raises InvalidPayload."""
        try:
            if self._binary:
                return self.convert(decode_json(bytes(raw).decode()))
            return self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise _invalid(error, self.name) from None

    def convert(self, value: object) -> object:
        """Check and convert a decoded value. Raises InvalidPayload."""
        try:
            return msgspec.convert(value, self.type, builtin_types=BINARY_TYPES, str_keys=True)
        except msgspec.ValidationError as error:
            raise _invalid(error, self.name) from None


class Arguments:
    """How the arguments of an event become those of a handler."""

    __slots__ = ("_least", "_parameters", "_rest", "exact")

    def __init__(self, parameters: list[Parameter], rest: Parameter | None) -> None:
        self._parameters = parameters
        self._rest = rest
        self._least = sum(1 for each in parameters if each.default is inspect.Parameter.empty)
        # Decodes a whole event in one pass, the name first; None where that is not enough.
        self.exact: Callable[[str], tuple[Any, ...]] | None = None
        bytes_wanted = any(each.takes_bytes for each in parameters)
        if rest is None and self._least == len(parameters) and not bytes_wanted:
            types_ = (Any, *(each.type for each in parameters))
            self.exact = msgspec.json.Decoder(tuple[types_]).decode  # type: ignore[valid-type]

    def bind(self, packet: Packet) -> list[object]:
        """Decode the arguments of an event, one by one.

        Raises InvalidPayload when they do not fit the annotations, PacketError when they are not
        JSON.
        """
        if packet.json is not None:
            raws = _split(packet.json)
            self._check_count(len(raws))
            return self._fill([self._parameter(i).decode(raw) for i, raw in enumerate(raws)])
        values = typing.cast("list[object]", packet.data)[1:]
        self._check_count(len(values))
        return self._fill([self._parameter(i).convert(value) for i, value in enumerate(values)])

    def _parameter(self, index: int) -> Parameter:
        if index < len(self._parameters):
            return self._parameters[index]
        assert self._rest is not None
        return self._rest

    def _fill(self, values: list[object]) -> list[object]:
        return values + [each.default for each in self._parameters[len(values) :]]

    def _check_count(self, count: int) -> None:
        most = len(self._parameters)
        if count < self._least:
            missing = self._parameters[count].name
            raise InvalidPayload(f"Expected {self._expected()}, got {count}", missing)
        if count > most and self._rest is None:
            raise InvalidPayload(f"Expected {self._expected()}, got {count}", f"[{most}]")

    def _expected(self) -> str:
        least, most = self._least, len(self._parameters)
        if self._rest is not None:
            return f"at least {least} argument{'' if least == 1 else 's'}"
        if least == most:
            return f"{most} argument{'' if most == 1 else 's'}"
        return f"{least} to {most} arguments"


def _split(json: str) -> list[msgspec.Raw]:
    """The arguments of an event, each still JSON. Raises PacketError."""
    try:
        return _raw_list(json)[1:]
    except (msgspec.DecodeError, RecursionError) as error:
        repaired = repair_json(json)
        if repaired != json:
            return _split(repaired)
        raise PacketError(f"invalid payload: {error}") from None


_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _invalid(error: msgspec.ValidationError, name: str) -> InvalidPayload:
    message, _, path = str(error).partition(" - at `$")
    return InvalidPayload(message, name + path.rstrip("`"))


def holds_bytes(type_: Any) -> bool:
    """Whether a value of this type may hold binary values in places that say so."""

    def walk(info: Any, seen: set[int]) -> bool:
        if isinstance(
            info, msgspec.inspect.BytesType | msgspec.inspect.ByteArrayType | msgspec.inspect.MemoryViewType
        ):
            return True
        if isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field):
            if id(info) in seen:
                return False
            seen.add(id(info))
            return any(walk(getattr(info, name), seen) for name in info.__struct_fields__)
        if isinstance(info, tuple | list):
            return any(walk(item, seen) for item in info)
        return False

    return walk(msgspec.inspect.type_info(type_), set())


class Signature:
    """A handler's parameters: those filled by the server, and those filled from the client."""

    __slots__ = ("_markers", "function", "is_async", "parameters", "rest", "slots")

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        where: str,
        markers: dict[type, str],
        leading: tuple[str, ...] = (),
    ) -> None:
        """Read the signature of `function`.

        `markers` maps types that are filled by the server to what they are filled with; `leading`
        names what the first parameters are filled with, whether they are annotated or not.
        `where` is the decorator, for messages.

        Raises TypeError for a signature that cannot work; the message shows it, and the fix.
        """
        self.function = function
        self.is_async = is_async(function)
        self._markers = markers
        # One entry a positional parameter: the name of a marker, or None for the next argument.
        self.slots: list[str | None] = []
        self.parameters: list[Parameter] = []
        self.rest: Parameter | None = None
        try:
            signature = inspect.signature(function)
            hints = _hints(function)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{where} cannot read the signature of {function!r}: {error}") from None
        except NameError as error:
            raise TypeError(
                f"{where} cannot resolve the annotations of {describe(function)}: {error}; "
                "import that name at module level, not under TYPE_CHECKING"
            ) from None
        self._read(signature, hints, where, leading)

    def _read(
        self,
        signature: inspect.Signature,
        hints: dict[str, Any],
        where: str,
        leading: tuple[str, ...],
    ) -> None:
        for index, (name, parameter) in enumerate(signature.parameters.items()):
            hint = hints.get(name, Any)
            if hint is object:
                hint = Any  # to msgspec, object is a class like any other
            if parameter.kind in _POSITIONAL:
                marker = self._marker(hint)
                if index < len(leading) and marker != leading[index]:
                    marker = self._lead(leading[index], name, hint, where)
                if marker is None:
                    self.parameters.append(self._parameter(name, hint, parameter.default, where))
                self.slots.append(marker)
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                self.rest = self._parameter(name, hint, inspect.Parameter.empty, where)
            elif (
                parameter.kind is inspect.Parameter.VAR_KEYWORD
                or parameter.default is inspect.Parameter.empty
            ):
                raise TypeError(
                    f"{where} calls {describe(self.function)} with positional arguments only; "
                    f"remove {name!r} or give it a default"
                )
        if len(self.slots) < len(leading) and self.rest is None:
            wanted = ", ".join(leading)
            raise TypeError(
                f"{where} calls its handler with {wanted}, but {describe(self.function)} takes "
                f"{len(self.slots)} argument{'' if len(self.slots) == 1 else 's'}; "
                f"write ({leading[0]}: {leading[0].title()}, ...)"
            )

    def _marker(self, hint: Any) -> str | None:
        origin = typing.get_origin(hint) or hint
        for type_, marker in self._markers.items():
            if isinstance(origin, type) and issubclass(origin, type_):
                return marker
        return None

    def _lead(self, marker: str, name: str, hint: Any, where: str) -> str:
        if hint is not Any:
            raise TypeError(
                f"{where} passes the {marker} first, but {describe(self.function)} declares "
                f"{name!r} as {_type_name(hint)}; write ({marker}: {marker.title()}, ...)"
            )
        return marker

    def _parameter(self, name: str, hint: Any, default: object, where: str) -> Parameter:
        try:
            custom = _custom_type(hint)
        except TypeError as error:
            raise TypeError(
                f"{where} cannot decode parameter {name!r} of {describe(self.function)}: {error}"
            ) from None
        if custom is not None:
            raise TypeError(
                f"{where} cannot decode parameter {name!r} of {describe(self.function)}: "
                f"{_type_name(custom)} is not a type that JSON can be decoded into; use a "
                "msgspec.Struct, a dataclass, a TypedDict, or built-in types"
            )
        return Parameter(name, hint, default)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of a callable object
    )


def describe(function: Callable[..., Any]) -> str:
    """`name(signature)` of a handler, for messages."""
    name = getattr(function, "__qualname__", None) or repr(function)
    try:
        return f"{name}{inspect.signature(function)}"
    except (TypeError, ValueError):
        return name


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if not isinstance(function, types.FunctionType | types.MethodType) and callable(function):
        function = type(function).__call__  # a callable object
    return typing.get_type_hints(inspect.unwrap(function), include_extras=True)


def _type_name(type_: Any) -> str:
    return type_.__name__ if isinstance(type_, type) else str(type_)


def _custom_type(type_: Any) -> Any:
    """The first type inside that msgspec does not know; None when there is none."""

    def walk(info: Any, seen: set[int]) -> Any:
        if isinstance(info, msgspec.inspect.CustomType):
            return info.cls
        if isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field):
            if id(info) in seen:
                return None
            seen.add(id(info))
            info = tuple(getattr(info, name) for name in info.__struct_fields__)
        if isinstance(info, tuple | list):
            for item in info:
                if (found := walk(item, seen)) is not None:
                    return found
        return None

    return walk(msgspec.inspect.type_info(type_), set())
