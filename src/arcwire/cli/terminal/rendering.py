"""How events, answers and states look in the terminal: fragments of text, each with a style.

What comes from the network is escaped first: a server must not be able to move the cursor.
"""

import base64
import json
import re
from collections.abc import Sequence
from datetime import datetime

from arcwire.cli.values import BYTES_KEY, escape, to_json

Fragment = tuple[str, str]
Fragments = list[Fragment]
"""As prompt_toolkit prints them: a style, and the text that has it."""

STYLES = {
    "time": "ansibrightblack",
    "namespace": "ansibrightblue",
    "in": "ansigreen bold",
    "out": "ansicyan bold",
    "answer": "ansigreen",
    "note": "ansibrightblack",
    "warning": "ansiyellow",
    "error": "ansired",
    "key": "ansibrightblue",
    "string": "ansiyellow",
    "number": "ansimagenta",
    "constant": "ansimagenta",
    "bytes": "ansicyan",
    "prompt": "bold",
    "status": "noreverse",
    "status.open": "noreverse ansigreen",
    "status.waiting": "noreverse ansiyellow",
    "status.closed": "noreverse ansired",
    "status.note": "noreverse ansibrightblack",
}
"""Colours of the terminal's own palette, so that they fit light and dark ones."""

DEFAULT_LIMIT = 4_000
"""Characters of JSON that are shown of one event."""

_TOKENS = re.compile(
    rf'\{{"{re.escape(BYTES_KEY)}":"(?P<bytes>[A-Za-z0-9+/=]*)"\}}'
    r'|(?P<key>"(?:[^"\\]|\\.)*")(?=:)'
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<constant>true|false|null)"
)
_BYTES_SHOWN = 16


def style(name: str, text: str) -> Fragment:
    """A piece of text in one of the styles."""
    return f"class:{name}", text


def render_values(args: Sequence[object], limit: int = DEFAULT_LIMIT) -> Fragments:
    """Values, each with a space before it, as they could be typed; bytes by their number and beginning.

    Of more than `limit` characters the rest is only counted.
    """
    fragments: Fragments = []
    left = limit
    for index, arg in enumerate(args):
        if left <= 0:
            more = len(args) - index
            fragments.append(style("note", f" … {more} value{'s' if more > 1 else ''} more"))
            break
        fragments.append(("", " "))
        for name, text in _coloured(to_json(arg)):
            if len(text) > left:
                fragments.append((name, text[: max(left, 0)]))
            elif left > 0:
                fragments.append((name, text))
            left -= len(text)
        if left < 0:
            fragments.append(style("note", f"… {-left:,} characters more"))
    return fragments


def render_event(event: str) -> str:
    """The name of an event as it would be typed."""
    plain = event and event.isprintable() and not event.startswith((".", "/", '"', "--")) and " " not in event
    return event if plain else escape(json.dumps(event, ensure_ascii=False))


def render_time(now: datetime) -> Fragment:
    """The time of day, to the millisecond."""
    return style("time", f"{now:%H:%M:%S}.{now.microsecond // 1000:03} ")


def render_duration(seconds: float) -> str:
    """A duration with a fitting unit and three digits."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return (
                f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
            )
    return f"{seconds / 1e-6:.0f} µs"


def plain_text(fragments: Fragments) -> str:
    """The text without its styles."""
    return "".join(text for _, text in fragments)


def _coloured(text: str) -> Fragments:
    fragments: Fragments = []
    position = 0
    for found in _TOKENS.finditer(text):
        if found.start() > position:
            fragments.append(("", text[position : found.start()]))
        name = found.lastgroup or ""
        fragments.append(style(name, _bytes(found["bytes"]) if name == "bytes" else found[0]))
        position = found.end()
    if position < len(text):
        fragments.append(("", text[position:]))
    return fragments


def _bytes(encoded: str) -> str:
    data = base64.b64decode(encoded)
    shown = data[:_BYTES_SHOWN].hex(" ")
    more = " …" if len(data) > _BYTES_SHOWN else ""
    return f"<{len(data):,} byte{'' if len(data) == 1 else 's'}{': ' if data else ''}{shown}{more}>"
