"""What differs between the revisions of the protocol, as values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from arcwire.engineio.protocol import payload, payload_v3
from arcwire.engineio.protocol.client_heartbeat import ClientSupervision, Pinger, PingWatch
from arcwire.engineio.protocol.heartbeat import ClientHeartbeat, Heartbeat


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dialect:
    """One revision. Decoding raises `PayloadError` as `payload.decode_payload` does."""

    revision: int
    """Its number, as in `EIO=4`."""
    heartbeat: type[Heartbeat]
    """Who pings, as the server sees it."""
    supervision: type[ClientSupervision]
    """The same as the client sees it."""
    encode_payload: Callable[[Sequence[bytes], bool], tuple[bytes, bool]]
    """Packets, and whether base64 is asked for: the body of a poll, and whether it is binary."""
    decode_payload: Callable[[bytes], Iterator[str | bytes]]
    """The packets in the body of a post, or of the answer to a poll."""
    decode_binary_payload: Callable[[bytes], Iterator[str | bytes]] | None
    """Those in a body of the type `application/octet-stream`; None where there is none."""
    encode_binary: Callable[[bytes], bytes]
    """A binary message as text, where base64 is asked for."""
    decode_binary: Callable[[str], bytes]
    """The content of such a text."""
    binary_prefix: bytes
    """What stands before the content of a binary message in a WebSocket frame."""


def _encode_v4(packets: Sequence[bytes], base64: bool) -> tuple[bytes, bool]:
    return payload.encode_payload(packets), False


V4 = Dialect(
    revision=4,
    heartbeat=Heartbeat,
    supervision=PingWatch,
    encode_payload=_encode_v4,
    decode_payload=payload.decode_payload,
    decode_binary_payload=None,
    encode_binary=payload.encode_binary,
    decode_binary=payload.decode_binary,
    binary_prefix=b"",
)

V3 = Dialect(
    revision=3,
    heartbeat=ClientHeartbeat,
    supervision=Pinger,
    encode_payload=payload_v3.encode_payload,
    decode_payload=payload_v3.decode_payload,
    decode_binary_payload=payload_v3.decode_binary_payload,
    encode_binary=payload_v3.encode_binary,
    decode_binary=payload_v3.decode_binary,
    binary_prefix=payload_v3.BINARY_PREFIX,
)


def dialect_of(eio: str | None) -> Dialect:
    """The dialect of a client that sends this `EIO`: as in the reference, all but "4" means 3."""
    return V4 if eio == "4" else V3
