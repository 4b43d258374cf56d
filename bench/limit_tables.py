"""Tables of where the time goes, and of what keeps targets from being met."""

from collections import Counter
from collections.abc import Callable

from limits import KERNEL, OWN, TOOLS, Cost, Limit, limit_of
from markdown import MISSING, short, table
from results import Results, Run, entry_of
from targets import verdicts
from works import PER_CPU_SECOND, WORKS


def limits_table(results: Results) -> str:
    """A row for each target that is missed."""
    rows = []
    for limit in _limits(results):
        verdict = limit.verdict
        rows.append(
            [
                *(verdict.work.title, verdict.server, verdict.rival),
                *(f"{verdict.wanted:g}", _ratio(verdict.ratio), _ratio(limit.bare_ratio)),
                *(short(limit.allowed), _cost(limit.used), _cost(limit.bare)),
                MISSING if limit.beyond is None else short(limit.beyond),
                limit.name,
            ]
        )
    if not rows:
        return "No target is missed whose times were measured."
    ratios = ["wanted", "reached", "bare handler"]
    times = ["µs allowed", "used (kernel)", "bare handler (kernel)", "beyond it"]
    return table(["work", "server", "to", *ratios, *times, "limit"], rows, align_from=3)


def _ratio(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _cost(cost: Cost | None) -> str:
    return MISSING if cost is None else f"{short(cost.total)} ({short(cost.kernel)})"


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
    if not counts:
        return text
    return (
        f"{text} Of the others, {counts[KERNEL]} allow less time than the kernel alone takes, "
        f"{counts[TOOLS]} less than a bare handler on the same libraries takes; "
        f"{counts[OWN]} are missed by what Arcwire does beyond it."
    )


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
