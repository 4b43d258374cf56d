"""The pages below `examples/` that show how the client is set up: built, served, and used in Chromium."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.browser import chromium
from support.servers import ServerProcess, free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
SECONDS = 60


def run(command: list[str], folder: Path, **environment: str) -> None:
    """Run a command to its end; its output when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}", pytrace=False)


def look(example: str, server: ServerProcess) -> None:
    """Use the page as `client/examples.test.mjs` says it."""
    browser = chromium()
    if browser is None:
        pytest.fail("Chromium is missing. Debian has it: apt-get install chromium", pytrace=False)
    try:
        server.start()
        command = ["node", "--test-reporter=spec", "examples.test.mjs"]
        run(command, HERE / "client", EXAMPLE=example, URL=server.url, PROGRAM=browser)
        assert server.running, server.output()
    finally:
        server.close()


@pytest.mark.timeout(2 * SECONDS)
def test_a_script_tag() -> None:
    port = free_port()
    app = str(EXAMPLES / "script_tag" / "poll_app.py")
    look("script_tag", ServerProcess([sys.executable, app, "--port", str(port)], port))


@pytest.mark.timeout(3 * SECONDS)
@pytest.mark.parametrize(
    "example, app", [("vite_typescript", "list_app.py"), ("react_hook", "applause_app.py")]
)
def test_a_bundled_page(example: str, app: str, tmp_path: Path) -> None:
    folder = EXAMPLES / example
    for needed, how in (
        (folder / "node_modules" / "vite", f"npm ci --prefix {folder}"),
        (ROOT / "js" / "client" / "dist", "npm run build --prefix js/client"),
    ):
        if not needed.is_dir():
            pytest.fail(f"{needed} is missing. Run: {how}", pytrace=False)
    tools = folder / "node_modules" / ".bin"
    run([str(tools / "tsc")], folder)
    run([str(tools / "vite"), "build", "--outDir", str(tmp_path), "--emptyOutDir"], folder)
    port = free_port()
    command = [sys.executable, str(folder / app), "--page", str(tmp_path), "--port", str(port)]
    look(example, ServerProcess(command, port))


def test_the_server_of_an_unbuilt_page_says_so(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(EXAMPLES / "react_hook" / "applause_app.py"),
        "--page",
        str(tmp_path / "no"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert "The page is not built" in done.stderr
