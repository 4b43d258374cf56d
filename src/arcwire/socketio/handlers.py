"""Event handlers: their registration, and what is called for an event."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from arcwire.socketio.callables import makes_coroutine
from arcwire.socketio.depends import Scope
from arcwire.socketio.options import EventOptions
from arcwire.socketio.protocol.packet import RESERVED_EVENTS, Packet
from arcwire.socketio.signature import Arguments, Signature

_LIFECYCLE = {"connect": "on_connect", "connection": "on_connect", "disconnect": "on_disconnect"}


class AckSender(Protocol):
    """What an `Ack` sends through: the socket whose client asked."""

    def send_ack(self, id: int, args: tuple[object, ...]) -> None:
        """Send the acknowledgement of the event with this id. From any thread."""


class Ack:
    """The acknowledgement of one event: call it with the answer.

    A handler that declares a parameter of this type answers by calling it, now or later, from any
    thread, instead of by its return value. Only the first call counts; when the client did not
    ask for an acknowledgement (`expected` is False) calls do nothing.

    Calling it raises TypeError or ValueError for values that have no JSON form.
    """

    __slots__ = ("_id", "_pending", "_sender", "_sent", "_taken")

    def __init__(self, sender: AckSender, id: int | None, handlers: int) -> None:
        self._sender = sender
        self._id = id
        self._sent = id is None
        self._pending = handlers
        self._taken = False

    @property
    def expected(self) -> bool:
        """Whether the client asked and has not been answered."""
        return not self._sent

    def __call__(self, *args: object) -> None:
        """Answer with these arguments (JavaScript's `emitWithAck` sees the first)."""
        if not self._sent and self._id is not None:
            self._sender.send_ack(self._id, args)
            self._sent = True

    @property
    def taken(self) -> bool:
        """Whether somebody answers by calling."""
        return self._taken

    def expect(self, handlers: int) -> None:
        """So many handlers will finish."""
        self._pending = handlers

    def take(self) -> None:
        """A handler answers by calling: no answer is given in its place when it returns None."""
        self._taken = True

    def finish(self, result: object) -> None:
        """A handler returned `result`: the first that is not None is the answer.

        When all have returned None the client gets an acknowledgement without arguments.
        """
        self._pending -= 1
        if result is not None:
            self(result)
        elif self._pending == 0 and not self._taken:
            self()

    def fail(self, code: str, message: str | None = None, **more: object) -> None:
        """Answer with `{"error": {"code": code, "message": message, ...}}`; None is left out."""
        error = {"code": code, "message": message, **more}
        self({"error": {key: value for key, value in error.items() if value is not None}})


class EventHandler:
    """One handler of one event.

    `direct` is whether calling it gives a coroutine and there is no time limit. Where it has to wait
    for others, `lane` says for which: those of the same lane, `limit` of which run at a time. `plain` is
    a handler without any of this, and that answers by what it returns: its coroutine may be all there is.
    """

    __slots__ = (
        "_arguments",
        "_bare",
        "_exact",
        "_slots",
        "direct",
        "function",
        "is_async",
        "lane",
        "limit",
        "once",
        "original",
        "plain",
        "takes_ack",
        "timeout",
    )

    def __init__(self, signature: Signature, *, once: bool, options: EventOptions | None = None) -> None:
        self.timeout = None if options is None else options.timeout
        self.direct = signature.is_async and self.timeout is None
        self.lane: object = None
        self.limit = 1
        if options is not None and options.ordered:
            self.lane = "ordered"
        elif options is not None and options.concurrency is not None:
            self.lane = self
            self.limit = options.concurrency
        self.original = signature.original
        self.function = signature.function
        self.is_async = signature.is_async
        self.once = once
        self.takes_ack = "ack" in signature.slots
        self.plain = (
            self.direct and self.lane is None and not self.takes_ack and makes_coroutine(self.function)
        )
        self._slots = signature.slots
        self._arguments = Arguments(signature.parameters, signature.rest)
        # The common shape, the socket and then the arguments, needs no table of what goes where.
        common = signature.slots[:1] == ["socket"] and not any(signature.slots[1:])
        self._exact = self._arguments.exact if common else None
        # So does that of handlers of one socket: the arguments, and nothing else.
        self._bare = None if any(signature.slots) else self._arguments.exact

    def bind(self, packet: Packet, socket: object, ack: Ack | None) -> tuple[Any, ...]:
        """The arguments of the call for an event.

        Raises InvalidPayload, PacketError.
        """
        if self._exact is not None and packet.json is not None:
            try:
                values = self._exact(packet.json)
                return (socket, values[1]) if len(values) == 2 else (socket, *values[1:])
            except (msgspec.DecodeError, RecursionError):
                pass  # bind it slowly, to find out what is wrong, or to repair it
        elif self._bare is not None and packet.json is not None:
            try:
                return self._bare(packet.json)[1:]
            except (msgspec.DecodeError, RecursionError):
                pass  # as above
        remaining = iter(self._arguments.bind(packet))
        fills = {"socket": socket, "ack": ack}
        bound = [next(remaining) if slot is None else fills[slot] for slot in self._slots]
        return (*bound, *remaining)


class EventHandlers:
    """The handlers of a namespace, or those of one socket, by event name and in order.

    `markers` maps the types that handlers may declare to what fills them; `leading` and `scope` as
    in `Signature`.
    """

    __slots__ = ("_any_once", "_leading", "_markers", "_scope", "_table", "plain")

    def __init__(
        self, markers: dict[type, str], leading: tuple[str, ...] = (), scope: Scope | None = None
    ) -> None:
        self._markers = markers
        self._scope = scope
        self._leading = leading
        self._table: dict[str, tuple[EventHandler, ...]] = {}
        self._any_once = False
        self.plain: dict[str, EventHandler] = {}
        """Those that are the only ones of their event, plain, and not for once: nearly all."""

    def __contains__(self, event: str) -> bool:
        """Whether an event has handlers."""
        return event in self._table

    def add(
        self,
        event: str,
        function: Callable[..., Any],
        *,
        once: bool,
        where: str,
        options: EventOptions | None = None,
    ) -> None:
        """Register a handler. Raises TypeError for a signature that cannot work."""
        if not callable(function):
            raise TypeError(f"{where} needs a function, got {function!r}")
        signature = Signature(
            function, where=where, markers=self._markers, leading=self._leading, scope=self._scope
        )
        handler = EventHandler(signature, once=once, options=options)
        self._keep(event, (*self._table.get(event, ()), handler))
        self._any_once = self._any_once or once

    def take(self, event: str) -> tuple[EventHandler, ...]:
        """The handlers to call for an event that has arrived; those for once are gone then."""
        handlers = self._table.get(event, ())
        if self._any_once and any(handler.once for handler in handlers):
            self._keep(event, tuple(handler for handler in handlers if not handler.once))
        return handlers

    def remove(self, event: str | None, function: Callable[..., Any] | None) -> None:
        """Remove one handler, those of one event, or all; harmless when there are none."""
        if event is None:
            self._table.clear()
            self.plain.clear()
        elif function is None:
            self._keep(event, ())
        else:
            handlers = self._table.get(event, ())
            self._keep(event, tuple(each for each in handlers if each.original != function))

    def _keep(self, event: str, handlers: tuple[EventHandler, ...]) -> None:
        self.plain.pop(event, None)
        if not handlers:
            self._table.pop(event, None)
            return
        self._table[event] = handlers
        if len(handlers) == 1 and handlers[0].plain and not handlers[0].once:
            self.plain[event] = handlers[0]


def check_event(event: object, *, where: str) -> str:
    """Return the name of an event.

    Raises TypeError for what is not a string, ValueError for the names that belong to the
    lifecycle of sockets.
    """
    if not isinstance(event, str):
        raise TypeError(f"{where}: an event is named by a string, got {event!r}")
    if event in RESERVED_EVENTS or event == "connection":
        decorator = _LIFECYCLE.get(event)
        hint = f"; register it with {decorator}" if decorator else ""
        raise ValueError(f"{where}: {event!r} is not an event but part of a socket's lifecycle{hint}")
    return event
