"""A client's and a server's session with a network between them, under arbitrary interleavings.

Whatever happens in which order: what one side sends arrives at the other, once and in order, over polling,
WebSocket and the move between them, until one of them ends the session; and then both end.
"""

import itertools
import json
from collections import deque
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from arcwire.engineio.protocol.announcement import read_announcement
from arcwire.engineio.protocol.client_session import CLOSE_TIMEOUT, ClientSession
from arcwire.engineio.protocol.client_session import State as ClientState
from arcwire.engineio.protocol.dialect import V3, V4, Dialect
from arcwire.engineio.protocol.notices import (
    ClientNotice,
    Closed,
    Discarded,
    MessageReceived,
    Notice,
    PacketsSent,
    PollAnswered,
    PollWanted,
    PostWanted,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession

LIMIT = 200
UPGRADE_TIMEOUT = 10.0

sizes = st.sampled_from([0, 1, 20, 90, 170])
waits = st.sampled_from([0.05, 0.1, 1.0, 5.0, 11.0, 20.0, 25.0, 46.0])


class PairMachine(RuleBasedStateMachine):
    """Requests and frames are lists here; a rule lets the next of one of them arrive."""

    dialect: Dialect = V4

    @initialize(transport=st.sampled_from(["polling", "polling", "websocket"]), base64=st.booleans())
    def open(self, transport: str, base64: bool) -> None:
        self.now = 1000.0
        self.server = ServerSession(
            "sid",
            transport,
            ping_interval=25.0,
            ping_timeout=20.0,
            upgrade_timeout=UPGRADE_TIMEOUT,
            now=self.now,
            dialect=self.dialect,
            base64=base64,
        )
        announced = {"sid": "sid", "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 20000}
        announcement = read_announcement("0" + json.dumps(announced | {"maxPayload": LIMIT}))
        self.client = ClientSession(
            announcement, transport, now=self.now, wall=self.now, dialect=self.dialect, base64=base64
        )
        self.numbers = itertools.count()
        self.sent: dict[str, list[str | bytes]] = {"client": [], "server": []}
        self.received: dict[str, list[str | bytes]] = {"client": [], "server": []}
        self.reasons: dict[str, CloseReason] = {}
        self.discarded: set[str] = set()
        # Polls: "coming" to the server, "waiting" there, then its answer.
        self.poll: str | tuple[bytes, bool] | None = None
        self.post: tuple[bytes, bool] | str | None = None
        self.post_wanted = False
        # Frames on the WebSocket, in both directions; None ends it.
        self.to_server: deque[str | bytes | None] = deque()
        self.to_client: deque[str | bytes | None] = deque()
        self.link = "open" if transport == "websocket" else "none"
        self.client_side = self.server_side = "session" if transport == "websocket" else "none"
        self.lost = False
        self.act_client(self.client.resume())

    # -- the drivers ------------------------------------------------------------------

    def act_client(self, notices: Sequence[ClientNotice]) -> None:
        for notice in notices:
            assert "client" not in self.discarded, "nothing follows Discarded"
            self.act_on(notice)

    def act_on(self, notice: ClientNotice) -> None:  # noqa: C901 - one branch a notice
        match notice:
            case MessageReceived(data):
                assert "client" not in self.reasons
                self.received["client"].append(data)
            case PollWanted():
                assert self.poll is None, "one poll at a time"
                self.poll = "coming"
            case PostWanted():
                self.post_wanted = True
            case PacketsSent(packets):
                assert self.client_side == "session"
                self.to_server.extend(map(self.frame, packets))
            case ProbeAnswered(packet):
                assert (packet, self.client_side) == (b"2probe", "probe")
                self.to_server.append(packet.decode())
            case ProbeDropped():
                if self.client_side == "probe":
                    self.client_side = "none"
                    self.to_server.append(None)
            case Upgraded(packets):
                assert self.client_side == "probe"
                assert self.poll is None
                assert self.post is None
                assert packets[0] == b"5"
                self.client_side = "session"
                self.to_server.extend(map(self.frame, packets))
            case Closed(reason, description):
                assert "client" not in self.reasons
                assert description
                self.reasons["client"] = reason
            case Discarded():
                assert "client" in self.reasons
                self.discarded.add("client")
                self.post_wanted = False
                if self.client_side == "session":
                    self.to_server.append(None)
                    self.client_side = "none"

    def act_server(self, notices: Sequence[Notice]) -> None:  # noqa: C901 - one branch a notice
        for notice in notices:
            match notice:
                case MessageReceived(data):
                    self.received["server"].append(data)
                case PollAnswered(body, binary):
                    assert self.poll in ("waiting", "lost")
                    self.poll = (body, binary) if self.poll == "waiting" else None
                case PacketsSent(packets):
                    self.to_client.extend(map(self.frame, packets))
                case ProbeAnswered(packet):
                    self.to_client.append(packet.decode())
                case ProbeDropped():
                    if self.server_side == "probe":
                        self.server_side = "none"
                        self.to_client.append(None)
                case Upgraded(packets):
                    self.server_side = "session"
                    self.to_client.extend(map(self.frame, packets))
                case Closed(reason):
                    self.reasons["server"] = reason
                case Discarded():
                    self.discarded.add("server")
                    if self.server_side == "session":
                        self.to_client.append(None)
                        self.server_side = "none"

    def frame(self, packet: bytes) -> str | bytes:
        if not isinstance(packet, Binary):
            return packet.decode()
        return self.dialect.encode_binary(packet).decode() if self.client.base64 else bytes(packet)

    # -- the applications -----------------------------------------------------------------

    @rule(
        side=st.sampled_from(["client", "server"]), binary=st.booleans(), size=sizes, count=st.integers(1, 4)
    )
    def send(self, side: str, binary: bool, size: int, count: int) -> None:
        for _ in range(count):
            text = f"{next(self.numbers)}€{'x' * size}"
            message = text.encode() if binary else text
            packet = Binary(text.encode()) if binary else b"4" + text.encode()
            session = self.client if side == "client" else self.server
            if session.is_open:
                self.sent[side].append(message)
            if side == "client":
                self.act_client(self.client.send(packet))
            else:
                self.act_server(self.server.send(packet))

    @rule()
    def client_closes(self) -> None:
        self.act_client(self.client.close(self.now))
        assert not self.client.is_open

    @rule()
    def server_closes(self) -> None:
        self.act_server(self.server.close(self.now))

    # -- time -----------------------------------------------------------------------------

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while True:
            deadlines = [d for d in (self.client.deadline, self.server.deadline) if d is not None]
            if not deadlines or min(deadlines) > until:
                break
            self.now = max(self.now, min(deadlines))
            self.act_server(self.server.handle_deadline(self.now))
            self.act_client(self.client.handle_deadline(self.now))
            after = self.client.deadline
            assert after is None or after > self.now, "a deadline that was met lies behind"
        self.now = until

    @rule(seconds=st.sampled_from([5.0, 46.0, 600.0]))
    def machine_sleeps(self, seconds: float) -> None:
        """The client's monotonic clock stands still; the world goes on without it."""
        was_open = self.client.is_open
        self.act_client(self.client.check_silence(self.now, self.now + seconds))
        if seconds > 45 and was_open:
            assert self.reasons["client"] is CloseReason.PING_TIMEOUT

    # -- requests ---------------------------------------------------------------------------

    @precondition(lambda self: self.poll == "coming")
    @rule()
    def poll_arrives(self) -> None:
        if self.server.transport != "polling" or "server" in self.discarded:
            self.poll = None
            self.act_client(self.client.abort(CloseReason.TRANSPORT_ERROR, "status 400"))
            return
        self.poll = "waiting"
        notices = self.server.poll(self.now)
        assert notices is not None, "two polls at once"
        self.act_server(notices)

    @precondition(lambda self: isinstance(self.poll, tuple))
    @rule()
    def poll_is_answered(self) -> None:
        assert isinstance(self.poll, tuple)
        (body, binary), self.poll = self.poll, None
        if "client" in self.discarded:
            return
        self.act_client(self.client.poll_ended(body, self.now, self.now, binary=binary))

    @precondition(lambda self: self.post_wanted)
    @rule()
    def tick_ends(self) -> None:
        self.post_wanted = False
        body = self.client.take_post()
        if body is None:
            return
        assert self.post is None, "one post at a time"
        if self.dialect is V4:
            assert len(body[0]) <= LIMIT or body[0].count(b"\x1e") == 0, "posts keep to maxPayload"
        self.post = body

    @precondition(lambda self: isinstance(self.post, tuple))
    @rule()
    def post_arrives(self) -> None:
        assert isinstance(self.post, tuple)
        body, binary = self.post
        if "server" in self.discarded:
            self.post = None
            self.act_client(self.client.abort(CloseReason.TRANSPORT_ERROR, "status 400"))
            return
        assert self.server.transport == "polling"
        assert self.server.begin_post()
        notices, good = self.server.end_post(body, self.now, binary=binary)
        assert good
        self.post = "answered"
        self.act_server(notices)

    @precondition(lambda self: self.post == "answered")
    @rule()
    def post_is_answered(self) -> None:
        self.post = None
        if "client" not in self.discarded:
            self.act_client(self.client.post_ended())

    @precondition(lambda self: self.poll not in (None, "lost"))
    @rule()
    def request_is_lost(self) -> None:
        self.poll, self.lost = "lost" if self.poll == "waiting" else None, True
        if "client" not in self.discarded:
            self.act_client(self.client.abort(CloseReason.TRANSPORT_ERROR, "lost"))
        if self.poll == "lost":
            self.act_server(self.server.abort(CloseReason.TRANSPORT_ERROR, "lost"))
        self.poll = None

    # -- the WebSocket -------------------------------------------------------------------------

    @precondition(lambda self: self.link == "none" and "client" not in self.discarded)
    @rule()
    def probe_opens(self) -> None:
        self.link = "open"
        self.client_side = self.server_side = "probe"
        if not self.server.begin_upgrade(self.now):
            self.server_side = "none"
            self.to_client.append(None)
        self.act_client(self.client.begin_probe(UPGRADE_TIMEOUT, self.now))

    @precondition(lambda self: bool(self.to_server))
    @rule()
    def frame_reaches_server(self) -> None:
        frame = self.to_server.popleft()
        if self.server_side == "probe":
            if frame is None:
                self.server_side = "none"
                self.server.lose_probe()
            else:
                self.act_server(self.server.receive_probe(frame if isinstance(frame, str) else "", self.now))
        elif self.server_side == "session":
            if frame is None:
                self.server_side = "none"
                self.act_server(self.server.abort(CloseReason.TRANSPORT_CLOSE, "closed"))
            elif isinstance(frame, bytes):
                self.received["server"].append(frame)
            else:
                self.act_server(self.server.receive(frame, self.now))

    @precondition(lambda self: bool(self.to_client))
    @rule()
    def frame_reaches_client(self) -> None:
        frame = self.to_client.popleft()
        if self.client_side == "probe":
            if frame is None:
                self.client_side = "none"
                self.act_client(self.client.lose_probe())
            else:
                self.act_client(self.client.receive_probe(frame if isinstance(frame, str) else ""))
        elif self.client_side == "session":
            if frame is None:
                self.client_side = "none"
                self.act_client(self.client.abort(CloseReason.TRANSPORT_CLOSE, "closed"))
            elif isinstance(frame, bytes):
                self.received["client"].append(frame)
            else:
                self.act_client(self.client.receive(frame, self.now, self.now))

    @precondition(lambda self: self.link == "open" and self.client_side == "probe")
    @rule()
    def probe_is_lost(self) -> None:
        """The connection breaks; what is on the way is lost."""
        self.to_client.clear()
        self.to_server.clear()
        self.client_side = "none"
        self.act_client(self.client.lose_probe())
        if self.server_side == "probe":
            self.server_side = "none"
            self.server.lose_probe()

    # -- what has to hold -----------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_doubled_or_swapped(self) -> None:
        if not hasattr(self, "client"):
            return
        for side, other in (("client", "server"), ("server", "client")):
            received, sent = self.received[side], self.sent[other]
            assert received == sent[: len(received)]

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        steps = [
            (lambda: self.post_wanted, self.tick_ends),
            (lambda: isinstance(self.post, tuple), self.post_arrives),
            (lambda: self.post == "answered", self.post_is_answered),
            (lambda: self.to_server, self.frame_reaches_server),
            (lambda: self.to_client, self.frame_reaches_client),
            (lambda: self.poll == "coming", self.poll_arrives),
            (lambda: isinstance(self.poll, tuple), self.poll_is_answered),
        ]
        for _ in range(400):
            due = [step for is_due, step in steps if is_due()]
            if not due:
                break
            due[0]()
        else:
            raise AssertionError("it never comes to rest")
        self.nothing_is_lost_doubled_or_swapped()
        if not self.reasons:
            assert self.received["client"] == self.sent["server"]
            assert self.received["server"] == self.sent["client"]
        elif "client" in self.reasons:
            self.time_passes(CLOSE_TIMEOUT)
            assert self.client.state is ClientState.CLOSED
            assert self.client.deadline is None
            if self.reasons["client"] is CloseReason.FORCED_CLOSE and self.alone():
                assert self.received["server"] == self.sent["client"]

    def alone(self) -> bool:
        """Whether the client closed, and nothing else went wrong."""
        return not self.lost and self.reasons.get("server") is CloseReason.TRANSPORT_CLOSE


class OldPairMachine(PairMachine):
    dialect = V3


TestPair = PairMachine.TestCase
TestOldPair = OldPairMachine.TestCase
