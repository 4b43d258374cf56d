"""The golden vectors of `vectors/`, whose README tells what they mean."""

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[2] / "vectors"


def vectors(file: str, key: str) -> list[Any]:
    """The rows of one list as parameters of a test, named."""
    rows = json.loads((_FOLDER / f"{file}.json").read_text(encoding="utf-8"))[key]
    return [pytest.param(unhex(row), id=row["name"]) for row in rows]


def unhex(value: Any) -> Any:
    """Replace `{"hex": ...}` by bytes, at any depth."""
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: unhex(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unhex(item) for item in value]
    return value
