"""A session under arbitrary interleavings of everything that can happen to it.

The machine plays both sides: the runner, which acts on notices as `Connection` does, and a peer
that may do anything. A model of what each side has been told is compared after every step.
"""

import contextlib
import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from arcwire.engineio.protocol.dialect import V3, V4, Dialect
from arcwire.engineio.protocol.notices import (
    Closed,
    Discarded,
    MessageReceived,
    Notice,
    PacketsSent,
    PollAnswered,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.payload import PayloadError
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import CLOSE_TIMEOUT, ServerSession, State
from support.strategies import SEPARATOR, garbage, near_packets

durations = st.sampled_from([0.5, 1.0, 3.0, 20.0, 25.0])
waits = st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0])

good_packets = st.sampled_from(["4x", "4", "bAQID", "3", "6", "0", "5"])
fatal_packets = st.sampled_from(["1", "2", "2probe", "7", ""])


class SessionMachine(RuleBasedStateMachine):
    dialect: Dialect = V4
    beat = "3"
    """What the client sends to stay."""

    def say(self, packet: str) -> str:
        """The packet of `good_packets` and `fatal_packets` in the client's dialect."""
        return packet

    def pack(self, packets: list[str]) -> bytes:
        """A payload of the client."""
        return SEPARATOR.join(packets).encode()

    @initialize(
        transport=st.sampled_from(["polling", "polling", "websocket"]),
        interval=durations,
        timeout=durations,
        upgrade_timeout=durations,
    )
    def open(self, transport: str, interval: float, timeout: float, upgrade_timeout: float) -> None:
        self.now = 1000.0
        self.session = ServerSession(
            "sid",
            transport,
            ping_interval=interval,
            ping_timeout=timeout,
            upgrade_timeout=upgrade_timeout,
            now=self.now,
            dialect=self.dialect,
        )
        self.least_patience = interval + timeout
        self.patience = interval + 2 * timeout
        self.last_pong = self.now
        self.closed_at = 0.0
        self.numbers = itertools.count()
        # What the application sent while the session was open, and what the client got of it.
        self.sent: list[bytes] = []
        self.arrived: list[bytes] = []
        # What the client sent that counts, and what the application got.
        self.posted: list[str | bytes] = []
        self.received: list[str | bytes] = []
        # "none", "waits", "gone" (its client dropped it)
        self.poll = "none"
        self.post_runs = False
        # "none", "open", "answered"
        self.probe = "none"
        self.transport = transport
        self.reason: CloseReason | None = None
        self.discarded = False
        self.last_answer: list[str | bytes] = []

    @precondition(lambda self: self.discarded)
    @rule(transport=st.sampled_from(["polling", "websocket"]), short=durations, long=durations)
    def open_again(self, transport: str, short: float, long: float) -> None:
        self.open(transport, short, long, short)

    # -- the runner -----------------------------------------------------------------

    def act(self, notices: object) -> None:
        assert isinstance(notices, list | tuple)
        for notice in notices:
            assert not self.discarded, "nothing follows Discarded"
            self.act_on(notice)

    def act_on(self, notice: Notice) -> None:
        match notice:
            case MessageReceived(data):
                assert self.reason is None, "nothing is received after Closed"
                self.received.append(data)
            case PollAnswered(body, binary):
                self.answer_poll(body, binary)
            case PacketsSent(packets):
                assert self.transport == "websocket"
                self.deliver(packets)
            case ProbeAnswered(packet):
                assert (packet, self.probe) == (b"3probe", "open")
                self.probe = "answered"
            case ProbeDropped():
                assert self.probe != "none"
                self.probe = "none"
            case Upgraded(packets):
                assert self.probe == "answered"
                self.probe, self.transport = "none", "websocket"
                self.deliver(packets)
            case Closed(reason, description):
                assert self.reason is None, "Closed comes once"
                assert description
                self.reason, self.closed_at = reason, self.now
                if reason is CloseReason.PING_TIMEOUT:
                    assert self.now >= self.last_pong + self.least_patience - 1e-6
            case Discarded():
                assert self.reason is not None, "Closed comes first"
                assert self.poll != "waits", "no poll is left hanging"
                assert self.probe == "none", "no probe is left hanging"
                self.discarded = True

    def answer_poll(self, body: bytes, binary: bool) -> None:
        assert self.poll != "none", "a poll is answered once"
        arrived, self.poll = self.poll == "waits", "none"
        if not arrived:
            return
        decode = self.dialect.decode_binary_payload if binary else self.dialect.decode_payload
        assert decode is not None
        packets = list(decode(body))
        assert packets
        self.last_answer = packets
        self.deliver([p if isinstance(p, bytes) else p.encode() for p in packets])

    def deliver(self, packets: list[bytes]) -> None:
        control = (b"1", b"2", b"3", b"6")
        self.arrived += [bytes(packet) for packet in packets if packet not in control]

    # -- time -----------------------------------------------------------------------

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.session.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.act(self.session.handle_deadline(self.now))
            after = self.session.deadline
            assert after is None or after > self.now, "a deadline that was met lies behind"
        self.now = until

    @rule()
    def deadline_is_called_too_early(self) -> None:
        deadline = self.session.deadline
        if deadline is None or self.now < deadline:
            assert not self.session.handle_deadline(self.now)

    # -- the application ------------------------------------------------------------

    @rule(binary=st.booleans())
    def send(self, binary: bool) -> None:
        number = next(self.numbers)
        packet = Binary(b"B%d" % number) if binary else b"4%d" % number
        if self.session.is_open:
            self.sent.append(bytes(packet))
        self.act(self.session.send(packet))

    @rule()
    def close(self) -> None:
        self.act(self.session.close(self.now))
        assert self.session.state is not State.OPEN

    @rule()
    def shutdown(self) -> None:
        self.act(self.session.shutdown())
        assert self.session.state is State.CLOSED

    # -- the peer on polling ----------------------------------------------------------

    @precondition(lambda self: not self.discarded and self.transport == "polling")
    @rule()
    def get(self) -> None:
        state, rest = self.session.state, self.session.queued_bytes > 0
        notices = self.session.poll(self.now)
        if self.poll == "waits":
            assert notices is None
            self.act(self.session.abort(CloseReason.TRANSPORT_ERROR, "two polls"))
            assert self.discarded
            assert self.last_answer == ["1"]
            return
        assert notices is not None
        self.poll = "waits"
        probe = self.probe
        self.act(notices)
        if state is State.CLOSING:
            # The close packet comes alone, after the rest.
            assert self.discarded is not rest
            assert ("1" in self.last_answer) is not rest
            assert self.arrived == self.sent
        elif self.poll == "none" and self.last_answer == ["6"]:
            assert probe == "answered", "no poll comes back empty without an upgrade"

    @precondition(lambda self: self.poll == "waits")
    @rule()
    def drop_get(self) -> None:
        self.poll = "gone"
        self.act(self.session.abort(CloseReason.TRANSPORT_ERROR, "lost"))
        assert self.discarded

    @precondition(lambda self: not self.discarded and self.transport == "polling")
    @rule()
    def begin_post(self) -> None:
        accepted = self.session.begin_post()
        assert accepted is not self.post_runs
        self.post_runs = True
        if not accepted:
            self.act(self.session.abort(CloseReason.TRANSPORT_ERROR, "two posts"))
            assert self.discarded

    @precondition(lambda self: self.post_runs)
    @rule(packets=st.lists(good_packets, min_size=1, max_size=4))
    def end_post(self, packets: list[str]) -> None:
        assert self.post(self.pack(list(map(self.say, packets))))

    @precondition(lambda self: self.post_runs)
    @rule(before=st.lists(good_packets, max_size=2), fatal=fatal_packets)
    def end_post_fatally(self, before: list[str], fatal: str) -> None:
        was_open = self.session.is_open
        valid = self.post(self.pack([*map(self.say, [*before, fatal]), "4after"]))
        assert valid == (not was_open or fatal[:1] in ("1", "2"))
        assert self.session.state is not State.OPEN

    @precondition(lambda self: self.post_runs)
    @rule(body=garbage)
    def end_post_with_garbage(self, body: bytes) -> None:
        self.post(body)

    @precondition(lambda self: self.post_runs)
    @rule(reason=st.sampled_from([CloseReason.TRANSPORT_ERROR, CloseReason.PAYLOAD_TOO_LARGE]))
    def fail_post(self, reason: CloseReason) -> None:
        self.post_runs = False
        was_open = self.session.is_open
        self.act(self.session.abort(reason, "lost or too long"))
        assert self.discarded
        assert not was_open or self.reason is reason

    def post(self, body: bytes) -> bool:
        self.post_runs = False
        if self.session.is_open:
            self.expect_sign_of_life()
            self.expect_payload(body)
        notices, valid = self.session.end_post(body, self.now)
        self.act(notices)
        return valid

    def expect_payload(self, body: bytes) -> None:
        with contextlib.suppress(PayloadError):
            for packet in self.dialect.decode_payload(body):
                if not self.expect(packet):
                    break

    def expect(self, packet: str | bytes) -> bool:
        """Note what a packet means; False if it ends the session."""
        if isinstance(packet, bytes):
            self.posted.append(packet)
        elif packet[:1] == "4":
            self.posted.append(packet[1:])
        elif packet[:1] == self.beat:
            self.last_pong = self.now
        return isinstance(packet, bytes) or packet[:1] not in {"1", "2", "3"} - {self.beat}

    def expect_sign_of_life(self) -> None:
        """Anything arrived: it gives a client that is asked for a pong more time, once."""

    # -- the peer on a WebSocket ------------------------------------------------------

    @precondition(lambda self: not self.discarded and self.transport == "websocket")
    @rule(packet=good_packets | fatal_packets | near_packets)
    def receive(self, packet: str) -> None:
        packet = self.say(packet)
        self.expect_sign_of_life()
        if packet[:1] == "b":
            with contextlib.suppress(PayloadError):
                self.posted.append(self.dialect.decode_binary(packet))
        else:
            self.expect(packet)
        self.act(self.session.receive(packet, self.now))

    @precondition(lambda self: self.reason is None and not self.post_runs)
    @rule(seconds=waits)
    def stay(self, seconds: float) -> None:
        """What clients do for most of their time."""
        if self.transport == "websocket":
            self.receive("3")
        else:
            self.begin_post()
            self.end_post(["3"])
        self.time_passes(seconds)

    @precondition(lambda self: not self.discarded and self.transport == "websocket")
    @rule()
    def lose_websocket(self) -> None:
        self.act(self.session.abort(CloseReason.TRANSPORT_CLOSE, "1006"))
        assert self.discarded

    @precondition(lambda self: not self.discarded)
    @rule()
    def open_probe(self) -> None:
        possible = self.session.is_open and self.transport == "polling" and self.probe == "none"
        assert self.session.begin_upgrade(self.now) is possible
        if possible:
            self.probe = "open"

    @precondition(lambda self: self.probe != "none")
    @rule(expected=st.booleans(), other=near_packets)
    def receive_probe(self, expected: bool, other: str) -> None:
        right = "2probe" if self.probe == "open" else "5"
        before, was_closing = self.probe, self.session.state is State.CLOSING
        self.act(self.session.receive_probe(right if expected else other, self.now))
        if not expected and other != right:
            assert self.probe == "none"
            assert self.transport == "polling"
        elif before == "answered":
            assert self.transport == "websocket"
            assert self.arrived == self.sent
            assert self.discarded is was_closing

    @precondition(lambda self: self.probe != "none")
    @rule()
    def lose_probe(self) -> None:
        self.session.lose_probe()
        self.probe = "none"

    # -- what holds at all times --------------------------------------------------------

    @invariant()
    def the_session_agrees(self) -> None:
        assert self.session.transport == self.transport
        assert self.transport == "polling" or self.poll == "none", "no poll outlives polling"
        assert self.session.is_open is (self.reason is None)
        assert (self.session.state is State.CLOSED) is self.discarded

    @invariant()
    def messages_arrive_in_order_and_once(self) -> None:
        assert self.received == self.posted
        assert self.arrived == self.sent[: len(self.arrived)]

    @invariant()
    def what_has_not_arrived_is_queued(self) -> None:
        waiting = self.sent[len(self.arrived) :]
        if not self.discarded:
            heartbeats = self.session.queued_bytes - sum(map(len, waiting))
            assert 0 <= heartbeats <= len(waiting) + 1, "they pile up"
            assert not waiting or self.transport == "polling"
            assert self.session.queued_bytes == 0 or self.poll == "none", "a waiting poll has it"

    @invariant()
    def there_is_a_deadline_until_the_end(self) -> None:
        assert (self.session.deadline is None) is self.discarded

    @invariant()
    def silence_ends_the_session(self) -> None:
        if self.reason is None:
            assert self.now <= self.last_pong + self.patience + 1e-6
        elif not self.discarded:
            assert self.now <= self.closed_at + CLOSE_TIMEOUT + 1e-6


class OldSessionMachine(SessionMachine):
    """The same with protocol 3: the client pings, and everything it sends keeps it."""

    dialect = V3
    beat = "2"

    def say(self, packet: str) -> str:
        return {"bAQID": "b4AQID", "3": "2data", "2": "3", "2probe": "3probe"}.get(packet, packet)

    def pack(self, packets: list[str]) -> bytes:
        return "".join(f"{len(packet)}:{packet}" for packet in packets).encode()

    def expect_sign_of_life(self) -> None:
        self.last_pong = self.now


TestSession = SessionMachine.TestCase
TestOldSession = OldSessionMachine.TestCase
TestOldSession.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestSession.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
