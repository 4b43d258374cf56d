"""Clients beside each other: what a second of a client's CPU time is worth, and what one costs idle.

    .venv-3.13/bin/python bench/clients.py [--rounds 5] [--seconds 3] [--clients 1000]

Arcwire's client on this Python, the official one on Node, python-socketio's on this Python, and a bare one on
this Python (client_peers/bare_client.py) as the limit of the tools; all against Arcwire's server, by
WebSocket, one after the other and that several times over. Needs the environments of the tests (`make test`
makes them). The server has one core, the client another.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import processes
from results import machine

BENCH = Path(__file__).resolve().parent
PEERS = BENCH / "client_peers"
COMMANDS: dict[str, list[str]] = {
    "arcwire": [sys.executable, str(PEERS / "arcwire_client.py")],
    "node": ["node", str(PEERS / "node_client.mjs")],
    "python-socketio": [sys.executable, str(PEERS / "python_socketio_client.py")],
    "bare": [sys.executable, str(PEERS / "bare_client.py")],
}
WORKS: dict[str, tuple[str, int, str]] = {
    "call-1x1": ("calls {seconds}", 1, "one client, one call after another"),
    "call-1x8": ("calls-at-once {seconds} 8", 1, "one client, 8 calls in flight"),
    "event-1x8": ("events {seconds} 8", 1, "one client, 8 events in flight, answered by events"),
    "call-many": ("calls {seconds}", 0, "many clients, one call in flight on each"),
}
"""What to tell a client, how many of them (0: many), and what that is."""

Results = dict[str, dict[str, list[float]]]
"""A figure of each round, by work and client."""


class ClientProcess:
    """A client under the benchmark; see client_peers/drive.py."""

    def __init__(self, process: subprocess.Popen[str], output: Any) -> None:
        self._process = process
        self._output = output
        self.read()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._output.seek(0)
            raise SystemExit("a client ended:\n" + self._output.read().decode(errors="replace")[-4000:])
        answer: dict[str, Any] = json.loads(line)
        return answer

    def tell(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self.read()

    def clock(self) -> processes.CpuClock:
        return processes.CpuClock(self._process.pid)

    @property
    def memory(self) -> int:
        return processes.resident_bytes(self._process.pid)


@contextmanager
def client(name: str, url: str, nice: int) -> Iterator[ClientProcess]:
    """A client's process, until the block ends."""
    with tempfile.TemporaryFile() as output:
        process = processes.spawn([*COMMANDS[name], url], 1, subprocess.PIPE, output, nice)
        try:
            yield ClientProcess(process, output)
        finally:
            process.kill()
            process.wait()


def work(name: str, url: str, command: str, count: int, seconds: float, nice: int) -> tuple[float, float]:
    """Messages a second of CPU time, and the kernel's part of that time, between 0 and 1."""
    with client(name, url, nice) as process:
        process.tell(f"connect {count}")
        process.tell(command.format(seconds=seconds / 4))
        clock = process.clock()
        done = process.tell(command.format(seconds=seconds))["done"]
        return done / clock.seconds(), clock.system_share()


def idle(name: str, url: str, count: int, nice: int) -> float:
    """Bytes of memory for each client that does nothing, once the first hundred are there."""
    with client(name, url, nice) as process:
        process.tell("connect 100")
        before = process.memory
        process.tell(f"connect {count}")
        return (process.memory - before) / count


def waiting(url: str, seconds: float, nice: int) -> tuple[float, float]:
    """The median time of a call, in seconds: in a coroutine, and through the blocking facade."""
    with client("arcwire", url, nice) as process:
        process.tell("connect 1")
        asynchronous = process.tell(f"calls {seconds}")["median"]
    with client("arcwire", url, nice) as process:
        return asynchronous, process.tell(f"blocking {seconds}")["median"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=1000, help="how many are many")
    parser.add_argument("--works", nargs="+", choices=[*WORKS, "idle", "blocking"], default=None)
    help_nice = (
        "added to the niceness of server and clients (-10, say, for root, where others use the machine)"
    )
    parser.add_argument("--output", type=Path, default=BENCH / "build/clients.json")
    parser.add_argument("--nice", type=int, default=0, help=help_nice)
    options = parser.parse_args()
    nice = options.nice
    wanted = options.works or [*WORKS, "idle", "blocking"]
    results: Results
    shares: Results
    results, shares = ({each: {name: [] for name in COMMANDS} for each in (*WORKS, "idle")} for _ in range(2))
    facade: list[tuple[float, float]] = []
    processes.leave_nothing_running()
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    server = [sys.executable, BENCH / "servers/arcwire_server.py", str(port), "ack", "fast"]
    with processes.server(server, port, 0, nice=nice):
        for number in range(options.rounds):
            sys.stderr.write(f"round {number + 1}\n")
            order = list(COMMANDS) if number % 2 == 0 else list(reversed(COMMANDS))
            for each, (command, count, _) in WORKS.items():
                for name in order if each in wanted else ():
                    rate, share = work(name, url, command, count or options.clients, options.seconds, nice)
                    results[each][name].append(rate)
                    shares[each][name].append(share)
            for name in order if "idle" in wanted else ():
                results["idle"][name].append(idle(name, url, options.clients, nice))
            if "blocking" in wanted:
                facade.append(waiting(url, options.seconds, nice))
    options.output.parent.mkdir(exist_ok=True)
    found = {"machine": machine(), "runs": results, "system_shares": shares, "blocking": facade}
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    report(results, shares, facade)


def report(results: Results, shares: Results, facade: list[tuple[float, float]]) -> None:
    """Medians, and how Arcwire's stands to the others."""
    write = sys.stdout.write
    rivals = ("node", "python-socketio")
    write(f"{'':12}" + "".join(f"{name:>18}" for name in COMMANDS))
    write("".join(f"{'to ' + name:>20}{'(bare)':>8}" for name in rivals) + "\n")
    for each, of in results.items():
        if not of["arcwire"]:
            continue
        medians = {name: statistics.median(values) for name, values in of.items()}
        unit = 1000.0 if each == "idle" else 1.0
        write(f"{each:12}" + "".join(f"{medians[name] / unit:18,.1f}" for name in COMMANDS))
        for name in rivals:
            write(f"{_ratio(of['arcwire'], of[name]):20.2f}{_ratio(of['bare'], of[name]):8.2f}")
        write("\n")
    write("\nworks: messages a second of the client's CPU time; idle: kB a client; ")
    write("ratios: medians of those within rounds\n\n")
    write(f"{'µs, (kernel)':12}" + "".join(f"{name:>18}" for name in COMMANDS) + "\n")
    for each, of in shares.items():
        if of["arcwire"]:
            write(f"{each:12}")
            for name in COMMANDS:
                total = 1e6 / statistics.median(results[each][name])
                write(f"{f'{total:.1f} ({total * statistics.median(of[name]):.1f})':>18}")
            write("\n")
    write("\n")
    if facade:
        plain, through = (statistics.median(values) for values in zip(*facade, strict=True))
        write(
            f"a call: {plain * 1e3:.3f} ms in a coroutine, {through * 1e3:.3f} ms through arcwire.blocking\n"
        )


def _ratio(mine: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(mine, theirs, strict=True))


if __name__ == "__main__":
    main()
