"""What differs for clients of Socket.IO 2, as values.

They differ by the revision of Engine.IO below: 4 carries protocol 5 of Socket.IO, 3 carries 4 and older.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from arcwire.socketio.protocol.packet import CONNECT, Packet


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dialect:
    """What clients of one generation expect."""

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


DIALECTS: Mapping[int, Dialect] = {
    4: Dialect(
        joins_root=False,
        id_of=None,
        answers_with_id=True,
        refusal=_refusal,
        read_connect=None,
    ),
    3: Dialect(
        joins_root=True,
        id_of=_session_id,
        answers_with_id=False,
        refusal=_bare_refusal,
        read_connect=_read_query,
    ),
}
"""By the revision of Engine.IO."""
