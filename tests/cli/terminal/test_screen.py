"""Lines above the prompt."""

import asyncio
import io

from prompt_toolkit.output.plain_text import PlainTextOutput

from arcwire.cli.terminal.rendering import style
from arcwire.cli.terminal.screen import MAX_LINES, PAUSE, Screen


async def test_lines_are_printed_in_order_and_together() -> None:
    printed = io.StringIO()
    screen = Screen(PlainTextOutput(printed))
    screen.print(style("note", "one "), ("", "line"))
    screen.print(("", "another"))
    assert printed.getvalue() == ""
    async with asyncio.timeout(PAUSE + 10):
        while not printed.getvalue():
            await asyncio.sleep(PAUSE)
    assert printed.getvalue().splitlines() == ["one line", "another"]


async def test_of_a_flood_the_last_lines_are_kept_and_the_others_counted() -> None:
    printed = io.StringIO()
    screen = Screen(PlainTextOutput(printed))
    for number in range(MAX_LINES + 1_234):
        screen.print(("", str(number)))
    screen.flush()
    lines = printed.getvalue().splitlines()
    assert lines[0] == "… 1,234 lines left out: they come too fast to be read"
    assert lines[1:] == [str(number) for number in range(1_234, MAX_LINES + 1_234)]
    screen.flush()
    assert len(printed.getvalue().splitlines()) == MAX_LINES + 1
