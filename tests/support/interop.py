"""Which servers the interop suites run against.

`INTEROP_HOSTS=node pytest tests/interop` runs everything against the reference server, which
proves the suites; any comma-separated choice of `support.servers.HOSTS` works.
"""

import os

from support.servers import TESTS

SUITES = TESTS / "interop"
ORACLE = "node"

HOSTS = os.environ.get("INTEROP_HOSTS", "uvicorn-fast,uvicorn-asgi,hypercorn,granian").split(",")
MAIN_HOSTS = [host for host in HOSTS if host not in ("hypercorn", "granian")]
"""Without those that only show that the ASGI host is one: what is slow does not need them."""


def target(host: str) -> str:
    """What a host has to serve."""
    return str(SUITES / "oracle.mjs") if host == ORACLE else "support.fixture_app:app"
