"""The figures in the documentation are those of the results that are kept."""

from pathlib import Path

import publish
import pytest
import results
from tables import TABLES

from support.figures import pace
from support.figures import results as some_results

MADE = results.summarized(some_results(pace("echo-100x8", "arcwire-3.13", 1), pace("echo-100x8", "bun", 1)))


def test_pages_and_chart_are_what_the_results_make_them() -> None:
    """If this fails: `python3 bench/publish.py`."""
    for path, text in publish.documents().items():
        assert path.read_text() == text, f"{path} is not up to date"


def test_what_is_kept_is_small_and_tells_where_it_is_from() -> None:
    kept = results.read(publish.KEPT)
    assert "runs" not in kept
    assert kept["machine"]["commit"]
    assert publish.KEPT.stat().st_size < 200_000


def test_a_page_gets_its_tables_and_keeps_the_rest() -> None:
    machine, works = "<!-- bench: machine -->\n", "<!-- bench: works -->\n"
    page = f"Before\n{machine}old\n<!-- bench end -->\nbetween\n{works}<!-- bench end -->\n"
    filled = publish.filled(page, MADE)
    assert filled.startswith("Before\n<!-- bench: machine -->\n\nA <fast> CPU")
    assert "old" not in filled
    assert f"between\n<!-- bench: works -->\n\n{TABLES['works'](MADE)}\n\n<!-- bench end -->\n" in filled
    assert publish.filled(filled, MADE) == filled


def test_a_table_that_there_is_not_is_an_error() -> None:
    with pytest.raises(publish.UnknownTable, match="there is no table colours; there are works"):
        publish.filled("<!-- bench: colours -->\n<!-- bench end -->", MADE)


def test_wrong_usage_says_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish.main(["--help"]) == 2
    assert publish.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert "python3 bench/publish.py" in capsys.readouterr().err
