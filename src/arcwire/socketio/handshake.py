"""How a connection was opened."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from arcwire.engineio.link import Request


class Handshake(msgspec.Struct, frozen=True):
    """What is known of the request that opened the connection, and of the namespace's CONNECT."""

    headers: dict[str, str]
    """Header fields by lower-case name; of the first request of the connection."""
    query: dict[str, str]
    """The query string; of a repeated key the last value."""
    auth: dict[str, Any]
    """What the client sent to be let in; empty if it sent nothing."""
    address: str | None
    """The peer's IP address; None on a Unix socket."""
    secure: bool
    """Whether the connection uses TLS."""
    url: str
    """Path and query string of the request."""
    issued: float
    """When the connection was opened: seconds since the epoch."""

    @classmethod
    def read(cls, request: Request, auth: dict[str, Any], issued: float) -> "Handshake":
        """Of the request that opened the connection, and what came with CONNECT."""
        return cls(
            headers=request.headers,
            query=request.query,
            auth=auth,
            address=request.client[0] if request.client else None,
            secure=request.secure,
            url=request.path + (f"?{request.query_string}" if request.query_string else ""),
            issued=issued,
        )

    @property
    def time(self) -> datetime:
        """When the connection was opened, in UTC."""
        return datetime.fromtimestamp(self.issued, UTC)

    @property
    def xdomain(self) -> bool:
        """Whether the request names an origin, as browsers do for other sites."""
        return "origin" in self.headers
