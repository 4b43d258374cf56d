"""Servers for the suites: Arcwire under each host, or the reference server.

`INTEROP_HOSTS=node pytest tests/interop` runs everything against the reference server, which
proves the suites; any comma-separated choice of `support.servers.HOSTS` works.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers import HOSTS, ServerProcess, free_port, running

HERE = Path(__file__).parent
ORACLE = "node"
DEFAULT_HOSTS = "uvicorn-fast,uvicorn-asgi,hypercorn,granian"
CHOSEN_HOSTS = os.environ.get("INTEROP_HOSTS", DEFAULT_HOSTS).split(",")

# Restarting tries what Arcwire does about lost and closed connections, so the two hosts of its own do.
RESTARTABLE = [host for host in CHOSEN_HOSTS if host not in ("hypercorn", "granian")]


def target(host: str) -> str:
    """What a host has to serve."""
    return str(HERE / "oracle.mjs") if host == ORACLE else "support.fixture_app:app"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The clients from npm. Fails when they are not installed: these tests must not be skipped."""
    path = HERE / "node_modules"
    if not (path / "socket.io-client").is_dir():
        pytest.fail(f"{path} is missing; run `npm ci` in {HERE} (`make test` does)", pytrace=False)
    return path


@pytest.fixture(scope="module", params=CHOSEN_HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The name of the host that the server runs under."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(host: str, node_modules: Path) -> Iterator[ServerProcess]:
    """A server that all tests of a module share."""
    with running(host, target(host)) as process:
        yield process


@pytest.fixture(params=RESTARTABLE)
def own_server(request: pytest.FixtureRequest, node_modules: Path) -> Iterator[ServerProcess]:
    """A server that the test may kill and start again; not started yet."""
    port = free_port()
    process = ServerProcess(HOSTS[request.param](target(request.param), port), port)
    yield process
    process.close()
