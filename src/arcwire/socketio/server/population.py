"""The sockets of a namespace as a whole: looked at, counted, moved, sent away."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, overload

from arcwire.errors import EventError
from arcwire.socketio.adapter import Adapter, RoomObserver
from arcwire.socketio.broadcast import Broadcast, Space
from arcwire.socketio.handlers import EventHandlers, check_event
from arcwire.socketio.protocol.packet import EVENT, Packet
from arcwire.socketio.remote import FetchedSocket
from arcwire.socketio.selection import check_timeout

F = TypeVar("F", bound=Callable[..., Any])

logger = logging.getLogger("arcwire.socketio")


class Populated(Space, Protocol):
    """What the methods below need of the namespace."""

    server_event_handlers: EventHandlers | None

    async def call_in_thread(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """See `Namespace`."""


class Population:
    """The part of a namespace that operators use. With an adapter for clusters: on all servers."""

    adapter: Adapter
    server_event_handlers: EventHandlers | None = None

    # -- sockets ----------------------------------------------------------------------

    async def fetch_sockets(self: Populated) -> list[FetchedSocket]:
        """Everybody; see `Broadcast.fetch_sockets`."""
        return await Broadcast(self).fetch_sockets()

    async def count(self: Populated) -> int:
        """How many sockets are connected; see `Broadcast.count`."""
        return await Broadcast(self).count()

    def sockets_join(self: Populated, *rooms: str) -> None:
        """Add everybody to rooms. From any thread."""
        Broadcast(self).sockets_join(*rooms)

    def sockets_leave(self: Populated, *rooms: str) -> None:
        """Remove everybody from rooms. From any thread."""
        Broadcast(self).sockets_leave(*rooms)

    def disconnect_sockets(self: Populated, *, close: bool = False) -> None:
        """Send everybody away; see `Broadcast.disconnect_sockets`."""
        Broadcast(self).disconnect_sockets(close=close)

    # -- rooms --------------------------------------------------------------------------

    def rooms(self) -> dict[str, int]:
        """The rooms that sockets of this process joined, and how many are in each: a snapshot.

        Without the rooms that sockets have of their own.
        """
        return self.adapter.rooms()

    def observe_rooms(self, observer: RoomObserver) -> Callable[[], None]:
        """Tell `observer` of rooms that come and go, and who enters and leaves them, from now on.

        Only of this process. Calling what it returns ends it.
        """
        return self.adapter.observe(observer)

    # -- other servers --------------------------------------------------------------------

    def server_side_emit(self: Populated, event: str, *args: object) -> None:
        """Send an event to the other servers of the cluster, not to clients; from any thread.

        Their `on_server_event` handlers get it; this server does not. Without a cluster there is
        nobody to get it. Raises ValueError for a reserved name.
        """
        check_server_event(event, where="server_side_emit")
        self.on_loop(self.adapter.server_side_emit, event, args)

    async def server_side_emit_with_ack(
        self,
        event: str,
        *args: object,
        timeout: float = 5.0,  # noqa: ASYNC109 - the adapter knows which answers came in time
    ) -> list[Any]:
        """As `server_side_emit`; what each of the other servers answered, [] without a cluster.

        Raises AckTimeout, with the answers that came, when some are missing after `timeout` seconds.
        """
        check_server_event(event, where="server_side_emit_with_ack")
        return await self.adapter.server_side_emit_with_ack(event, args, check_timeout(timeout))

    @overload
    def on_server_event(self, event: str) -> Callable[[F], F]: ...
    @overload
    def on_server_event(self, event: str, handler: F) -> F: ...
    def on_server_event(self, event: str, handler: F | None = None) -> F | Callable[[F], F]:
        """Register a handler for what other servers send with `server_side_emit`; also a decorator.

        It is called with the arguments, decoded into the types of its parameters. What the first
        handler returns that returns something answers `server_side_emit_with_ack`.
        """
        where = f"on_server_event({event!r})"
        check_server_event(event, where=where)

        def register(handler: F) -> F:
            if self.server_event_handlers is None:
                self.server_event_handlers = EventHandlers({})
            self.server_event_handlers.add(event, handler, once=False, where=where)
            return handler

        return register if handler is None else register(handler)

    async def receive_server_event(self: Populated, event: str, args: Sequence[object]) -> object:
        """See `Home`: the answer to an event of another server; what fails is logged."""
        answer: object = None
        handlers = () if self.server_event_handlers is None else self.server_event_handlers.take(event)
        packet = Packet(EVENT, self.name, name=event, data=[event, *args])
        for handler in handlers:
            try:
                bound = handler.bind(packet, None, None)
                if handler.is_async:
                    result = await handler.function(*bound)
                else:
                    result = await self.call_in_thread(handler.function, bound)
            except EventError as error:
                result = {"error": {"code": error.code, "message": error.message}}
            except Exception:
                logger.exception("a handler of the server event %r failed", event)
                result = {"error": {"code": "internal"}}
            if answer is None:
                answer = result
        return answer


def check_server_event(event: object, *, where: str) -> str:
    """Return the name of an event between servers. Raises TypeError, ValueError."""
    if event == "new_namespace":
        raise ValueError(f"{where}: {event!r} is a reserved name")
    return check_event(event, where=where)
