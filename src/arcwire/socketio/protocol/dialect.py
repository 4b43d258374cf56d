"""What differs for clients and servers of Socket.IO 2, as values.

They differ by the revision of Engine.IO below: 4 carries protocol 5 of Socket.IO, 3 carries 4 and older.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from arcwire.socketio.protocol.packet import CONNECT, Packet


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dialect:
    """What clients of one generation expect of servers, and servers of clients."""

    joins_root: bool
    """Whether the server joins the root namespace for the client, which never asks."""
    id_of: Callable[[str, str], str] | None
    """The id of a socket by namespace and session id, where clients know it without being told."""
    answers_with_id: bool
    """Whether CONNECT of the server tells the client its id (and what else there is to tell)."""
    refusal: Callable[[str, object], object]
    """The content of CONNECT_ERROR: of message and data."""
    read_connect: Callable[[Packet], Packet] | None
    """Finds `auth` where it is not the content of CONNECT already."""
    write_connect: Callable[[str, dict[str, Any]], tuple[str, object]]
    """The namespace and the content of a client's CONNECT: of namespace and auth."""
    read_refusal: Callable[[object], tuple[str, object]]
    """Message and data: of the content of CONNECT_ERROR."""


def _refusal(message: str, data: object) -> object:
    return {"message": message} if data is None else {"message": message, "data": data}


def _bare_refusal(message: str, data: object) -> object:
    return message if data is None else data


def _session_id(namespace: str, sid: str) -> str:
    return sid if namespace == "/" else f"{namespace}#{sid}"


def _read_query(packet: Packet) -> Packet:
    """`/admin?token=1` is the namespace `/admin` and the auth `{"token": "1"}`."""
    path, _, query = packet.namespace.partition("?")
    return Packet(CONNECT, path, data=dict(parse_qsl(query, keep_blank_values=True)))


def _write_connect(namespace: str, auth: dict[str, Any]) -> tuple[str, object]:
    return namespace, auth or None


def _write_query(namespace: str, auth: dict[str, Any]) -> tuple[str, object]:
    return f"{namespace}?{urlencode(auth)}" if auth else namespace, None


def _read_refusal(content: object) -> tuple[str, object]:
    """A message alone, or with data; servers of version 2 send either, as they like."""
    if isinstance(content, str):
        return content, None
    if isinstance(content, dict) and isinstance(content.get("message"), str) and content.keys() <= _REFUSAL:
        return content["message"], content.get("data")
    return "connection refused", content


_REFUSAL = {"message", "data"}

DIALECTS: Mapping[int, Dialect] = {
    4: Dialect(
        joins_root=False,
        id_of=None,
        answers_with_id=True,
        refusal=_refusal,
        read_connect=None,
        write_connect=_write_connect,
        read_refusal=_read_refusal,
    ),
    3: Dialect(
        joins_root=True,
        id_of=_session_id,
        answers_with_id=False,
        refusal=_bare_refusal,
        read_connect=_read_query,
        write_connect=_write_query,
        read_refusal=_read_refusal,
    ),
}
"""By the revision of Engine.IO."""
