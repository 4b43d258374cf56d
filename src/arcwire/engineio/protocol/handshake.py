"""Which requests are let in, and what they are told.

The order of the checks is that of the reference server, so that a request with several faults
gets the same answer from both.
"""

import json
import re
from collections.abc import Collection, Sequence
from enum import Enum

from arcwire.engineio.protocol.batch import BATCH, PARAMETER
from arcwire.engineio.protocol.dialect import V4, Dialect, dialect_of

# A header value that HTTP does not allow (RFC 9110 section 5.5).
_ILLEGAL_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class Refusal(Enum):
    """Why a request is refused: code and message of the answer.

    What shares code 3 differs by name, which observers of refusals are told.
    """

    UNKNOWN_TRANSPORT = (0, "Transport unknown")
    UNKNOWN_SID = (1, "Session ID unknown")
    BAD_HANDSHAKE_METHOD = (2, "Bad handshake method")
    BAD_METHOD = (3, "Bad request", "BAD_METHOD")
    INVALID_ORIGIN = (3, "Bad request", "INVALID_ORIGIN")
    TRANSPORT_MISMATCH = (3, "Bad request", "TRANSPORT_MISMATCH")
    TRANSPORT_HANDSHAKE_ERROR = (3, "Bad request", "TRANSPORT_HANDSHAKE_ERROR")
    PROTOCOL_MISMATCH = (3, "Bad request", "PROTOCOL_MISMATCH")
    MIDDLEWARE_FAILURE = (3, "Bad request", "MIDDLEWARE_FAILURE")
    ID_GENERATION_ERROR = (3, "Bad request", "ID_GENERATION_ERROR")
    SHUTTING_DOWN = (3, "Server is shutting down", "SHUTTING_DOWN")
    FORBIDDEN = (4, "Forbidden")
    UNSUPPORTED_PROTOCOL_VERSION = (5, "Unsupported protocol version")

    def __init__(self, code: int, message: str, kind: str | None = None) -> None:
        self.code = code
        self.message = message
        self.kind = kind
        self.status = 503 if kind == "SHUTTING_DOWN" else 403 if code == 4 else 400
        self.body = self.explain(message)

    def explain(self, message: str) -> bytes:
        """The body of the answer, with another message."""
        return json.dumps({"code": self.code, "message": message}, separators=(",", ":")).encode()


def verify(  # noqa: PLR0913 - what is known of a request, all by name
    *,
    method: str,
    transport: str | None,
    eio: str | None,
    sid: str | None,
    upgrade: bool,
    origin: str | None,
    session_transport: str | None,
    transports: Sequence[str],
    dialects: Collection[Dialect] = (V4,),
) -> Refusal | None:
    """Check a request in the order of the reference server; None lets it in.

    `upgrade` tells a request for a WebSocket, `session_transport` the current transport of the
    session that `sid` names, None where there is none. `dialects` are those that may be spoken: that of
    the session, or all that are switched on.
    """
    if transport not in transports:
        return Refusal.UNKNOWN_TRANSPORT
    if origin is not None and _ILLEGAL_VALUE.search(origin):
        return Refusal.INVALID_ORIGIN
    # "websocket" needs a WebSocket, and a WebSocket carries nothing else. The reference holds a
    # request for the first without the second for ever, and opens the other way round only to close.
    mismatch = upgrade is not (transport == "websocket")
    if sid:
        if session_transport is None:
            return Refusal.UNKNOWN_SID
        # Whether the session can still upgrade is its own question, asked when the WebSocket is open.
        if not upgrade and transport != session_transport:
            return Refusal.TRANSPORT_MISMATCH
        other_revision = Refusal.PROTOCOL_MISMATCH
    else:
        if method != "GET":
            return Refusal.BAD_HANDSHAKE_METHOD
        other_revision = Refusal.UNSUPPORTED_PROTOCOL_VERSION
    if mismatch:
        return Refusal.TRANSPORT_HANDSHAKE_ERROR
    return None if dialect_of(eio) in dialects else other_revision


def open_packet(
    sid: str,
    upgrades: Sequence[str],
    *,
    ping_interval: float,
    ping_timeout: float,
    max_payload: int,
    batches: bool = False,
) -> bytes:
    """The first packet of a session. Durations are seconds here, milliseconds on the wire.

    `batches` agrees that several packets share a WebSocket message.
    """
    data = {
        "sid": sid,
        "upgrades": list(upgrades),
        "pingInterval": round(ping_interval * 1000),
        "pingTimeout": round(ping_timeout * 1000),
        "maxPayload": max_payload,
    }
    if batches:
        data[PARAMETER] = BATCH
    return b"0" + json.dumps(data, separators=(",", ":")).encode()


def open_packet_parts(
    upgrades: Sequence[str], *, ping_interval: float, ping_timeout: float, max_payload: int, batches: bool
) -> tuple[bytes, bytes]:
    """What stands before and behind the id in the first packets of sessions that differ in nothing else.

    For ids that JSON writes as they are.
    """
    before, _, behind = open_packet(
        "*",
        upgrades,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        max_payload=max_payload,
        batches=batches,
    ).partition(b"*")
    return before, behind
