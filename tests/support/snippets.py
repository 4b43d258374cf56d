"""The Python in the documentation, as modules.

The Python blocks of one page are one module, in their order, as a reader who types them all has it;
each line stands where it stands in the page.

As a program it writes them all to a folder, for tools: `python tests/support/snippets.py FOLDER`.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for names in ("*.md", "docs/**/*.md", "examples/*/*.md") for page in ROOT.glob(names))

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return _BLOCK.findall(page.read_text())


def module_source(page: Path) -> str:
    """The module that the Python blocks of a page are together; empty if there are none."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines).rstrip()


def write_modules(folder: Path) -> None:
    """Write the module of each page that has one."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        if source := module_source(page):
            name = re.sub(r"\W", "_", page.relative_to(ROOT).as_posix())
            (folder / f"{name}.py").write_text(f"{source}\n")


if __name__ == "__main__":
    write_modules(Path(sys.argv[1]))
