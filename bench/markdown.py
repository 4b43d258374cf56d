"""Numbers and tables in Markdown."""

from collections.abc import Iterable, Sequence

MISSING = "–"


def short(value: float) -> str:
    """Three digits, and all of a number that has more before its point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], align_from: int = 1) -> str:
    """Columns from `align_from` on are aligned to the right."""
    lines = [header, ["---" if i < align_from else "--:" for i in range(len(header))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
