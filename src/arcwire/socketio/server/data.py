"""What `socket.data` is."""

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from arcwire.socketio.callables import type_name


class DataType:
    """The type of `socket.data` in one namespace. A dict, until somebody says something else."""

    __slots__ = ("_factory", "_given", "_said_by", "fallback")

    def __init__(self) -> None:
        self._factory: Callable[[], Any] | None = None
        self._said_by = ""
        self._given = False
        self.fallback: DataType | None = None
        """That of the server, which counts when it was given and nothing is said here."""

    def give(self, factory: Callable[[], Any]) -> None:
        """It is what this makes, called without arguments. Raises TypeError."""
        if not callable(factory):
            raise TypeError(f"data= names the class of socket.data, got {factory!r}")
        self._set(factory, "data=")
        self._given = True

    def claim(self, type_: Any, where: str) -> None:
        """A handler wants this type. Raises TypeError when it gets another."""
        wanted = typing.get_origin(type_) or type_
        if not isinstance(wanted, type) or wanted is types.UnionType:
            return  # a union: nothing that can be made
        known = self._known
        if known is None or (known is not self and not _fits(known._made, wanted)):
            self._set(wanted, where)
        elif not _fits(known._made, wanted):
            raise TypeError(
                f"{where} takes a Socket[{type_name(type_)}], but socket.data is a "
                f"{type_name(known._made)} ({known._said_by})"
            )

    def new(self) -> Any:
        """The data of a new socket."""
        known = self._known
        return {} if known is None or known._factory is None else known._factory()

    @property
    def _made(self) -> Any:
        return typing.get_origin(self._factory) or self._factory

    @property
    def _known(self) -> "DataType | None":
        if self._factory is not None:
            return self
        fallback = self.fallback
        return fallback if fallback is not None and fallback._given else None

    def _set(self, factory: Callable[[], Any], where: str) -> None:
        missing = _required(factory)
        if missing:
            raise TypeError(
                f"{where}: {type_name(factory)} is to be made for each socket, without arguments; give "
                f"{missing!r} a default"
            )
        self._factory = factory
        self._said_by = where


def _fits(made: Any, wanted: type) -> bool:
    """Whether what is made is of the wanted type, as far as one can tell."""
    if not isinstance(made, type) or made is wanted:
        return True
    if typing.is_typeddict(wanted):
        return made is dict
    try:
        return issubclass(dict if typing.is_typeddict(made) else made, wanted)
    except TypeError:  # a Protocol with data members
        return True


def _required(factory: Callable[..., Any]) -> str | None:
    """The first parameter that has to be given."""
    if typing.is_typeddict(factory):
        return None
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return None  # a class written in C says nothing
    for name, parameter in parameters.items():
        variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not variable:
            return name
    return None
