"""What a server says of a session in its first packet."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.announcement import (
    Announcement,
    AnnouncementError,
    read_announcement,
    read_opening_payload,
)
from arcwire.engineio.protocol.dialect import V3, V4
from support.strategies import garbage, near_packets
from support.vectors import vectors

GOOD = {"sid": "s", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}


@pytest.mark.parametrize("row", vectors("engineio-open", "packets"))
def test_vectors(row):
    assert read_announcement(row["packet"]) == Announcement(
        sid=row["sid"],
        upgrades=tuple(row["upgrades"]),
        ping_interval=row["ping_interval"],
        ping_timeout=row["ping_timeout"],
        max_payload=row["max_payload"],
    )


def test_old_servers_announce_no_limit():
    del (old := dict(GOOD))["maxPayload"]
    assert read_announcement("0" + json.dumps(old)).max_payload is None
    assert read_announcement("0" + json.dumps(GOOD | {"maxPayload": 0})).max_payload is None


def test_what_is_not_known_is_ignored():
    assert read_announcement("0" + json.dumps(GOOD | {"more": {"x": 1}})).sid == "s"


@pytest.mark.parametrize(
    "said, batches", [("batch", True), ("other", False), (True, False), (None, False), ({"batch": 1}, False)]
)
def test_only_one_word_means_batches(said, batches):
    assert read_announcement("0" + json.dumps(GOOD | {"arcwire": said})).batches is batches
    assert not read_announcement("0" + json.dumps(GOOD)).batches


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "0",
        "4hello",
        "0{",
        "0[]",
        "0" + json.dumps({"sid": "s"}),
        "0" + json.dumps(GOOD | {"sid": ""}),
        "0" + json.dumps(GOOD | {"sid": 5}),
        "0" + json.dumps(GOOD | {"pingInterval": 0}),
        "0" + json.dumps(GOOD | {"pingInterval": -1}),
        "0" + json.dumps(GOOD | {"pingTimeout": 1e12}),
        "0" + json.dumps(GOOD | {"pingTimeout": "20000"}),
        "0" + json.dumps(GOOD | {"upgrades": "websocket"}),
        "0" + json.dumps(GOOD | {"upgrades": [1]}),
    ],
)
def test_what_opens_no_session(packet):
    with pytest.raises(AnnouncementError):
        read_announcement(packet)


def test_packets_behind_the_announcement():
    first = "0" + json.dumps(GOOD)
    announcement, rest = read_opening_payload(f"{first}\x1e40\x1ebAQID".encode(), V4)
    assert announcement.sid == "s"
    assert rest == ["40", b"\x01\x02\x03"]


def test_packets_behind_the_announcement_in_protocol_3():
    first = "0" + json.dumps(GOOD)
    announcement, rest = read_opening_payload(f"{len(first)}:{first}2:40".encode(), V3)
    assert announcement.sid == "s"
    assert rest == ["40"]
    binary, rest = read_opening_payload(V3.encode_payload([first.encode(), b"40"], False)[0], V3)
    assert (binary, rest) == (announcement, ["40"])


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"4hello", b"bAQID", b"96:0{}"])
def test_answers_that_open_no_session(body):
    for dialect in (V3, V4):
        with pytest.raises(AnnouncementError):
            read_opening_payload(body, dialect)


@given(garbage, st.booleans(), st.sampled_from([V3, V4]))
def test_any_answer_is_read_or_refused(body, binary, dialect):
    try:
        announcement, _ = read_opening_payload(body, dialect, binary=binary)
    except AnnouncementError:
        return
    assert announcement.sid


@given(near_packets)
def test_any_packet_is_read_or_refused(packet):
    try:
        announcement = read_announcement(packet)
    except AnnouncementError:
        return
    assert announcement.ping_interval > 0
