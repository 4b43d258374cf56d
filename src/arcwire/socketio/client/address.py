"""Names of namespaces, and which one a URL means."""

from urllib.parse import urlsplit


def namespace_of(url: str) -> str:
    """The namespace that a URL means: its path, as it is written; that of a Unix socket, the root.

    Nothing is decoded, as in JavaScript: `/a%20b` is another namespace than `/a b`.
    Where on the server the connection is opened is the option `path`. Raises ValueError, TypeError.
    """
    if not isinstance(url, str):
        raise TypeError(f"a URL is a string, got {url!r}")
    if url.startswith("unix:"):
        return "/"
    parts = urlsplit(url if "://" in url or url.startswith("//") else f"//{url}")
    return check_name(parts.path or "/")


def check_name(namespace: str) -> str:
    """The name of a namespace, with its slash. Raises ValueError, TypeError."""
    if not isinstance(namespace, str):
        raise TypeError(f"a namespace is named by a string, got {namespace!r}")
    if "," in namespace:
        raise ValueError(f"a namespace is named by a path without commas, got {namespace!r}")
    return namespace if namespace.startswith("/") else f"/{namespace}"
