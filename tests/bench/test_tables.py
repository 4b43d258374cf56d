"""Tables say what the results say."""

from typing import Any

import report
import results
import tables

from support.figures import memory, pace
from support.figures import results as some_results


def summary(*groups: list[dict[str, Any]]) -> dict[str, Any]:
    return results.summarized(some_results(*groups))


def cells(table: str, row: str) -> dict[str, str]:
    """A row of a table by the names of its columns."""
    header, _, *lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()
    ]
    (found,) = [line for line in lines if line[0].strip() == row]
    return dict(zip(header, found, strict=True))


MADE = summary(
    pace("echo-100x8", "arcwire-3.13", 250_000, 240_000, 280_000, messages_per_second=200_000.0),
    pace("echo-100x8", "bun", 260_000, 250_000, 260_000),
    pace("echo-100x8", "node-ws", 50_000, 60_000, 50_000),
    pace("latency-4000", "bun", 1, 1, 1, rate_share=1.0, p50_us=45.6, p99_us=1234.0),
    pace("latency-4000", "python-socketio", 1, 1, 1, rate_share=0.7),
    memory("arcwire-3.13", 8000, 9000, 8500),
    memory("bun", 11_000, 11_000, 11_000),
)


def test_the_table_of_works_has_medians_spreads_and_the_best() -> None:
    table = tables.works_table(MADE)
    echo = cells(table, "echo, 8 in flight")
    assert echo["arcwire-3.13"] == "250 ±8%"
    assert echo["bun"] == "**260** ±2%"
    assert echo["node-ws"] == "50.0 ±10%"
    assert echo["python-socketio"] == "–"
    idle = cells(table, "memory of an idle WebSocket, 10,000 of them")
    assert idle["arcwire-3.13"] == "**8.50** ±6%"
    assert idle["unit"] == "kB / connection"


def test_throughput_is_a_table_of_its_own() -> None:
    assert cells(tables.throughput_table(MADE), "echo, 8 in flight")["arcwire-3.13"] == "200 ±0%"


def test_a_server_that_does_not_keep_the_rate_is_saturated() -> None:
    row = cells(tables.latency_table(MADE), "echo at 4,000 / s: p50 / p99, ms")
    assert row["bun"] == "0.05 / 1.23"
    assert row["python-socketio"] == "saturated"
    assert row["node-ws"] == "–"


def test_targets_that_are_missed_are_seen() -> None:
    row = cells(tables.targets_table(MADE), "echo, 8 in flight")
    assert row["to the best JavaScript engine"] == "**0.96 (≥ 1.1, bun) missed**"
    assert row["to node-ws"] == "5.00 (≥ 3)"
    assert row["to python-socketio"] == "not measured (≥ 20)"


def test_a_row_for_each_ratio_of_the_fast_path() -> None:
    row = cells(tables.ratios_table(MADE), "echo, 8 in flight")
    assert row == {
        "work": "echo, 8 in flight",
        "thousands / CPU s": "250",
        "best JavaScript engine": "0.96 ×",
        "node-ws": "5.00 ×",
        "python-socketio": "–",
    }


def test_notes_tell_of_a_busy_generator_and_of_others_on_the_core() -> None:
    made = summary(
        pace("echo-100x8", "bun", 1, load_cpu_share=0.95),
        pace("latency-4000", "bun", 1, load_cpu_share=1.0, rate_share=1.0),
        pace("echo-100x8", "node-ws", 1, foreign_cpu_share=0.3),
    )
    generator, disturbed = tables.notes(made)
    assert generator == "echo-100x8 bun: the load generator was busy; throughput is a lower bound"
    assert disturbed.startswith("Disturbed: in 1 of 3 cases")
    assert "up to 30%" in disturbed
    assert tables.notes(MADE) == []


def test_a_failed_run_is_told_in_a_line() -> None:
    made = some_results(pace("echo-100x8", "bun", 1))
    made["failures"] = ["round 1/3 storm-10000 bun: too late\nTraceback of a server\n"]
    assert tables.notes(results.summarized(made)) == ["Failed: round 1/3 storm-10000 bun: too late"]


def test_the_report_has_everything_and_counts_the_targets() -> None:
    text = report.report(MADE)
    assert tables.works_table(MADE) in text
    assert "2 of 3 targets are met." in text
    assert "python 3.13.0, python 3.11.7" in text


def test_a_comparison_marks_what_may_be_noise() -> None:
    before = summary(pace("echo-100x8", "bun", 100, 120, 110), pace("echo-1x1", "bun", 100, 101, 99))
    after = summary(pace("echo-100x8", "bun", 115, 116, 117), pace("echo-1x1", "bun", 110, 110, 110))
    lines = report.comparison(before, after).splitlines()[2:]
    assert lines == [
        "| echo-1x1 | bun | 0.1 | 0.11 | k / CPU s | 1.10 |",
        "| echo-100x8 | bun | 0.11 | 0.116 | k / CPU s | ~ 1.05 |",
    ]
