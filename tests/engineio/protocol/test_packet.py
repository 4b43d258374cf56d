"""Packets as they stand on a WebSocket, by what a session makes of them."""

import pytest

from arcwire.engineio.protocol import packet as packets
from arcwire.engineio.protocol.notices import Closed, Discarded, MessageReceived, PacketsSent
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession
from support.vectors import vectors

VALID = vectors("engineio-packets", "valid")
# Binary frames do not come through the session: they are messages whatever they hold.
TEXT = [row for row in VALID if isinstance(row.values[0]["websocket"], str)]

CONSTANTS = {
    "open": packets.OPEN,
    "close": packets.CLOSE,
    "ping": packets.PING,
    "pong": packets.PONG,
    "message": packets.MESSAGE,
    "upgrade": packets.UPGRADE,
    "noop": packets.NOOP,
}


@pytest.fixture
def session():
    return ServerSession("sid", "websocket", ping_interval=25, ping_timeout=20, upgrade_timeout=10, now=0)


@pytest.mark.parametrize("row", TEXT)
def test_types_have_their_digits(row):
    assert CONSTANTS[row["type"]] + row["data"].encode() == row["websocket"].encode()


def test_every_type_is_known():
    assert "".join(packet.decode() for packet in CONSTANTS.values()) == packets.TYPES


def test_probe_packets_are_those_of_the_vectors():
    rows = {row.id: row.values[0]["websocket"] for row in VALID}
    assert rows["probe"] == packets.PROBE_PING
    assert rows["answer to a probe"].encode() == packets.PROBE_PONG


@pytest.mark.parametrize("row", TEXT + vectors("engineio-packets", "decode_only"))
def test_a_session_reads_messages_and_nothing_else_as_messages(row, session):
    messages = [n for n in session.receive(row["websocket"], 1) if isinstance(n, MessageReceived)]
    assert messages == ([MessageReceived(row["data"])] if row["type"] == "message" else [])


@pytest.mark.parametrize("row", vectors("engineio-packets", "invalid"))
def test_a_session_ends_at_what_is_no_packet(row, session):
    first, last = session.receive(row["websocket"], 1)
    assert isinstance(first, Closed)
    assert first.reason is CloseReason.PARSE_ERROR
    assert last == Discarded()


@pytest.mark.parametrize("row", VALID)
def test_a_session_writes_packets_as_they_are(row, session):
    packet = row["websocket"]
    packet = packet.encode() if isinstance(packet, str) else Binary(packet)
    [sent] = session.send(packet)
    assert sent == PacketsSent([packet])
    assert type(sent.packets[0]) is type(packet)
