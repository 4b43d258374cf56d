"""permessage-deflate (RFC 7692) from the client's side: the offer, and what an answer to it means."""

import sys
from functools import lru_cache
from typing import Final

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.hosts.deflate import Agreement, encoding, parse_parameters

_LARGEST_WINDOW: Final = 15
_WINDOW_BITS: Final = {b"%d" % bits: bits for bits in range(8, _LARGEST_WINDOW + 1)}


def make_offer(options: PerMessageDeflate) -> str:
    """The value of Sec-WebSocket-Extensions in the request."""
    offer = "permessage-deflate; client_max_window_bits"
    if options.client_no_context_takeover:
        offer += "; client_no_context_takeover"
    if options.server_no_context_takeover:
        offer += "; server_no_context_takeover"
    if options.server_max_window_bits == _LARGEST_WINDOW:
        return offer
    # Some servers cannot take a smaller window than the largest: then the larger, rather than nothing.
    return f"{offer}; server_max_window_bits={options.server_max_window_bits}, {offer}"


def read_answer(answer: str, options: PerMessageDeflate) -> Agreement:
    """What a server agreed to. Raises ValueError for what was not offered (section 7.1)."""
    parameters = parse_parameters(answer.encode("latin-1"))
    if parameters is None:
        raise ValueError(f"the server uses an extension that was not offered: {answer}")
    takeover = {}
    for side in ("server", "client"):
        name = f"{side}_no_context_takeover".encode()
        takeover[side] = name not in parameters
        if parameters.pop(name, None) is not None:
            raise ValueError(f"the server answers {name.decode()} with a value")
    windows = {}
    for side in ("server", "client"):
        name = f"{side}_max_window_bits".encode()
        bits = _WINDOW_BITS.get(parameters.pop(name) or b"") if name in parameters else _LARGEST_WINDOW
        if bits is None:
            raise ValueError(f"the server answers {name.decode()} with no size of a window")
        windows[side] = bits
    if parameters:
        raise ValueError(f"the server answers with parameters that were not offered: {answer}")
    return _agreement(
        options,
        min(windows["client"], options.client_max_window_bits),
        windows["server"],
        takeover["client"] and not options.client_no_context_takeover,
        takeover["server"],
    )


@lru_cache(maxsize=64)
def _agreement(
    options: PerMessageDeflate, own_bits: int, peer_bits: int, own_takeover: bool, peer_takeover: bool
) -> Agreement:
    # zlib cannot compress with a window of 8 bits: then nothing is.
    threshold = sys.maxsize if own_bits == 8 else max(options.threshold, 1)
    return Agreement(
        encoding(max(own_bits, 9), options.level, options.memory_level),
        threshold,
        own_takeover,
        peer_takeover,
        peer_bits,
    )
