"""The adapter of one node that lets clients continue their sessions."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.timers import Timers
from arcwire.socketio.adapter import Home, LocalAdapter, Member
from arcwire.socketio.outgoing import OutgoingEvent
from arcwire.socketio.recovery import Entry, Log, Membership, Recovery, Session
from arcwire.socketio.selection import Selection

logger = logging.getLogger("arcwire.socketio")


class Clock(Protocol):
    """The engine's time, and its timers once it runs."""

    @property
    def timers(self) -> Timers:
        """One timer structure for all deadlines."""

    def now(self) -> float:
        """The time of the event loop."""


class RecoverableMember(Member, Protocol):
    """A socket whose session may be continued."""

    pid: str
    membership: Membership


class RecoveringHome(Home, Protocol):
    """The namespace, as this adapter sees it."""

    def arrive(self) -> None:
        """There is one more reason to exist: a socket, or a session that is waited for."""

    def depart(self) -> None:
        """There is one less."""

    def session_expired(self, session: Session) -> None:
        """A client did not come back, or cannot continue. Does not raise."""


class RecoveringAdapter(LocalAdapter):
    """Numbers events, keeps them for a while, and keeps the sessions of clients that are away.

    A session is continued once: it is in exactly one place, with its socket or here. All methods
    are called on the loop's thread.
    """

    __slots__ = ("_clock", "_home", "_live", "_log", "_new_log", "_options", "_sessions", "timer_slot")

    _home: RecoveringHome

    def __init__(
        self, home: RecoveringHome, options: Recovery, clock: Clock, new_log: Callable[[], Log]
    ) -> None:
        super().__init__(home)
        self.timer_slot = 0
        self._home = home
        self._options = options
        self._clock = clock
        self._new_log = new_log
        self._log = new_log()
        # By pid. Sessions in the order in which their clients went away, so that of their deadlines.
        self._sessions: dict[str, Session] = {}
        self._live: dict[str, RecoverableMember] = {}

    # -- Adapter ------------------------------------------------------------------------

    def add(self, member: Member) -> None:
        """See `Adapter`."""
        super().add(member)
        _membership(member).enter(None, self._log.position)

    def join(self, member: Member, rooms: Sequence[str]) -> None:
        """See `Adapter`."""
        super().join(member, rooms)
        for room in rooms:
            _membership(member).enter(room, self._log.position)

    def leave(self, member: Member, room: str) -> None:
        """See `Adapter`."""
        super().leave(member, room)
        if room != member.id:
            _membership(member).leave(room, self._log.position)

    def broadcast(self, selection: Selection, event: OutgoingEvent) -> None:
        """See `Adapter`. The event has its offset then."""
        keep = bool(self._sessions) or self._reaches(selection)
        super().broadcast(selection, self.stamp(selection, event, keep=keep))

    def close(self) -> None:
        """See `Adapter`. No session outlives its server."""
        super().close()
        sessions, self._sessions = self._sessions, {}
        self._log = self._new_log()
        if self.timer_slot:
            self._clock.timers.cancel(self)
        for _ in sessions:
            self._home.depart()

    # -- for sockets ----------------------------------------------------------------------

    @property
    def position(self) -> int:
        """How many events there were."""
        return self._log.position

    def stamp(self, selection: Selection, event: OutgoingEvent, *, keep: bool) -> OutgoingEvent:
        """The event with its offset, encoded and framed once for all; kept for those who miss it.

        Volatile events are not kept. They carry the offset of the event before them, because
        JavaScript's client takes any string at the end of an event for one.
        """
        first, *attachments = event.messages
        if selection.flags.volatile:
            payload = self._home.codec.append_argument(first.payload, self._log.offset)
        elif keep:
            contents = [message.payload for message in attachments]
            payload = self.record(selection, first.payload, contents, first.compress)
        else:
            self._log.position += 1
            payload = self._home.codec.append_argument(first.payload, self._log.offset)
        stamped = PreparedMessage(payload, binary=first.binary, compress=first.compress)
        return OutgoingEvent(event.name, event.args, [stamped, *attachments])

    def record(
        self, selection: Selection, payload: bytes, attachments: Sequence[bytes], compress: bool
    ) -> bytes:
        """Keep an event; its message with the offset."""
        log = self._log
        log.position += 1
        payload = self._home.codec.append_argument(payload, log.offset)
        log.keep(selection, (payload, *attachments), compress, self._clock.now())
        if not self.timer_slot:
            self._arm()
        return payload

    def messages(self, entry: Entry) -> list[PreparedMessage]:
        """The messages of an event that was kept."""
        first, *attachments = entry.payloads
        return [
            PreparedMessage(first, binary=self._home.codec.binary, compress=entry.compress),
            *[PreparedMessage(each, binary=True, compress=entry.compress) for each in attachments],
        ]

    def attend(self, member: RecoverableMember) -> None:
        """A socket has this pid from now on."""
        self._live[member.pid] = member

    def live(self, pid: str) -> RecoverableMember | None:
        """The socket that has a pid now."""
        return self._live.get(pid)

    def dismiss(self, member: RecoverableMember) -> None:
        """A socket is gone."""
        if self._live.get(member.pid) is member:
            del self._live[member.pid]

    def keep(self, session: Session) -> None:
        """Wait for a client that is gone to come back."""
        session.deadline = self._clock.now() + self._options.max_disconnection_duration
        self._sessions[session.pid] = session
        self._home.arrive()
        if len(self._sessions) > self._options.max_sessions:
            self._expire(next(iter(self._sessions)))
        self._clock.timers.schedule(self, session.deadline)

    def restore(self, pid: str, offset: object) -> tuple[Session, list[Entry]] | None:
        """Hand out a session, once, with the events that its client missed.

        None: there is no such session, or some of these events are not kept any more.
        """
        session = self._sessions.get(pid)
        if session is None:
            return None
        missed = None
        if session.deadline > self._clock.now():
            missed = self._log.missed(session.membership, self._log.read(offset, session.start))
            if missed is None:
                logger.info("%r starts anew: events that it missed are not kept any more", session)
        if missed is None:
            self._expire(pid)
            return None
        del self._sessions[pid]
        self._home.depart()
        return session, missed

    def end(self, session: Session) -> None:
        """A session that came back ends before its client was let in."""
        self._log.forget(session.id)
        self._home.session_expired(session)

    def forget(self, id: str) -> None:
        """The client of this socket does not come back."""
        self._log.forget(id)

    # -- Timed ----------------------------------------------------------------------------

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`."""
        for pid, session in list(self._sessions.items()):
            if session.deadline > now:
                break
            self._expire(pid)
        self._log.purge(now)
        return self._deadline

    # -- inside -----------------------------------------------------------------------------

    @property
    def _deadline(self) -> float | None:
        deadlines = [session.deadline for session in list(self._sessions.values())[:1]]
        if self._log.deadline is not None:
            deadlines.append(self._log.deadline)
        return min(deadlines, default=None)

    def _arm(self) -> None:
        deadline = self._deadline
        if deadline is not None:
            self._clock.timers.schedule(self, deadline)

    def _expire(self, pid: str) -> None:
        session = self._sessions.pop(pid)
        self.end(session)
        self._home.depart()

    def _reaches(self, selection: Selection) -> bool:
        if not selection.rooms:
            return bool(self._members)
        return any(room in self._members or room in self._rooms for room in selection.rooms)


def _membership(member: Member) -> Membership:
    membership: Membership = member.membership  # type: ignore[attr-defined]
    return membership
