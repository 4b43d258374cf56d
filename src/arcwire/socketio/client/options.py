"""Options of clients, checked once."""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec

from arcwire.engineio.client import Cookies
from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.socketio.client.buffer import OfflineBuffer
from arcwire.socketio.client.retries import WINDOW
from arcwire.socketio.selection import check_timeout


class ConnectionOptions(TypedDict, total=False):
    """Options of the Engine.IO connection below; see `EngineClientConfig`, which checks them."""

    protocol: Literal[4, 3]
    transports: Sequence[str]
    try_all_transports: bool
    upgrade: bool
    remember_upgrade: bool
    upgrade_timeout: float
    request_timeout: float | None
    query: Mapping[str, str] | str
    extra_headers: Mapping[str, str]
    transport_options: Mapping[str, Mapping[str, Any]]
    timestamp_requests: bool | None
    timestamp_param: str
    force_base64: bool
    add_trailing_slash: bool
    protocols: Sequence[str]
    cookies: Cookies | Mapping[str, str]
    max_message_size: int
    per_message_deflate: PerMessageDeflate | bool
    ssl_context: ssl.SSLContext | None
    ca_file: str | Path | None
    client_certificate: str | Path | tuple[str | Path, str | Path] | tuple[str | Path, str | Path, str] | None
    insecure: bool
    server_hostname: str | None
    local_address: str | tuple[str, int] | None
    proxy: str | None
    trust_env: bool


class ReconnectionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """When a lost connection is made anew. Raises ValueError for values that cannot work."""

    reconnection: bool = True
    reconnection_attempts: int | None = None
    reconnection_delay: float = 1.0
    reconnection_delay_max: float = 5.0
    randomization_factor: float = 0.5

    def __post_init__(self) -> None:
        attempts = self.reconnection_attempts
        if attempts is not None and (not isinstance(attempts, int) or attempts < 1):
            raise ValueError(
                f"reconnection_attempts is a number from 1, or None for no limit, got {attempts!r}; "
                "for none at all there is reconnection=False"
            )
        for name in ("reconnection_delay", "reconnection_delay_max"):
            _check_positive(name, getattr(self, name))
        if not isinstance(self.randomization_factor, int | float) or not 0 <= self.randomization_factor <= 1:
            raise ValueError(f"randomization_factor is from 0 to 1, got {self.randomization_factor!r}")


class SocketOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the socket of one namespace sends. Raises ValueError for values that cannot work."""

    ack_timeout: float | None = None
    retries: int = 0
    retry_window: int = WINDOW
    offline_buffer: OfflineBuffer = OfflineBuffer()
    retry_connect: bool = False
    timeout: float | None = 20.0

    def __post_init__(self) -> None:
        for name in ("ack_timeout", "timeout"):
            value = getattr(self, name)
            if value is not None:
                _check_positive(name, value)
        if not isinstance(self.retries, int) or self.retries < 0:
            raise ValueError(f"retries is a number of times, got {self.retries!r}")
        if not isinstance(self.retry_window, int) or self.retry_window < 1:
            raise ValueError(f"retry_window is a number of events, at least one, got {self.retry_window!r}")
        if not isinstance(self.offline_buffer, OfflineBuffer):
            raise TypeError(f"offline_buffer is an OfflineBuffer, got {self.offline_buffer!r}")


def _check_positive(name: str, value: Any) -> None:
    try:
        check_timeout(value)
    except ValueError:
        raise ValueError(f"{name} is a positive number of seconds, got {value!r}") from None
