"""The suites that run under Node, each of their cases reported as a subtest."""

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from support.interop import ORACLE, SUITES
from support.servers import ServerProcess

SECONDS = 100


class SuiteError(AssertionError):
    """A suite ended in another way than by its cases."""


def run_suite(name: str, server: ServerProcess, *, is_oracle: bool) -> list[dict[str, Any]]:
    """Run `<name>.test.mjs` and return its cases as reporter.mjs gives them. Raises SuiteError."""
    environment = dict(
        os.environ,
        SERVER_URL=server.url,
        SERVER_COMMAND=json.dumps(server.command),
        SERVER_IS_ORACLE="1" if is_oracle else "",
        PYTHONPATH=server.environment["PYTHONPATH"],
    )
    process = subprocess.Popen(
        ["node", f"--test-reporter={SUITES / 'reporter.mjs'}", f"{name}.test.mjs"],
        cwd=SUITES,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            # With the servers that it started.
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            raise SuiteError(f"{name} did not end within {SECONDS} seconds:\n{output}\n{errors}") from None
    cases = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    failed = sum(1 for case in cases if not case["passed"])
    if not cases or (process.returncode != 0 and not failed):
        raise SuiteError(f"{name} ended with {process.returncode}:\n{output}\n{errors}")
    return cases


def report(cases: list[dict[str, Any]], subtests: pytest.Subtests) -> None:
    """Report each case of a suite."""
    for case in cases:
        with subtests.test(msg=case["name"]):
            if case["skipped"]:
                pytest.skip(str(case["skipped"]))
            if not case["passed"]:
                pytest.fail(case["error"], pytrace=False)


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("suite", ["engine", "engine3", "protocol", "client", "old", "msgpack"])
def test_suite(suite: str, host: str, server: ServerProcess, subtests: pytest.Subtests) -> None:
    report(run_suite(suite, server, is_oracle=host == ORACLE), subtests)
    assert server.running, server.output()


@pytest.mark.timeout(SECONDS + 20)
def test_clients_survive_restarts(own_server: ServerProcess, subtests: pytest.Subtests) -> None:
    report(run_suite("restart", own_server, is_oracle=own_server.command[0] == "node"), subtests)
