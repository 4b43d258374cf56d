"""Settings of the engine, checked once."""

from dataclasses import dataclass

from arcwire.engineio.deflate import PerMessageDeflate

TRANSPORTS = ("polling", "websocket")


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConfig:
    """Options of an engine. Durations are seconds, sizes bytes; defaults are the reference's.

    Raises ValueError for a value that cannot work.
    """

    path: str = "/engine.io"
    """Where the engine answers, below the mount point of its host application."""
    transports: tuple[str, ...] = TRANSPORTS
    ping_interval: float = 25.0
    """Time between a pong and the next ping."""
    ping_timeout: float = 20.0
    """Time a client has to answer a ping."""
    upgrade_timeout: float = 10.0
    """Time a client has to complete an upgrade once its WebSocket is open."""
    max_payload: int = 1_000_000
    """Largest request body and WebSocket message that a client may send."""
    allow_upgrades: bool = True
    """Whether the handshake offers WebSocket to polling clients."""
    allow_eio3: bool = False
    """Whether clients of protocol 3 (Socket.IO 2 and older) are let in, and JSONP is answered."""
    per_message_deflate: PerMessageDeflate | bool = False
    """How messages on WebSockets are compressed; True for the defaults, False for not at all."""

    def __post_init__(self) -> None:
        for name in ("ping_interval", "ping_timeout", "upgrade_timeout"):
            value = getattr(self, name)
            # The handshake announces whole milliseconds (protocol v4, "Handshake").
            if not isinstance(value, int | float) or not 0.001 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of seconds of at least 0.001, got {value!r}")
        if not isinstance(self.max_payload, int) or self.max_payload < 1:
            raise ValueError(f"max_payload must be a positive number of bytes, got {self.max_payload!r}")
        unknown = [name for name in self.transports if name not in TRANSPORTS]
        if unknown or not self.transports or isinstance(self.transports, str):
            known = ", ".join(TRANSPORTS)
            raise ValueError(f"transports must be some of {known}, got {self.transports!r}")
        if not self.path.startswith("/") or not self.path.strip("/"):
            raise ValueError(f"path must be a URL path such as '/socket.io', got {self.path!r}")
        if not isinstance(self.per_message_deflate, PerMessageDeflate | bool):
            given = repr(self.per_message_deflate)
            raise ValueError(f"per_message_deflate must be True, False or a PerMessageDeflate, got {given}")
        object.__setattr__(self, "path", self.path.rstrip("/"))
        object.__setattr__(self, "transports", tuple(self.transports))

    @property
    def deflate(self) -> PerMessageDeflate | None:
        """The settings that `per_message_deflate` means."""
        option = self.per_message_deflate
        if isinstance(option, PerMessageDeflate):
            return option
        return PerMessageDeflate() if option else None
