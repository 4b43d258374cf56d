"""Namespaces as classes: methods that say what they handle."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, final

from arcwire.socketio.handlers import check_event

F = TypeVar("F", bound=Callable[..., Any])

_MARKS = "__arcwire_handles__"


@final
class On:
    """Marks a method of a namespace's class as a handler; see `on`."""

    def __call__(
        self,
        event: str,
        *,
        ordered: bool = False,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[F], F]:
        """The method handles an event; the options are those of `Namespace.on`."""
        check_event(event, where=f"on({event!r})")
        options = {"ordered": ordered, "timeout": timeout, "concurrency": concurrency}
        return lambda method: _mark(method, "on", event, **options)

    def connect(self, method: F) -> F:
        """The method is called when a socket wants to connect; see `Namespace.on_connect`."""
        return _mark(method, "on_connect")

    def disconnect(self, method: F) -> F:
        """The method is called when a socket is gone; see `Namespace.on_disconnect`."""
        return _mark(method, "on_disconnect")

    def session_expired(self, method: F) -> F:
        """The method is told who did not come back; see `Namespace.on_session_expired`."""
        return _mark(method, "on_session_expired")

    def server_event(self, event: str) -> Callable[[F], F]:
        """The method handles an event of another server; see `Namespace.on_server_event`."""
        return lambda method: _mark(method, "on_server_event", event)

    def middleware(self, method: F) -> F:
        """The method is a middleware; see `Namespace.use`."""
        return _mark(method, "use")

    def event_middleware(self, method: F) -> F:
        """The method is a middleware for events; see `Namespace.use_event`."""
        return _mark(method, "use_event")

    def any(self, method: F) -> F:
        """The method is called for every event that arrives; see `Namespace.on_any`."""
        return _mark(method, "on_any")

    def any_outgoing(self, method: F) -> F:
        """The method is called for every event that is sent; see `Namespace.on_any_outgoing`."""
        return _mark(method, "on_any_outgoing")

    def error(self, method: F) -> F:
        """The method is told of exceptions; see `Namespace.on_error`."""
        return _mark(method, "on_error")


on: Final = On()
"""Handlers as methods of a namespace's class, registered when an object of it is made:

    class Chat(Namespace):
        @on.connect
        async def welcome(self, socket: Socket) -> None: ...

        @on("say")
        async def say(self, socket: Socket, text: str) -> int: ...

    io.include(Chat("/chat"))

In the order of their definition, those of base classes first. A method that overrides a handler
takes its place, whether marked again or not.
"""


def handlers_of(namespace: object) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """What to call on a namespace to register its methods: name, arguments, options."""
    marked: dict[str, list[tuple[str, tuple[Any, ...], dict[str, Any]]]] = {}
    for cls in reversed(type(namespace).__mro__):
        for name, value in vars(cls).items():
            marks = getattr(value, _MARKS, None) if callable(value) else None
            if marks is not None:
                marked[name] = marks
    for name, marks in marked.items():
        method = getattr(namespace, name)
        for registrar, args, options in marks:
            yield registrar, (*args, method), options


def _mark(method: F, registrar: str, *args: str, **options: Any) -> F:
    if not callable(method):
        raise TypeError(f"on.{registrar.removeprefix('on_')} marks methods, got {method!r}")
    # The decorator below this one was there first.
    marks = [*getattr(method, _MARKS, ()), (registrar, args, options)]
    setattr(method, _MARKS, marks)
    return method
