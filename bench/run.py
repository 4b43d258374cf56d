"""Compare Socket.IO servers: throughput, messages per second of server CPU time, latency, memory.

See README.md. Exit status: 0, 1 if a run failed (the others are still reported), 2 for bad usage. The file
of results is written again after each work, so that a benchmark which is interrupted leaves what it has.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import peers
import report
import results
from measurement import LOAD_CORE, Bench, require_cores
from peers import Peer
from processes import ProcessFailed, leave_nothing_running
from works import WORKS, Work

ROUNDS, SECONDS, WARMUP = 5, 1.2, 1.2
QUICK_ROUNDS, QUICK_SECONDS = 2, 0.8
STEADY_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A run that is to be made."""

    round: int
    work: Work
    peer: Peer


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    if options.compare:
        try:
            before, after = map(results.read, options.compare)
        except results.UnreadableResults as error:
            sys.stderr.write(f"{error}\n")
            return 2
        say(report.comparison(before, after))
        return 0
    leave_nothing_running()
    works = [work for work in WORKS if chosen(work.name, options.works)]
    try:
        require_cores()
        pythons = peers.find_pythons(options.python)
        servers = [peer for peer in peers.peers_for(pythons) if chosen(peer.name, options.servers)]
        todo = cases(servers, works, options.rounds)
        if options.list or not todo:
            for title, names in (("servers", servers), ("works", works)):
                say(f"{title}: {' '.join(item.name for item in names) or 'none'}")
            return 0 if options.list else 2
        runtimes = {peer.runtime: peers.install(peer.runtime) for peer in servers}
        load = peers.build_load()
    except peers.MissingTool as error:
        sys.stderr.write(f"missing: {error}\n")
        return 2

    os.sched_setaffinity(0, {LOAD_CORE})
    bench = Bench(load, runtimes, options.seconds, options.warmup, options.nice)
    runs: list[results.Run] = []
    failures: list[str] = []
    result = {
        "version": results.VERSION,
        "machine": results.machine(),
        "settings": {name: getattr(options, name) for name in ("rounds", "seconds", "warmup", "nice")},
        "servers": {peer.name: {"kind": peer.kind, **runtimes[peer.runtime].versions} for peer in servers},
        "runs": runs,
        "failures": failures,
    }
    run_all(bench, todo, result, lambda: results.write(result, options.output))
    say(f"\n{report.report(results.summarized(result))}\n\nwritten to {options.output}")
    for failure in failures:
        sys.stderr.write(f"FAILED: {failure}\n")
    return 1 if failures else 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare Socket.IO servers.")
    parser.add_argument(
        "--servers", nargs="+", metavar="NAME", help="servers to run (patterns such as 'arcwire-*')"
    )
    parser.add_argument("--works", nargs="+", metavar="NAME", help="works to run (patterns such as 'echo-*')")
    parser.add_argument("--list", action="store_true", help="name the servers and works, and end")
    parser.add_argument(
        "--python",
        nargs="+",
        default=[],
        metavar="VERSION",
        help="Pythons for Arcwire (default: the newest one present, and the oldest); "
        "the newest of them also runs the ASGI host and python-socketio",
    )
    quick = f"{QUICK_ROUNDS} rounds of short runs: a first look, not a result"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}")
    parser.add_argument("--seconds", type=float, help=f"measured CPU time of a run (default: {SECONDS})")
    parser.add_argument("--warmup", type=float, default=WARMUP, help="CPU time of work before it")
    nice = "added to the niceness of server and load (such as -10, for root, on a machine that others use)"
    parser.add_argument("--nice", type=int, default=0, help=nice)
    parser.add_argument("--output", type=Path, default=peers.BUILD / "results.json")
    parser.add_argument(
        "--compare", nargs=2, type=Path, metavar="FILE", help="compare two files of results, and end"
    )
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.seconds is None:
        options.seconds = QUICK_SECONDS if options.quick else SECONDS
    if options.rounds < 1 or options.seconds <= 0 or options.warmup < 0:
        parser.error("rounds and times are positive numbers")
    return options


def chosen(name: str, patterns: Sequence[str] | None) -> bool:
    return patterns is None or any(fnmatch(name, pattern) for pattern in patterns)


def cases(servers: Sequence[Peer], works: Sequence[Work], rounds: int) -> list[Case]:
    """Every server gets every work that it can do once in each round, steady works in the first rounds.

    Each round begins with another server, so that none is always measured after the same one.
    """
    made = []
    for number in range(rounds if servers else 0):
        turn = number % len(servers)
        for work in works:
            if work.steady and number >= STEADY_ROUNDS:
                continue
            turns = [*servers[turn:], *servers[:turn]]
            made += [Case(number + 1, work, peer) for peer in turns if peer.does(work.name)]
    return made


def run_all(bench: Bench, todo: Sequence[Case], result: results.Results, save: Callable[[], None]) -> None:
    """Add to the runs of the result and to its failures; `save` is called after each work.

    System calls are counted in the first run that a server makes of a work: they hardly vary.
    """
    begin, rounds, counted = time.monotonic(), todo[-1].round, set[tuple[str, str]]()
    for done, case in enumerate(todo, 1):
        work, name = case.work, case.peer.name
        title = f"round {case.round}/{rounds} {work.name} {name}"
        try:
            figures = bench.measure(case.peer, work, (work.name, name) not in counted)
        except Exception as error:  # whatever it is, one case does not end an hour of others
            kind = "" if isinstance(error, ProcessFailed) else f"{type(error).__name__}: "
            result["failures"].append(f"{title}: {kind}{error}")
            outcome = "FAILED"
        else:
            counted.add((work.name, name))
            result["runs"].append({"server": name, "work": work.name, "round": case.round, **figures})
            outcome = f"{figures[work.figure.name] / work.figure.scale:.4g} {work.figure.unit}"
        left = (time.monotonic() - begin) / done * (len(todo) - done) / 60
        sys.stderr.write(f"{title}: {outcome} ({done} of {len(todo)}, {left:.0f} min left)\n")
        if done == len(todo) or todo[done].work is not work:
            result["settings"]["rounds"] = case.round
            save()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
