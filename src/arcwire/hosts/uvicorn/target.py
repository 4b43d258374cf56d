"""What is served: from an import string to an ASGI application."""

import importlib
import sys
from difflib import get_close_matches
from typing import Any

from arcwire.hosts.uvicorn.errors import StartError


def load(target: str) -> object:
    """Import `module:attribute` (the attribute may be dotted).

    Raises `StartError` if there is no such module or attribute. What the module itself raises when
    it is imported comes through.
    """
    name, _, path = target.partition(":")
    if not name or not path or "/" in name or name.endswith(".py"):
        raise StartError(
            f"{target!r} does not name an application: write module:attribute, for example chat:io.",
            exit_code=2,
        )
    try:
        found: object = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there and imports something that is not
        raise StartError(
            f"There is no module {error.name!r} in {sys.path[0] or 'this directory'} or among the installed"
            " packages.",
            exit_code=2,
        ) from None
    owner = f"Module {name!r}"
    for attribute in path.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            close = get_close_matches(attribute, dir(found), 1)
            hint = f": did you mean {close[0]!r}?" if close else "."
            raise StartError(f"{owner} has no attribute {attribute!r}{hint}", exit_code=2) from None
        owner = f"{attribute!r} of module {name!r}"
    return found


def application(found: object) -> Any:
    """The ASGI application that `found` is, or that its `asgi()` gives. Raises `StartError`."""
    if not isinstance(found, type):
        asgi = getattr(found, "asgi", None)
        if callable(asgi):
            return asgi()
        if callable(found):
            return found
    what = f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
    raise StartError(
        f"Cannot serve {what}: it is neither a Socket.IO server nor an ASGI application.", exit_code=2
    )
