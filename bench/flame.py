"""A flame graph from the stacks of a profiler, one line each: frames from the outermost, `;`, and a count.

    py-spy record --native --rate 400 --duration 6 --format raw --output stacks.txt --pid PID
    python3 bench/flame.py stacks.txt flame.svg --title "Echo, 8 in flight"

The figure is static: each box is a function, as wide as its share of the time, with what it calls above it.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

WIDTH = 1180
ROW = 17
MARGIN = 10
SMALLEST = 0.4  # percent; what is narrower is left out
PIXELS_A_LETTER = 6.2

# Whose code it is, by what stands behind the function's name; the first that matches.
OWNERS = (
    ("arcwire/", "#e8833a", "Arcwire"),
    ("picows", "#c9a227", "picows"),
    ("msgspec", "#8f7fd1", "msgspec"),
    ("asyncio", "#5b9bd5", "asyncio"),
    ("_server.py", "#d1495b", "the application"),
    ("libc.so", "#7d8597", "kernel and C library"),
    ("loop.c", "#4fa095", "uvloop"),
    ("uv__", "#4fa095", "uvloop"),
    ("", "#a3b18a", "CPython"),
)


class Frame:
    """A function, at one place of the tree, with the samples in which it was there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.callees: dict[str, Frame] = {}

    def add(self, names: Sequence[str], count: int) -> None:
        """Count a stack below this frame."""
        self.count += count
        if names:
            self.callees.setdefault(names[0], Frame(names[0])).add(names[1:], count)

    @property
    def depth(self) -> int:
        """How many rows it and what it calls take."""
        return 1 + max((each.depth for each in self.callees.values()), default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw a flame graph.")
    parser.add_argument("stacks", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--title", default="Where the time goes")
    parser.add_argument(
        "--skip", default=r"uv_run|uv__stream_io|uv__run_idle|uv__io_poll", help="hidden frames"
    )
    options = parser.parse_args(arguments)
    tree = read(options.stacks.read_text().splitlines(), re.compile(options.skip))
    if not tree.count:
        parser.error(f"{options.stacks} holds no stacks")
    options.output.write_text(draw(tree, options.title))
    return 0


def read(lines: Sequence[str], skip: re.Pattern[str]) -> Frame:
    """The tree of all stacks, from where the event loop runs."""
    tree = Frame("event loop")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        # Functions, not lines; and no bookkeeping of objects, which is everywhere.
        names = [re.sub(r":\d+\)$", ")", name) for name in stack.split(";")]
        start = max((i for i, name in enumerate(names) if name.startswith("uv_run ")), default=-1) + 1
        shown = [name for name in names[start:] if not skip.match(name) and "(object.h)" not in name]
        tree.add(shown, int(count))
    return tree


def draw(tree: Frame, title: str) -> str:
    """The figure."""
    height = ROW * tree.depth + 70
    legend = "".join(
        f'<rect x="{MARGIN + i * 165}" y="{height - 22}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{MARGIN + 16 + i * 165}" y="{height - 12}">{name}</text>'
        for i, (colour, name) in enumerate({colour: name for _, colour, name in OWNERS}.items())
    )
    boxes = "".join(boxes_of(tree, MARGIN, height - 50, (WIDTH - 2 * MARGIN) / tree.count, tree.count))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace"'
        f' font-size="10.5"><rect width="100%" height="100%" fill="#fbfaf7"/>'
        f'<text x="{MARGIN}" y="20" font-size="14">{escape(title)}</text>{boxes}{legend}</svg>\n'
    )


def boxes_of(frame: Frame, x: float, y: float, scale: float, total: int) -> Iterator[str]:
    """A frame and, above it, what it calls."""
    share = 100 * frame.count / total
    if share < SMALLEST:
        return
    width = frame.count * scale
    name = re.sub(r" \((?:.*/)?([^/]*)\)$", "", frame.name)
    colour = next(colour for mark, colour, _ in OWNERS if mark in frame.name)
    label = escape(name[: int(width / PIXELS_A_LETTER)]) if width > 25 else ""
    yield (
        f'<g><title>{escape(frame.name)}: {share:.1f} %</title><rect x="{x:.1f}" y="{y:.1f}"'
        f' width="{max(width - 0.5, 0.3):.1f}" height="{ROW - 1}" fill="{colour}" rx="1.5"/>'
        f'<text x="{x + 3:.1f}" y="{y + 12:.1f}">{label}</text></g>'
    )
    for callee in sorted(frame.callees.values(), key=lambda each: each.name):
        yield from boxes_of(callee, x, y - ROW, scale, total)
        x += callee.count * scale


if __name__ == "__main__":
    sys.exit(main())
