"""Requests with header fields, for an engine without a network."""

from urllib.parse import urlencode

from arcwire.engineio.link import Request


def request_with(
    method: str = "GET",
    /,
    headers: dict[str, str] | None = None,
    *,
    client: tuple[str, int] | None = ("192.0.2.1", 50000),
    secure: bool = False,
    **query: str,
) -> Request:
    """A request of Engine.IO with these header fields, by lower-case name."""
    fields = {"host": "example.test", **(headers or {})}
    return Request(
        method=method,
        path="/engine.io/",
        query_string=urlencode({"EIO": "4", "transport": "polling", **query}).encode(),
        headers=[(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
        client=client,
        secure=secure,
    )
