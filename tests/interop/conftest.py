"""Servers for the suites: Arcwire under each host, or the reference server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.interop import HOSTS, MAIN_HOSTS, SUITES, target
from support.servers import HOSTS as COMMANDS
from support.servers import ServerProcess, free_port, running
from support.worlds import COMMANDS as WORLD_COMMANDS
from support.worlds import Servers


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The clients from npm. Fails when they are not installed: these tests must not be skipped."""
    path = SUITES / "node_modules"
    if not (path / "socket.io-client").is_dir():
        pytest.fail(f"{path} is missing; run `npm ci` in {SUITES} (`make test` does)", pytrace=False)
    return path


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The name of the host that the server runs under."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(host: str, node_modules: Path) -> Iterator[ServerProcess]:
    """A server that all tests of a module share."""
    with running(host, target(host)) as process:
        yield process


@pytest.fixture(scope="module")
def servers(node_modules: Path) -> Iterator[Servers]:
    """The servers of the world, each started once, when it is first wanted."""
    started: dict[str, ServerProcess] = {}

    def find(name: str) -> ServerProcess:
        if name not in started:
            port = free_port()
            started[name] = ServerProcess(WORLD_COMMANDS[name](port), port)
            started[name].start()
        return started[name]

    yield find
    for process in started.values():
        process.close()


@pytest.fixture(params=MAIN_HOSTS)
def own_server(request: pytest.FixtureRequest, node_modules: Path) -> Iterator[ServerProcess]:
    """A server that the test may kill and start again; not started yet."""
    port = free_port()
    process = ServerProcess(COMMANDS[request.param](target(request.param), port), port)
    yield process
    process.close()
