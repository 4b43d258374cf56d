"""A server for the blocking client, and the certainty that nothing is left."""

import threading
import time
from collections.abc import Iterator

import pytest

from arcwire.blocking import Client, Socket
from support.servers import ServerProcess, running

PATIENCE = 10.0


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """`tests/support/cli_app.py`, served."""
    with running("uvicorn-fast", "support.cli_app:app") as process:
        yield process


@pytest.fixture
def socket(server: ServerProcess) -> Iterator[Socket]:
    """A socket of `/`, connected."""
    with Client(server.url) as socket:
        yield socket


@pytest.fixture(autouse=True)
def _no_threads() -> Iterator[None]:
    """What was closed has no threads."""
    yield
    deadline = time.monotonic() + PATIENCE
    while [each.name for each in threading.enumerate() if each.name.startswith("arcwire")]:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.01)
