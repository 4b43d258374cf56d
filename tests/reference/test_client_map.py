"""docs/reference-client-tests.md names tests that exist, and explains where it names none."""

import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference-client-tests.md").read_text(encoding="utf-8")

REFERENCE = re.compile(r"`([\w/.]+\.mjs)::([^`]+)`")
ROWS = [line.strip("|").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!their test)", line)]


@cache
def titles(file: str) -> frozenset[str]:
    """The titles of a suite's tests, as they are written: `${...}` stands for what differs."""
    source = (TESTS / file).read_text(encoding="utf-8")
    found = re.findall(r"""\b(?:it|test|story|scenario|alone)\(\s*(?:"([^"\n]*)"|`([^`\n]*)`),""", source)
    return frozenset(plain or template for plain, template in found)


def named() -> list[tuple[str, str]]:
    return [reference for row in ROWS for reference in REFERENCE.findall(row[1])]


def test_every_test_that_is_named_exists() -> None:
    assert len(named()) > 150
    assert [f"{file}::{title}" for file, title in named() if title not in titles(file)] == []


def test_every_row_has_a_test_or_a_reason() -> None:
    assert len(ROWS) > 200
    for row in ROWS:
        assert len(row) == 3, row
        _, ours, note = (cell.strip() for cell in row)
        references = REFERENCE.findall(ours)
        assert len(references) == ours.count("<br>") + 1 or (ours == "-" and note), row


def test_the_sums_are_right() -> None:
    without = sum(row[1].strip() == "-" for row in ROWS)
    found = re.search(
        r"(\d+) tests are listed; (\d+) have a counterpart, and for (\d+) the", " ".join(PAGE.split())
    )
    assert found
    assert [int(number) for number in found.groups()] == [len(ROWS), len(ROWS) - without, without]
