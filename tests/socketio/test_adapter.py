"""The adapters against their contract, and the kit that checks it."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from arcwire import Recovery
from arcwire.socketio.adapter import Adapter, LocalAdapter, Member, RoomObserver
from arcwire.socketio.outgoing import OutgoingEvent
from arcwire.socketio.recovering_adapter import RecoveringAdapter
from arcwire.socketio.recovery import Log, Membership
from arcwire.socketio.selection import Selection
from arcwire.testing import RecordingHome, RecordingMember, check_adapter


async def test_local_adapter() -> None:
    await check_adapter(LocalAdapter)


async def test_recovering_adapter() -> None:
    class RecoverableMember(RecordingMember):
        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.membership = Membership()

    def make(home: RecordingHome) -> Adapter:
        options = Recovery()
        log = Log(options, epoch="test", retention=120)
        return RecoveringAdapter(home, options, Clock(), lambda: log)  # type: ignore[arg-type]

    await check_adapter(make, RecoverableMember)


class Clock:
    """For an adapter whose deadlines never come."""

    def now(self) -> float:
        return 0.0

    @property
    def timers(self) -> "Clock":
        return self

    def schedule(self, entry: Any, deadline: float) -> None:
        """Forgets it."""

    def cancel(self, entry: Any) -> None:
        """There is nothing to cancel."""


class Broken(LocalAdapter):
    """Breaks one promise in each subclass below."""


class FindsNobody(Broken):
    def find(self, id: str) -> Member | None:
        return None


class KeepsRooms(Broken):
    def leave(self, member: Member, room: str) -> None:
        pass


class ForgetsExclusions(Broken):
    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        super().broadcast(Selection(selection.rooms, flags=selection.flags), event)


class SendsTwice(Broken):
    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        super().broadcast(selection, event)
        super().broadcast(selection, event)


class IgnoresFlags(Broken):
    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        super().broadcast(Selection(selection.rooms, selection.excluded), event)


class CountsThoseOutside(Broken):
    async def count(self, selection: Selection) -> int:
        return len(self.select(selection))


class AsksThoseOutside(Broken):
    def broadcast_with_ack(self, selection: Selection, event: OutgoingEvent, id: int, answer: Any) -> None:
        for member in self.select(selection):
            member.deliver(event)
        super().broadcast_with_ack(selection, event, id, answer)


class MovesEverybody(Broken):
    def sockets_join(self, selection: Selection, rooms: Sequence[str]) -> None:
        super().sockets_join(Selection(), rooms)


class TellsNobody(Broken):
    def observe(self, observer: RoomObserver) -> Callable[[], None]:
        return lambda: None


class AnswersItself(Broken):
    async def server_side_emit_with_ack(
        self, event: str, args: Sequence[object], seconds: float
    ) -> list[object]:
        return [None]


@pytest.mark.parametrize("broken", Broken.__subclasses__(), ids=lambda broken: broken.__name__)
async def test_the_kit_finds_what_is_broken(broken: type[LocalAdapter]) -> None:
    with pytest.raises(AssertionError, match=r"expected .*, got "):
        await check_adapter(broken)


def test_an_observer_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(RoomObserver):
        def room_joined(self, room: str, id: str) -> None:
            raise RuntimeError("observer")

        def room_left(self, room: str, id: str) -> None:
            raise RuntimeError("observer")

    adapter = LocalAdapter(RecordingHome())
    member = RecordingMember("a")
    adapter.observe(Failing())
    with caplog.at_level(logging.ERROR, logger="arcwire.socketio"):
        adapter.add(member)
        adapter.join(member, ["red"])
        adapter.leave(member, "red")
    assert adapter.rooms_of(member) == {"a"}
    assert len(caplog.records) == 3
