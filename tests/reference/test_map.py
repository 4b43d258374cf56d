"""docs/reference-tests.md names tests that exist, and explains where it names none."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference-tests.md").read_text(encoding="utf-8")

REFERENCE = re.compile(r"`([\w/.]+\.(?:py|mjs))::([^`]+)`")
ROWS = [line.strip("|").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!their test)", line)]


@cache
def names(file: str) -> frozenset[str]:
    """The tests of a file: functions, or what JavaScript calls them."""
    source = (TESTS / file).read_text(encoding="utf-8")
    if file.endswith(".mjs"):
        titles = re.findall(r"""\b(?:it|test)\((?:"([^"\n]*)"|`([^`\n]*)`),""", source)
        return frozenset(plain or template for plain, template in titles)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(ast.parse(source)) if isinstance(node, functions))


def test_every_test_that_is_named_exists() -> None:
    named = REFERENCE.findall(PAGE)
    assert len(named) > len(ROWS)
    missing = [f"{file}::{name}" for file, name in named if name not in names(file)]
    assert missing == []


def test_defects_name_tests_that_exist() -> None:
    page = (TESTS.parent / "docs" / "defects.md").read_text(encoding="utf-8")
    named = REFERENCE.findall(page)
    assert len(named) > 30
    assert [f"{file}::{name}" for file, name in named if name not in names(file)] == []


def test_every_row_has_a_test_or_a_reason() -> None:
    assert len(ROWS) > 400
    for row in ROWS:
        assert len(row) == 3, row
        _, ours, note = (cell.strip() for cell in row)
        assert REFERENCE.search(ours) or (ours == "-" and note), row


def test_the_sums_are_right() -> None:
    without = sum(row[1].strip() == "-" for row in ROWS)
    found = re.search(
        r"(\d+) tests are listed; (\d+) have a counterpart, and for (\d+) the", " ".join(PAGE.split())
    )
    assert found
    assert [int(number) for number in found.groups()] == [len(ROWS), len(ROWS) - without, without]
