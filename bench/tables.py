"""Tables in Markdown, made from results and from nothing else."""

from collections.abc import Iterable, Sequence

import limit_tables
from limits import limit_of
from markdown import MISSING, short, table
from results import Results, Run, entry_of, ratio, spread
from targets import NODE_WS, Verdict, best_javascript, competitors, servers_of, verdicts
from works import LATENCY, PER_CPU_SECOND, WORKS, Figure, Work

LOAD_BOUND = 0.9
"""Share of its core above which the load generator, not the server, may have set the pace."""
FOREIGN_CPU = 0.05
"""Share of the server's core that may go to others before a run is called disturbed."""
RATE_KEPT = 0.98
"""Share of a fixed rate that a server has to answer, or it is saturated."""

NOTHING = {"max": 0.0}


def works_table(results: Results) -> str:
    """All works and servers: the figure that counts in each, with its spread; the best in bold."""
    servers = competitors(results)
    rows = []
    for work in _works(results):
        if work.figure is LATENCY:
            continue
        entries = [entry_of(results["summary"], work.name, server) for server in servers]
        best = _best(entries, work.figure)
        cells = [_figure_cell(entry, work.figure, entry is not None and entry is best) for entry in entries]
        rows.append([work.title, work.figure.unit, *cells])
    return table(["work", "unit", *servers], rows, align_from=2)


def throughput_table(results: Results) -> str:
    """Answers or deliveries a second, in thousands, on one core."""
    figure = Figure("messages_per_second", "k / s", 1000)
    return _plain_table(results, figure, [work for work in _works(results) if work.figure is PER_CPU_SECOND])


def latency_table(results: Results) -> str:
    """p50 and p99 at fixed rates."""
    servers = competitors(results)
    rows = []
    for work in _works(results):
        if work.figure is not LATENCY:
            continue
        entries = [entry_of(results["summary"], work.name, server) for server in servers]
        rows.append([f"{work.title}: p50 / p99, ms", *map(_latency_cell, entries)])
    return table(["work", *servers], rows)


def other_table(results: Results) -> str:
    """What belongs to works with another main figure."""
    lines = (
        ("storm-10000", "10,000 disconnect: s until all are gone", Figure("gone_seconds", "s")),
        ("storm-10000", "... ms until somebody else is answered", Figure("longest_answer_ms", "ms")),
        ("idle-websocket", "resident memory of the empty server, MB", Figure("empty_bytes", "MB", 1e6)),
        ("start", "start of a small server: CPU ms", Figure("start_cpu_seconds", "ms", 0.001)),
    )
    servers = competitors(results)
    rows = []
    for name, title, figure in lines:
        entries = [entry_of(results["summary"], name, server) for server in servers]
        if any(entries):
            rows.append([title, *(_figure_cell(entry, figure) for entry in entries)])
    return table(["", *servers], rows)


def targets_table(results: Results) -> str:
    """Every target with its ratio, whether it is met, and what keeps those from it that are not."""
    measured = {(entry["server"], entry["work"]) for entry in results["summary"]}
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts(results):
        key = (verdict.server, verdict.work.name)
        if key in measured:
            groups.setdefault(key, []).append(verdict)
    rows = []
    for (server, _), (*first, node, python) in groups.items():
        best = [_verdict_cell(verdict, f", {verdict.rival}") for verdict in first] or [""]
        limits = [limit for verdict in (*first, node, python) if (limit := limit_of(results, verdict))]
        cells = [*best, _verdict_cell(node), _verdict_cell(python), "; ".join(map(str, limits))]
        rows.append([node.work.title, server, *cells])
    rivals = ["to the best JavaScript engine", f"to {NODE_WS}", "to python-socketio"]
    return table(["work", "server", *rivals, "limit of what is missed"], rows, align_from=2)


def ratios_table(results: Results) -> str:
    """The fast path on the newest Python beside others: how many times their figure."""
    (newest, *_), rows = servers_of(results, "fast"), []
    for work in _works(results):
        entry = entry_of(results["summary"], work.name, newest)
        if work.figure is LATENCY or work.figure.lower_is_better or entry is None:
            continue
        cells = []
        for rival in (best_javascript(results, work), NODE_WS, "python-socketio"):
            other = entry_of(results["summary"], work.name, rival)
            value = ratio(entry, other, work.figure.name) if other else None
            cells.append(MISSING if value is None else f"{short(value)} ×")
        per_cpu = entry[work.figure.name]["median"] / work.figure.scale
        rows.append([work.title, short(per_cpu), *cells])
    header = ["work", "thousands / CPU s", "best JavaScript engine", NODE_WS, "python-socketio"]
    return table(header, rows)


