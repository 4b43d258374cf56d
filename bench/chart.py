"""The chart: a small panel for each of some works, bars for servers, as SVG.

Colours follow the reader's light or dark scheme, also in an `img` element.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from peers import ASGI, FAST, JAVASCRIPT, PYTHON
from results import Results, entry_of
from targets import servers_of
from works import WORKS, Work

PANELS = (
    *("echo-100x8", "ack-100x64", "typed-100x8", "rooms-100x10", "broadcast-1000", "broadcast-10000"),
    *("text-4k", "binary-16k", "polling-100", "connect-websocket", "storm-10000", "idle-websocket"),
)
NAMES = {
    "python-socketio": "python-socketio",
    "node-ws": "Node, ws",
    "node-uws": "Node, uWebSockets",
    "bun": "Bun",
}
WIDTH, MARGIN, GAP = 800, 16, 32
COLUMNS = 2
LABEL_WIDTH, VALUE_WIDTH = 124, 56
TITLE_HEIGHT, BAR_HEIGHT, BAR_STEP, PANEL_GAP = 26, 12, 17, 18
HEADER_HEIGHT, FOOTER_HEIGHT = 58, 30

STYLE = """
:root {
  --text: #1f2328; --muted: #59636e; --line: #d1d9e0;
  --ours: #0969da; --ours2: #54aeff; --others: #afb8c1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #f0f6fc; --muted: #9198a1; --line: #3d444d;
    --ours: #4493f8; --ours2: #1f6feb; --others: #59636e;
  }
}
text { font: 12px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: var(--text) }
.title { font-size: 17px; font-weight: 600 }
.panel { font-weight: 600 }
.muted { fill: var(--muted) }
.end { text-anchor: end }
.ours { fill: var(--ours); font-weight: 600 }
.ours2 { fill: var(--ours2) }
.others { fill: var(--others) }
text.ours, text.ours2, text.others { fill: var(--text) }
line { stroke: var(--line) }
"""


def chart(results: Results) -> str:
    """An SVG of the medians in the results. Works that were not measured are left out."""
    measured = {entry["work"] for entry in results["summary"]}
    works = [work for name in PANELS for work in WORKS if work.name == name and name in measured]
    servers = _servers(results)
    panel_height = TITLE_HEIGHT + len(servers) * BAR_STEP + PANEL_GAP
    height = HEADER_HEIGHT + -(-len(works) // COLUMNS) * panel_height + FOOTER_HEIGHT
    width = (WIDTH - 2 * MARGIN - GAP * (COLUMNS - 1)) / COLUMNS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Socket.IO servers compared">',
        f"<style>{STYLE}</style>",
        _text(MARGIN, 26, "What a second of server CPU time is worth", "title"),
        _text(
            MARGIN, 45, "thousands of messages, deliveries or connections; memory: less is better", "muted"
        ),
    ]
    for number, work in enumerate(works):
        x = MARGIN + number % COLUMNS * (width + GAP)
        y = HEADER_HEIGHT + number // COLUMNS * panel_height
        parts += _panel(results, work, servers, (x, y, width))
    parts += [_text(MARGIN, height - 12, _source(results), "muted"), "</svg>"]
    return "\n".join(parts) + "\n"


def _servers(results: Results) -> list[tuple[str, str, str]]:
    """Server, label, class: Arcwire's fast path first; the ASGI host is left to the tables."""
    shown: list[tuple[str, str, str]] = []
    for name, about in results["servers"].items():
        if about["kind"] == FAST:
            version = ".".join(about["python"].split(".")[:2])
            shown.append((name, f"Arcwire, {version}", "ours2" if shown else "ours"))
    shown += [
        (name, NAMES.get(name, name), "others")
        for kind in (JAVASCRIPT, PYTHON)
        for name in servers_of(results, kind)
    ]
    assert not {name for name, _, _ in shown} & set(servers_of(results, ASGI))
    return shown


def _panel(
    results: Results, work: Work, servers: Sequence[tuple[str, str, str]], place: tuple[float, float, float]
) -> Iterator[str]:
    x, y, width = place
    unit = " (kB a connection)" if work.figure.lower_is_better else ""
    yield _text(x, y + 14, f"{work.title[0].upper()}{work.title[1:]}{unit}", "panel")
    entries = {name: entry_of(results["summary"], work.name, name) for name, _, _ in servers}
    values = {
        name: float(entry[work.figure.name]["median"]) / work.figure.scale
        for name, entry in entries.items()
        if entry is not None
    }
    longest = max(values.values(), default=1.0)
    left, room = x + LABEL_WIDTH, width - LABEL_WIDTH - VALUE_WIDTH
    for number, (name, label, style) in enumerate(servers):
        top = y + TITLE_HEIGHT + number * BAR_STEP
        yield _text(left - 8, top + 10, label, f"end {style}")
        if name in values:
            length = max(values[name] / longest * room, 1)
            place_and_size = f'x="{left:g}" y="{top:g}" width="{length:.1f}" height="{BAR_HEIGHT}"'
            yield f'<rect class="{style}" {place_and_size} rx="2"/>'
            yield _text(left + length + 6, top + 10, _short(values[name]), style)
        else:
            yield _text(left, top + 10, "not measured", "muted")
    bottom = y + TITLE_HEIGHT + len(servers) * BAR_STEP
    yield f'<line x1="{left - 0.5:g}" y1="{y + TITLE_HEIGHT - 3:g}" x2="{left - 0.5:g}" y2="{bottom - 2:g}"/>'


def _source(results: Results) -> str:
    machine, rounds = results["machine"], results["settings"]["rounds"]
    return (
        f"medians of {rounds} interleaved rounds, one core for the server; {machine['cpu']}, "
        f"{machine['date'][:10]}; make bench"
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(text)}</text>'


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
