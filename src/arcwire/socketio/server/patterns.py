"""Names of dynamic namespaces: `/project-{id:int}`."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

# Each value has one spelling only, so that one value is never two namespaces.
CONVERTERS: dict[str, tuple[str, type, Callable[[str], object]]] = {
    "str": (r"[^/]+", str, str),
    "path": (r".+", str, str),
    "int": (r"0|[1-9][0-9]{0,17}", int, int),
    "uuid": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", UUID, UUID),
}

_FIELD = re.compile(r"\{([^{}]*)\}")
_NO_FIELD = re.compile(r"[{}]")


class NamePattern:
    """Matches the names of namespaces, and gives what they say.

    `types` are the parameters and their types: those of a pattern, or the named groups (`str`) of a
    regular expression, which has to match the whole name.
    """

    __slots__ = ("_converters", "_regex", "types")

    def __init__(self, pattern: "str | re.Pattern[str]") -> None:
        """Read a pattern. Raises ValueError for one that cannot be read."""
        self._converters: dict[str, Callable[[str], object]] = {}
        self.types: dict[str, type] = {}
        if isinstance(pattern, str):
            self._regex = re.compile(self._translate(pattern), re.DOTALL)
        else:
            self._regex = pattern
            self.types = dict.fromkeys(pattern.groupindex, str)

    def match(self, name: str) -> dict[str, Any] | None:
        """The parameters in a name; None when it does not match."""
        found = self._regex.fullmatch(name)
        if found is None:
            return None
        values: dict[str, Any] = found.groupdict(default="")
        for key, convert in self._converters.items():
            values[key] = convert(values[key])
        return values

    def _translate(self, pattern: str) -> str:
        pieces = _FIELD.split(pattern)
        for index, piece in enumerate(pieces):
            if index % 2:
                pieces[index] = self._field(piece, pattern)
            elif _NO_FIELD.search(piece):
                raise ValueError(f"a brace without its partner in the pattern {pattern!r}")
            else:
                pieces[index] = re.escape(piece)
        return "".join(pieces)

    def _field(self, field: str, pattern: str) -> str:
        name, _, kind = field.partition(":")
        converter = CONVERTERS.get(kind or "str")
        if converter is None:
            raise ValueError(
                f"{kind!r} in the pattern {pattern!r} is no type of a parameter; there are "
                f"{', '.join(CONVERTERS)}"
            )
        if not name.isidentifier() or name in self.types:
            raise ValueError(
                f"{name!r} in the pattern {pattern!r} cannot name a parameter: each needs a name of its own"
            )
        regex, self.types[name], self._converters[name] = converter
        return f"(?P<{name}>{regex})"


def is_pattern(name: str) -> bool:
    """Whether a name holds parameters."""
    return _NO_FIELD.search(name) is not None
