"""Which target is met."""

from typing import Any

import pytest
import results
from targets import TARGETS, Verdict, best_javascript, verdicts
from works import WORKS

from support.figures import memory, pace
from support.figures import results as some_results

ECHO = "echo-100x8"


def summary(*groups: list[dict[str, Any]]) -> dict[str, Any]:
    return results.summarized(some_results(*groups))


def verdict(made: dict[str, Any], work: str, server: str, rival: str) -> Verdict:
    (found,) = [
        verdict
        for verdict in verdicts(made)
        if (verdict.work.name, verdict.server, verdict.rival) == (work, server, rival)
    ]
    return found


def test_every_target_names_works_that_there_are() -> None:
    assert {name for target in TARGETS for name in target.works} <= {work.name for work in WORKS}


@pytest.mark.parametrize("ours, met", [(1100, True), (1096, True), (1094, False), (5000, True)])
def test_more_a_cpu_second_is_better(ours: float, met: bool) -> None:
    made = summary(pace(ECHO, "arcwire-3.13", ours), pace(ECHO, "bun", 1000), pace(ECHO, "node-ws", 10))
    assert verdict(made, ECHO, "arcwire-3.13", "bun").met is met


@pytest.mark.parametrize("ours, met", [(600, True), (604, True), (606, False), (10, True)])
def test_less_memory_is_better(ours: float, met: bool) -> None:
    made = summary(memory("arcwire-3.13", ours), memory("node-ws", 1000), memory("bun", 100))
    assert verdict(made, "idle-websocket", "arcwire-3.13", "node-ws").met is met


def test_the_best_of_javascript_is_found_for_each_work() -> None:
    made = summary(
        *(pace(ECHO, "node-ws", 10), pace(ECHO, "bun", 20), pace("text-4k", "node-ws", 9)),
        *(pace("text-4k", "bun", 8), memory("node-ws", 5), memory("bun", 6)),
    )
    works = {work.name: work for work in WORKS}
    best = {name: best_javascript(made, works[name]) for name in (ECHO, "text-4k", "idle-websocket")}
    assert best == {ECHO: "bun", "text-4k": "node-ws", "idle-websocket": "node-ws"}


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    made = summary(pace(ECHO, "arcwire-3.13", 1), pace(ECHO, "bun", 1))
    assert verdict(made, ECHO, "arcwire-3.13", "python-socketio").met is None


def test_the_oldest_python_has_targets_of_its_own() -> None:
    made = summary(
        *(pace(ECHO, "arcwire-3.11", 120), pace(ECHO, "node-ws", 100), pace(ECHO, "python-socketio", 16)),
        *(pace(ECHO, "arcwire-3.13", 1), pace(ECHO, "bun", 1)),
    )
    assert verdict(made, ECHO, "arcwire-3.11", "node-ws").met is True
    assert verdict(made, ECHO, "arcwire-3.11", "python-socketio").met is False
