"""Functions of the application, as far as their definition tells."""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return _has(inspect.iscoroutinefunction, function)


def makes_coroutine(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine of the interpreter, not just something to be awaited."""
    if not isinstance(function, types.FunctionType | types.MethodType):
        function = getattr(type(function), "__call__", function)  # noqa: B004 - of a callable object
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_COROUTINE)


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a generator."""
    return _has(inspect.isgeneratorfunction, function)


def is_async_generator(function: Callable[..., Any]) -> bool:
    """Whether calling it gives an asynchronous generator."""
    return _has(inspect.isasyncgenfunction, function)


def describe(function: Callable[..., Any]) -> str:
    """`name(signature)`, for messages."""
    name = getattr(function, "__qualname__", None) or repr(function)
    try:
        return f"{name}{inspect.signature(function)}"
    except (TypeError, ValueError):
        return name


def read_parameters(function: Callable[..., Any], where: str) -> list[tuple[inspect.Parameter, Any]]:
    """The parameters of a function, each with its annotation resolved (Any where there is none).

    Raises TypeError for a function that cannot be read; `where` is the decorator, for messages.
    """
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
    # To msgspec, object is a class like any other.
    return [
        (parameter, Any if (hint := hints.get(name, Any)) is object else hint)
        for name, parameter in signature.parameters.items()
    ]


def type_name(type_: Any) -> str:
    """A type as its users write it."""
    return type_.__name__ if isinstance(type_, type) else str(type_)


def type_arguments(type_: Any) -> typing.Iterator[Any]:
    """A type and its type arguments, at any depth."""
    yield type_
    for argument in typing.get_args(type_):
        if argument is not type_ and not isinstance(argument, str | int):
            yield from type_arguments(argument)


def _has(test: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        return False
    return test(function) or test(getattr(function, "__call__", None))  # noqa: B004 - of a callable object


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        function = function.__init__  # type: ignore[misc]
    elif not isinstance(function, types.FunctionType | types.MethodType) and callable(function):
        function = type(function).__call__  # a callable object
    return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
