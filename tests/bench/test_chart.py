"""The chart is an SVG of what the results say."""

import re
from xml.etree import ElementTree

import results
from chart import WIDTH, chart

from support.figures import memory, pace
from support.figures import results as some_results

SVG = "{http://www.w3.org/2000/svg}"
MADE = results.summarized(
    some_results(
        pace("echo-100x8", "arcwire-3.13", 250_000),
        pace("echo-100x8", "bun", 125_000),
        memory("arcwire-3.13", 8000),
        memory("bun", 16_000),
    )
)


def test_bars_are_as_long_as_the_figures_are_high() -> None:
    root = ElementTree.fromstring(chart(MADE))
    ours, bun, ours_idle, bun_idle = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect")]
    assert ours == bun_idle > 100
    assert bun == ours_idle == ours / 2
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"250", "125", "8.00", "16.0", "not measured", "Arcwire, 3.13", "Bun"} <= set(texts)
    assert any(text and "A <fast> CPU & more" in text for text in texts)


def test_everything_is_within_the_picture_and_labels_never_touch_bars() -> None:
    root = ElementTree.fromstring(chart(MADE))
    height = float(root.attrib["height"])
    for element in root.iter():
        x, y = float(element.attrib.get("x", 0)), float(element.attrib.get("y", 0))
        assert 0 <= x + float(element.attrib.get("width", 0)) <= WIDTH
        assert 0 <= y <= height


def test_colours_follow_the_scheme_of_the_reader() -> None:
    style = chart(MADE)
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    assert light != dark
