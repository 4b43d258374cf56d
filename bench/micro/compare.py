"""Compare the instructions that micro-benchmarks take in two commits. See ../README.md.

    python3 bench/micro/compare.py HEAD~5              # that commit and this tree as it is
    python3 bench/micro/compare.py HEAD~5 HEAD
    python3 bench/micro/compare.py main --works 'echo-*' --limit 1

With `--limit` the exit status is 1 if a work takes more instructions by that many percent. 2: nothing
could be compared.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from count import CountFailed, add_options, count, peers


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the instructions of two commits.")
    parser.add_argument("before", metavar="REV")
    parser.add_argument("after", metavar="REV", nargs="?", help="default: this tree as it is")
    add_options(parser)
    parser.add_argument("--limit", type=float, metavar="PERCENT", help="fail on a work that grew by more")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            before = count(_tree(options.before, Path(scratch)), options.python, options.works)
            after_tree = _tree(options.after, Path(scratch)) if options.after else peers.ROOT
            after = count(after_tree, options.python, options.works)
        except (peers.MissingTool, CountFailed, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"{error}\n")
            return 2
    common = [name for name in before if name in after]
    if not common:
        sys.stderr.write("no work that both have\n")
        return 2
    grown = 0
    sys.stdout.write("| work | before | after | change |\n|:--|--:|--:|--:|\n")
    for name in common:
        change = (after[name] / before[name] - 1) * 100
        grown += options.limit is not None and change > options.limit
        sys.stdout.write(f"| {name} | {before[name]:,.0f} | {after[name]:,.0f} | {change:+.1f} % |\n")
    for name in sorted(before.keys() ^ after.keys()):
        sys.stdout.write(f"| {name} | only {'before' if name in before else 'after'} |\n")
    return 1 if grown else 0


def _tree(revision: str, folder: Path) -> Path:
    """The sources of a commit, in a folder whose path is as long as that of every other."""
    commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    tree = folder / commit
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, "src"))) as archive:
        archive.extractall(tree, filter="data")
    return tree


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=peers.ROOT, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(main())
