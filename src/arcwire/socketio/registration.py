"""The methods by which a namespace or a socket gets handlers for events."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from arcwire.socketio.handlers import EventHandlers, check_event
from arcwire.socketio.options import read_options

F = TypeVar("F", bound=Callable[..., Any])


class Registration:
    """`on`, `once` and `off`."""

    __slots__ = ()

    @overload
    def on(
        self,
        event: str,
        *,
        ordered: bool = ...,
        timeout: float | None = ...,
        concurrency: int | None = ...,
    ) -> Callable[[F], F]: ...
    @overload
    def on(
        self,
        event: str,
        handler: F,
        *,
        ordered: bool = ...,
        timeout: float | None = ...,
        concurrency: int | None = ...,
    ) -> F: ...
    def on(
        self,
        event: str,
        handler: F | None = None,
        *,
        ordered: bool = False,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> F | Callable[[F], F]:
        """Register a handler for an event; also a decorator.

        It is called with the socket and the event's arguments, decoded into the types that its
        parameters are annotated with; a handler of a socket gets the socket only where a parameter
        is annotated with `Socket`. An event may have several handlers; they start in the order of
        their registration, and the events of one socket in the order of their arrival. What an
        `async def` or `def` handler returns answers the client's acknowledgement; a parameter
        annotated with `Ack` answers by a call instead. Plain `def` handlers run in threads.

        - `ordered`: of each socket, events whose handlers are ordered are handled one by one, in the
          order of their arrival; other events do not wait.
        - `timeout`: the seconds that a handler may take. It is cancelled then, and answers with the
          error "timeout". A plain `def` handler cannot be cancelled: it goes on, unheard.
        - `concurrency`: how many events of one socket this handler works on at the same time.

        Of the events that wait for a handler a socket may have a thousand; those beyond are dropped,
        and answered with the error "overloaded".

        Raises TypeError for a signature that cannot work, ValueError for a name that is no event.
        """
        options = read_options(f"on({event!r})", ordered=ordered, timeout=timeout, concurrency=concurrency)

        def register(handler: F) -> F:
            self.open_handlers().add(event, handler, once=False, where=f"on({event!r})", options=options)
            return handler

        check_event(event, where=f"on({event!r})")
        return register if handler is None else register(handler)

    @overload
    def once(self, event: str) -> Callable[[F], F]: ...
    @overload
    def once(self, event: str, handler: F) -> F: ...
    def once(self, event: str, handler: F | None = None) -> F | Callable[[F], F]:
        """As `on`, for the next such event only; at a namespace, of whichever socket."""

        def register(handler: F) -> F:
            self.open_handlers().add(event, handler, once=True, where=f"once({event!r})")
            return handler

        check_event(event, where=f"once({event!r})")
        return register if handler is None else register(handler)

    def off(self, event: str | None = None, handler: Callable[..., Any] | None = None) -> None:
        """Remove a handler, all handlers of one event, or all event handlers."""
        self.open_handlers().remove(event, handler)

    def open_handlers(self) -> EventHandlers:
        """Where handlers are registered."""
        raise NotImplementedError
