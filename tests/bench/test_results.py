"""From runs to medians, spreads and ratios."""

import json
from pathlib import Path

import pytest
import results

from support.figures import memory, pace
from support.figures import results as some_results


def test_a_summary_has_median_and_extremes_of_every_figure() -> None:
    (entry,) = results.summarize(pace("echo-100x8", "bun", 300, 100, 250, p99_us=7))
    assert entry["work"] == "echo-100x8"
    assert entry["server"] == "bun"
    assert entry["rounds"] == [1, 2, 3]
    assert entry["messages_per_cpu_second"] == {
        "median": 250,
        "min": 100,
        "max": 300,
        "values": [300, 100, 250],
    }
    assert entry["p99_us"] == {"median": 7, "min": 7, "max": 7}


def test_values_are_kept_of_the_figure_that_counts() -> None:
    fixed_rate, idle = results.summarize([*pace("latency-4000", "bun", 1, 2), *memory("bun", 3, 4)])
    assert "values" in fixed_rate["p99_us"]
    assert "values" not in fixed_rate["messages_per_cpu_second"]
    assert idle["bytes_per_connection"]["values"] == [3, 4]


def test_works_and_servers_are_kept_apart() -> None:
    runs = [*pace("echo-1x1", "bun", 1), *pace("echo-1x1", "node-ws", 2), *pace("echo-100x8", "bun", 3)]
    summary = results.summarize(runs)
    medians = {
        (entry["work"], entry["server"]): entry["messages_per_cpu_second"]["median"] for entry in summary
    }
    assert medians == {("echo-1x1", "bun"): 1, ("echo-1x1", "node-ws"): 2, ("echo-100x8", "bun"): 3}


@pytest.mark.parametrize(
    "value, short", [(123456.7, 123500), (0.0012345, 0.001234), (1.5, 1.5), (0, 0), (12.0, 12)]
)
def test_figures_have_four_digits(value: float, short: float) -> None:
    assert results.rounded(value) == short


def test_the_spread_is_half_the_range_in_parts_of_the_median() -> None:
    assert results.spread({"median": 100, "min": 90, "max": 130}) == pytest.approx(0.2)
    assert results.spread({"median": 0, "min": 0, "max": 0}) == 0


def test_a_ratio_compares_runs_of_the_same_round() -> None:
    """A machine that is slow for one round is slow for all servers: the ratio does not see it."""
    ours, theirs = results.summarize(
        [*pace("echo-1x1", "arcwire-3.13", 200, 20, 220), *pace("echo-1x1", "bun", 100, 10, 100)]
    )
    assert results.ratio(ours, theirs, "messages_per_cpu_second") == 2


def test_a_ratio_leaves_out_rounds_that_one_of_them_has_not() -> None:
    missed = pace("echo-1x1", "bun", 100, 10, 50)[1:]
    ours, theirs = results.summarize([*pace("echo-1x1", "arcwire-3.13", 900, 10, 100), *missed])
    assert results.ratio(ours, theirs, "messages_per_cpu_second") == 1.5
    (alone,) = results.summarize(pace("echo-1x1", "bun", 1))
    assert results.ratio(alone, theirs, "messages_per_cpu_second") is None


def test_a_file_is_read_with_its_summary_whether_it_has_runs_or_not(tmp_path: Path) -> None:
    full, small = tmp_path / "full.json", tmp_path / "small.json"
    results.write(some_results(pace("echo-1x1", "bun", 1, 2, 3)), full)
    results.write(results.read(full), small)
    assert results.read(small) == results.read(full)
    assert "runs" not in small.read_text()


def test_a_figure_that_only_some_runs_have_is_kept() -> None:
    first, second = pace("echo-1x1", "bun", 1, 2)
    (entry,) = results.summarize([first, {**second, "write_calls": 0.5}])
    assert entry["write_calls"] == {"median": 0.5, "min": 0.5, "max": 0.5}


def test_files_of_the_first_version_are_read_and_later_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.write(some_results(pace("echo-1x1", "bun", 1)), path)
    assert "version" not in results.read(path)
    results.write({**some_results(), "version": results.VERSION}, path)
    assert results.read(path)["summary"] == []
    results.write({**some_results(), "version": results.VERSION + 1}, path)
    with pytest.raises(results.UnreadableResults, match=f"has version {results.VERSION + 1}"):
        results.read(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"version": 2}), "\0"])
def test_what_is_no_file_of_results_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(results.UnreadableResults, match=r"results\.json"):
        results.read(path)


def test_writing_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    results.write(some_results(), tmp_path / "results.json")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
