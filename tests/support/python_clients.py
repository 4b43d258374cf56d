"""python-socketio's clients, the asyncio one and the blocking one, driven from one kind of test."""

import asyncio
import inspect
from typing import Any

import engineio
import socketio

PATIENCE = 5.0


class _Engine(engineio.Client):
    """The blocking client handles each message in a thread of its own, so that one may overtake another."""

    def _trigger_event(self, event: str, *values: Any, **options: Any) -> Any:
        if event == "message":
            options["run_async"] = False
        return super()._trigger_event(event, *values, **options)


class _BlockingClient(socketio.Client):
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _Engine


class Peer:
    """One client. Its blocking form runs in threads, so that tests are written once."""

    def __init__(self, *, blocking: bool, **options: Any) -> None:
        options = {"reconnection": False, "handle_sigint": False, **options}
        self.client: Any = _BlockingClient(**options) if blocking else socketio.AsyncClient(**options)
        self._loop = asyncio.get_running_loop()
        self._blocking = blocking
        self._heard: dict[tuple[str, str], asyncio.Queue[tuple[Any, ...]]] = {}

    async def connect(self, url: str, *, namespaces: list[str] | None = None, **options: Any) -> "Peer":
        """Connect to `/clients`; the error is python-socketio's if a namespace refuses."""
        await self._do(
            *("connect", url),
            namespaces=namespaces or ["/"],
            socketio_path="clients",
            wait_timeout=PATIENCE,
            **options,
        )
        return self

    async def call(self, event: str, *values: Any, namespace: str = "/", patience: float = PATIENCE) -> Any:
        """Emit and give back the acknowledgement."""
        return await self._do("call", event, values, namespace=namespace, timeout=patience)

    async def emit(self, event: str, *values: Any, namespace: str = "/") -> None:
        """Emit without an acknowledgement."""
        await self._do("emit", event, values, namespace=namespace)

    async def close(self) -> None:
        """Disconnect; harmless when not connected."""
        await self._do("disconnect")

    def hear(self, event: str, namespace: str = "/") -> None:
        """Keep what this event brings, for `heard`."""
        queue = self._heard[namespace, event] = asyncio.Queue()
        self.on(event, lambda *values: self._loop.call_soon_threadsafe(queue.put_nowait, values), namespace)

    async def heard(self, event: str, namespace: str = "/", patience: float = PATIENCE) -> tuple[Any, ...]:
        """The arguments of the next such event since `hear`."""
        async with asyncio.timeout(patience):
            return await self._heard[namespace, event].get()

    def heard_now(self, event: str, namespace: str = "/") -> list[tuple[Any, ...]]:
        """Such events that came and were not asked for yet."""
        queue = self._heard[namespace, event]
        return [queue.get_nowait() for _ in range(queue.qsize())]

    def on(self, event: str, handler: Any, namespace: str = "/") -> None:
        """Register a plain function; what it returns is the acknowledgement."""
        self.client.on(event, handler, namespace=namespace)

    def id(self, namespace: str = "/") -> str:
        """The socket's id in a namespace."""
        sid: str = self.client.get_sid(namespace)
        return sid

    async def _do(self, method: str, *values: Any, **options: Any) -> Any:
        function = getattr(self.client, method)
        if self._blocking:
            return await asyncio.to_thread(function, *values, **options)
        result = function(*values, **options)
        return await result if inspect.isawaitable(result) else result
