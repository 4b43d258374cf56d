"""A namespace, as a client's socket knows it: its name, and how its handlers are called."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from arcwire.socketio.callables import is_async
from arcwire.socketio.client.lifecycle import ClientHandlers, LifecycleHandler
from arcwire.socketio.handlers import EventHandlers
from arcwire.socketio.signature import Signature
from arcwire.socketio.tasks import run_in_thread

if TYPE_CHECKING:
    from arcwire.socketio.client.manager import Manager
    from arcwire.socketio.client.socket import ClientSocket


class ClientNamespace:
    """The namespace that a client's socket is in."""

    __slots__ = ("_manager", "error_handlers", "event_handlers", "handlers", "name")

    name: str
    """Its path, with a leading slash."""

    def __init__(
        self, name: str, manager: "Manager", socket: "ClientSocket", markers: dict[type, str]
    ) -> None:
        self.name = name
        self._manager = manager
        self.error_handlers: list[Signature] = []
        self.handlers = ClientHandlers(socket, markers, self)
        self.event_handlers: EventHandlers = self.handlers

    def __repr__(self) -> str:
        return f"<ClientNamespace {self.name!r}>"

    async def call(self, signature: Signature | LifecycleHandler, args: tuple[Any, ...]) -> Any:
        """Call a function of the application, on the loop or in a thread."""
        if signature.is_async:
            return await signature.function(*args)
        return await self.call_in_thread(signature.function, args)

    async def call_function(self, function: Callable[[], Any]) -> Any:
        """The same of one without arguments, whatever it is."""
        if is_async(function):
            return await function()
        return await self.call_in_thread(function, ())

    async def call_in_thread(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call a plain function in a thread, with the context variables of here."""
        return await run_in_thread(self._manager.executor, function, args)

    # -- Scope, for dependencies --------------------------------------------------------

    @property
    def params(self) -> Mapping[str, Any]:
        """What the name says: nothing, on this side."""
        return {}

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """The parameters in the name: none, on this side."""
        return {}

    def claim_data(self, type_: Any, where: str) -> None:
        """A handler takes `ClientSocket[type_]`, which has no data."""
        raise TypeError(f"{where}: a client's socket has no data of the application")
