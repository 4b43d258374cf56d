"""The server: the root namespace, and what all namespaces share."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import get_ident
from typing import Any, TypeVar, Unpack, overload

from arcwire.engineio.config import TRANSPORTS, EngineConfig, HttpOptions
from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import Request, Response
from arcwire.engineio.server import Connection, Engine
from arcwire.engineio.server.admission import generate_id
from arcwire.hosts import draining
from arcwire.hosts.asgi import ASGIApp, EngineApp
from arcwire.socketio.adapter import Adapter, AdapterFactory, LocalAdapter
from arcwire.socketio.callables import describe, is_async
from arcwire.socketio.client_files import ClientFiles
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.recovering_adapter import RecoveringAdapter
from arcwire.socketio.recovery import Log, Recovery
from arcwire.socketio.selection import check_timeout
from arcwire.socketio.server.deduplicating import open_deduplicator
from arcwire.socketio.server.draining import Farewell
from arcwire.socketio.server.multiplexer import Multiplexer
from arcwire.socketio.server.namespace import Namespace
from arcwire.socketio.server.namespaces import Namespaces
from arcwire.socketio.server.parent import ParentNamespace, Predicate
from arcwire.socketio.server.socket import Socket
from arcwire.socketio.tasks import Tasks, start

N = TypeVar("N", bound=Callable[[Namespace], object])

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
    - `allow_eio3`: whether clients of Socket.IO 2 (protocol 3 of Engine.IO), and JSONP, are served.
    - `per_message_deflate`: whether WebSocket messages are compressed, or a `PerMessageDeflate` that
      says how; for servers run by Arcwire (other ASGI servers have settings of their own).
    - `connect_timeout`: the time a connection has to join a namespace, and a namespace's
      middlewares and connection handlers have to let it in.
    - `cleanup_empty_child_namespaces`: whether a dynamic namespace without sockets is forgotten, once
      nobody holds it.
    - `max_child_namespaces`: how many dynamic namespaces may be in use; clients that ask for more
      are refused.
    - `serve_client`: whether the browser client is served below `path`; or the folder of another one,
      which takes the names `socket.io.*` (see `ClientFiles`).
    - `data`: the class of `socket.data`, also in namespaces that say nothing else; a dict by default.
    - `codec`: how packets become messages; clients must use the same.
    - `adapter`: makes the adapter of each namespace, which knows its sockets and reaches them.
    - `connection_state_recovery`: lets clients that lost their connection for a short time continue
      with the same id, rooms and data, and sends them what they missed; see `Recovery`.
    - `deduplicate_retries`: whether events that clients with `retries` send again are handled once
      only; or the seconds that a client who went away is remembered, 120 by default.
    - `allow_request`, `cors_allowed_origins`, `cookie`, `trusted_proxies` and the others of
      `HttpOptions`: who is let in, and what answers carry; see `EngineConfig`.
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
        allow_eio3: bool = False,
        per_message_deflate: PerMessageDeflate | bool = False,
        connect_timeout: float = 45.0,
        cleanup_empty_child_namespaces: bool = True,
        max_child_namespaces: int = 10_000,
        serve_client: bool | str | os.PathLike[str] = True,
        codec: Codec | None = None,
        data: Callable[[], Any] | None = None,
        adapter: AdapterFactory = LocalAdapter,
        connection_state_recovery: Recovery | None = None,
        deduplicate_retries: bool | float = False,
        **http: Unpack[HttpOptions],
    ) -> None:
        super().__init__("/", data=data)
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
            allow_eio3=allow_eio3,
            per_message_deflate=per_message_deflate,
            **http,
        )
        self._files: ClientFiles | None = None
        if serve_client is not False:
            self._files = ClientFiles(None if serve_client is True else serve_client)
        self.recovery = connection_state_recovery
        if self.recovery is not None and adapter is not LocalAdapter:
            raise ValueError("connection_state_recovery works with Arcwire's own adapter for one node only")
        self._new_adapter = adapter
        self.connect_timeout = check_timeout(connect_timeout)
        self.engine = Engine(config, self._accept)
        self.deduplicator = open_deduplicator(self.engine, deduplicate_retries)
        self.thread: int | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop in which it serves; None before its first client."""
        self.cleanup_empty_child_namespaces = cleanup_empty_child_namespaces
        self.namespaces = Namespaces(self, max_child_namespaces)
        self._multiplexers: set[Multiplexer] = set()
        self._tasks = Tasks()
        self._executor: ThreadPoolExecutor | None = None
        self.bind(self)

    # -- namespaces -----------------------------------------------------------------

    @overload
    def of(self, target: str) -> Namespace: ...
    @overload
    def of(self, target: re.Pattern[str] | Predicate) -> ParentNamespace: ...
    def of(self, target: str | re.Pattern[str] | Predicate) -> Namespace:
        """The namespace with this name, made on first use. A missing leading slash is added.

        A pattern (`/project-{id:int}`), a regular expression or a function of name and `auth` gives
        the parent of all namespaces that it allows; see `ParentNamespace`. A name that a pattern
        matches gives the child.
        """
        return self.namespaces.of(target)

    def include(self, namespace: Namespace) -> None:
        """Serve a namespace that was made alone. Raises ValueError when its name is taken."""
        self.namespaces.include(namespace)

    def on_new_namespace(self, hook: N) -> N:
        """Register what to do with each namespace that is made from now on; also a decorator.

        A plain function: called with the namespace at once, before its first socket is let in.
        """
        if is_async(hook):
            raise TypeError(f"on_new_namespace calls {describe(hook)} at once: make it a plain function")
        self.namespaces.add_hook(hook)
        return hook

    # -- serving --------------------------------------------------------------------

    def asgi(self, other: ASGIApp | None = None) -> EngineApp:
        """An ASGI application that serves this server at its `path`, and `other` elsewhere.

        It may be mounted under any path of another application. Without `other`, foreign paths
        get 404.
        """
        config = self.engine.config
        draining.register(self)
        return EngineApp(
            self.engine,
            config.path,
            other,
            on_shutdown=self.close,
            files=None if self._files is None else self._answer_file,
            add_trailing_slash=config.add_trailing_slash,
        )

    def run(self, other: ASGIApp | None = None, **options: Any) -> None:
        """Serve with uvicorn, on the fast path, until the process is told to stop.

        `other` is an ASGI application for all other paths; the options (`host`, `port`, `uds`,
        `ssl_certfile`, ...) are those of `arcwire.hosts.uvicorn.run.run`.
        """
        from arcwire.hosts.uvicorn.run import run  # uvicorn takes time to import; only needed here

        run(self.asgi(other), **options)

    @asynccontextmanager
    async def serving(self, other: ASGIApp | None = None, **options: Any) -> AsyncIterator[str]:
        """Serve while the block runs, for scripts and tests: `async with io.serving() as url`.

        `url` is that of the server (`http://127.0.0.1:49152`): by default it has a free port and
        touches neither signals nor logging. At the end of the block it stops as by `close`. Takes
        what `run` takes, except `reload` and `workers`. Raises StartError if it cannot start.
        """
        from arcwire.hosts.uvicorn.run import serving  # as in `run`

        async with serving(self.asgi(other), **options) as url:
            yield url

    async def drain(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - clients are spread over it
        """Let the clients go, and close.

        From now on, and for good, new clients get 503 with Retry-After. Those who are here are let go
        (SERVER_SHUTTING_DOWN) one after the other within half of `timeout`, so that they do not all
        come back at once elsewhere. Who owes or is owed an acknowledgement, or has running handlers,
        goes as soon as that is done, and all that are left after `timeout` seconds. Then `close`.

        HTTP routes of the application are served as before. `run` and the `arcwire` command do this
        on SIGTERM. Raises ValueError for a timeout that is no positive number.
        """
        check_timeout(timeout)
        self.engine.refuse_newcomers()
        farewell = Farewell(self._multiplexers, seconds=timeout / 2)
        now = asyncio.get_running_loop().time
        end = now() + timeout
        try:
            async with asyncio.timeout_at(end):
                await farewell.run(self._tasks.beneficiaries)
        except TimeoutError:
            left = len(farewell.waiting)
            logger.warning("%d client(s) still waited for something after %g seconds", left, timeout)
        await self.close(grace=max(end - now(), 1.0))

    async def close(self, *, grace: float = 5.0) -> None:
        """End all connections (SERVER_SHUTTING_DOWN) and wait for the handlers that still run.

        Handlers that need more than `grace` seconds are cancelled. Clients see a lost connection and
        try to come back. Called when the ASGI server announces the end of the lifespan.
        """
        self.engine.shutdown()
        for namespace in self.namespaces.all:
            namespace.adapter.close()
        if self.deduplicator is not None:
            self.deduplicator.close()
        late = await self._tasks.finish(grace)
        if late:
            logger.warning(
                "%d running handler(s) did not end within %g seconds and were cancelled", late, grace
            )
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    # -- for namespaces, sockets and multiplexers -----------------------------------------

    def new_adapter(self, namespace: Namespace) -> Adapter:
        """The adapter of a namespace."""
        options = self.recovery
        if options is None:
            return self._new_adapter(namespace)
        config = self.engine.config
        # So long it may take until a lost connection is noticed; only then its client is away.
        retention = options.max_disconnection_duration + config.ping_interval + config.ping_timeout

        def new_log() -> Log:
            return Log(options, epoch=self.new_id()[:4], retention=retention)

        return RecoveringAdapter(namespace, options, self.engine, new_log)

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

    def start(self, coroutine: Coroutine[Any, Any, Any], socket: Socket | None = None) -> asyncio.Task[Any]:
        """Run a coroutine of the application, for `socket`. Whoever starts it sees to what it raises."""
        task = start(self.loop, coroutine)
        if not task.done():
            self._tasks.own(task, socket)
        return task

    def own(self, task: asyncio.Task[Any], socket: Socket | None) -> None:
        """Keep a task that was started for `socket` until it is done."""
        self._tasks.own(task, socket)

    def call_soon(self, function: Callable[..., None], *args: object) -> None:
        """Call it on the loop's thread, from another one."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(function, *args)

    # -- inside ---------------------------------------------------------------------

    async def _answer_file(self, name: str, request: Request) -> Response | None:
        assert self._files is not None
        response = await self._files.answer(name, request)
        if response is not None:
            response.headers += await self.engine.cors_fields(request)
        return response

    def _accept(self, connection: Connection) -> Multiplexer:
        self.thread = get_ident()
        self.loop = loop = asyncio.get_running_loop()
        multiplexer = Multiplexer(self, connection)
        self._multiplexers.add(multiplexer)
        self.engine.timers.schedule(multiplexer, self.engine.now() + self.connect_timeout)
        if multiplexer.dialect.joins_root:
            # Not before the connection can be closed: handlers may do that.
            loop.call_soon(multiplexer.join_root)
        return multiplexer
