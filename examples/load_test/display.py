"""The load test in the terminal: a progress bar, counts, and a histogram of the latency."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from histogram import Histogram
from outcome import PERCENTILES, Results

ROWS = 14
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def render(results: Results, *, phase: str, done: float, width: int = 100) -> RenderableType:
    """Everything as it stands; `done` is the part of the phase that is over, from 0 to 1."""
    bar = Table.grid(padding=(0, 1))
    bar.add_column(min_width=12, no_wrap=True)
    bar.add_column()
    bar.add_column(justify="right")
    progress = ProgressBar(total=1.0, completed=min(done, 1.0), width=max(width - 24, 10))
    bar.add_row(Text(phase, "bold"), progress, f"{min(done, 1.0):.0%}")
    counts = Text.assemble(
        (f"{results.connected:,}", "bold"),
        " connected   ",
        (f"{results.sent:,}", "bold"),
        " sent   ",
        (f"{results.answers.count:,}", "bold"),
        " answered   ",
        (f"{results.rate:,.0f}", "bold"),
        "/s",
    )
    parts: list[RenderableType] = [bar, counts]
    for what, number in results.failures.most_common(5):
        parts.append(Text(f"{number:,} × {what}", "red", no_wrap=True, overflow="ellipsis"))
    if results.answers.count:
        parts += [Text(), _percentiles(results.answers), Text(), _bars(results.answers, width)]
    return Group(*parts)


def duration(seconds: float) -> str:
    """A duration with three digits."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _percentiles(histogram: Histogram) -> Text:
    text = Text("latency   ")
    values = [("mean", histogram.mean)]
    values += [(f"p{percent:g}", histogram.percentile(percent)) for percent in PERCENTILES]
    values.append(("max", histogram.largest))
    for name, seconds in values:
        text.append(f"{name} ", "dim")
        text.append(f"{duration(seconds)}   ", "bold")
    return text


def _bars(histogram: Histogram, width: int) -> Table:
    rows = list(histogram.rows(ROWS))
    most = max(count for _, _, count in rows)
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    room = max(width - 34, 10)
    for begin, end, count in rows:
        table.add_row(
            f"{duration(begin)} – {duration(end)}", Text(_bar(count / most * room), "cyan"), f"{count:,}"
        )
    return table


def _bar(length: float) -> str:
    eighths = round(length * 8)
    if not eighths and length > 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
