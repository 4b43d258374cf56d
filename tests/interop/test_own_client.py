"""The browser client under Node: `own_client.test.mjs`, each of its cases reported as a subtest.

`BROWSER_CLIENT=official` plays it with the official client, which proves the suite.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.interop import HOSTS, ORACLE, SUITES, target
from support.servers import ServerProcess, running

CLIENT = SUITES.parents[1] / "js" / "client"
SECONDS = 100
OFFICIAL = os.environ.get("BROWSER_CLIENT") == "official"


@pytest.fixture(scope="module")
def modules(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the suite imports: our client, bundled from its source, or the official one."""
    if OFFICIAL:
        return {"CLIENT": "socket.io-client", "ENGINE": "engine.io-client", "CLIENT_IS_OFFICIAL": "1"}
    esbuild = CLIENT / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        pytest.fail(f"{esbuild} is missing; run `npm ci` in {CLIENT} (`make test` does)", pytrace=False)
    folder = tmp_path_factory.mktemp("client")
    command = [str(esbuild), *(f"src/{name}.ts" for name in ("index", "engine"))]
    options = ["--bundle", "--splitting", "--format=esm", "--out-extension:.js=.mjs", "--log-level=warning"]
    subprocess.run([*command, *options, f"--outdir={folder}"], cwd=CLIENT, check=True, timeout=SECONDS)
    return {"CLIENT": str(folder / "index.mjs"), "ENGINE": str(folder / "engine.mjs")}


@pytest.fixture(params=[host for host in ("uvicorn-fast", ORACLE) if host in {*HOSTS, ORACLE}])
def any_server(request: pytest.FixtureRequest, node_modules: Path) -> Iterator[ServerProcess]:
    """Our server, and the official one."""
    with running(request.param, target(request.param)) as process:
        yield process


@pytest.mark.timeout(SECONDS + 20)
def test_own_client(any_server: ServerProcess, modules: dict[str, str], subtests: pytest.Subtests) -> None:
    reporter = f"--test-reporter={SUITES / 'reporter.mjs'}"
    process = subprocess.Popen(
        # Node has the browsers' WebSocket from version 22 on.
        ["node", "--experimental-websocket", reporter, "own_client.test.mjs"],
        cwd=SUITES,
        env=os.environ | {"SERVER_URL": any_server.url} | modules,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            pytest.fail(f"The suite did not end within {SECONDS} seconds:\n{output}\n{errors}", pytrace=False)
    cases = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if not cases or (process.returncode and all(case["passed"] for case in cases)):
        pytest.fail(f"The suite ended with {process.returncode}:\n{output}\n{errors}", pytrace=False)
    for case in cases:
        with subtests.test(msg=case["name"]):
            if case["skipped"]:
                pytest.skip("of ours alone")
            if not case["passed"]:
                pytest.fail(case["error"], pytrace=False)
    assert any_server.running, any_server.output()
