"""An application on a bare engine that remembers what it is told."""

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Connection, Engine


class Recorder:
    """Receives for one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages: list[str | bytes] = []
        self.closed: list[tuple[CloseReason, str]] = []

    def receive_text(self, data: str) -> None:
        self.messages.append(data)

    def receive_binary(self, data: bytes) -> None:
        self.messages.append(data)

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        self.closed.append((reason, description))

    @property
    def reason(self) -> CloseReason | None:
        """Why it ended; None while it has not. Fails if it ended twice."""
        assert len(self.closed) <= 1
        return self.closed[0][0] if self.closed else None


class RecordedEngine(Engine):
    """An engine whose connections are recorded, by session id."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        super().__init__(config or EngineConfig(), self._record)
        self.recorded: dict[str, Recorder] = {}

    def _record(self, connection: Connection) -> Recorder:
        recorder = self.recorded[connection.sid] = Recorder(connection)
        return recorder
