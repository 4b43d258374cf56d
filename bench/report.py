"""What a run says at its end, and the comparison of two of them."""

from collections.abc import Iterator

import limit_tables
import tables
from results import Results, entry_of, spread
from works import WORKS


def report(results: Results) -> str:
    """Everything, in Markdown; the table of all works first."""
    parts = [
        tables.works_table(results),
        f"Throughput, thousands / s\n\n{tables.throughput_table(results)}",
        f"Latency at a fixed rate\n\n{tables.latency_table(results)}",
        f"Besides\n\n{tables.other_table(results)}",
        f"Targets\n\n{tables.targets_table(results)}",
        f"Limits of what is missed\n\n{limit_tables.limits_table(results)}",
        f"CPU time, µs a message: user code + kernel\n\n{limit_tables.costs_table(results)}",
        f"System calls a message: that send / that receive / all\n\n{limit_tables.calls_table(results)}",
        limit_tables.balance_text(results),
        tables.machine_text(results),
    ]
    return "\n\n".join(part for part in parts if part)


def comparison(before: Results, after: Results) -> str:
    """The figure that counts of all works and servers that both have, and their ratio.

    A difference that is within the spread of one of the two is marked with `~`: it may be noise.
    """
    lines = ["| work | server | before | after | unit | after / before |", "|---|---|--:|--:|---|--:|"]
    return "\n".join([*lines, *_compared(before, after)])


def _compared(before: Results, after: Results) -> Iterator[str]:
    for work in WORKS:
        for server in after["servers"]:
            old, new = (entry_of(results["summary"], work.name, server) for results in (before, after))
            if old is None or new is None:
                continue
            first, second = old[work.figure.name], new[work.figure.name]
            ratio = second["median"] / first["median"]
            noise = "~ " if abs(ratio - 1) <= max(spread(first), spread(second)) else ""
            shown = [f"{figure['median'] / work.figure.scale:.4g}" for figure in (first, second)]
            cells = [work.name, server, *shown, work.figure.unit, f"{noise}{ratio:.2f}"]
            yield f"| {' | '.join(cells)} |"
