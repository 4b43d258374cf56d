"""What a handler's signature promises, read once, when the handler is registered."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from arcwire.socketio.callables import POSITIONAL, describe, is_async, read_parameters, type_name
from arcwire.socketio.decoding import InvalidPayload, Parameter
from arcwire.socketio.depends import Marker, Plan, Scope, Steps, claim_data, find_marker
from arcwire.socketio.protocol.json_codec import repair_json
from arcwire.socketio.protocol.models import decode_model
from arcwire.socketio.protocol.packet import Packet, PacketError


class Arguments:
    """How the arguments of an event become those of a handler."""

    __slots__ = ("_least", "_parameters", "_rest", "exact")

    def __init__(self, parameters: list[Parameter], rest: Parameter | None) -> None:
        self._parameters = parameters
        self._rest = rest
        self._least = sum(1 for each in parameters if each.default is inspect.Parameter.empty)
        # Decodes a whole event in one pass, the name first; None where that is not enough.
        self.exact: Callable[[str], tuple[Any, ...]] | None = None
        if rest is None and self._least == len(parameters) and all(each.exact for each in parameters):
            types_ = (Any, *(each.type for each in parameters))
            self.exact = msgspec.json.Decoder(tuple[types_], dec_hook=decode_model).decode  # type: ignore[valid-type]

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


class Signature:
    """A handler's parameters: those filled by the server, and those filled from the client.

    `function` is what to call, with an argument for each of `slots`; where there are dependencies
    that is a `Plan`. `original` is what was registered.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        where: str,
        markers: dict[type, str],
        leading: tuple[str, ...] = (),
        scope: Scope | None = None,
    ) -> None:
        """Read the signature of `function`.

        `markers` maps types that are filled by the server to what they are filled with; `leading`
        names what the first parameters are filled with, whether they are annotated or not.
        `where` is the decorator, for messages. Dependencies need a `scope`.

        Raises TypeError for a signature that cannot work; the message shows it, and the fix.
        """
        self.original = self.function = function
        self.is_async = is_async(function)
        self._markers = markers
        self._where = where
        self._scope = scope
        self._steps: Steps | None = None
        self._inserts: list[tuple[int, int]] = []
        # One entry a positional parameter: the name of a marker, or None for the next argument.
        self.slots: list[str | None] = []
        self.parameters: list[Parameter] = []
        self.rest: Parameter | None = None
        self._read(leading)
        if self._steps is not None:
            self._plan(self._steps)

    def _read(self, leading: tuple[str, ...]) -> None:
        for index, (parameter, hint) in enumerate(read_parameters(self.original, self._where)):
            marker = self._marker(parameter, hint)
            if isinstance(parameter.default, Marker):
                raise TypeError(
                    f"{self._where}: write {parameter.name}: Annotated[..., "
                    f"{type(parameter.default).__name__}(...)] in {describe(self.original)}, not a default"
                )
            if parameter.kind in POSITIONAL:
                if marker is None:
                    self._read_slot(parameter, hint, leading)
                else:
                    self._read_dependency(index, parameter, hint, marker)
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                self.rest = self._parameter(parameter.name, hint, inspect.Parameter.empty)
            elif (
                parameter.kind is inspect.Parameter.VAR_KEYWORD
                or parameter.default is inspect.Parameter.empty
            ):
                raise TypeError(
                    f"{self._where} calls {describe(self.original)} with positional arguments only; "
                    f"remove {parameter.name!r} or give it a default"
                )
        if len(self.slots) < len(leading) and self.rest is None:
            wanted = ", ".join(leading)
            raise TypeError(
                f"{self._where} calls its handler with {wanted}, but {describe(self.original)} takes "
                f"{len(self.slots)} argument{'' if len(self.slots) == 1 else 's'}; "
                f"write ({leading[0]}: {leading[0].title()}, ...)"
            )

    def _marker(self, parameter: inspect.Parameter, hint: Any) -> Marker | None:
        try:
            marker = find_marker(hint)
        except TypeError as error:
            raise TypeError(
                f"{self._where} cannot fill {parameter.name!r} of {describe(self.original)}: {error}"
            ) from None
        if marker is not None and parameter.kind not in POSITIONAL:
            raise TypeError(
                f"{self._where} fills positional parameters only: {parameter.name!r} of "
                f"{describe(self.original)} is none"
            )
        return marker

    def _read_slot(self, parameter: inspect.Parameter, hint: Any, leading: tuple[str, ...]) -> None:
        index = len(self.slots)
        slot = self._slot(hint)
        if index < len(leading) and slot != leading[index]:
            slot = self._lead(leading[index], parameter.name, hint)
        if slot is None:
            self.parameters.append(self._parameter(parameter.name, hint, parameter.default))
        elif slot == "socket" and self._scope is not None:
            claim_data(self._scope, hint, self._where)
        self.slots.append(slot)

    def _read_dependency(self, index: int, parameter: inspect.Parameter, hint: Any, marker: Marker) -> None:
        if self._steps is None:
            sockets = [type_ for type_, slot in self._markers.items() if slot == "socket"]
            if self._scope is None or not sockets:
                raise TypeError(f"{self._where} knows no dependencies: remove {parameter.name!r}")
            self._steps = Steps(self._where, self._scope, sockets[0])
        self._inserts.append((index, self._steps.add(parameter.name, hint, marker, self.original)))

    def _plan(self, steps: Steps) -> None:
        hide = "socket" not in self.slots
        if hide:
            self.slots.insert(0, "socket")
        self.function = Plan(
            self.original, steps, self._inserts, socket_at=self.slots.index("socket"), hide=hide
        )
        self.is_async = True

    def _slot(self, hint: Any) -> str | None:
        origin = typing.get_origin(hint) or hint
        for type_, slot in self._markers.items():
            if isinstance(origin, type) and issubclass(origin, type_):
                return slot
        return None

    def _lead(self, slot: str, name: str, hint: Any) -> str:
        if hint is not Any:
            raise TypeError(
                f"{self._where} passes the {slot} first, but {describe(self.original)} declares "
                f"{name!r} as {type_name(hint)}; write ({slot}: {slot.title()}, ...)"
            )
        return slot

    def _parameter(self, name: str, hint: Any, default: object) -> Parameter:
        try:
            return Parameter(name, hint, default)
        except TypeError as error:
            raise TypeError(
                f"{self._where} cannot decode parameter {name!r} of {describe(self.original)}: {error}"
            ) from None
