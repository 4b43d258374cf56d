"""`arcwire run`: serve an application."""

import argparse
import os
import ssl
import sys
from typing import Any

from uvicorn.config import LOG_LEVELS

from arcwire.hosts.uvicorn.run import DRAIN_TIMEOUT, run

DESCRIPTION = "Serve an application with uvicorn and Arcwire's fast path."
EPILOG = """\
examples:
  arcwire run chat:io                 the Socket.IO server `io` in chat.py
  arcwire run shop.main:app --reload  an ASGI application with a Socket.IO server in it
  arcwire run chat:io --uds io.sock   on a Unix socket, behind a proxy on the same machine
  arcwire run chat:io --host 0.0.0.0 --port 443 --ssl-certfile cert.pem --ssl-keyfile key.pem
"""

_CERTIFICATES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add = parser.add_argument
    add("app", metavar="module:attribute", help="a Socket.IO server, or an ASGI application")
    add("--app-dir", default=".", metavar="DIR", help="where to look for the module (default: here)")
    add("--reload", action="store_true", help="start again when a Python file below --app-dir changes")
    add(
        "--drain-timeout",
        type=float,
        default=DRAIN_TIMEOUT,
        metavar="SECONDS",
        help="time that clients have to go after SIGTERM (default: %(default)g; 0 is none)",
    )
    add("--workers", type=int, default=1, metavar="N", help="number of processes; only 1 works so far")
    group = parser.add_argument_group("garbage collector")
    add = group.add_argument
    add(
        "--gc-freeze",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="leave what lives at the start out of its rounds, which makes pauses shorter (default: on)",
    )
    add(
        "--gc-threshold",
        type=int,
        metavar="N",
        help="new objects after which it looks at the youngest (default: Python's; 0 turns it off)",
    )
    group = parser.add_argument_group("address")
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1; 0.0.0.0 for all)")
    add("--port", type=int, default=3000, help="port to listen on; 0 takes a free one (default: 3000)")
    add("--uds", metavar="PATH", help="listen on a Unix socket instead")
    group = parser.add_argument_group("TLS")
    add = group.add_argument
    add("--ssl-certfile", metavar="FILE", help="certificate, with its chain; turns TLS on")
    add("--ssl-keyfile", metavar="FILE", help="the certificate's key, if it is in a file of its own")
    add("--ssl-keyfile-password", metavar="TEXT", help="password of the key")
    add("--ssl-ca-certs", metavar="FILE", help="CA certificates by which client certificates are checked")
    add(
        "--ssl-cert-reqs",
        choices=_CERTIFICATES,
        default="none",
        help="whether clients need a certificate (default: none)",
    )
    group = parser.add_argument_group("logs")
    add = group.add_argument
    add("--log-level", choices=LOG_LEVELS, default="info", help="default: info")
    add(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="one line per HTTP request (default: off; a polling client makes two requests a message)",
    )


def execute(chosen: dict[str, Any]) -> int:
    """Serve until a signal. A failed start exits with 3."""
    # As `python -m` does, so that the modules of a project are found where it lives; a process that
    # reloads inherits the path.
    app_dir = os.path.abspath(chosen.pop("app_dir"))
    sys.path.insert(0, app_dir)
    if chosen["reload"]:
        chosen["reload_dirs"] = [app_dir]
    chosen["ssl_cert_reqs"] = _CERTIFICATES[chosen["ssl_cert_reqs"]]
    run(chosen.pop("app"), **chosen)
    return 0
