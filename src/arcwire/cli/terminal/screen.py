"""Lines above the prompt."""

import asyncio

from prompt_toolkit import print_formatted_text
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output import Output
from prompt_toolkit.styles import BaseStyle, Style

from arcwire.cli.terminal.rendering import STYLES, Fragments, style

PAUSE = 0.03
"""Seconds in which lines are collected: each print takes the prompt away and draws it again."""

MAX_LINES = 500
"""Lines that are printed at once; of more, only these are."""


def make_style() -> BaseStyle:
    """The colours of everything in the terminal."""
    return Style.from_dict({"bottom-toolbar": "noreverse", **STYLES})


class Screen:
    """Prints lines, in their order, soon. For the loop's thread."""

    def __init__(self, output: Output | None = None) -> None:
        self._output = output
        self._style = make_style()
        self._lines: list[Fragments] = []
        self._skipped = 0
        self._timer: asyncio.TimerHandle | None = None

    def print(self, *fragments: tuple[str, str]) -> None:
        """Print a line."""
        if len(self._lines) >= MAX_LINES:
            self._lines.pop(0)
            self._skipped += 1
        self._lines.append(list(fragments))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self.flush)

    def flush(self) -> None:
        """Print what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        skipped, self._skipped = self._skipped, 0
        if skipped:
            lines.insert(0, [style("note", f"… {skipped:,} lines left out: they come too fast to be read")])
        if lines:
            joined: Fragments = []
            for line in lines:
                joined += [*line, ("", "\n")]
            print_formatted_text(FormattedText(joined), style=self._style, output=self._output, end="")
