"""A client's membership in a namespace: how it comes in, is lost, comes back, and ends."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from arcwire.errors import ArcwireError, ConnectError, ConnectRefused, ConnectTimeout, Disconnected
from arcwire.socketio.client.multiplexer import ClientConnection, Multiplexer
from arcwire.socketio.client.namespace import ClientNamespace
from arcwire.socketio.client.offsets import Offsets
from arcwire.socketio.client.states import INITIAL, State, StateName
from arcwire.socketio.outcome import Outcome
from arcwire.socketio.protocol.packet import Packet, PacketError
from arcwire.socketio.protocol.reasons import DisconnectReason

if TYPE_CHECKING:
    from arcwire.socketio.client.manager import Manager
    from arcwire.socketio.client.socket import ClientSocket

AuthData: TypeAlias = Mapping[str, Any] | None
AuthSource: TypeAlias = AuthData | Callable[[], AuthData | Awaitable[AuthData]]
"""What the client shows to be let in: a dict, or a function, `async` or not, that gives one each time."""

MAX_EARLY = 100_000
"""Events that may arrive before the namespace says that the client is in: those that it missed."""

_SETTLING = 10
"""Rounds of the loop for which events that arrive with the connection wait for whoever awaited it: a task,
a `gather` and a time limit around one take two each."""

_CONNECTING = StateName.CONNECTING
_OPEN = StateName.OPEN
_RECOVERING = StateName.RECOVERING
_CLOSED = StateName.CLOSED

_LEFT = "this client left the namespace"

logger = logging.getLogger("arcwire.socketio")


class Connecting(Outcome["ClientSocket"]):
    """What `connect` returns: await it for the socket, once its namespace is usable."""

    __slots__ = ("_error", "_futures", "_membership", "_settled", "awaited")

    def __init__(self, membership: "ClientSocket") -> None:
        self._membership = membership
        self._futures: list[asyncio.Future[None]] = []
        self._settled = False
        self._error: ArcwireError | None = None
        self.awaited = False
        """Whether somebody waits, or did."""

    def __await__(self) -> Generator[Any, None, "ClientSocket"]:
        """Raises why it is not usable."""
        if not self._settled:
            loop = asyncio.get_running_loop()
            self._membership.check_loop(loop)
            self.awaited = True
            future: asyncio.Future[None] = loop.create_future()
            self._futures.append(future)
            try:
                yield from future
            except asyncio.CancelledError:
                self._futures.remove(future)
                if not self._futures:
                    self._membership.give_up(self)
                raise
        if self._error is not None:
            raise self._error
        return self._membership

    def settle(self, error: ArcwireError | None) -> None:
        """It is usable, or, for this reason, is not."""
        self._settled = True
        self._error = error
        for future in self._futures:
            if not future.done():
                future.set_result(None)


class Membership:
    """The base of `ClientSocket`: its connection and its state.

    What happens is told in this order: state, handlers, whoever awaits `connect`, and then events.
    """

    __slots__ = (
        "_connection",
        "_entering",
        "_epoch",
        "_held",
        "_keeps_trying",
        "_manager",
        "_multiplexer",
        "_offsets",
        "_pid",
        "_timeout",
        "_waiting",
        "auth",
        "id",
        "namespace",
        "receive_ack",
        "state",
        "timer_slot",
    )

    id: str | None
    """The id that the server gave it; None while it is not connected."""
    namespace: ClientNamespace
    """The namespace that it is in: `socket.namespace.name`."""
    auth: AuthSource
    """What is shown to be let in; it may be replaced, for the next connection."""
    state: State
    """What it is doing, and why."""
    receive_ack: Callable[[Packet], None]
    """Called when an acknowledgement has arrived. Raises PacketError."""

    def __init__(self, manager: "Manager", auth: AuthSource, timeout: float | None) -> None:
        self._manager = manager
        self.auth = auth
        self.id = None
        self.state = INITIAL
        # The connection that it uses or enters, and the one that events leave by: None until it is in.
        self._multiplexer: Multiplexer | None = None
        self._connection: ClientConnection | None = None
        # Asks for `auth`, if that takes time.
        self._entering: asyncio.Task[None] | None = None
        # What arrived and waits: until it is in, and until who awaits that had a chance to listen.
        self._held: list[Packet] | None = None
        # Changes when what was begun for later, a release or the asking for `auth`, is not wanted any more.
        self._epoch = 0
        # Of connection state recovery.
        self._pid: str | None = None
        self._offsets = Offsets()
        # Whether a failed attempt is followed by others.
        self._keeps_trying = False
        # Calls of `connect` whose outcome is not known yet.
        self._waiting: list[Connecting] = []
        self._timeout = timeout
        self.timer_slot = 0

    # -- what others do about it ----------------------------------------------------------

    def greet(self) -> dict[str, Any]:
        """What to add to `auth`."""
        raise NotImplementedError

    def opened(self, greeting: Mapping[str, Any]) -> None:
        """It is in: send what waits."""
        raise NotImplementedError

    def lost(self, reason: DisconnectReason, description: str) -> None:
        """It was in, and is not any more."""
        raise NotImplementedError

    def ended(self, error: ArcwireError, for_good: bool) -> None:
        """It will not be in before it is told to connect: whoever waits for something learns it."""
        raise NotImplementedError

    def tell(self, state: State) -> None:
        """The state has changed."""
        raise NotImplementedError

    def handle_event(self, packet: Packet) -> None:
        """An event has arrived, and its turn has come. Raises PacketError."""
        raise NotImplementedError

    # -- by the application -----------------------------------------------------------------

    def begin(self, retry: bool, call: Connecting) -> None:
        """Connect, or do it now where the next attempt is waited for."""
        self._manager.bind()
        if self.state.name is _OPEN:
            call.settle(None)
            return
        self._waiting.append(call)
        if self.state.name is _CLOSED:
            self._keeps_trying = retry
            self._change(State(name=_CONNECTING))
            self._manager.activate(self)
        else:
            self._manager.wake()

    def check_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raise RuntimeError unless it is that in which this happens."""
        if self._manager.loop is not loop:
            raise RuntimeError("this client connects in another event loop: wait for it there")

    def give_up(self, call: Connecting) -> None:
        """Who waited for this was cancelled; what nobody wants any more is not gone on with."""
        if call in self._waiting:
            self._waiting.remove(call)
            call.settle(Disconnected("the connecting was given up"))  # for who awaits it again
            if self.state.name is _CONNECTING and not self._waiting:
                self.leave()

    def leave(self, *, for_good: bool = False) -> None:
        """Leave the namespace; harmless when closed."""
        if self.state.name is not _CLOSED:
            reason = DisconnectReason.CLIENT_NAMESPACE_DISCONNECT
            self._end(State(name=_CLOSED, reason=reason, description=_LEFT), for_good=for_good)
        elif for_good:
            self.ended(Disconnected("the client is closed"), True)

    def hold(self) -> bool:
        """Keep what came with the connection until `release`, for who has just awaited `connect`; False
        where nothing waits any more."""
        if self._connection is None or self._held is None:
            return False
        self._epoch += 1  # not by itself
        return True

    def release(self) -> None:
        """Handle what `hold` kept."""
        if self._connection is not None and self._held is not None:
            self._release()

    # -- by the manager -----------------------------------------------------------------------

    @property
    def keeps_trying(self) -> bool:
        """Whether a failed attempt is followed by others."""
        return self._keeps_trying

    def enter(self, multiplexer: Multiplexer) -> None:
        """There is a connection: be let in by the server."""
        if self._multiplexer is not None:
            return  # a handler of another socket was faster
        self._multiplexer = multiplexer
        self._held = []
        self._expect_answer()
        multiplexer.enter(self)

    async def show(self, source: AuthSource) -> object:
        """What `auth` gives. Raises ConnectError, after `timeout` ConnectTimeout."""
        if not callable(source):
            return source
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await self.namespace.call_function(source)
        except (Exception, asyncio.CancelledError) as failure:
            task = asyncio.current_task()
            if isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # by this client, not by the function
            if limit.expired():
                message = f"the function that gives `auth` did not end within {self._timeout:g} seconds"
                raise ConnectTimeout(message) from failure
            raise ConnectError(f"the function that gives `auth` failed: {failure!r}") from failure

    def attempt_failed(self, error: ConnectError, attempt: int, delay: float) -> None:
        """It could not connect, and will try again."""
        state = self.state
        self._change(
            State(
                name=state.name,
                reason=state.reason,
                description=state.description,
                error=error,
                attempt=attempt,
                delay=delay,
            )
        )

    def fail(self, error: ConnectError, attempt: int = 0) -> None:
        """It could not connect, and will not try again."""
        state = self.state
        if state.name is not _CLOSED:
            description = state.description or str(error)
            self._end(
                State(
                    name=_CLOSED, reason=state.reason, description=description, error=error, attempt=attempt
                )
            )

    def connection_lost(self, reason: DisconnectReason, description: str, delay: float | None) -> None:
        """The connection is gone; another attempt would follow after `delay`, or, if None, none."""
        if self.state.name is _CLOSED:
            return  # by a handler of another socket
        if self._connection is None:
            error = ConnectError(
                f"the connection was lost before {self.namespace.name!r} answered: {description}"
            )
            self._detach()
            if delay is None or not self._keeps_trying:
                self.fail(error)
            else:
                self.attempt_failed(error, self.state.attempt + 1, delay)
        elif delay is None or not self._keeps_trying:
            self._end(State(name=_CLOSED, reason=reason, description=description))
        else:
            before = self.state
            self.release()
            if self.state is not before:
                return  # by a handler of what came before
            self._detach()
            self.lost(reason, description)
            self._change(State(name=_RECOVERING, reason=reason, description=description, delay=delay))

    # -- by the multiplexer ---------------------------------------------------------------------

    def introduce(self, multiplexer: Multiplexer) -> None:
        """Ask the server to be let in."""
        if callable(self.auth):
            self._manager.timers.cancel(self)  # the function has its own limit
            task = self._manager.spawn(self._ask_for_auth(multiplexer, self._epoch))
            if not task.done():  # as it may be where tasks are eager
                self._entering = task
        else:
            self._send_connect(multiplexer, self.auth)

    def receive_event(self, packet: Packet) -> None:
        """An event arrived. Raises PacketError."""
        if self._pid is not None and packet.id is None:
            if packet.json is None:
                self._offsets.cut_list(packet.data)
            else:
                packet.json = self._offsets.cut(packet.json)
        if self._held is None:
            self.handle_event(packet)
        elif len(self._held) < MAX_EARLY:
            self._held.append(packet)
        elif self._connection is not None:
            self._release()
            self.handle_event(packet)
        else:
            raise PacketError("too many events before the namespace was joined")

    def receive_connect(self, data: object) -> None:
        """The server lets it in."""
        multiplexer = self._multiplexer
        if multiplexer is None or self._connection is not None:
            return
        greeting: Mapping[str, Any] = data if isinstance(data, dict) else {}
        id = greeting.get("sid")
        if multiplexer.dialect.id_of is not None:
            id = multiplexer.dialect.id_of(self.namespace.name, multiplexer.connection.sid)
        if not isinstance(id, str):
            self.fail(
                ConnectError(f"the server gave no id: it may speak Socket.IO 2, with protocol=3 ({data!r})")
            )
            return
        pid = greeting.get("pid")
        recovered = isinstance(pid, str) and pid == self._pid
        if not recovered:
            self._pid = pid if isinstance(pid, str) else None
            self._offsets = Offsets()
        self.id = id
        self._connection = connection = multiplexer.connection
        self._keeps_trying = self._manager.reconnects
        self._manager.timers.cancel(self)
        self.opened(greeting)
        if self._connection is not connection:
            return  # by a handler of what was sent
        awaited = any(call.awaited for call in self._waiting)
        self._change(State(name=_OPEN, recovered=recovered))
        if self._connection is not connection:
            return
        self._epoch += 1
        if awaited:
            # A handler that is registered right after `await connect()` gets what came with the connection.
            self._release_later(self._epoch, _SETTLING)
        else:
            self._release()

    def receive_refusal(self, data: object) -> None:
        """The server does not let it in."""
        if self._multiplexer is None:
            return
        message, content = self._multiplexer.dialect.read_refusal(data)
        if self._connection is None:
            self.fail(ConnectRefused(message, content, self.namespace.name))
        else:
            logger.warning("the server tells %r of an error: %s", self, message)

    def receive_disconnect(self) -> None:
        """The server ended the namespace."""
        reason = DisconnectReason.SERVER_NAMESPACE_DISCONNECT
        self._end(State(name=_CLOSED, reason=reason, description="the server ended the namespace"))

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`: the namespace did not answer."""
        if self._connection is None and self._multiplexer is not None:
            error = ConnectTimeout(
                f"the namespace {self.namespace.name!r} did not answer within {self._timeout:g} seconds"
            )
            if self._keeps_trying:
                logger.warning("%r: %s; the connection is made anew", self, error)
                self._multiplexer.connection.close()
            else:
                self.fail(error)
        return None

    # -- inside -------------------------------------------------------------------------------------

    async def _ask_for_auth(self, multiplexer: Multiplexer, epoch: int) -> None:
        manager = self._manager
        backoff = manager.new_backoff()
        while True:
            error: ConnectError | None = None
            auth: object = None
            try:
                auth = await self.show(self.auth)
            except ConnectError as failure:
                error = failure
            if epoch != self._epoch:
                return  # it has left meanwhile, by this function itself perhaps
            if error is None:
                self._entering = None
                self._send_connect(multiplexer, auth)
                return
            if not self._keeps_trying:
                self._entering = None
                self.fail(error)
                return
            delay = backoff.next(random.random())
            self.attempt_failed(error, backoff.attempts, delay)
            await manager.pause(delay)

    def _send_connect(self, multiplexer: Multiplexer, auth: object) -> None:
        self._expect_answer()
        try:
            if auth is not None and not isinstance(auth, Mapping):
                raise TypeError(f"`auth` is a dict, or a function that gives one, got {auth!r}")
            content: dict[str, Any] = {} if auth is None else dict(auth)
            if not multiplexer.dialect.answers_with_id:
                content = {**self._manager.query, **content}
            else:
                if self._pid is not None:
                    offset = self._offsets.last
                    where = {"pid": self._pid} if offset is None else {"pid": self._pid, "offset": offset}
                    content = {**where, **content}
                content.update(self.greet())
            multiplexer.ask(self.namespace.name, content)
        except Exception as wrong:  # whatever the application's objects raise
            error = ConnectError(f"the auth for {self.namespace.name!r} cannot be sent: {wrong!r}")
            error.__cause__ = wrong
            self.fail(error)

    def _expect_answer(self) -> None:
        timers = self._manager.timers
        timers.cancel(self)
        if self._timeout is not None:
            timers.schedule(self, self._manager.now() + self._timeout)

    def _release_later(self, release: int, rounds: int) -> None:
        if release != self._epoch:
            return
        if rounds:
            self._manager.call_soon(self._release_later, release, rounds - 1)
        else:
            self._release()

    def _release(self) -> None:
        """Handle the events that waited."""
        self._epoch += 1
        held, self._held = self._held, None
        multiplexer = self._multiplexer
        for packet in held or ():
            if multiplexer is None or self._connection is None:
                return
            multiplexer.guard(self, packet)

    def _detach(self) -> None:
        """It uses the connection no longer."""
        multiplexer, self._multiplexer = self._multiplexer, None
        self._connection = None
        self._held = None
        self._epoch += 1
        self.id = None
        entering, self._entering = self._entering, None
        if entering is not None:
            entering.cancel()
        if multiplexer is not None:
            multiplexer.remove(self)
            self._manager.timers.cancel(self)

    def _end(self, state: State, *, for_good: bool = False) -> None:
        before = self.state
        self.release()
        if self.state is not before:  # by a handler of what came before
            if for_good:
                self.leave(for_good=True)
            return
        was_open = self._connection is not None
        self._detach()
        # Before anybody is told: a handler may connect again.
        self.state = state
        self._manager.deactivate(self)
        if was_open:
            assert state.reason is not None
            self.lost(state.reason, state.description)
        self.ended(Disconnected(f"the socket is closed: {state.description}", state.reason), for_good)
        if self.state is state:
            self._change(state)

    def _change(self, state: State) -> None:
        self.state = state
        if state.name is _OPEN or state.name is _CLOSED:
            waiting, self._waiting = self._waiting, []
            error = None if state.name is _OPEN else _why(state)
            for call in waiting:
                call.settle(error)
        self.tell(state)


def _why(state: State) -> ArcwireError:
    """What whoever waits for a closed socket is told."""
    return state.error or Disconnected(state.description or "the socket is not connected", state.reason)
