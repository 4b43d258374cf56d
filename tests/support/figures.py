"""Results as a run writes them, small enough to be calculated by hand."""

from typing import Any

SERVERS = {
    "arcwire-3.13": {"kind": "fast", "python": "3.13.0", "arcwire": "0.1"},
    "arcwire-3.11": {"kind": "fast", "python": "3.11.7", "arcwire": "0.1"},
    "arcwire-asgi-3.13": {"kind": "asgi", "python": "3.13.0", "arcwire": "0.1"},
    "python-socketio": {"kind": "python", "python": "3.13.0", "python-socketio": "5.18.1"},
    "node-ws": {"kind": "javascript", "node": "20.20.2", "ws": "8.21.3"},
    "bun": {"kind": "javascript", "bun": "1.4.5"},
    "bare-3.13": {"kind": "bare", "python": "3.13.0", "picows": "2.3.1"},
}


def pace(work: str, server: str, *per_cpu_second: float, **others: float) -> list[dict[str, Any]]:
    """Runs of a work that counts messages, one a round. `others` are further figures, or replace some."""
    rest = {"messages_per_second": 1000.0, "p50_us": 500.0, "p99_us": 2000.0, "load_cpu_share": 0.2}
    return [
        {
            "server": server,
            "work": work,
            "round": number,
            "messages_per_cpu_second": value,
            **rest,
            "foreign_cpu_share": 0.01,
            **others,
        }
        for number, value in enumerate(per_cpu_second, 1)
    ]


def memory(server: str, *values: float) -> list[dict[str, Any]]:
    """Runs of the work that counts bytes."""
    return [
        {
            "server": server,
            "work": "idle-websocket",
            "round": number,
            "bytes_per_connection": value,
            "empty_bytes": 30e6,
        }
        for number, value in enumerate(values, 1)
    ]


def results(*groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "machine": {
            "cpu": "A <fast> CPU & more",
            "cores": 2,
            "memory_gb": 8,
            "kernel": "6.1",
            "date": "2026-01-02T03:04:05+00:00",
            "commit": "abc",
        },
        "settings": {"rounds": 3, "seconds": 1.2, "warmup": 1.2, "nice": 0},
        "servers": SERVERS,
        "runs": [run for group in groups for run in group],
        "failures": [],
    }
