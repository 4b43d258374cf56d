"""Compression of polling answers."""

import zlib
from functools import lru_cache

_LEVEL = 1
"""It runs on the event loop: two to four times as fast as the usual 6, and JSON a fifth larger."""

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""RFC 9110 section 8.4.1: what is called "deflate" there is deflate within zlib's format."""


def compress(body: bytes, encoding: str) -> bytes:
    """`body` in an encoding that `choose_encoding` chose."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW[encoding])
    return compressor.compress(body) + compressor.flush()


# Clients send few different values.
@lru_cache(maxsize=256)
def choose_encoding(accepted: str) -> str | None:
    """The best encoding for an `Accept-Encoding` field: gzip, deflate, or None for none."""
    weights: dict[str, float] = {}
    for element in accepted.split(","):
        name, *parameters = (part.strip() for part in element.lower().split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        weights[{"x-gzip": "gzip"}.get(name, name)] = weight
    best = max(_WINDOW, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None
