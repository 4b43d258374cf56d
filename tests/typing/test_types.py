"""What type checkers accept and reject in code that uses Arcwire.

The other files here are read by mypy (strict), not run. Each line marked `# E: code` has to be
rejected with that code, and no other line may be.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = sorted(file for file in HERE.glob("*.py") if file != Path(__file__))

_ERROR = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[\w-]+)\]$")
_MARK = re.compile(r"# E: ([\w-]+)$")


@pytest.mark.timeout(180)
def test_mypy_rejects_exactly_the_marked_lines() -> None:
    expected = {
        (file.name, number, mark[1])
        for file in FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := _MARK.search(line))
    }
    assert len(expected) > 20
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--no-pretty", *map(str, FILES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.stderr
    lines = [line for line in run.stdout.splitlines() if ": note: " not in line]
    found = [_ERROR.match(line) for line in lines]
    assert None not in found, run.stdout
    assert {
        (Path(match["file"]).name, int(match["line"]), match["code"]) for match in found if match
    } == expected
