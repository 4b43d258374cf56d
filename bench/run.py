"""Compare Socket.IO servers: throughput, messages per second of server CPU time, latency, memory.

See README.md. Exit status: 0, 1 if a run failed (the others are still reported), 2 for bad usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence
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


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    if options.compare:
        before, after = map(results.read, options.compare)
        say(report.comparison(before, after))
        return 0
    leave_nothing_running()
    works = [work for work in WORKS if chosen(work.name, options.works)]
    try:
        require_cores()
        pythons = peers.find_pythons(options.python)
        servers = [peer for peer in peers.peers_for(pythons) if chosen(peer.name, options.servers)]
        if options.list or not works or not servers:
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
    runs, failures = run_all(bench, servers, works, options.rounds)
    result = {
        "machine": results.machine(),
        "settings": {name: getattr(options, name) for name in ("rounds", "seconds", "warmup", "nice")},
        "servers": {peer.name: {"kind": peer.kind, **runtimes[peer.runtime].versions} for peer in servers},
        "runs": runs,
        "failures": failures,
    }
    results.write(result, options.output)
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


def run_all(
    bench: Bench, servers: Sequence[Peer], works: Sequence[Work], rounds: int
) -> tuple[list[results.Run], list[str]]:
    """Every server gets every work once in each round; returns the runs and what failed.

    Each round begins with another server, so that none is always measured after the same one.
    """
    runs: list[results.Run] = []
    failures: list[str] = []
    for number in range(rounds):
        turn = number % len(servers)
        for work in works:
            for peer in [*servers[turn:], *servers[:turn]]:
                title = f"round {number + 1}/{rounds} {work.name} {peer.name}"
                try:
                    figures = bench.measure(peer, work)
                except ProcessFailed as error:
                    failures.append(f"{title}: {error}")
                    sys.stderr.write(f"{title}: FAILED\n")
                    continue
                runs.append({"server": peer.name, "work": work.name, "round": number + 1, **figures})
                value = figures[work.figure.name] / work.figure.scale
                sys.stderr.write(f"{title}: {value:.4g} {work.figure.unit}\n")
    return runs, failures


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
