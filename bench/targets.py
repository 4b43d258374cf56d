"""What Arcwire wants to reach against each of the others, and whether it does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from peers import BARE, FAST, JAVASCRIPT
from results import Results, Run, entry_of, ratio
from works import WORKS, Work


@dataclass(frozen=True, slots=True)
class Target:
    """Ratios of the figures of Arcwire to those of others, in works that belong together."""

    title: str
    works: tuple[str, ...]
    best_javascript: float | None
    node_ws: float
    python_socketio: float


TARGETS = (
    Target(
        "echo and acknowledgement, 8 and 64 in flight",
        ("echo-100x8", "echo-100x64", "ack-100x8", "ack-100x64"),
        *(1.1, 3, 20),
    ),
    Target("echo, 1 in flight", ("echo-1x1", "echo-100x1"), 1.0, 1.5, 8),
    Target("typed event with validation", ("typed-100x8",), 1.5, 3, 20),
    Target("broadcast to 1,000 and 10,000", ("broadcast-1000", "broadcast-10000"), 1.2, 1.8, 10),
    Target("4 KiB and 64 KiB text, 16 KiB binary", ("text-4k", "text-64k", "binary-16k"), 1.2, 2, 10),
    Target("connection rate, WebSocket", ("connect-websocket",), 1.0, 1.0, 6),
    Target("long-polling round trips", ("polling-100",), 1.0, 1.3, 6),
    Target("memory per idle WebSocket connection", ("idle-websocket",), 1.0, 0.6, 0.25),
)
NODE_WS, PYTHON_SOCKETIO = "node-ws", "python-socketio"
OLDEST_NODE_WS, OLDEST_PYTHON_SOCKETIO = 1.2, 8
"""For every rate above, on the oldest Python."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One ratio beside its target. `ratio` is None where a measurement is missing."""

    target: Target
    work: Work
    server: str
    rival: str
    ratio: float | None
    wanted: float

    @property
    def met(self) -> bool | None:
        if self.ratio is None:
            return None
        # What the tables show is what counts: two digits.
        shown = round(self.ratio, 2)
        return shown <= self.wanted if self.work.figure.lower_is_better else shown >= self.wanted


def verdicts(results: Results) -> list[Verdict]:
    """All targets, those of the fast path on the newest Python first, then those of the oldest."""
    newest, *older = servers_of(results, FAST) or [""]
    every = [verdict for target in TARGETS for verdict in _of_target(results, target, newest)]
    if older:
        every += [verdict for target in TARGETS for verdict in _of_oldest(results, target, older[-1])]
    return every


def servers_of(results: Results, kind: str) -> list[str]:
    return [name for name, about in results["servers"].items() if about["kind"] == kind]


def competitors(results: Results) -> list[str]:
    """All that are servers to use, not a limit."""
    return [name for name, about in results["servers"].items() if about["kind"] != BARE]


def best_javascript(results: Results, work: Work) -> str:
    """The JavaScript server with the best median of a work; the first one if none has any."""
    names = servers_of(results, JAVASCRIPT)
    entries = [
        entry for name in names if (entry := entry_of(results["summary"], work.name, name)) is not None
    ]
    if not entries:
        return names[0] if names else NODE_WS

    def median(entry: Run) -> float:
        return float(entry[work.figure.name]["median"])

    best = min(entries, key=median) if work.figure.lower_is_better else max(entries, key=median)
    return str(best["server"])


def _of_target(results: Results, target: Target, server: str) -> Iterator[Verdict]:
    for work in _works(target):
        if target.best_javascript is not None:
            rival = best_javascript(results, work)
            yield _verdict(results, target, work, (server, rival), target.best_javascript)
        yield _verdict(results, target, work, (server, NODE_WS), target.node_ws)
        yield _verdict(results, target, work, (server, PYTHON_SOCKETIO), target.python_socketio)


def _of_oldest(results: Results, target: Target, server: str) -> Iterator[Verdict]:
    for work in _works(target):
        if not work.figure.lower_is_better:
            yield _verdict(results, target, work, (server, NODE_WS), OLDEST_NODE_WS)
            yield _verdict(results, target, work, (server, PYTHON_SOCKETIO), OLDEST_PYTHON_SOCKETIO)


def _works(target: Target) -> Sequence[Work]:
    return [work for work in WORKS if work.name in target.works]


def _verdict(results: Results, target: Target, work: Work, pair: tuple[str, str], wanted: float) -> Verdict:
    server, rival = pair
    mine, theirs = (entry_of(results["summary"], work.name, name) for name in pair)
    value = ratio(mine, theirs, work.figure.name) if mine and theirs else None
    return Verdict(target, work, server, rival, value, wanted)
