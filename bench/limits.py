"""What keeps a target from being met: where the time of a message goes, from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markdown import short
from peers import BARE
from results import Results, Run, entry_of, ratio
from targets import Verdict, servers_of

KERNEL, TOOLS, OWN = "the kernel", "the tools", "Arcwire"


@dataclass(frozen=True, slots=True)
class Limit:
    """CPU time of a message (a delivery, a connection) in microseconds.

    `allowed` would meet the target and `used` is spent: `kernel` in the kernel, the rest in user code. Of
    that the bare handler on the same Python needs `tools`; `bare` is its whole time, `bare_ratio` what it
    reaches where Arcwire reaches the ratio of the verdict. These three are None where it was not measured.
    """

    verdict: Verdict
    allowed: float
    used: float
    kernel: float
    tools: float | None
    bare: float | None
    bare_ratio: float | None

    @property
    def own(self) -> float | None:
        """What Arcwire does beyond the bare handler in user code."""
        return None if self.tools is None else self.used - self.kernel - self.tools

    @property
    def name(self) -> str:
        """The first of these that alone takes more than is allowed; Arcwire, if neither does.

        `KERNEL`: what Arcwire has the kernel do. `TOOLS`: all that the bare handler does.
        """
        if self.kernel > self.allowed:
            return KERNEL
        if self.bare_ratio is not None and self.bare_ratio < self.verdict.wanted:
            return TOOLS
        return OWN

    def __str__(self) -> str:
        """In a few words, with the figures that decide."""
        left = self.allowed - self.kernel - (self.tools or 0)
        if self.name == KERNEL:
            text = f"kernel alone {short(self.kernel)} of {short(self.allowed)} µs"
        elif self.name == TOOLS:
            text = f"bare handler {self.bare_ratio:.2f}"
        elif self.own is None:
            text = f"user code {short(self.used - self.kernel)} of {short(left)} µs"
        else:
            text = (
                f"Arcwire itself {short(self.own)} of {short(left)} µs (bare handler {self.bare_ratio:.2f})"
            )
        return f"{self.verdict.rival}: {text}"


def limit_of(results: Results, verdict: Verdict) -> Limit | None:
    """None for a target that is met, and for one about memory or without the figures that it takes."""
    summary, work = results["summary"], verdict.work
    mine, theirs = (entry_of(summary, work.name, name) for name in (verdict.server, verdict.rival))
    if verdict.met is not False or verdict.ratio is None or not mine or not theirs or "system_us" not in mine:
        return None
    used = 1e6 / _median(mine, work.figure.name)
    bare = _bare(results, verdict)
    return Limit(
        verdict,
        allowed=used * verdict.ratio / verdict.wanted,
        used=used,
        kernel=_median(mine, "system_us"),
        tools=_median(bare, "user_us") if bare else None,
        bare=1e6 / _median(bare, work.figure.name) if bare else None,
        bare_ratio=ratio(bare, theirs, work.figure.name) if bare else None,
    )


def _bare(results: Results, verdict: Verdict) -> Run | None:
    """What the bare handler on the same Python did."""
    servers: Mapping[str, Any] = results["servers"]
    for name in servers_of(results, BARE):
        if servers[name]["python"] == servers[verdict.server]["python"]:
            return entry_of(results["summary"], verdict.work.name, name)
    return None


def _median(entry: Run, figure: str) -> float:
    return float(entry[figure]["median"])
