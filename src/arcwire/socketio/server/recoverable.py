"""A socket whose client may come back after a lost connection and continue."""

from threading import get_ident
from typing import TYPE_CHECKING, Any, Self, cast

from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.socketio.broadcast import Emission
from arcwire.socketio.handlers import check_event
from arcwire.socketio.outgoing import OutgoingEvent
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.recovering_adapter import RecoveringAdapter
from arcwire.socketio.recovery import Entry, Membership, Session
from arcwire.socketio.selection import DEFAULT_FLAGS, Flags, Selection
from arcwire.socketio.server.flagged import FlaggedSocket, SocketEmission
from arcwire.socketio.server.socket import Socket

if TYPE_CHECKING:
    from arcwire.socketio.server.multiplexer import Multiplexer
    from arcwire.socketio.server.namespace import Namespace

_RECOVERABLE = frozenset(
    (
        DisconnectReason.TRANSPORT_ERROR,
        DisconnectReason.TRANSPORT_CLOSE,
        DisconnectReason.FORCED_CLOSE,
        DisconnectReason.PING_TIMEOUT,
        DisconnectReason.PAYLOAD_TOO_LARGE,
    )
)
"""Ends that nobody decided for. Whoever left or was sent away has no session any more."""


class RecoverableSocket(Socket):
    """A socket of a server with `connection_state_recovery`.

    What is emitted to it goes the way of broadcasts, to the room of its own: so it is kept, also
    while the client is away, and reaches the socket that continues the session.
    """

    __slots__ = ("_adapter", "_alone", "_known", "_session", "_start", "membership", "pid")

    def __init__(
        self,
        namespace: "Namespace",
        multiplexer: "Multiplexer",
        auth: dict[str, Any],
        restored: tuple[Session, list[Entry]] | None,
    ) -> None:
        super().__init__(namespace, multiplexer, auth)
        self._adapter = adapter = cast("RecoveringAdapter", namespace.adapter)
        # Whether the client may know the pid, so that it can come back.
        self._known = restored is not None
        self._session: Session | None = None
        if restored is None:
            self.pid = self.server.new_id()
            self.membership = Membership()
            self._start = adapter.position
            self.membership.enter(self.id, self._start)
            self._alone = Selection(frozenset((self.id,)))
        else:
            session, missed = restored
            self._session = session
            self.pid, self.id = session.pid, session.id
            self.membership = session.membership
            self._start = session.start
            self._data = session.data
            self._alone = Selection(frozenset((self.id,)))
            # It is back at once: what is sent while it is let in follows what it missed.
            adapter.add(self)
            adapter.join(self, [room for room in session.rooms if room != self.id])
            assert self._held is not None
            for entry in missed:
                self._held += adapter.messages(entry)
        adapter.attend(self)

    @classmethod
    def open(cls, namespace: "Namespace", multiplexer: "Multiplexer", auth: dict[str, Any]) -> Self:
        """A socket for a client that wants to connect, or to come back if `auth` says so.

        `pid` and `offset` belong to the protocol: handlers do not see them.
        """
        adapter = cast("RecoveringAdapter", namespace.adapter)
        pid, offset = auth.get("pid"), auth.get("offset")
        auth = {key: value for key, value in auth.items() if key not in ("pid", "offset")}
        restored = None
        if isinstance(pid, str):
            twin = adapter.live(pid)
            if isinstance(twin, RecoverableSocket):
                # The client knows that the connection is lost, this server does not yet.
                twin.connection.abort(
                    CloseReason.TRANSPORT_CLOSE, "the client came back on another connection"
                )
            restored = adapter.restore(pid, offset)
        return cls(namespace, multiplexer, auth, restored)

    @property
    def recovered(self) -> bool:
        """See `Socket`."""
        return self._session is not None

    # -- sending --------------------------------------------------------------------------

    def emit(self, event: str, *args: object) -> Emission:
        """See `Socket`. Kept, and sent again, for a client that is away for a short time."""
        if not self.connected or self.hooks.watches or get_ident() != self.server.thread:
            return FlaggedSocket(self, DEFAULT_FLAGS).emit(event, *args)
        # What the other way comes to, for the common case.
        check_event(event, where="emit")
        payload, attachments = self.server.codec.encode_event(self.namespace.name, event, args)
        self._send(self._adapter.record(self._alone, payload, attachments or (), True), attachments)
        return SocketEmission(self._multiplexer.connection)

    def send_event(self, flags: Flags, event: OutgoingEvent) -> None:
        """See `Socket`."""
        selection = self._alone if flags is DEFAULT_FLAGS else self._alone.having(flags)
        adapter = self._adapter
        if self.gone or adapter.find(self.id) is self:
            adapter.broadcast(selection, event)
        elif not flags.volatile:
            # Its middlewares still run: nobody else can reach it yet.
            self.deliver(adapter.stamp(selection, event, keep=True))

    # -- for the namespace and the multiplexer ----------------------------------------------

    @property
    def greeting(self) -> dict[str, object]:
        """See `Socket`."""
        return {"sid": self.id, "pid": self.pid}

    @property
    def skips_middlewares(self) -> bool:
        """See `Socket`."""
        recovery = self.server.recovery
        return self.recovered and recovery is not None and recovery.skip_middlewares

    def accept(self) -> None:
        """See `Socket`."""
        super().accept()
        self._known = self._multiplexer.dialect.answers_with_id

    def end(self, reason: DisconnectReason, description: str) -> None:
        """See `Socket`. The session is kept before anybody is told."""
        if self.gone:
            return
        self._adapter.dismiss(self)
        entered = self.connected
        session = Session(self.pid, self.id, self._start, self.membership, self._data)
        if self._known and reason in _RECOVERABLE:
            self._adapter.keep(session)
        elif self.recovered and not entered:
            self._adapter.end(session)
        else:
            self._adapter.forget(self.id)
        super().end(reason, description)
