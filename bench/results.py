"""Files of results: what was run where, every run, and the medians of the runs."""

import json
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peers import ROOT
from works import WORKS

Run = dict[str, Any]
"""One measurement: `server`, `work`, `round` and figures, whose names end with their unit."""

Results = dict[str, Any]
"""`version`, `machine`, `settings`, `servers` (versions), `failures`, and `runs` or their `summary`."""

VERSION = 2
"""Of files of results. 1, which had no `version`, had no times of user and kernel apart, no system calls, and
no bare handler; it is still read, and what is not in it is not shown."""

MAIN_FIGURES = {work.name: work.figure.name for work in WORKS}
DIGITS = 4
"""Significant digits of the figures in a summary."""


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


class UnreadableResults(Exception):
    """A file is not one of results, or of a later version than this one."""


def read(path: Path) -> Results:
    """Results with a summary, whatever the file has. Raises UnreadableResults."""
    try:
        results: Results = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UnreadableResults(f"{path}: {error}") from None
    if not isinstance(results, dict) or not ({"summary", "runs"} & results.keys()):
        raise UnreadableResults(f"{path} is no file of results")
    version = results.get("version", 1)
    if version not in range(1, VERSION + 1):
        raise UnreadableResults(f"{path} has version {version}; this program reads up to {VERSION}")
    return results if "summary" in results else summarized(results)


def write(results: Results, path: Path) -> None:
    """What was in the file stays until all of this is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".part")
    written.write_text(f"{_json(results)}\n")
    written.replace(path)


def _json(results: Results) -> str:
    """A line for each run, or entry of a summary, so that changes can be read."""
    parts = []
    for name, value in results.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(item)}" for item in value)
            parts.append(f" {json.dumps(name)}: [\n{lines}\n ]" if value else f" {json.dumps(name)}: []")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}"


def summarized(results: Results) -> Results:
    """The same with a summary in the place of the single runs: small enough to be kept.

    Of a failure its first line stays, without what the server wrote.
    """
    rest = {name: value for name, value in results.items() if name != "runs"}
    failures = [failure.partition("\n")[0] for failure in results["failures"]]
    return {**rest, "failures": failures, "summary": summarize(results["runs"])}


def summarize(runs: Iterable[Run]) -> list[Run]:
    """One entry for each work and server, with median, lowest and highest of every figure, and `rounds`.

    `rounds` has the rounds of these runs, in their order; the figure that others are compared by is
    there once more with the values of all of them, so that runs of the same round can be compared.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["work"], run["server"]), []).append(run)
    summary = []
    for (work, server), group in groups.items():
        entry: Run = {"work": work, "server": server, "rounds": [run["round"] for run in group]}
        for name in dict.fromkeys(name for run in group for name in run):
            if name not in ("work", "server", "round"):
                values = [float(run[name]) for run in group if name in run]
                entry[name] = _summarize(values, name == MAIN_FIGURES[work])
        summary.append(entry)
    return summary


def _summarize(values: list[float], with_values: bool) -> dict[str, Any]:
    figure = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    summary: dict[str, Any] = {name: rounded(value) for name, value in figure.items()}
    if with_values:
        summary["values"] = [rounded(value) for value in values]
    return summary


def rounded(value: float) -> float:
    """To as many significant digits as a measurement deserves."""
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def spread(figure: Mapping[str, Any]) -> float:
    """Half the distance between the lowest and the highest run, as a share of the median."""
    return float((figure["max"] - figure["min"]) / 2 / figure["median"]) if figure["median"] else 0.0


def entry_of(summary: Iterable[Run], work: str, server: str) -> Run | None:
    for entry in summary:
        if entry["work"] == work and entry["server"] == server:
            return entry
    return None


def ratio(of: Run, to: Run, figure: str) -> float | None:
    """The median, over the rounds that both have, of the figure of one server to that of another."""
    mine = dict(zip(of["rounds"], of[figure]["values"], strict=True))
    theirs = dict(zip(to["rounds"], to[figure]["values"], strict=True))
    ratios = [mine[number] / theirs[number] for number in mine if theirs.get(number)]
    return statistics.median(ratios) if ratios else None
