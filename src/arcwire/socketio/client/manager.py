"""One connection to a server, shared by namespaces, and made anew when it is lost."""

import asyncio
import dataclasses
import logging
import random
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.client.address import read_url
from arcwire.engineio.client.clocks import Clocks, clocks
from arcwire.engineio.timers import Timers
from arcwire.errors import ArcwireError, ConnectError, Disconnected
from arcwire.socketio.client.address import check_name
from arcwire.socketio.client.backoff import Backoff
from arcwire.socketio.client.buffer import Outgoing
from arcwire.socketio.client.membership import AuthSource, Membership
from arcwire.socketio.client.multiplexer import ClientConnection, Multiplexer
from arcwire.socketio.client.options import ReconnectionOptions, SocketOptions
from arcwire.socketio.client.pauses import Pauses
from arcwire.socketio.client.socket import ClientSocket
from arcwire.socketio.client.states import StateName
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.signature import Signature
from arcwire.socketio.tasks import Tasks, start

Opener: TypeAlias = Callable[[str, Multiplexer, EngineClientConfig], Awaitable[ClientConnection]]
"""Opens an Engine.IO connection; raises ConnectError."""

_ELSEWHERE = "this client belongs to another event loop, in which it connected: make one for each loop"

logger = logging.getLogger("arcwire.socketio")


