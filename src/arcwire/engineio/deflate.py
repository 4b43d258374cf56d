"""Settings of permessage-deflate, checked once."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PerMessageDeflate:
    """How WebSocket messages are compressed (RFC 7692). Raises ValueError for a value that cannot work.

    A connection that has sent a compressed message keeps 2^(`server_max_window_bits` + 2) +
    2^(`memory_level` + 9) bytes for the next one, and one that has received one
    2^`client_max_window_bits`, each with about 8 KiB on top. By default that makes 52 KiB; with the
    15 bits and level 8 of the reference it is 300, and messages get about a tenth smaller.
    """

    threshold: int = 1024
    """Messages of fewer bytes are sent as they are."""
    server_max_window_bits: int = 12
    """Size of the window of what is sent, 9 to 15; a client may ask for a smaller one."""
    client_max_window_bits: int = 12
    """The same for what is received, if the client lets itself be told; else 15."""
    server_no_context_takeover: bool = False
    """Compress each message for itself: worse, and nothing is kept between messages."""
    client_no_context_takeover: bool = False
    """Ask the client to do so."""
    memory_level: int = 5
    """Memory for compressing, 1 to 9."""
    level: int = 6
    """How hard to try, 1 to 9, 0 for not at all, or -1 for zlib's default."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("threshold", 0, None),
            ("server_max_window_bits", 9, 15),
            ("client_max_window_bits", 9, 15),
            ("memory_level", 1, 9),
            ("level", -1, 9),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least or (most is not None and value > most):
                allowed = f"at least {least}" if most is None else f"from {least} to {most}"
                raise ValueError(f"{name} must be a whole number {allowed}, got {value!r}")
