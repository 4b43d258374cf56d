"""What `arcwire` exports, and what it imports for that."""

import subprocess
import sys

import pytest

import arcwire


def test_every_public_name_is_there() -> None:
    for name in arcwire.__all__:
        assert getattr(arcwire, name) is not None


def test_a_server_starts_without_the_client() -> None:
    code = "\n".join(
        (
            "import sys",
            "from arcwire import Server",
            "Server()",
            "assert 'arcwire.socketio.client' not in sys.modules",
            "from arcwire import Client",
            "assert 'arcwire.socketio.client' in sys.modules",
            "from arcwire import *",
        )
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'arcwire' has no attribute 'Sever'"):
        _ = arcwire.Sever  # type: ignore[attr-defined]
