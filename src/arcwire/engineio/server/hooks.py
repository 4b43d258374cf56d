"""What an application may hang into an engine: middlewares, header fields, observers of refusals."""

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from arcwire.engineio.link import Headers, Request

logger = logging.getLogger("arcwire.engineio")

Fields: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]] | None
"""Header fields; names are given in lower case."""
Middleware: TypeAlias = Callable[[Request], Fields | Awaitable[Fields]]
HeadersHook: TypeAlias = Callable[[Request], Fields]

_M = TypeVar("_M", bound=Middleware)
_H = TypeVar("_H", bound=HeadersHook)
_O = TypeVar("_O", bound="Callable[[Rejection], object]")

# RFC 9110 sections 5.1 and 5.5.
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was not let in."""

    request: Request
    code: int
    """What the client gets, 0 to 5."""
    message: str
    """What the client gets."""
    context: dict[str, Any]
    """What was wrong: `name` where several faults share a code, and the values that did not fit."""


class Hooks:
    """The hooks of one engine. They are called in the order of their registration."""

    def __init__(self) -> None:
        self.middlewares: list[Middleware] = []
        self.headers: list[HeadersHook] = []
        self.initial_headers: list[HeadersHook] = []
        self.observers: list[Callable[[Rejection], object]] = []

    def use(self, middleware: _M) -> _M:
        """Register a middleware: see `Engine.use`."""
        self.middlewares.append(middleware)
        return middleware

    def on_headers(self, hook: _H) -> _H:
        """Register a function that adds header fields: see `Engine.on_headers`."""
        self.headers.append(_checked(hook))
        return hook

    def on_initial_headers(self, hook: _H) -> _H:
        """Register a function that adds header fields: see `Engine.on_initial_headers`."""
        self.initial_headers.append(_checked(hook))
        return hook

    def on_connection_error(self, observer: _O) -> _O:
        """Register an observer of refusals: see `Engine.on_connection_error`."""
        self.observers.append(observer)
        return observer

    def tell(self, rejection: Rejection) -> None:
        """Call the observers."""
        for observer in self.observers:
            try:
                observer(rejection)
            except Exception:
                logger.exception("An observer of refused connections failed")


def collect(hooks: Iterable[HeadersHook], request: Request) -> list[tuple[bytes, bytes]]:
    """The fields that hooks add to the answer to `request`; those of a hook that fails are missing."""
    fields: list[tuple[bytes, bytes]] = []
    for hook in hooks:
        try:
            fields += encode_fields(hook(request))
        except Exception:
            logger.exception("A function that adds header fields failed; the answer goes without")
    return fields


def encode_fields(fields: Fields) -> Headers:
    """Header fields as hosts want them. Raises ValueError for what HTTP forbids."""
    if fields is None:
        return []
    encoded = []
    for name, value in fields.items() if isinstance(fields, Mapping) else fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"invalid header field {name!r}: {value!r}")
        encoded.append((name.lower().encode(), value.encode("latin-1")))
    return encoded


def _checked(hook: HeadersHook) -> HeadersHook:
    if inspect.iscoroutinefunction(hook):
        raise TypeError("header fields are wanted at once, so their function cannot be a coroutine function")
    return hook
