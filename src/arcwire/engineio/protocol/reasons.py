"""Why an Engine.IO session ended: a closed set.

The first five values are those of the protocol's reference server, so logs and dashboards that
know its wording keep working; the others name what it reports as one of these.
"""

from enum import StrEnum


class CloseReason(StrEnum):
    """Reason of the one close notice of a session. A client may come back after each of them."""

    TRANSPORT_ERROR = "transport error"
    """The byte path broke, or the peer broke the rules of the transport."""
    TRANSPORT_CLOSE = "transport close"
    """The peer closed: a close packet, a close frame, or the end of the TCP stream."""
    FORCED_CLOSE = "forced close"
    """This side closed the session."""
    PING_TIMEOUT = "ping timeout"
    """No pong arrived within `ping_timeout` seconds after a ping."""
    PARSE_ERROR = "parse error"
    """The peer sent something that is not an Engine.IO packet."""
    PAYLOAD_TOO_LARGE = "payload too large"
    """A request body or WebSocket message exceeded `max_payload` bytes."""
    SERVER_SHUTTING_DOWN = "server shutting down"
    """The server is being stopped."""
