"""What keeps a target from being met: where the time of a message goes, from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markdown import short
from peers import BARE
from results import Results, Run, entry_of, ratio
from targets import Verdict, servers_of

KERNEL, TOOLS, OWN = "kernel", "tools", "Arcwire"


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of a message (a delivery, a connection) in microseconds, and the kernel's part of it."""

    total: float
    kernel: float


@dataclass(frozen=True, slots=True)
class Limit:
    """What would meet a target, beside what Arcwire takes and what the bare handler on the same Python takes.

    `bare` and `bare_ratio`, its figure in parts of the rival's, are None where it was not measured.
    """

    verdict: Verdict
    allowed: float
    """CPU time of a message in microseconds."""
    used: Cost
    bare: Cost | None = None
    bare_ratio: float | None = None

    @property
    def beyond(self) -> float | None:
        """What Arcwire takes beyond the bare handler."""
        return self.used.total - self.bare.total if self.bare else None

    @property
    def name(self) -> str:
        """KERNEL where what no handler can do without has the kernel take more than is allowed.

        Else TOOLS where the bare handler as a whole takes more, and OWN where it would meet the target.
        """
        least = self.bare or self.used
        if least.kernel > self.allowed:
            return KERNEL
        return TOOLS if self.bare and self.bare.total > self.allowed else OWN

    def __str__(self) -> str:
        """In a few words, with the figures that decide."""
        rival, least, allowed = self.verdict.rival, self.bare or self.used, short(self.allowed)
        bare = f"bare handler {self.bare_ratio:.2f}" if self.bare_ratio else "no bare handler"
        if self.name == KERNEL:
            return f"{rival}: kernel alone {short(least.kernel)} of {allowed} µs ({bare})"
        if self.bare is None or self.beyond is None:
            user, left = self.used.total - self.used.kernel, self.allowed - self.used.kernel
            return f"{rival}: user code {short(user)} of {short(left)} µs ({bare})"
        if self.name == TOOLS:
            return f"{rival}: {bare}, {short(self.bare.total)} of {allowed} µs"
        left = self.allowed - self.bare.total
        return f"{rival}: Arcwire itself {short(self.beyond)} of {short(left)} µs ({bare})"


def limit_of(results: Results, verdict: Verdict) -> Limit | None:
    """None for a target that is met, and for one about memory or without the figures that it takes."""
    summary, work = results["summary"], verdict.work
    mine, theirs = (entry_of(summary, work.name, name) for name in (verdict.server, verdict.rival))
    if verdict.met is not False or verdict.ratio is None or not mine or not theirs or "system_us" not in mine:
        return None
    used = 1e6 / float(mine[work.figure.name]["median"])
    limit = Limit(verdict, used * verdict.ratio / verdict.wanted, _cost(mine, used))
    bare = _bare(results, verdict)
    bare_ratio = ratio(bare, theirs, work.figure.name) if bare else None
    if not bare or not bare_ratio:
        return limit
    # By ratios within rounds, as all that is compared.
    cost = _cost(bare, used * verdict.ratio / bare_ratio)
    return Limit(verdict, limit.allowed, limit.used, cost, bare_ratio)


def _bare(results: Results, verdict: Verdict) -> Run | None:
    """What the bare handler on the same Python did."""
    servers: Mapping[str, Any] = results["servers"]
    for name in servers_of(results, BARE):
        if servers[name]["python"] == servers[verdict.server]["python"]:
            return entry_of(results["summary"], verdict.work.name, name)
    return None


def _cost(entry: Run, total: float) -> Cost:
    user, system = (float(entry[figure]["median"]) for figure in ("user_us", "system_us"))
    return Cost(total, total * system / (user + system))
