"""Take a file of results into the repository, and write the tables and the chart that are made from it.

    python3 bench/publish.py [bench/build/results.json]

Keeps a summary of the file as bench/results/comparison.json; without a file, takes what is there. Then
writes the chart beside it, and in the pages everything between `<!-- bench: NAME -->` and
`<!-- bench end -->`, where NAME is one of `tables.TABLES`. Exit status: 0, 2 if a page asks for a table
that there is not, or the file is not one of results.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import results
from chart import chart
from peers import BENCH, ROOT
from tables import TABLES

KEPT = BENCH / "results/comparison.json"
CHART = KEPT.with_suffix(".svg")
PAGES = (ROOT / "README.md", ROOT / "docs/performance.md")

_PLACE = re.compile(r"(?P<begin><!-- bench: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- bench end -->)", re.DOTALL)


class UnknownTable(Exception):
    """A page asks for a table that there is not."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) > 1 or any(argument.startswith("-") for argument in given):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        if given:
            results.write(results.read(Path(given[0])), KEPT)
        for path, text in documents().items():
            path.write_text(text)
    except (UnknownTable, results.UnreadableResults) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def documents() -> dict[Path, str]:
    """What the chart and the pages have to be, from the results that are kept.

    Raises UnknownTable.
    """
    kept = results.read(KEPT)
    pages = {page: filled(page.read_text(), kept) for page in PAGES}
    return {CHART: chart(kept), **pages}


def filled(text: str, kept: results.Results) -> str:
    """A page with its tables. Raises UnknownTable."""

    def table(place: re.Match[str]) -> str:
        name = place["name"]
        if name not in TABLES:
            raise UnknownTable(f"there is no table {name}; there are {', '.join(TABLES)}")
        return f"{place['begin']}\n{TABLES[name](kept)}\n\n{place['end']}"

    return _PLACE.sub(table, text)


if __name__ == "__main__":
    sys.exit(main())
