"""Sending to many: the one place where `to`, `except_`, `emit` and the rest are written."""

from collections.abc import Callable, Collection, Generator
from typing import Any, Protocol

from arcwire.engineio.link import PreparedMessage
from arcwire.socketio.acks import ManyAnswers
from arcwire.socketio.adapter import LocalAdapter
from arcwire.socketio.handlers import check_event
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.selection import Selection


class Emission:
    """What `emit` returns. The event is on its way in any case; awaiting it means back-pressure."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        """Return once the next event may be emitted without piling up."""
        return
        yield


_EMITTED = Emission()


class Space(Protocol):
    """The namespace, as a broadcast sees it."""

    name: str
    adapter: LocalAdapter
    codec: Codec

    @property
    def parts(self) -> "Collection[Space] | None":
        """The namespaces that a broadcast goes to in place of this one; usually None."""

    def next_ack_id(self) -> int:
        """An id for a packet that wants acknowledgements. From any thread."""

    def open_answers(self, timeout: float | None) -> ManyAnswers:
        """A new collection of acknowledgements. From any thread."""

    def on_loop(self, function: Callable[..., None], *args: object) -> None:
        """Call it on the loop's thread: now when this is that thread, else soon and in order."""

    def watch(self, answers: ManyAnswers, timeout: float | None) -> None:
        """Arm the timeout of a collection. On the loop's thread."""


class Broadcast:
    """A choice of sockets of one namespace, and what can be done with them.

    Immutable: every method that narrows or widens the choice returns a new object, so a choice
    may be kept and used again. Room names are strings; several are several arguments.
    """

    __slots__ = ("_selection", "_space", "_timeout")

    def __init__(
        self, space: Space, selection: Selection | None = None, timeout: float | None = None
    ) -> None:
        self._space = space
        self._selection = Selection() if selection is None else selection
        self._timeout = timeout

    def to(self, *rooms: str) -> "Broadcast":
        """Also the members of these rooms. A socket in several of them gets an event once."""
        return Broadcast(self._space, self._selection.to(rooms), self._timeout)

    in_ = to

    def except_(self, *rooms: str) -> "Broadcast":
        """Without the members of these rooms."""
        return Broadcast(self._space, self._selection.except_(rooms), self._timeout)

    def timeout(self, seconds: float) -> "Broadcast":
        """Wait at most this long for acknowledgements."""
        return Broadcast(self._space, self._selection, check_timeout(seconds))

    def emit(self, event: str, *args: object) -> Emission:
        """Send an event; encoded once for all. From any thread, in the order of the calls.

        Raises TypeError or ValueError for a reserved name and for arguments without a JSON form.
        """
        check_event(event, where="emit")
        if self._space.parts is not None:
            for space in [*self._space.parts]:
                Broadcast(space, self._selection, self._timeout).emit(event, *args)
            return _EMITTED
        messages = self._prepare(event, args)
        self._space.on_loop(self._space.adapter.broadcast, self._selection, messages)
        return _EMITTED

    def emit_with_ack(self, event: str, *args: object) -> ManyAnswers:
        """Send an event and wait for the acknowledgement of every socket that got it.

        Awaiting gives the list of answers in the order of their arrival: what each client passed
        to its acknowledgement, None for nothing, a tuple for several values. Sockets that go away
        are not waited for. Raises AckTimeout, with the answers that came, when `timeout` was set.
        """
        check_event(event, where="emit_with_ack")
        space = self._space
        if space.parts is not None:
            raise TypeError("a parent collects no acknowledgements: ask its children one by one")
        id = space.next_ack_id()
        messages = self._prepare(event, args, id)
        answers = space.open_answers(self._timeout)
        space.on_loop(self._ask, messages, id, answers)
        return answers

    def _prepare(self, event: str, args: tuple[object, ...], id: int | None = None) -> list[PreparedMessage]:
        codec = self._space.codec
        payload, attachments = codec.encode_event(self._space.name, event, args, id)
        return prepare(codec, payload, attachments)

    def _ask(self, messages: list[PreparedMessage], id: int, answers: ManyAnswers) -> None:
        self._space.adapter.broadcast_with_ack(self._selection, messages, id, answers)
        self._space.watch(answers, self._timeout)


def prepare(codec: Codec, payload: bytes, attachments: list[bytes] | None) -> list[PreparedMessage]:
    """The messages of one packet, for many links or for later."""
    messages = [PreparedMessage(payload, binary=codec.binary)]
    if attachments:
        messages += [PreparedMessage(attachment, binary=True) for attachment in attachments]
    return messages


def check_timeout(seconds: float) -> float:
    """Return a timeout. Raises ValueError for what is not a positive number of seconds."""
    if not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError(f"a timeout is a positive number of seconds, got {seconds!r}")
    return seconds
