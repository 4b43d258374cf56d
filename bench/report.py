"""From single runs to medians, a table and a file."""

import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peers import ROOT

Run = dict[str, Any]
"""One measurement: `server`, `work`, `round` and figures, whose names end with their unit."""

LOAD_BOUND = 0.9
"""Share of its core above which the load generator, not the server, may have set the pace."""
FOREIGN_CPU = 0.05
"""Share of the server's core that may go to others before a run is called disturbed."""


def machine() -> dict[str, Any]:
    """What the figures depend on besides the servers."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")}
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": ", ".join(sorted(models)) or platform.machine(),
        "cores": sum(line.startswith("processor") for line in cpuinfo),
        "memory_gb": round(memory_kb / 1024**2, 1),
        "kernel": platform.release(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
    }


def _commit() -> str | None:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def summarize(runs: Iterable[Run]) -> list[Run]:
    """One entry for each server and work: median, lowest and highest of every figure."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["work"], run["server"]), []).append(run)
    summary = []
    for (work, server), group in groups.items():
        entry: Run = {"work": work, "server": server, "runs": len(group)}
        for name in group[0]:
            if name not in ("work", "server", "round"):
                values = [run[name] for run in group]
                entry[name] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        summary.append(entry)
    return summary


def table(summary: Sequence[Run], baseline: str) -> str:
    """Markdown: one table for each work, servers from best to worst, ratios to the baseline server."""
    parts = []
    for work in dict.fromkeys(entry["work"] for entry in summary):
        entries = [entry for entry in summary if entry["work"] == work]
        parts.append(
            _memory_table(entries, baseline)
            if "bytes_per_connection" in entries[0]
            else _pace_table(entries, baseline)
        )
    return "\n\n".join(parts)


def _pace_table(entries: list[Run], baseline: str) -> str:
    base = _median_of(entries, baseline, "messages_per_cpu_second")
    lines = [
        f"| {entries[0]['work']} | messages / CPU s | spread | x {baseline} "
        "| messages / s | spread | p50 ms | p99 ms | note |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for entry in sorted(entries, key=lambda entry: -float(entry["messages_per_cpu_second"]["median"])):
        per_cpu, pace = entry["messages_per_cpu_second"], entry["messages_per_second"]
        cells = [
            entry["server"],
            f"{per_cpu['median']:,.0f}",
            _spread(per_cpu),
            f"{per_cpu['median'] / base:.2f}" if base else "",
            f"{pace['median']:,.0f}",
            _spread(pace),
            f"{entry['p50_us']['median'] / 1000:.2f}",
            f"{entry['p99_us']['median'] / 1000:.2f}",
            _note(entry),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _note(entry: Run) -> str:
    notes = []
    if entry["load_cpu_share"]["max"] > LOAD_BOUND:
        notes.append("the load generator was busy: throughput is a lower bound")
    if entry["foreign_cpu_share"]["max"] > FOREIGN_CPU:
        notes.append(f"disturbed: others took up to {entry['foreign_cpu_share']['max']:.0%} of the core")
    return "; ".join(notes)


def _memory_table(entries: list[Run], baseline: str) -> str:
    base = _median_of(entries, baseline, "bytes_per_connection")
    lines = [
        f"| {entries[0]['work']} | kB / connection | spread | x {baseline} | empty server MB |",
        "|---|--:|--:|--:|--:|",
    ]
    for entry in sorted(entries, key=lambda entry: float(entry["bytes_per_connection"]["median"])):
        memory = entry["bytes_per_connection"]
        cells = [
            entry["server"],
            f"{memory['median'] / 1000:.1f}",
            _spread(memory),
            f"{memory['median'] / base:.2f}" if base else "",
            f"{entry['empty_bytes']['median'] / 1e6:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_of(entries: list[Run], server: str, figure: str) -> float | None:
    for entry in entries:
        if entry["server"] == server:
            return float(entry[figure]["median"])
    return None


def _spread(figure: Mapping[str, float]) -> str:
    """Half the distance between the lowest and the highest run, in percent of the median."""
    if not figure["median"]:
        return ""
    return f"±{(figure['max'] - figure['min']) / 2 / figure['median']:.0%}"
