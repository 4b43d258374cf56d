"""What is told of every event: listeners for all events, and middlewares before the handlers."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from arcwire.socketio.callables import describe
from arcwire.socketio.protocol.json_codec import decode_json
from arcwire.socketio.protocol.packet import EVENT, Packet, PacketError
from arcwire.socketio.signature import Signature

F = TypeVar("F", bound=Callable[..., Any])


class Event:
    """An event that has arrived, as middlewares see it on its way to the handlers."""

    __slots__ = ("_content", "_packet", "_taken", "socket")

    socket: Any
    """The socket whose client sent it."""

    def __init__(self, socket: object, packet: Packet) -> None:
        """Raises PacketError."""
        content = decode_json(packet.json) if packet.json is not None else packet.data
        if not isinstance(content, list):
            raise PacketError("invalid payload: an event is a list that begins with its name")
        self.socket = socket
        self._packet = packet
        self._content: list[Any] = content[1:]
        self._taken = False

    def __repr__(self) -> str:
        return f"<Event {self.name!r} of {self.socket!r}>"

    @property
    def name(self) -> str:
        """The name of the event."""
        return self._packet.name

    @property
    def args(self) -> list[Any]:
        """The arguments, not decoded into any types yet. The list may be changed: handlers get it."""
        self._taken = True
        return self._content

    @property
    def wants_ack(self) -> bool:
        """Whether the client asked for an acknowledgement."""
        return self._packet.id is not None

    # -- for the dispatch -------------------------------------------------------------

    @property
    def id(self) -> int | None:
        """The id of the acknowledgement that the client asked for."""
        return self._packet.id

    @property
    def content(self) -> list[Any]:
        """The arguments, for reading only."""
        return self._content

    @property
    def packet(self) -> Packet:
        """What the handlers get: what arrived unless somebody took the arguments."""
        packet = self._packet
        if not self._taken:
            return packet
        return Packet(EVENT, packet.namespace, packet.id, packet.name, data=[packet.name, *self._content])


class Listener:
    """A function that is told of every event: its name, and its arguments as they are."""

    __slots__ = ("_defaults", "_has_rest", "_slots", "function", "signature", "takes_ack")

    def __init__(self, signature: Signature, where: str) -> None:
        """Raises TypeError for a signature that does not fit every event."""
        parameters = signature.parameters
        if not parameters and signature.rest is None:
            raise TypeError(
                f"{where} calls its listener with the event's name, which "
                f"{describe(signature.function)} does not take; write (event: str, *args: Any)"
            )
        if any(each.default is inspect.Parameter.empty for each in parameters[1:]):
            raise TypeError(
                f"{where} calls its listener with the event's name and any number of arguments, but "
                f"{describe(signature.function)} wants {parameters[1].name!r}; write "
                "(event: str, *args: Any)"
            )
        self.signature = signature
        self.function = signature.function
        self.takes_ack = "ack" in signature.slots
        self._slots = signature.slots
        self._defaults = [each.default for each in parameters]
        self._has_rest = signature.rest is not None

    def bind(self, name: str, args: list[Any] | tuple[Any, ...], **fills: object) -> tuple[Any, ...]:
        """The arguments of the call: as many of the event's as it takes."""
        values = [name, *args]
        bound: list[Any] = []
        index = 0
        for slot in self._slots:
            if slot is not None:
                bound.append(fills[slot])
                continue
            bound.append(values[index] if index < len(values) else self._defaults[index])
            index += 1
        if self._has_rest:
            bound += values[index:]
        return tuple(bound)


class Hooks:
    """The listeners and middlewares of a namespace, or those of a socket behind them.

    `intercepts` and `watches` tell whether there ever was one for incoming and for outgoing events,
    so that where nobody wants to know a look at them is all it costs.
    """

    __slots__ = ("_behind", "incoming", "intercepts", "middlewares", "outgoing", "watches")

    def __init__(self, behind: "Hooks | None" = None) -> None:
        self._behind = behind
        self.incoming: tuple[Listener, ...] = ()
        self.outgoing: tuple[Listener, ...] = ()
        self.middlewares: tuple[Signature, ...] = ()
        # Those of a socket are made when it has something to put in.
        self.intercepts = behind is not None
        self.watches = behind is not None

    def all_incoming(self) -> tuple[Listener, ...]:
        """The listeners for incoming events, in the order of their calls."""
        return self.incoming if self._behind is None else self._behind.incoming + self.incoming

    def all_outgoing(self) -> tuple[Listener, ...]:
        """The listeners for outgoing events, in the order of their calls."""
        return self.outgoing if self._behind is None else self._behind.outgoing + self.outgoing

    def all_middlewares(self) -> tuple[Signature, ...]:
        """The middlewares, in the order of their calls."""
        return self.middlewares if self._behind is None else self._behind.middlewares + self.middlewares