def machine_text(results: Results) -> str:
    """Where, when and what, in a paragraph."""
    machine, settings = results["machine"], results["settings"]
    runtimes: dict[str, None] = {}
    for about in results["servers"].values():
        for name, version in about.items():
            if name not in ("kind", "arcwire"):
                runtimes[f"{name} {version}"] = None
    notes_text = "".join(f"\n\n{note}" for note in notes(results))
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, Linux {machine['kernel']}; "
        f"{machine['date'][:10]}, commit {machine['commit']}. Medians of {settings['rounds']} interleaved "
        f"rounds, each of {settings['seconds']} s after {settings['warmup']} s of warm-up. "
        f"{_generator_text(results)}\n\n"
        f"Versions: {', '.join(runtimes)}.{notes_text}"
    )


def _generator_text(results: Results) -> str:
    """What the load generator could do with a core of its own, in a work that is not its easiest."""
    work = next(work for work in WORKS if work.name == "echo-100x8")
    paces = [
        entry["messages_per_second"]["median"] / entry["load_cpu_share"]["median"]
        for entry in results["summary"]
        if entry["work"] == work.name and entry["load_cpu_share"]["median"]
    ]
    if not paces:
        return ""
    return f"A CPU second of the load generator was worth {max(paces) / 1000:,.0f} k messages ({work.title})."


def notes(results: Results) -> list[str]:
    """What a reader of the figures has to know: who disturbed, where the generator set the pace."""
    lines = [f"Failed: {failure}" for failure in results["failures"]]
    for entry in results["summary"]:
        if entry.get("load_cpu_share", NOTHING)["max"] > LOAD_BOUND and "rate_share" not in entry:
            name = f"{entry['work']} {entry['server']}"
            lines.append(f"{name}: the load generator was busy; throughput is a lower bound")
    shares = [entry.get("foreign_cpu_share", NOTHING)["max"] for entry in results["summary"]]
    disturbed = [share for share in shares if share > FOREIGN_CPU]
    if disturbed:
        lines.append(
            f"Disturbed: in {len(disturbed)} of {len(shares)} cases others took more than {FOREIGN_CPU:.0%} "
            f"of the server's core for a while, up to {max(disturbed):.0%}. Throughput and latency suffer "
            "most, figures per CPU second least."
        )
    return lines


TABLES = {
    "works": works_table,
    "throughput": throughput_table,
    "latency": latency_table,
    "other": other_table,
    "targets": targets_table,
    "limits": limit_tables.limits_table,
    "costs": limit_tables.costs_table,
    "calls": limit_tables.calls_table,
    "balance": limit_tables.balance_text,
    "ratios": ratios_table,
    "machine": machine_text,
}
"""What pages may ask for by name."""


def _works(results: Results) -> list[Work]:
    measured = {entry["work"] for entry in results["summary"]}
    return [work for work in WORKS if work.name in measured]


def _best(entries: Sequence[Run | None], figure: Figure) -> Run | None:
    present = [entry for entry in entries if entry is not None]
    if not present:
        return None
    choose = min if figure.lower_is_better else max
    return choose(present, key=lambda entry: float(entry[figure.name]["median"]))


def _plain_table(results: Results, figure: Figure, works: Iterable[Work]) -> str:
    servers, rows = competitors(results), []
    for work in works:
        entries = [entry_of(results["summary"], work.name, server) for server in servers]
        rows.append([work.title, *(_figure_cell(entry, figure) for entry in entries)])
    return table(["work", *servers], rows)


def _figure_cell(entry: Run | None, figure: Figure, best: bool = False) -> str:
    if entry is None or figure.name not in entry:
        return MISSING
    value = short(entry[figure.name]["median"] / figure.scale)
    shown = f"**{value}**" if best else value
    return f"{shown} ±{spread(entry[figure.name]):.0%}"


def _latency_cell(entry: Run | None) -> str:
    if entry is None:
        return MISSING
    if entry["rate_share"]["median"] < RATE_KEPT:
        return "saturated"
    return f"{short(entry['p50_us']['median'] / 1000)} / {short(entry['p99_us']['median'] / 1000)}"


def _verdict_cell(verdict: Verdict, rival: str = "") -> str:
    sign = "≤" if verdict.work.figure.lower_is_better else "≥"
    wanted = f"({sign} {verdict.wanted:g}{rival})"
    if verdict.ratio is None:
        return f"not measured {wanted}"
    return f"{verdict.ratio:.2f} {wanted}" if verdict.met else f"**{verdict.ratio:.2f} {wanted} missed**"
