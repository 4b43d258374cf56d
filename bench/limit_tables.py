"""Tables of where the time goes, and of what keeps targets from being met."""

from collections import Counter
from collections.abc import Callable

from limits import KERNEL, OWN, TOOLS, Limit, limit_of
from markdown import MISSING, short, table
from results import Results, Run, entry_of
from targets import verdicts
from works import PER_CPU_SECOND, WORKS


def limits_table(results: Results) -> str:
    """A row for each target that is missed."""
    rows = []
    for limit in _limits(results):
        verdict = limit.verdict
        bare = MISSING if limit.bare_ratio is None else f"{limit.bare_ratio:.2f}"
        times = (limit.allowed, limit.used, limit.kernel, limit.tools, limit.own)
        rows.append(
            [
                *(verdict.work.title, verdict.server, verdict.rival),
                *(f"{verdict.wanted:g}", f"{verdict.ratio:.2f}", bare),
                *(MISSING if time is None else short(time) for time in times),
                limit.name,
            ]
        )
    if not rows:
        return "No target is missed whose times were measured."
    ratios = ["wanted", "reached", "bare handler"]
    times_header = ["µs allowed", "µs used", "kernel", "tools", "Arcwire"]
    return table(["work", "server", "to", *ratios, *times_header, "limit"], rows, align_from=3)


def costs_table(results: Results) -> str:
    """User code and kernel, in microseconds, of all servers and the bare handler."""

    def cell(entry: Run) -> str:
        return " + ".join(short(entry[figure]["median"]) for figure in ("user_us", "system_us"))

    return _of_all(results, "user_us", cell)


def calls_table(results: Results) -> str:
    """System calls a message: those that send, those that receive, all."""

    def cell(entry: Run) -> str:
        kinds = ("write_calls", "read_calls", "system_calls")
        return " / ".join(short(entry[figure]["median"]) for figure in kinds)

    return _of_all(results, "system_calls", cell)


def balance_text(results: Results) -> str:
    """How many targets are met, and what stands before the others."""
    decided = [verdict.met for verdict in verdicts(results) if verdict.met is not None]
    text = f"{sum(decided)} of {len(decided)} targets are met."
    counts = Counter(limit.name for limit in _limits(results))
    reasons = (
        (KERNEL, "the kernel alone takes more than is allowed"),
        (TOOLS, "a bare handler on the same libraries misses them, too"),
        (OWN, "Arcwire's own code is the limit"),
    )
    others = [f"for {counts[name]} {reason}" for name, reason in reasons if counts[name]]
    return f"{text} Of the others, {', '.join(others)}." if others else text


def _limits(results: Results) -> list[Limit]:
    return [limit for verdict in verdicts(results) if (limit := limit_of(results, verdict))]


def _of_all(results: Results, figure: str, cell: Callable[[Run], str]) -> str:
    """A row for each work that counts messages, a column for each server, where the figure was measured."""
    summary, servers, rows = results["summary"], list(results["servers"]), []
    for work in WORKS:
        entries = [entry_of(summary, work.name, server) for server in servers]
        cells = [cell(entry) if entry and figure in entry else MISSING for entry in entries]
        if work.figure is PER_CPU_SECOND and set(cells) != {MISSING}:
            rows.append([work.title, *cells])
    return table(["work", *servers], rows) if rows else "Not measured."
