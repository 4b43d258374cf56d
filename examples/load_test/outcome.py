"""What a load test counts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from histogram import Histogram

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


@dataclass
class Results:
    """The counts so far."""

    connects: Histogram = field(default_factory=Histogram)
    """How long clients took to connect."""
    answers: Histogram = field(default_factory=Histogram)
    """From when a message was due to its acknowledgement."""
    connected: int = 0
    sent: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """What went wrong, by what it was."""
    seconds: float = 0.0
    """How long messages were sent."""

    @property
    def rate(self) -> float:
        """Acknowledgements a second."""
        return self.answers.count / self.seconds if self.seconds else 0.0

    def summary(self) -> dict[str, Any]:
        """Everything, in a form for JSON; durations in seconds."""
        return {
            "connected": self.connects.count,
            "sent": self.sent,
            "answered": self.answers.count,
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
            "connect": _durations(self.connects),
            "latency": _durations(self.answers),
            "failures": dict(self.failures),
        }


def _durations(histogram: Histogram) -> dict[str, float]:
    percentiles = {f"p{percent:g}": histogram.percentile(percent) for percent in PERCENTILES}
    return {
        name: round(seconds, 6)
        for name, seconds in {"mean": histogram.mean, **percentiles, "max": histogram.largest}.items()
    }
