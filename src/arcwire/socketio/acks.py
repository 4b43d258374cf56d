"""Acknowledgements that the server waits for. They always settle: answer, timeout, or disconnect."""

import asyncio
from asyncio import get_running_loop
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic

import msgspec

from arcwire.errors import AckTimeout, Disconnected, EventDropped, InvalidAnswer
from arcwire.socketio.outcome import Outcome
from arcwire.socketio.returns import Decode
from arcwire.socketio.waiter import Waiter

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # type checkers have it: for the default

    R = TypeVar("R", default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R")


class Answer(Outcome[R], Generic[R]):
    """What `emit_with_ack` returns: await it, or, in a thread, call `result`.

    The event has been sent in any case. Awaiting raises AckTimeout or Disconnected. Cancelling the
    await gives the answer up; the event stays sent.
    """

    __slots__ = (
        "_cleanups",
        "_decode",
        "_error",
        "_loop",
        "_settled",
        "_value",
        "_waiters",
        "timeout",
        "timer_slot",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None, timeout: float | None, decode: Decode | None = None
    ) -> None:
        self.timer_slot = 0
        self._loop = loop
        self.timeout = timeout
        """Seconds within which there has to be an answer; None for no limit."""
        self._decode = decode
        self._settled = False
        self._value: R | None = None
        self._error: Exception | None = None
        # One for each task that awaits it.
        self._waiters: tuple[Waiter, ...] = ()
        self._cleanups: tuple[Callable[[], None], ...] = ()

    def __await__(self) -> Generator[Any, None, R]:
        if not self._settled:
            loop = get_running_loop()
            if loop is not self._loop and self._loop is not None:
                raise RuntimeError("this answer comes in another event loop; in a thread, call result()")
            waiter = Waiter(loop)
            self._waiters += (waiter,)
            try:
                yield waiter
            except asyncio.CancelledError:
                self.give_up()
                raise
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def result(self) -> R:
        """Wait for the answer in a thread. Raises AckTimeout, Disconnected, RuntimeError.

        RuntimeError: called on the event loop's thread, which would wait for itself.
        """
        if self._loop is not None and not self._settled:
            try:
                running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
            except RuntimeError:
                running = None
            if running is self._loop:
                raise RuntimeError("result() is for threads; in a coroutine, await the answer")
            return asyncio.run_coroutine_threadsafe(self._wait(), self._loop).result()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    async def _wait(self) -> R:
        return await self

    def give_up(self) -> None:
        """Wait no longer; whoever still does gets Disconnected."""
        self.settle(error=Disconnected("the answer was given up"))

    # -- for the server -----------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether there is an answer, or will never be one."""
        return self._settled

    def on_settled(self, cleanup: Callable[[], None]) -> None:
        """Call `cleanup` once when settled, at once if it is."""
        if self._settled:
            cleanup()
        else:
            self._cleanups = (*self._cleanups, cleanup)

    def settle(self, value: R | None = None, error: Exception | None = None) -> None:
        """End the waiting; only the first call counts. Who awaits it goes on soon."""
        if self._settled:
            return
        self._settled = True
        self._value, self._error = value, error
        self._clean_up()
        for waiter in self._waiters:
            waiter.wake_soon()

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`: the time is up."""
        self.settle(error=AckTimeout(f"no acknowledgement within {self.timeout:g} seconds"))
        return None

    def _clean_up(self) -> None:
        cleanups, self._cleanups = self._cleanups, ()
        for cleanup in cleanups:
            cleanup()

    def receive(self, sender: object, args: list[object]) -> None:
        """An acknowledgement arrived."""
        raise NotImplementedError

    def lose(self, sender: object, reason: str) -> None:
        """The socket that should have answered is gone."""
        raise NotImplementedError

    def drop(self, sender: object, why: str) -> None:
        """The socket will not answer, though it is there."""
        raise NotImplementedError


def _value(args: list[object]) -> object:
    """What an acknowledgement carries: nothing, a value, or a tuple of several."""
    if len(args) == 1:
        return args[0]
    return tuple(args) if args else None


class SingleAnswer(Answer[R]):
    """The answer of one socket. Awaiting raises InvalidAnswer too, when there is a `decode`."""

    __slots__ = ()

    def receive(self, sender: object, args: list[object]) -> None:
        """An acknowledgement arrived. Who awaits it goes on at once."""
        if self._settled:
            return
        value: Any = args[0] if len(args) == 1 else _value(args)
        if self._decode is not None:
            try:
                value = self._decode(value)
            except InvalidAnswer as error:
                self.settle(error=error)
                return
        self._settled = True
        self._value = value
        if self._cleanups:
            self._clean_up()
        for waiter in self._waiters:
            waiter.wake()

    def lose(self, sender: object, reason: str) -> None:
        """The socket that should have answered is gone."""
        self.settle(error=Disconnected(f"the socket is gone: {reason}", reason))

    def drop(self, sender: object, why: str) -> None:
        """The socket was not asked."""
        self.settle(error=EventDropped(why))


class Reply(msgspec.Struct, Generic[R], frozen=True):
    """One answer to a broadcast."""

    id: str
    """The id of the socket that answered."""
    value: R
    """What it answered: a value, None for nothing, a tuple for several."""


class ManyAnswers(Answer[list[R]], Generic[R]):
    """The answers of many sockets, in the order of their arrival.

    Await it for the list of all, or take them as they come:

        answers = io.to("a").timeout(5).emit_with_ack("ready?")
        async for reply in answers:
            print(reply.id, reply.value)
        print(answers.missing)

    Those that leave are not waited for. Awaiting raises AckTimeout, which carries the answers that
    came in time, or InvalidAnswer, when one does not fit; the iteration just ends, without those
    that do not fit, which are in `invalid`.
    """

    __slots__ = ("_left", "_news", "_pending", "_replies", "invalid")

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None, timeout: float | None, decode: Decode | None = None
    ) -> None:
        super().__init__(loop, timeout, decode)
        self.invalid: dict[str, InvalidAnswer] = {}
        """What is wrong with the answers that do not fit `returns`, by the id of the socket."""
        self._pending: set[Any] = set()
        self._left: set[str] = set()
        self._replies: list[Reply[R]] = []
        self._news: asyncio.Future[None] | None = None

    async def __aiter__(self) -> AsyncGenerator[Reply[R], None]:
        """The answers as they come, those that came before too; ends when no other will come.

        May be stopped and begun again. Cancelling it gives the other answers up.
        """
        count = 0
        while True:
            while count < len(self._replies):
                yield self._replies[count]
                count += 1
            if self._settled:
                return
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            try:
                await asyncio.shield(self._news)
            except asyncio.CancelledError:
                self.give_up()
                raise

    @property
    def missing(self) -> frozenset[str]:
        """The ids of the sockets that got the event and have not answered, or have left."""
        return frozenset(self._left.union(sender.id for sender in self._pending))

    # -- for the server -----------------------------------------------------------

    def expect(self, senders: set[Any]) -> None:
        """Wait for these, which have an `id`; nobody means that it settles at once."""
        self._pending = set(senders)
        self._check()

    @property
    def pending(self) -> set[Any]:
        """Those whose answers are still waited for."""
        return self._pending

    def receive(self, sender: Any, args: list[object]) -> None:
        """An acknowledgement arrived."""
        if sender in self._pending:
            self._pending.discard(sender)
            value: Any = _value(args)
            try:
                self._replies.append(Reply(sender.id, value if self._decode is None else self._decode(value)))
            except InvalidAnswer as error:
                self.invalid[sender.id] = error
            self._check()
            self._announce()

    def lose(self, sender: Any, reason: str) -> None:
        """One of the sockets is gone."""
        if sender in self._pending:
            self._pending.discard(sender)
            self._left.add(sender.id)
            self._check()

    def drop(self, sender: Any, why: str) -> None:
        """One of the sockets will not answer."""
        self.lose(sender, why)

    def settle(self, value: list[R] | None = None, error: Exception | None = None) -> None:
        """End the waiting; only the first call counts."""
        super().settle(value, error)
        self._announce()

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`: the time is up."""
        message = (
            f"{len(self._pending)} of {len(self._pending) + len(self._replies)} "
            f"acknowledgements are missing after {self.timeout:g} seconds"
        )
        responses = [reply.value for reply in self._replies]
        self.settle(error=AckTimeout(message, responses, self.missing))
        return None

    def _check(self) -> None:
        if self._pending:
            return
        responses = [reply.value for reply in self._replies]
        if self.invalid:
            first = next(iter(self.invalid.values()))
            self.settle(error=InvalidAnswer(first.message, first.path, responses))
        else:
            self.settle(responses)

    def _announce(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)
