"""The load test: its statistics, and a small run."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.servers import ServerProcess, free_port

FOLDER = Path(__file__).parents[2] / "examples" / "load_test"


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """The modules of the example, by their names."""
    sys.path.insert(0, str(FOLDER))
    try:
        import display
        import histogram
        import outcome

        yield {"display": display, "histogram": histogram, "results": outcome}
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("display", "histogram", "outcome"):
            sys.modules.pop(name, None)


@given(durations=st.lists(st.floats(0, 3000), min_size=1), percent=st.floats(0, 100))
def test_percentiles_are_right_within_three_percent(
    modules: Any, durations: list[float], percent: float
) -> None:
    histogram = modules["histogram"].Histogram()
    for duration in durations:
        histogram.record(duration)
    exact = sorted(durations)[max(1, math.ceil(len(durations) * percent / 100)) - 1]
    assert exact * 0.999 - 1e-6 <= histogram.percentile(percent) <= exact * 1.035 + 2e-6
    assert histogram.count == len(durations)
    assert histogram.mean == pytest.approx(sum(durations) / len(durations))
    rows = list(histogram.rows(10))
    assert len(rows) <= 10
    assert sum(count for _, _, count in rows) == len(durations)
    assert all(begin < end for begin, end, _ in rows)
    assert [row[1] for row in rows[:-1]] == [row[0] for row in rows[1:]]
    assert rows[0][0] <= min(durations) + 1e-9


def test_nothing_recorded(modules: Any) -> None:
    histogram = modules["histogram"].Histogram()
    assert (histogram.percentile(99), histogram.mean, list(histogram.rows(10))) == (0.0, 0.0, [])
    results = modules["results"].Results()
    assert results.summary()["latency"]["p99"] == 0.0
    assert results.rate == 0.0


def test_the_display_shows_everything(modules: Any) -> None:
    from rich.console import Console

    results = modules["results"].Results()
    results.connected, results.sent, results.seconds = 2000, 4000, 2.0
    for number in range(1, 1001):
        results.answers.record(number / 1000)
    results.failures["no answer in time"] = 7
    console = Console(width=100, force_terminal=False, file=open("/dev/null", "w"), record=True)  # noqa: SIM115
    console.print(modules["display"].render(results, phase="sending", done=0.5))
    console.file.close()
    text = console.export_text()
    assert "2,000 connected   4,000 sent   1,000 answered   500/s" in text
    assert "7 × no answer in time" in text
    assert "p99 " in text
    assert "█" in text


SILENT = """
from arcwire import Ack, Server, Socket

io = Server()


@io.on("echo")
async def echo(socket: Socket, ack: Ack, text: str) -> None: ...
"""


@contextmanager
def serving(module: str, folder: Path) -> Iterator[ServerProcess]:
    port = free_port()
    arcwire = str(Path(sys.executable).with_name("arcwire"))
    command = [arcwire, "run", f"{module}:io", "--app-dir", str(folder), "--port", str(port)]
    process = ServerProcess(command, port)
    try:
        process.start()
        yield process
    finally:
        process.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """The server of the example."""
    with serving("echo_server", FOLDER) as process:
        yield process


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "load_test.py"), *arguments]
    wide = os.environ | {"COLUMNS": "100"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=wide)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_small_run(server: ServerProcess, transport: str) -> None:
    small = ("--clients", "20", "--duration", "1", "--interval", "0.2", "--transport", transport)
    done = run(server.url, *small, "--args", '[{"a": 1}]', "--json")
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert summary["connected"] == 20
    assert summary["answered"] == summary["sent"] == 100
    assert summary["failures"] == {}
    assert 0 < summary["latency"]["p50"] <= summary["latency"]["p99"] <= summary["latency"]["max"]
    assert summary["rate"] > 0


DURATION = r"[\d.]+ (µs|ms|s)"
LATENCY = "   ".join(f"{name} {DURATION}" for name in ("mean", "p50", "p90", "p99", "p99.9", "max"))
REPORT = rf"""done +━+ 100%
(?P<connected>[\d,]+) connected   (?P<sent>[\d,]+) sent   (?P<answered>[\d,]+) answered   [\d,]+/s

latency   {LATENCY}

(?P<histogram>( *{DURATION} – {DURATION} [█▏▎▍▌▋▊▉]* +[\d,]+\n)+)"""


def report(text: str) -> tuple[list[int], int]:
    """The counts of clients, of events and of answers, and how many the histogram has in all."""
    text = "".join(line.rstrip() + "\n" for line in text.splitlines())
    found = re.fullmatch(REPORT, text)
    assert found, text
    counts = [line.split()[-1] for line in found["histogram"].splitlines()]
    connected, sent, answered, *rows = (
        int(count.replace(",", ""))
        for count in (found["connected"], found["sent"], found["answered"], *counts)
    )
    return [connected, sent, answered], sum(rows)


@pytest.mark.timeout(120)
def test_two_hundred_clients(server: ServerProcess) -> None:
    done = run(server.url, "--clients", "200", "--duration", "1", "--interval", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert report(done.stdout) == ([200, 400, 400], 400)


def test_the_report_in_the_readme() -> None:
    _, _, recording, _ = (FOLDER / "README.md").read_text().split("\n```\n")
    assert report(recording) == ([2000, 20_000, 20_000], 20_000)


@pytest.mark.timeout(120)
def test_failures_are_counted(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "silent_server.py").write_text(SILENT)
    with serving("silent_server", tmp_path) as silent:
        done = run(
            silent.url, "--clients", "3", "--duration", "1", "--interval", "0.1", "--ack-timeout", "0.1"
        )
    assert done.returncode == 1
    assert "× asking: AckTimeout" in done.stdout
    done = run(f"http://127.0.0.1:{free_port()}", "--clients", "3", "--duration", "0.5", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failures"] == {"connecting: Unreachable": 3}
    done = run(server.url, "--clients", "0")
    assert (done.returncode, done.stderr) == (2, "load_test: --clients has to be above 0\n")
