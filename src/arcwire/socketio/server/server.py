"""The server: the root namespace, and what all namespaces share."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Any

from arcwire.engineio.config import TRANSPORTS, EngineConfig
from arcwire.engineio.server import Connection, Engine
from arcwire.engineio.server.engine import generate_id
from arcwire.hosts.asgi import ASGIApp, EngineApp
from arcwire.socketio.broadcast import check_timeout
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.server.multiplexer import Multiplexer
from arcwire.socketio.server.namespace import Namespace
from arcwire.socketio.tasks import Tasks, start

logger = logging.getLogger("arcwire.socketio")


class Server(Namespace):
    """A Socket.IO server. It is also its root namespace, `/`.

    Durations are seconds, sizes bytes; the defaults are those of the reference server. Raises
    ValueError for an option that cannot work.

    - `path`: where it answers, below the path at which it is mounted.
    - `transports`: which of "polling" and "websocket" clients may use.
    - `ping_interval`, `ping_timeout`: a client that is silent for about their sum is gone.
    - `upgrade_timeout`: the time a client has to move from polling to WebSocket.
    - `max_payload`: the largest message (or polling body) that a client may send.
    - `allow_upgrades`: whether polling clients are offered WebSocket.
    - `connect_timeout`: the time a connection has to join a namespace, and a namespace's
      middlewares and connection handlers have to let it in.
    - `codec`: how packets become messages; clients must use the same.
    """

    def __init__(  # noqa: PLR0913 - options, all by name
        self,
        *,
        path: str = "/socket.io",
        transports: tuple[str, ...] = TRANSPORTS,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
        upgrade_timeout: float = 10.0,
        max_payload: int = 1_000_000,
        allow_upgrades: bool = True,
        connect_timeout: float = 45.0,
        codec: Codec | None = None,
    ) -> None:
        super().__init__("/")
        if codec is not None:
            self.codec = codec
        config = EngineConfig(
            path=path,
            transports=transports,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            upgrade_timeout=upgrade_timeout,
            max_payload=max_payload,
            allow_upgrades=allow_upgrades,
        )
        self.connect_timeout = check_timeout(connect_timeout)
        self.engine = Engine(config, self._accept)
        self.thread: int | None = None
        self._namespaces: dict[str, Namespace] = {"/": self}
        self._multiplexers: set[Multiplexer] = set()
        self._tasks = Tasks()
        self._executor: ThreadPoolExecutor | None = None
        self.bind(self)

    # -- namespaces -----------------------------------------------------------------

    def of(self, name: str) -> Namespace:
        """The namespace with this name, made on first use. A missing leading slash is added."""
        namespace = self._namespaces.get(name) or self._namespaces.get(f"/{name}")
        if namespace is None:
            namespace = Namespace(name)
            self.include(namespace)
        return namespace

    def include(self, namespace: Namespace) -> None:
        """Serve a namespace that was made alone. Raises ValueError when its name is taken."""
        present = self._namespaces.setdefault(namespace.name, namespace)
        if present is not namespace:
            raise ValueError(f"there is a namespace {namespace.name!r} already")
        namespace.bind(self)

    # -- serving --------------------------------------------------------------------

    def asgi(self, other: ASGIApp | None = None) -> EngineApp:
        """An ASGI application that serves this server at its `path`, and `other` elsewhere.

        It may be mounted under any path of another application. Without `other`, foreign paths
        get 404.
        """
        return EngineApp(self.engine, self.engine.config.path, other, on_shutdown=self.close)

    def run(self, other: ASGIApp | None = None, **options: Any) -> None:
        """Serve with uvicorn, on the fast path, until the process is told to stop.

        `other` is an ASGI application for all other paths; the options (`host`, `port`, `uds`,
        `ssl_certfile`, ...) are those of `arcwire.hosts.uvicorn.run.run`.
        """
        from arcwire.hosts.uvicorn.run import run  # uvicorn takes time to import; only needed here

        run(self.asgi(other), **options)

    async def close(self, *, grace: float = 5.0) -> None:
        """End all connections (SERVER_SHUTTING_DOWN) and wait for the handlers that still run.

        Handlers that need more than `grace` seconds are cancelled. Clients see a lost connection and
        try to come back. Called when the ASGI server announces the end of the lifespan.
        """
        self.engine.shutdown()
        late = await self._tasks.finish(grace)
        if late:
            logger.warning(
                "%d running handler(s) did not end within %g seconds and were cancelled", late, grace
            )
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    # -- for namespaces, sockets and multiplexers -----------------------------------------

    def find(self, name: str) -> Namespace | None:
        """The namespace that a client asks for."""
        return self._namespaces.get(name)

    def new_id(self) -> str:
        """An id for a socket."""
        return generate_id()

    def drop(self, multiplexer: Multiplexer) -> None:
        """A connection is gone."""
        self._multiplexers.discard(multiplexer)

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads for plain `def` handlers."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(thread_name_prefix="arcwire")
        return self._executor

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine of the application; it must not raise."""
        task = start(self._loop, coroutine)
        if not task.done():
            self._tasks.own(task)

    def call_soon(self, function: Callable[..., None], *args: object) -> None:
        """Call it on the loop's thread, from another one."""
        self._loop.call_soon_threadsafe(function, *args)

    # -- inside ---------------------------------------------------------------------

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self.engine.loop
        assert loop is not None
        return loop

    def _accept(self, connection: Connection) -> Multiplexer:
        self.thread = get_ident()
        multiplexer = Multiplexer(self, connection)
        self._multiplexers.add(multiplexer)
        self.engine.timers.schedule(multiplexer, self.engine.now() + self.connect_timeout)
        return multiplexer