class CatchAll:
    """The methods by which a namespace or a socket gets listeners for all events.

    They are called with the event's name and then its arguments, as many as they take; where they
    are a namespace's, with the socket first. For incoming events a parameter of type `Ack` gets the
    acknowledgement; then handlers that return nothing leave the answer to it. The arguments are
    those that arrived, or were emitted, without decoding into types. What listeners return is
    ignored, and what they raise does not hinder the event.

    Events of the lifecycle (connections, disconnections) and acknowledgements are no events here.
    """

    __slots__ = ()

    hooks: Hooks

    @property
    def own_hooks(self) -> Hooks | None:
        """The hooks of this object; None while it has nothing of its own."""
        raise NotImplementedError

    def open_hooks(self) -> Hooks:
        """The hooks to put something in."""
        raise NotImplementedError

    def read_listener(self, function: Callable[..., Any], where: str, *, incoming: bool) -> Listener:
        """Read the signature of a listener. Raises TypeError."""
        raise NotImplementedError

    # -- incoming -----------------------------------------------------------------------

    def on_any(self, listener: F) -> F:
        """Register a listener for every event that arrives; also a decorator.

        It is called before middlewares and handlers, also for events that nobody handles.
        """
        return self._add_incoming(listener, "on_any", first=False)

    def prepend_any(self, listener: F) -> F:
        """As `on_any`, before those that are registered already."""
        return self._add_incoming(listener, "prepend_any", first=True)

    def off_any(self, listener: Callable[..., Any] | None = None) -> None:
        """Remove a listener for incoming events, or all; harmless when there is none."""
        hooks = self.own_hooks
        if hooks is not None:
            hooks.incoming = tuple(_without(hooks.incoming, listener))

    def listeners_any(self) -> list[Callable[..., Any]]:
        """The listeners for incoming events that were registered here."""
        hooks = self.own_hooks
        return [] if hooks is None else [listener.function for listener in hooks.incoming]

    # -- outgoing -----------------------------------------------------------------------

    def on_any_outgoing(self, listener: F) -> F:
        """Register a listener for every event that is sent to a client; also a decorator.

        A broadcast counts once for each socket that gets it. What the listener itself emits counts too.
        """
        return self._add_outgoing(listener, "on_any_outgoing", first=False)

    def prepend_any_outgoing(self, listener: F) -> F:
        """As `on_any_outgoing`, before those that are registered already."""
        return self._add_outgoing(listener, "prepend_any_outgoing", first=True)

    def off_any_outgoing(self, listener: Callable[..., Any] | None = None) -> None:
        """Remove a listener for outgoing events, or all; harmless when there is none."""
        hooks = self.own_hooks
        if hooks is not None:
            hooks.outgoing = tuple(_without(hooks.outgoing, listener))

    def listeners_any_outgoing(self) -> list[Callable[..., Any]]:
        """The listeners for outgoing events that were registered here."""
        hooks = self.own_hooks
        return [] if hooks is None else [listener.function for listener in hooks.outgoing]

    # -- inside -------------------------------------------------------------------------

    def _add_incoming(self, function: F, where: str, *, first: bool) -> F:
        new = (self.read_listener(function, where, incoming=True),)
        hooks = self.open_hooks()
        hooks.incoming = new + hooks.incoming if first else hooks.incoming + new
        hooks.intercepts = True
        return function

    def _add_outgoing(self, function: F, where: str, *, first: bool) -> F:
        new = (self.read_listener(function, where, incoming=False),)
        hooks = self.open_hooks()
        hooks.outgoing = new + hooks.outgoing if first else hooks.outgoing + new
        hooks.watches = True
        return function


def read_middleware(function: Callable[..., Any], where: str, markers: dict[type, str]) -> Signature:
    """Read the signature of a middleware for events. Raises TypeError."""
    signature = Signature(function, where=where, markers={Event: "event", **markers}, leading=("event",))
    if signature.parameters:
        raise TypeError(f"{where} calls {describe(function)} with the event only; it knows its socket")
    return signature


def _without(listeners: tuple[Listener, ...], function: Callable[..., Any] | None) -> Iterator[Listener]:
    for listener in listeners:
        if function is not None and listener.function != function:
            yield listener
