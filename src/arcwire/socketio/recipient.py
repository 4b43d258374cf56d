"""A socket as the dispatch sees it: the server's, or a client's.

So that events find their handlers, and answers their way back, by the same code on both sides.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from arcwire.socketio.catch_all import Event, Hooks
from arcwire.socketio.handlers import Ack, EventHandlers
from arcwire.socketio.lanes import Lane
from arcwire.socketio.protocol.packet import Packet
from arcwire.socketio.signature import Signature


class Home(Protocol):
    """The namespace of a socket."""

    event_handlers: EventHandlers
    error_handlers: list[Signature]

    async def call(self, signature: Signature, args: tuple[Any, ...]) -> Any:
        """Call a function of the application, on the loop or in a thread."""

    async def call_in_thread(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call a plain function in a thread."""


class Runner(Protocol):
    """What runs the handlers: the server, or the client's manager."""

    error_handlers: list[Signature]
    loop: asyncio.AbstractEventLoop | None

    def start(self, coroutine: Coroutine[Any, Any, Any], socket: Any = None) -> asyncio.Task[Any]:
        """Run a coroutine of the application, for `socket`. Whoever starts it sees to what it raises."""

    def own(self, task: asyncio.Task[Any], socket: Any) -> None:
        """Keep a task that was started for `socket` until it is done."""


class Recipient(Protocol):
    """A socket that gets events."""

    event_handlers: EventHandlers | None
    hooks: Hooks
    lanes: dict[object, Lane] | None
    queue: deque[Event] | None

    @property
    def namespace(self) -> Home:
        """Its namespace."""

    @property
    def server(self) -> Runner:
        """What runs its handlers."""

    @property
    def gone(self) -> bool:
        """Whether it is disconnected."""

    def send_ack(self, id: int, args: tuple[object, ...]) -> None:
        """Answer the event with this id. From any thread."""

    def handle(self, packet: Packet, ack: Ack | None = None) -> None:
        """Call the handlers of an event. Raises PacketError."""

    def announce_end(self) -> None:
        """Call the handlers for the disconnection, which waited for those of events."""
