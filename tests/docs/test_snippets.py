"""The documentation is true: its Python runs, its paths and links lead somewhere.

`make types` checks the same Python, so that what stands inside functions is right too.
"""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.snippets import PAGES, ROOT, module_source

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_PATH = re.compile(r"`((?:src|tests|docs|examples|requirements|scripts|vectors|bench)/[\w./-]+)`")


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if module_source(page)], ids=page_id)
def test_python_of_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Definitions and registrations work; nothing is served, that is behind `__main__`."""
    module = ModuleType("snippet")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where annotations are looked up
    exec(compile(module_source(page), page, "exec"), module.__dict__)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_paths_and_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    links = [link for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    # Those of a page with a folder of its own may be meant from there.
    starts = (ROOT, page.parent)
    missing += [
        path for path in NAMED_PATH.findall(text) if not any((each / path).exists() for each in starts)
    ]
    assert missing == []
