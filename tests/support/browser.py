"""Browsers, for tests that need real ones."""

import shutil

PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}


def program(name: str) -> str | None:
    """The path of a browser by its name in `PROGRAMS`, where it is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS[name])), None)


def chromium() -> str | None:
    """The path of Chromium, or of Chrome."""
    return program("chromium")
