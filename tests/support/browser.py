"""Chromium, for tests that need a real browser."""

import shutil


def chromium() -> str | None:
    """The path of Chromium, or of Chrome."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
