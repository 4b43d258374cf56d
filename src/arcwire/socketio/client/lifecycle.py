"""What is called when a client's socket connects, disconnects, or cannot connect."""

import inspect
import typing
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from arcwire.socketio.callables import POSITIONAL, describe, is_async, read_parameters
from arcwire.socketio.handlers import EventHandlers
from arcwire.socketio.options import EventOptions

F = TypeVar("F", bound=Callable[..., Any])

CONNECTING: ContextVar[object] = ContextVar("arcwire_connecting", default=None)
"""The socket whose `on_connect` handler runs, if this is within one."""


class LifecycleHandler:
    """A function that is told of what became of a socket: with as much as it takes."""

    __slots__ = ("_count", "_socket_at", "function", "is_async", "rest")

    def __init__(self, function: Callable[..., Any], where: str, values: int, socket_type: type) -> None:
        """Raises TypeError for a signature that cannot work."""
        if not callable(function):
            raise TypeError(f"{where} needs a function, got {function!r}")
        self.function = function
        self.is_async = is_async(function)
        self.rest = False
        # Where among the arguments the socket goes.
        self._socket_at: list[int] = []
        count = needed = 0
        for parameter, hint in read_parameters(function, where):
            origin = typing.get_origin(hint) or hint
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                self.rest = True
            elif parameter.kind not in POSITIONAL:
                continue
            elif isinstance(origin, type) and issubclass(origin, socket_type):
                self._socket_at.append(count + len(self._socket_at))
            else:
                count += 1
                needed += parameter.default is inspect.Parameter.empty
        if needed > values:
            raise TypeError(f"{where} has {values} values to tell {describe(function)}, which wants {needed}")
        self._count = values if self.rest else min(count, values)

    def bind(self, socket: object, values: tuple[object, ...]) -> tuple[object, ...]:
        """The arguments of the call."""
        args = list(values[: self._count])
        for index in self._socket_at:
            args.insert(index, socket)
        return tuple(args)


class ClientHandlers(EventHandlers):
    """Event handlers of a client's socket.

    Those that an `on_connect` handler registers belong to that connection: the next one runs the handler
    again, and they would be there twice.
    """

    __slots__ = ("_of_connection", "_socket")

    def __init__(self, socket: object, markers: dict[type, str], scope: Any) -> None:
        super().__init__(markers, (), scope)
        self._socket = socket
        self._of_connection: list[tuple[str, Callable[..., Any]]] = []

    def add(
        self,
        event: str,
        function: Callable[..., Any],
        *,
        once: bool,
        where: str,
        options: EventOptions | None = None,
    ) -> None:
        """See `EventHandlers`."""
        super().add(event, function, once=once, where=where, options=options)
        if CONNECTING.get() is self._socket:
            self._of_connection.append((event, function))

    def forget_connection(self) -> None:
        """The connection is gone, and with it what its `on_connect` handlers registered."""
        for event, function in self._of_connection:
            self.remove(event, function)
        self._of_connection.clear()
