"""The browser client in real browsers: `client/client.test.mjs`, run by Node, each of its cases as a subtest.

`BROWSER_CLIENT=official` plays everything with the official client, which proves the scenarios; it may also
be the path of a script that gives `io`. `BROWSERS=chromium` leaves Firefox out.
"""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.browser import program
from support.servers import HOSTS, free_port, running

HERE = Path(__file__).parent
INTEROP = HERE.parent / "interop"
REPORTER = INTEROP / "reporter.mjs"
SECONDS = 200

CLIENTS = {
    "arcwire": HERE.parents[1] / "src" / "arcwire" / "static" / "arcwire.js",
    "official": INTEROP / "node_modules" / "socket.io-client" / "dist" / "socket.io.js",
}
SERVERS = {
    "arcwire": ("uvicorn-fast", "support.browser_app:app"),
    "official": ("node", str(HERE / "client" / "official_server.mjs")),
}
BROWSERS = os.environ.get("BROWSERS", "chromium,firefox").split(",")


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("browser", BROWSERS)
def test_client(browser: str, server: str, subtests: pytest.Subtests) -> None:
    chosen = os.environ.get("BROWSER_CLIENT", "arcwire")
    client = CLIENTS.get(chosen, Path(chosen))
    path = program(browser)
    if path is None:
        pytest.fail(
            f"{browser} is missing. Debian has it: apt-get install chromium firefox-esr", pytrace=False
        )
    for needed in (client, HERE / "node_modules" / "puppeteer-core", INTEROP / "node_modules" / "socket.io"):
        if not needed.exists():
            pytest.fail(f"{needed} is missing; `make setup` brings it", pytrace=False)
    host, app = SERVERS[server]
    port = free_port()
    with running(host, app) as process:
        environment = dict(
            process.environment,
            BROWSER=browser,
            PROGRAM=path,
            CLIENT=str(client.resolve()),
            SERVER_URL=process.url,
            SERVER_COMMAND=json.dumps(HOSTS[host](app, port)),
            SERVER_PORT=str(port),
            OFFICIAL_CLIENT="1" if chosen == "official" else "",
            OFFICIAL_SERVER="1" if server == "official" else "",
        )
        cases = play(environment)
        assert process.running, process.output()
    for case in cases:
        with subtests.test(msg=case["name"]):
            if case["skipped"]:
                pytest.skip(str(case["skipped"]))
            if not case["passed"]:
                pytest.fail(case["error"], pytrace=False)


def play(environment: dict[str, str]) -> list[dict[str, str]]:
    """Run the scenarios; their outcomes as reporter.mjs gives them."""
    node = subprocess.Popen(
        ["node", f"--test-reporter={REPORTER}", "client.test.mjs"],
        cwd=HERE / "client",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with node:
        try:
            output, errors = node.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(node.pid, signal.SIGKILL)  # with the browser and the servers that it started
            output, errors = node.communicate()
            pytest.fail(
                f"The scenarios did not end within {SECONDS} seconds:\n{output}\n{errors}", pytrace=False
            )
    cases = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if not cases or (node.returncode and all(case["passed"] for case in cases)):
        pytest.fail(f"The scenarios ended with {node.returncode}:\n{output}\n{errors}", pytrace=False)
    return cases
