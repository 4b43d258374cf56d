import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.protocol.handshake import Refusal, open_packet, verify
from support.vectors import vectors


def verify_row(row):
    query = row["query"]
    return verify(
        method=row["method"],
        transport=query.get("transport"),
        eio=query.get("EIO"),
        sid=query.get("sid"),
        upgrade=row["upgrade"],
        origin=row["origin"],
        session_transport=row["session"],
        transports=row["transports"],
    )


@pytest.mark.parametrize("row", vectors("engineio-requests", "requests"))
def test_requests(row):
    refusal = verify_row(row)
    if row["refusal"] is None:
        assert refusal is None
    else:
        assert refusal is not None
        answer = {"code": refusal.code, "status": refusal.status, "body": refusal.body.decode()}
        assert answer == row["refusal"]


def test_two_have_another_status_than_400():
    others = {refusal: refusal.status for refusal in Refusal if refusal.status != 400}
    assert others == {Refusal.FORBIDDEN: 403, Refusal.SHUTTING_DOWN: 503}
    assert Refusal.FORBIDDEN.body == b'{"code":4,"message":"Forbidden"}'


def test_codes_count_from_zero_and_the_third_has_many_kinds():
    assert sorted({refusal.code for refusal in Refusal}) == list(range(6))
    assert {refusal.code for refusal in Refusal if refusal.kind} == {3}
    assert {refusal.name for refusal in Refusal if refusal.kind} == {
        refusal.kind for refusal in Refusal if refusal.code == 3
    }


def request_of(**changes):
    known = {"method": "GET", "transport": "polling", "eio": "4", "sid": None, "upgrade": False}
    return (
        known | {"origin": None, "session_transport": None, "transports": ("polling", "websocket")} | changes
    )


@pytest.mark.parametrize(
    "changes, refusal",
    [
        ({"origin": "http://\x01"}, Refusal.INVALID_ORIGIN),
        ({"sid": "s", "session_transport": "websocket"}, Refusal.TRANSPORT_MISMATCH),
        ({"sid": "s", "session_transport": "polling", "eio": "3"}, Refusal.PROTOCOL_MISMATCH),
        (
            {"sid": "s", "session_transport": "websocket", "transport": "websocket"},
            Refusal.TRANSPORT_HANDSHAKE_ERROR,
        ),
        ({"transport": "websocket"}, Refusal.TRANSPORT_HANDSHAKE_ERROR),
        ({"upgrade": True}, Refusal.TRANSPORT_HANDSHAKE_ERROR),
    ],
)
def test_what_is_behind_code_3(changes, refusal):
    assert verify(**request_of(**changes)) is refusal


values = st.none() | st.sampled_from(["", "4", "3", "polling", "websocket", "GET", "POST"]) | st.text()


@given(
    method=st.sampled_from(["GET", "POST", "OPTIONS"]) | st.text(),
    transport=values,
    eio=values,
    sid=values,
    upgrade=st.booleans(),
    origin=values,
    session_transport=st.sampled_from([None, "polling", "websocket"]),
)
def test_whoever_is_let_in_speaks_revision_4_over_the_right_carrier(**request):
    if verify(**request, transports=("polling", "websocket")) is None:
        assert request["eio"] == "4"
        assert request["upgrade"] == (request["transport"] == "websocket")
        if request["sid"]:
            assert request["session_transport"] is not None
            assert request["upgrade"] or request["session_transport"] == "polling"
        else:
            assert request["method"] == "GET"


@pytest.mark.parametrize("row", vectors("engineio-open", "packets"))
def test_open_packets(row):
    packet = open_packet(
        row["sid"],
        row["upgrades"],
        ping_interval=row["ping_interval"],
        ping_timeout=row["ping_timeout"],
        max_payload=row["max_payload"],
    )
    assert packet == row["packet"].encode()


@given(st.integers(1, 10**8))
def test_every_millisecond_is_announced_as_it_is(milliseconds):
    packet = open_packet(
        "sid", [], ping_interval=milliseconds / 1000, ping_timeout=milliseconds / 1000, max_payload=1
    )
    data = json.loads(packet[1:])
    assert (data["pingInterval"], data["pingTimeout"]) == (milliseconds, milliseconds)
