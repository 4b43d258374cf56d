"""What is run in which order, and what becomes of a case that fails."""

from pathlib import Path
from typing import Any

import peers
import pytest
import results
import run
from peers import BARE, Peer
from processes import ProcessFailed
from works import WORKS, Work

WORK = {work.name: work for work in WORKS}
BUN, NODE = Peer("bun", "bun", "bun.mjs", "javascript"), Peer("node-ws", "node", "node.mjs", "javascript")


class Bench:
    """Stands in for measurements, which take minutes: each has the figure that counts, or fails."""

    def __init__(self, *failing: tuple[str, str], error: Exception) -> None:
        self.failing = failing
        self.error = error
        self.counted: list[tuple[str, str]] = []

    def measure(self, peer: Peer, work: Work, count_calls: bool) -> dict[str, float]:
        if (peer.name, work.name) in self.failing:
            raise self.error
        if count_calls:
            self.counted.append((peer.name, work.name))
        return {work.figure.name: 1.0}


def made(bench: Bench, cases: list[run.Case]) -> tuple[dict[str, Any], list[int]]:
    """The result, and the number of runs in it each time that it was saved."""
    result: dict[str, Any] = {"runs": [], "failures": [], "settings": {"rounds": 2}}
    saved: list[int] = []
    run.run_all(bench, cases, result, lambda: saved.append(len(result["runs"])))  # type: ignore[arg-type]
    return result, saved


CASES = run.cases([BUN, NODE], [WORK["echo-1x1"], WORK["start"]], 2)


def test_each_round_begins_with_another_server() -> None:
    order = [(case.round, case.work.name, case.peer.name) for case in CASES]
    assert order == [
        *((1, "echo-1x1", "bun"), (1, "echo-1x1", "node-ws"), (1, "start", "bun"), (1, "start", "node-ws")),
        *((2, "echo-1x1", "node-ws"), (2, "echo-1x1", "bun"), (2, "start", "node-ws"), (2, "start", "bun")),
    ]


def test_the_bare_handler_gets_the_works_that_it_can_do() -> None:
    (bare,) = [peer for peer in peers.peers_for(["3.13"]) if peer.kind == BARE]
    names = {case.work.name for case in run.cases([bare], WORKS, 1)}
    assert {"echo-1x1", "broadcast-10000", "connect-websocket"} <= names
    assert not {"polling-100", "storm-10000", "idle-websocket", "rooms-100x10", "start"} & names


def test_what_is_steady_is_measured_in_the_first_rounds() -> None:
    many = run.cases([BUN], [WORK["idle-websocket"], WORK["start"]], 5)
    rounds = [case.round for case in many if case.work.name == "idle-websocket"]
    assert rounds == [1, 2]
    assert len(many) == 7


@pytest.mark.parametrize(
    "error, told", [(ProcessFailed("too late"), "too late"), (KeyError("sid"), "KeyError: 'sid'")]
)
def test_a_case_that_fails_is_told_and_ends_no_other(error: Exception, told: str) -> None:
    result, saved = made(Bench(("bun", "echo-1x1"), error=error), CASES)
    assert result["failures"] == [f"round 1/2 echo-1x1 bun: {told}", f"round 2/2 echo-1x1 bun: {told}"]
    assert len(result["runs"]) == 6
    assert saved == [1, 3, 4, 6]


def test_system_calls_are_counted_once_for_each_work_and_server() -> None:
    bench = Bench(error=KeyError())
    made(bench, CASES)
    assert len(bench.counted) == len(set(bench.counted)) == 4


def test_rounds_that_were_not_made_are_not_claimed() -> None:
    result, _ = made(Bench(error=KeyError()), [case for case in CASES if case.round == 1])
    assert result["settings"]["rounds"] == 1


def test_nothing_to_do_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--servers", "bare-*", "--works", "polling-*"]) == 2
    assert "polling-100" in capsys.readouterr().out


def test_files_that_cannot_be_compared_are_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 2
    assert "a.json" in capsys.readouterr().err
    assert results.VERSION == 2