class Manager:
    """Keeps a connection while any of its sockets wants one.

    Belongs to the event loop in which it first connects. `open_connection` makes connections.
    """

    def __init__(
        self,
        url: str,
        engine: EngineClientConfig,
        codec: Codec,
        reconnection: ReconnectionOptions,
        socket_options: SocketOptions,
        auth: AuthSource = None,
    ) -> None:
        self.url = url
        """Where it connects; may be changed for the next connection."""
        self.engine = engine
        """Options of the connection; may be changed for the next connection."""
        self.codec = codec
        self.open_connection: Opener = EngineConnection.open
        self.sockets: dict[str, ClientSocket] = {}
        """By namespace."""
        self.error_handlers: list[Signature] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._options = reconnection
        self._socket_options = socket_options
        self._auth = auth
        self._backoff = self.new_backoff()
        self._multiplexer: Multiplexer | None = None
        # Opens a connection, or waits for the time to try again.
        self._opening: asyncio.Task[None] | None = None
        self._pauses = Pauses()
        self._clocks: Clocks | None = None
        self._tasks = _Running()
        self._executor: ThreadPoolExecutor | None = None
        self._closed = False
        # Connections that were told to close, while what was sent is still on its way, and attempts that
        # were given up.
        self._closing: set[asyncio.Task[None]] = set()

    # -- sockets ------------------------------------------------------------------------

    def socket(self, namespace: str, *, auth: AuthSource = None) -> ClientSocket:
        """The socket of a namespace, made on first use; `auth` is the client's unless given."""
        name = check_name(namespace)
        socket = self.sockets.get(name)
        if socket is None:
            self.check_open()
            socket = self.sockets[name] = ClientSocket(self, name, self._auth, self._socket_options)
        if auth is not None:
            socket.auth = auth
        return socket

    @property
    def connection(self) -> ClientConnection | None:
        """The Engine.IO connection; None while there is none."""
        return None if self._multiplexer is None else self._multiplexer.connection

    @property
    def query(self) -> dict[str, str]:
        """What is sent with every request."""
        return {**dict(read_url(self.url).query), **read_query(self.engine)}

    @property
    def reconnects(self) -> bool:
        """Whether a lost connection is made anew."""
        return self._options.reconnection

    def activate(self, socket: Membership) -> None:
        """A socket wants to be connected."""
        if socket.state.name is StateName.CLOSED:
            return  # again, by a handler of its new state
        if self._multiplexer is not None:
            socket.enter(self._multiplexer)
        elif self._opening is None:
            self._backoff.reset()
            self._begin(None)
        else:
            self.wake()

    def deactivate(self, socket: Membership) -> None:
        """A socket is closed. With the last one the connection is."""
        if any(each.active for each in self.sockets.values()):
            return
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            self.wake()  # a pause of an attempt that had not begun
            self._keep(opening)
        if self._multiplexer is not None:
            multiplexer, self._multiplexer = self._multiplexer, None
            self._close(multiplexer)

    def wake(self) -> None:
        """Do now what waits for its time."""
        self._pauses.end()

    def pause(self, delay: float) -> asyncio.Future[None]:
        """Begin to wait so many seconds, or until somebody has no patience; await what it returns."""
        return self._pauses.begin(self._running_loop, delay)

    def new_backoff(self) -> Backoff:
        """For attempts to connect."""
        options = self._options
        return Backoff(
            options.reconnection_delay, options.reconnection_delay_max, options.randomization_factor
        )

    def connection_lost(self, multiplexer: Multiplexer, reason: DisconnectReason, description: str) -> None:
        """A connection is gone."""
        if multiplexer is not self._multiplexer:
            return
        self._multiplexer = None
        self._backoff.reset()
        delay = self._next_delay()
        if delay is not None:
            # Before anybody is told, so that a handler's `connect` finds it.
            self._begin(self.pause(delay))
        for socket in list(multiplexer.sockets.values()):
            socket.connection_lost(reason, description, delay)

    # -- running handlers ------------------------------------------------------------------

    def start(self, coroutine: Coroutine[Any, Any, Any], socket: Any = None) -> asyncio.Task[Any]:
        """Run a coroutine of the application, for `socket`. Whoever starts it sees to what it raises."""
        task = start(self.loop, coroutine)
        if not task.done():
            self._tasks.own(task, socket)
        return task

    def own(self, task: asyncio.Task[Any], socket: Any) -> None:
        """Keep a task that was started for `socket` until it is done."""
        self._tasks.own(task, socket)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine of a socket; it must not raise."""
        task = self._running_loop.create_task(coroutine)
        self._tasks.own(task)
        return task

    @property
    def is_here(self) -> bool:
        """Whether what is called now runs in the loop, or there is none yet."""
        return self.loop is None or self.loop is _get_running_loop()

    def on_loop(self, function: Callable[..., None], *args: Any) -> None:
        """Call it in the loop: now when that is where this is called, else soon and in order.

        Raises RuntimeError when that loop is closed.
        """
        if self.is_here:
            function(*args)
            return
        loop = self._running_loop
        if loop.is_closed():
            raise RuntimeError(_ELSEWHERE)
        loop.call_soon_threadsafe(self._guarded, function, *args)

    def call_soon(self, function: Callable[..., None], *args: Any) -> None:
        """Call it in the next round of the loop."""
        self._running_loop.call_soon(function, *args)

    def bind(self) -> None:
        """Belong to the running loop. Raises RuntimeError when there is none, or when it is another one."""
        loop = asyncio.get_running_loop()
        if self.loop is None:
            self.loop = loop
            self._clocks = clocks()
        elif loop is not self.loop:
            raise RuntimeError(_ELSEWHERE)

    @property
    def timers(self) -> Timers:
        """All deadlines of this loop's clients."""
        if self._clocks is None:
            self.bind()
        assert self._clocks is not None
        return self._clocks.timers

    def now(self) -> float:
        """The time of the loop."""
        return self._running_loop.time()

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads for plain `def` handlers."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(thread_name_prefix="arcwire")
        return self._executor

    # -- end -----------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it was closed, for good."""
        return self._closed

    def check_open(self) -> None:
        """Raise Disconnected if it was closed."""
        if self._closed:
            raise Disconnected("the client is closed")

    async def close(self, grace: float) -> None:
        """Leave all namespaces, send what was emitted, wait for handlers, and keep nothing.

        Any number of tasks may wait for it. Raises RuntimeError in another event loop.
        """
        if not self._closed:
            self.bind()
            self._closed = True  # before handlers hear of it, who might connect again
            for socket in list(self.sockets.values()):
                socket.leave(for_good=True)
            for socket in self.sockets.values():
                socket.observers.close()
        closer = asyncio.current_task()
        self._tasks.closers.add(closer)
        try:
            if self._closing:
                await asyncio.wait(tuple(self._closing))
            late = await self._tasks.finish(grace)
            if late:
                logger.warning("%d running handler(s) did not end within %g seconds", late, grace)
        finally:
            self._tasks.closers.discard(closer)
            if not self._tasks.closers:  # who is cancelled leaves the rest to the others
                for task in tuple(self._closing):
                    task.cancel()
                self._tasks.cancel()
                if self._executor is not None:
                    self._executor.shutdown(wait=False)
                    self._executor = None

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self.loop is None:
            self.bind()
        assert self.loop is not None
        return self.loop

    def _guarded(self, function: Callable[..., None], *args: Any) -> None:
        """Call what another thread wanted, who cannot be told any more."""
        try:
            function(*args)
        except ArcwireError as error:
            for outgoing in args:
                if isinstance(outgoing, Outgoing) and outgoing.answer is not None:
                    outgoing.fail(error)
                    return
            logger.warning("what another thread emitted is dropped: %s", error)

    def _next_delay(self) -> float | None:
        """Seconds until the next attempt; None when there were enough."""
        most = self._options.reconnection_attempts
        if most is not None and self._backoff.attempts >= most:
            return None
        return self._backoff.next(random.random())

    def _close(self, multiplexer: Multiplexer) -> None:
        connection = multiplexer.connection
        connection.close()
        self._keep(self._running_loop.create_task(connection.wait_closed()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _begin(self, pause: asyncio.Future[None] | None) -> None:
        task = self._running_loop.create_task(self._open(pause))
        if not task.done():
            self._opening = task

    async def _open(self, pause: asyncio.Future[None] | None) -> None:
        """Open a connection after a pause, as often as it takes."""
        self._opening = asyncio.current_task()  # here, because tasks may be eager
        while True:
            if pause is not None:
                await pause
            multiplexer = Multiplexer(self)
            try:
                engine = await self._introduce(self.engine)
                multiplexer.connection = await self.open_connection(self.url, multiplexer, engine)
                if multiplexer.closed is not None:
                    raise ConnectError(f"the connection ended at once: {multiplexer.closed[1]}", self.url)
            except ConnectError as failure:
                error = failure
            except Exception as failure:
                error = ConnectError(f"connecting to {self.url} failed: {failure!r}", self.url)
                error.__cause__ = failure
            else:
                break
            delay = self._failed(error)
            if delay is None:
                return
            pause = self.pause(delay)
        self._opening = None
        self._multiplexer = multiplexer
        self._backoff.reset()
        for socket in list(self.sockets.values()):
            if socket.active:
                socket.enter(multiplexer)
        multiplexer.begin()

    async def _introduce(self, engine: EngineClientConfig) -> EngineClientConfig:
        """Servers of Socket.IO 2 let a client into the root namespace for the query of its connection."""
        root = self.sockets.get("/")
        if engine.protocol == 4 or root is None or not root.active or root.auth is None:
            return engine
        auth = await root.show(root.auth)
        if auth is not None and not isinstance(auth, Mapping):
            raise ConnectError(f"`auth` is a dict, or a function that gives one, got {auth!r}")
        query = {**read_query(engine), **(auth or {})}
        changed = dataclasses.replace(engine, query=query)
        object.__setattr__(changed, "memory", engine.memory)
        return changed

    def _failed(self, error: ConnectError) -> float | None:
        """An attempt failed: the time to the next one; None when nobody wants one."""
        delay = self._next_delay()
        if delay is None:
            self._opening = None
        active = [socket for socket in self.sockets.values() if socket.active]
        for socket in active:
            if not socket.active:
                continue  # by a handler of another one
            attempt = socket.state.attempt + 1
            if delay is None or not socket.keeps_trying:
                socket.fail(error, attempt)
            else:
                socket.attempt_failed(error, attempt, delay)
        if self._opening is not asyncio.current_task():
            return None
        return delay


class _Running(Tasks):
    """What runs for a client. Those that close it, handlers perhaps, wait for the others only."""

    __slots__ = ("closers",)

    def __init__(self) -> None:
        super().__init__()
        self.closers: set[asyncio.Task[Any] | None] = set()

    def _others(self, current: asyncio.Task[Any] | None) -> list[asyncio.Task[Any]]:
        return [task for task in super()._others(current) if task not in self.closers]


def read_query(engine: EngineClientConfig) -> dict[str, str]:
    """The query that the options add."""
    query = engine.query
    assert not isinstance(query, str)  # it has been read
    return dict(query)
