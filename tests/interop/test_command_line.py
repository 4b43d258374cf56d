"""The client commands against the reference server under Node."""

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcwire.blocking import Client
from support.servers import ServerProcess, running

ARCWIRE = str(Path(sysconfig.get_path("scripts")) / "arcwire")
ORACLE = str(Path(__file__).with_name("oracle.mjs"))

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def node() -> Iterator[ServerProcess]:
    """The reference server."""
    with running("node", ORACLE) as server:
        yield server


def arcwire(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ARCWIRE, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_commands(node: ServerProcess, transport: str) -> None:
    how = ("--path", "/clients", "--transport", transport)
    done = arcwire("call", node.url, "echo", '{"a": [1, {"$bytes": "AAEC"}]}', *how)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"a":[1,{"$bytes":"AAEC"}]}\n', "")
    assert arcwire("call", node.url, "never", "--timeout", "0.2", *how).returncode == 5
    assert arcwire("call", f"{node.url}/refusing", "echo", *how).returncode == 4
    done = arcwire("listen", node.url, "welcome", "--auth", '{"name": "x"}', "--count", "1", *how)
    assert json.loads(done.stdout)["args"][0]["auth"] == {"name": "x"}
    assert arcwire("emit", node.url, "bounce", "1", *how).returncode == 0


@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]])
def test_the_blocking_client(node: ServerProcess, transports: list[str]) -> None:
    with Client(node.url, path="/clients", transports=transports) as socket:
        bounced = socket.events("bounced")
        socket.emit("bounce", b"\0", {"a": 1})
        assert bounced.get(20).args == [b"\0", {"a": 1}]
        assert socket.emit_with_ack("echo", 1, 2) == (1, 2)
