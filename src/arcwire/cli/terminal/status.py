"""The line below the prompt: connection, transport, latency, namespaces."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from arcwire.cli.terminal.rendering import Fragments, render_duration, style
from arcwire.socketio.client import StateName

_SIGNS = {
    StateName.OPEN: ("status.open", "●", "connected"),
    StateName.CONNECTING: ("status.waiting", "◌", "connecting"),
    StateName.RECOVERING: ("status.waiting", "◌", "reconnecting"),
    StateName.CLOSED: ("status.closed", "○", "disconnected"),
}


@dataclass
class Status:
    """What the line shows."""

    address: str
    state: StateName = StateName.CLOSED
    transport: str | None = None
    latency: float | None = None
    """Seconds to the server and back."""
    namespaces: Iterable[tuple[str, bool]] = ()
    """Those that were used, and whether they are connected."""
    received: int = 0
    sent: int = 0
    waiting: int = 0
    """Acknowledgements that are waited for."""
    muted: set[str] = field(default_factory=set)

    def render(self) -> Fragments:
        """The line."""
        kind, sign, words = _SIGNS[self.state]
        fragments = [style(kind, f" {sign} {words}"), style("status", f"  {self.address}")]
        if self.transport is not None:
            fragments.append(style("status", f"  {self.transport}"))
        if self.latency is not None:
            fragments.append(style("status", f"  {render_duration(self.latency)}"))
        for name, connected in self.namespaces:
            fragments.append(style("status" if connected else "status.note", f"  {name}"))
        fragments.append(style("status.note", f"  ↓ {self.received:,} ↑ {self.sent:,}"))
        if self.waiting:
            fragments.append(style("status.note", f"  {self.waiting} unanswered"))
        if self.muted:
            fragments.append(style("status.note", f"  {len(self.muted)} muted"))
        return fragments
