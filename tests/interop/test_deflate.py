"""Clients from npm that compress, each case of deflate.test.mjs reported as a subtest."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.interop import SUITES
from support.servers import running

SECONDS = 60


@pytest.mark.timeout(SECONDS + 20)
def test_clients_from_npm(node_modules: Path, subtests: pytest.Subtests) -> None:
    with running("uvicorn-fast", "support.deflate_app:app") as server:
        result = subprocess.run(
            ["node", f"--test-reporter={SUITES / 'reporter.mjs'}", "deflate.test.mjs"],
            cwd=SUITES,
            env={**os.environ, "SERVER_URL": server.url},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert server.running, server.output()
    cases = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    for case in cases:
        with subtests.test(msg=case["name"]):
            assert case["passed"], case["error"]
    assert len(cases) == 15, result.stdout + result.stderr
