"""Instructions that each micro-benchmark takes, counted by callgrind. See ../README.md.

python3 bench/micro/count.py                      # of this tree
python3 bench/micro/count.py --works 'echo-*' --profile /tmp/profile
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MICRO = Path(__file__).resolve().parent
sys.path.insert(0, str(MICRO.parent))

import peers  # noqa: E402 - beside this folder

_TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)
_TRIGGER = re.compile(r"^desc: Trigger: Client Request: (.+):([12])$", re.MULTILINE)


class CountFailed(Exception):
    """The works could not be counted; the message has the output."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Instructions of each micro-benchmark, in this tree.")
    add_options(parser)
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="keep callgrind's files here")
    options = parser.parse_args()
    try:
        counts = count(peers.ROOT, options.python, options.works, options.profile)
    except (peers.MissingTool, CountFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, instructions in counts.items():
        sys.stdout.write(f"{name:22}{instructions:>12,.0f}\n")
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--works", nargs="+", metavar="NAME", help="works (patterns such as 'echo-*')")
    parser.add_argument("--python", metavar="VERSION", help="default: the newest that is here")


def count(
    tree: Path, python: str | None, patterns: list[str] | None, profile: Path | None = None
) -> dict[str, float]:
    """Instructions a message (or connection) of each work, with the Arcwire of `tree`.

    The works themselves are those of this folder, and the packages those of this tree's environment
    for this version of Python. Raises peers.MissingTool and CountFailed.
    """
    if shutil.which("valgrind") is None:
        raise peers.MissingTool("valgrind is needed: Debian's package valgrind")
    executable = _executable(python or peers.find_pythons([])[0])
    counter = _build_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = profile or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            *("setarch", "-R", "valgrind"),  # the same addresses in every run
            "--tool=callgrind",
            "--instr-atstart=no",
            "--quiet",
            f"--callgrind-out-file={folder}/out",
            str(executable),
            *(str(MICRO / "measure.py"), str(counter), *(patterns or ["*"])),
        ]
        # Little of the caller's environment, as its size moves the stack.
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(tree / "src"),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONMALLOC": "pymalloc",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CountFailed(f"counting failed in {tree}:\n{done.stdout}{done.stderr}")
        sys.stderr.write(done.stderr)
        totals = _totals(folder)
    counts: dict[str, float] = {}
    for line in done.stdout.splitlines():
        name, turns, messages = line.split()
        difference = totals[name, "2"] - totals[name, "1"]
        counts[name] = difference / int(turns) / int(messages)
    return counts


def _executable(version: str) -> Path:
    """Of the environment that make keeps for its checks, or else of that of the benchmark."""
    made = peers.ROOT / f".venv-{version}/bin/python"
    return made if made.exists() else peers.install(version).executable


def _totals(folder: Path) -> dict[tuple[str, str], int]:
    totals: dict[tuple[str, str], int] = {}
    for file in folder.glob("out*"):
        text = file.read_text(errors="replace")
        trigger, total = _TRIGGER.search(text), _TOTALS.search(text)
        if trigger is not None and total is not None:
            totals[trigger[1], trigger[2]] = int(total[1])
    return totals


def _build_counter() -> Path:
    source, library = MICRO / "counter.c", peers.BUILD / "counter.so"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        peers.BUILD.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


if __name__ == "__main__":
    sys.exit(main())
