"""Several packets in one WebSocket message: what two sides of Arcwire may agree on when a session opens.

The client asks in the query of the request, the server answers in its first packet; others see nothing of
it. In a batch each packet has 0x1e before it, where the payload of a poll (protocol v4, "HTTP
long-polling") has it between two. No packet begins with it, so what is not a batch stays as it is.
"""

from collections.abc import Sequence
from typing import Final

PARAMETER: Final = "arcwire"
"""The key of the extension in the query of a client that asks for it, and in the server's first packet."""

BATCH: Final = "batch"
"""The value there."""

LIMIT: Final = 64 * 1024
"""Bytes of the largest batch. Larger messages gain nothing from it."""

SEPARATOR: Final = "\x1e"

OVERHEAD: Final = 2
"""Bytes that a text message takes in a batch besides its payload."""

_MESSAGE: Final = b"\x1e4"


def encode_batch(payloads: Sequence[bytes]) -> bytes | None:
    """Join text messages, at least one; None if one of them has the separator in it and has to go alone."""
    batch = _MESSAGE + _MESSAGE.join(payloads)
    return batch if batch.count(b"\x1e") == len(payloads) else None


def split_batch(batch: str) -> list[str]:
    """The packets of a batch, in order. They are not checked: what is no packet is none alone either."""
    return batch[1:].split(SEPARATOR)
