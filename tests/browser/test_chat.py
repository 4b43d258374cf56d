"""The chat demo in real Chromium windows: `chat.test.mjs`, run by Node.

Screenshots are left in `test-results/browser`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.browser import chromium

HERE = Path(__file__).parent
SECONDS = 150


@pytest.mark.timeout(SECONDS + 30)
def test_people_chat_in_chromium() -> None:
    if missing := what_is_missing():
        pytest.fail(missing, pytrace=False)
    environment = {**os.environ, "CHROMIUM": chromium() or "", "PYTHON": sys.executable}
    command = ["node", "--test-reporter=spec", "chat.test.mjs"]
    with subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as node:
        try:
            output, _ = node.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            node.terminate()  # takes Chromium and the servers along
            output, _ = node.communicate()
            pytest.fail(f"The browser tests did not end within {SECONDS} seconds:\n{output}", pytrace=False)
    if node.returncode:
        pytest.fail(f"The browser tests failed:\n{output}", pytrace=False)


def what_is_missing() -> str | None:
    if chromium() is None:
        return "Chromium is missing. Debian has it: apt-get install chromium"
    if shutil.which("node") is None:
        return "Node is missing. Install version 20 or newer."
    if not (HERE / "node_modules" / "playwright-core").is_dir():
        return f"The npm package playwright-core is missing. Run: npm ci --prefix {HERE}"
    return None
