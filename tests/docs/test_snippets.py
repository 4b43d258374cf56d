"""The documentation is true: its Python runs and type-checks, its paths and links lead somewhere.

The Python blocks of one page are one module, in their order, as a reader who types them all has it.
"""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_PATH = re.compile(r"`((?:src|tests|docs|examples|requirements|scripts|vectors|bench)/[\w./-]+)`")


def module_source(page: Path) -> str:
    """The Python of a page, each line where it stands in the page."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


SNIPPETS = {page: source for page in PAGES if (source := module_source(page)).strip()}


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", SNIPPETS, ids=page_id)
def test_python_of_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Definitions and registrations work; nothing is served, that is behind `__main__`."""
    module = ModuleType("snippet")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where annotations are looked up
    exec(compile(SNIPPETS[page], page, "exec"), module.__dict__)


@pytest.mark.timeout(180)
def test_python_of_all_pages_type_checks(tmp_path: Path) -> None:
    """What stands inside the functions, and so does not run above, is right too."""
    modules = []
    for page, source in SNIPPETS.items():
        module = tmp_path / (re.sub(r"\W", "_", page_id(page)) + ".py")
        module.write_text(source)
        modules.append(module.name)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *modules]
    environment = {"MYPYPATH": str(ROOT / "src"), "PATH": ""}
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_paths_and_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    links = [link for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in NAMED_PATH.findall(text) if not (ROOT / path).exists()]
    assert missing == []
