"""A load test for servers of Socket.IO: many clients, a progress bar, and a histogram of the latency.

python load_test.py http://127.0.0.1:3000 --clients 2000 --duration 30
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from typing import Any

from rich.console import Console
from rich.live import Live

from arcwire import JsonCodec, MsgpackCodec
from display import render
from outcome import Results
from swarm import Plan, Swarm

FRAMES = 10
"""Pictures a second."""

Show = Callable[[str, float], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load test; the exit code is 1 when there were failures."""
    chosen = _parser().parse_args(arguments)
    try:
        raise_file_limit(chosen.clients + 100)
        return asyncio.run(run(_plan(chosen), as_json=chosen.json))
    except ValueError as error:
        sys.stderr.write(f"load_test: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


async def run(plan: Plan, *, as_json: bool = False) -> int:
    """Connect, send, close; and show it, on the standard error if the result is to be JSON."""
    results = Results()
    swarm = Swarm(plan, results)
    console = Console(stderr=as_json)
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def show(phase: str, done: float) -> None:
        if live is not None:
            live.update(render(results, phase=phase, done=done, width=console.width), refresh=True)

    try:
        with live or nullcontext():
            await _shown(swarm.connect(), lambda: show("connecting", swarm.clients / plan.clients))
            await _shown(swarm.send(), lambda: show("sending", swarm.elapsed / plan.duration))
            show("done", 1.0)
    finally:
        await swarm.close()
    if as_json:
        sys.stdout.write(json.dumps(results.summary(), indent=2) + "\n")
    elif live is None:
        console.print(render(results, phase="done", done=1.0, width=console.width))
    return 1 if results.failures or not results.answers.count else 0


async def _shown(work: Coroutine[Any, Any, None], show: Callable[[], None]) -> None:
    """Do the work, and show it while it lasts."""

    async def repeat() -> None:
        while True:
            show()
            await asyncio.sleep(1 / FRAMES)

    shown = asyncio.create_task(repeat())
    try:
        await work
    finally:
        shown.cancel()


def raise_file_limit(wanted: int) -> None:
    """Allow this process so many open files. Raises ValueError if the system does not."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise ValueError(
                f"{wanted} open files are needed and the system allows {hard}: "
                "raise the limit (ulimit -Hn), or use fewer --clients"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Put a server of Socket.IO under load.")
    add = parser.add_argument
    add("url", help="the server; the path is the namespace: http://127.0.0.1:3000/chat")
    add("--clients", type=int, default=2000, metavar="N", help="default: 2000")
    add("--connect-rate", type=float, default=500, metavar="N", help="new connections a second (500)")
    add("--duration", type=float, default=30, metavar="SECONDS", help="how long messages are sent (30)")
    add("--interval", type=float, default=1, metavar="SECONDS", help="between messages of a client (1)")
    add("--event", default="echo", help="the event that is sent; it has to be acknowledged (echo)")
    add("--args", default='["hello"]', metavar="JSON", help='its arguments, a list (["hello"])')
    add("--ack-timeout", type=float, default=10, metavar="SECONDS", help="for each acknowledgement (10)")
    add("--auth", metavar="JSON", help="what the namespace is told to let clients in")
    add("--transport", choices=("websocket", "polling"), help="use only this one")
    add("--codec", choices=("json", "msgpack"), default="json")
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _plan(chosen: argparse.Namespace) -> Plan:
    """Raises ValueError for what cannot be."""
    args = json.loads(chosen.args)
    if not isinstance(args, list):
        raise ValueError("--args is a list of JSON")
    for name in ("clients", "connect_rate", "duration", "interval", "ack_timeout"):
        if getattr(chosen, name) <= 0:
            raise ValueError(f"--{name.replace('_', '-')} has to be above 0")
    options: dict[str, Any] = {"codec": MsgpackCodec() if chosen.codec == "msgpack" else JsonCodec()}
    if chosen.auth is not None:
        options["auth"] = json.loads(chosen.auth)
    if chosen.transport is not None:
        options["transports"] = [chosen.transport]
    return Plan(
        url=chosen.url,
        clients=chosen.clients,
        connect_rate=chosen.connect_rate,
        duration=chosen.duration,
        interval=chosen.interval,
        event=chosen.event,
        args=tuple(args),
        ack_timeout=chosen.ack_timeout,
        options=options,
    )


if __name__ == "__main__":
    sys.exit(main())
