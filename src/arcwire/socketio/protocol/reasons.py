"""Why a socket ended: a closed set, the words of the reference where it has one."""

from enum import StrEnum


class DisconnectReason(StrEnum):
    """What `on_disconnect` handlers are told.

    Clients reconnect by themselves after all but the two namespace disconnects.
    """

    TRANSPORT_ERROR = "transport error"
    """The connection broke, or the client broke the rules of the transport."""
    TRANSPORT_CLOSE = "transport close"
    """The client closed the connection, or its network went away."""
    FORCED_CLOSE = "forced close"
    """The server closed the connection, also because of a packet that is not Socket.IO."""
    PING_TIMEOUT = "ping timeout"
    """The client did not answer a ping within `ping_timeout` seconds."""
    PARSE_ERROR = "parse error"
    """The client sent something that is not Engine.IO."""
    PAYLOAD_TOO_LARGE = "payload too large"
    """The client sent more than `max_payload` bytes at once."""
    SERVER_SHUTTING_DOWN = "server shutting down"
    """The server is being stopped."""
    CLIENT_NAMESPACE_DISCONNECT = "client namespace disconnect"
    """The client left the namespace."""
    SERVER_NAMESPACE_DISCONNECT = "server namespace disconnect"
    """`Socket.disconnect` was called."""
