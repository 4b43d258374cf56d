"""socket.io-client 2 in Chromium: `old_client.test.mjs`, run by Node."""

import os
import subprocess
from pathlib import Path

import pytest

from support.browser import chromium
from support.interop import MAIN_HOSTS, target
from support.servers import running

HERE = Path(__file__).parent
SECONDS = 100


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize("host", MAIN_HOSTS)
def test_old_client_in_chromium(host: str) -> None:
    if chromium() is None:
        pytest.fail("Chromium is missing. Debian has it: apt-get install chromium", pytrace=False)
    if not (HERE / "node_modules" / "socket.io-client-2").is_dir():
        pytest.fail(f"Packages from npm are missing. Run: npm ci --prefix {HERE}", pytrace=False)
    with running(host, target(host)) as server:
        environment = {**os.environ, "CHROMIUM": chromium() or "", "SERVER_URL": server.url}
        command = ["node", "--test-reporter=spec", "old_client.test.mjs"]
        with subprocess.Popen(
            command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as node:
            try:
                output, _ = node.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                node.terminate()  # takes Chromium along
                output, _ = node.communicate()
                pytest.fail(f"The tests did not end within {SECONDS} seconds:\n{output}", pytrace=False)
        assert server.running, server.output()
    if node.returncode:
        pytest.fail(f"The tests failed:\n{output}", pytrace=False)
