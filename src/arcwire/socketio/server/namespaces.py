"""The namespaces of a server: those with a name of their own, and those made on demand."""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcwire.errors import ConnectionRefused
from arcwire.socketio.server.namespace import Namespace
from arcwire.socketio.server.parent import ChildNamespace, ParentNamespace, Predicate
from arcwire.socketio.server.patterns import is_pattern

if TYPE_CHECKING:
    from arcwire.socketio.server.server import Server

MAX_CHILD_NAME = 1000
"""Characters in the name of a child that a client may ask for."""

logger = logging.getLogger("arcwire.socketio")


class Namespaces:
    """Finds the namespace for a name. Static names win, then parents in the order of registration."""

    __slots__ = ("_hooks", "_limit", "_parents", "_server", "_static")

    def __init__(self, server: "Server", limit: int) -> None:
        self._server = server
        self._limit = limit
        self._static: dict[str, Namespace] = {server.name: server}
        self._parents: list[ParentNamespace] = []
        self._hooks: list[Callable[[Namespace], object]] = []

    @property
    def dynamic(self) -> bool:
        """Whether there are parents, so that `find` may find what `get` does not."""
        return bool(self._parents)

    @property
    def all(self) -> list[Namespace]:
        """The static namespaces, and the children that are in use: a snapshot."""
        children = [child for parent in self._parents for child in parent.children.values()]
        return [*self._static.values(), *children]

    def get(self, name: str) -> Namespace | None:
        """The static namespace with this name."""
        return self._static.get(name)

    async def find(self, name: str, auth: dict[str, Any]) -> Namespace | None:
        """The namespace that a client asks for, made if a parent allows it; None for no such.

        Raises ConnectionRefused: a predicate refused, or there are too many children.
        """
        if len(name) > MAX_CHILD_NAME:
            return None
        for parent in [*self._parents]:
            try:
                params = await parent.ask(name, auth)
            except ConnectionRefused:
                raise
            except Exception:
                logger.exception("%r could not decide about the namespace %r", parent, name)
                continue
            # While a predicate was asked others may have made a namespace with this name.
            owner = self._owner(name)
            if params is not None and name not in self._static and (owner is None or owner.parent is parent):
                return self._child(parent, name, params, limited=True)
        return self._static.get(name)

    def of(self, target: "str | re.Pattern[str] | Predicate") -> Namespace:
        """See `Server.of`."""
        if not isinstance(target, str) or is_pattern(target):
            for parent in self._parents:
                if parent.matcher == target:
                    return parent
            parent = ParentNamespace(target)
            self.include(parent)
            return parent
        name = target if target.startswith("/") else f"/{target}"
        found = self._static.get(name) or self._owner(name)
        if found is not None:
            return found
        for parent in self._parents:
            params = parent.match(name)
            if params is not None:
                return self._child(parent, name, params, limited=False)
        namespace = Namespace(name)
        self.include(namespace)
        return namespace

    def include(self, namespace: Namespace) -> None:
        """See `Server.include`."""
        if isinstance(namespace, ParentNamespace):
            namespace.bind(self._server)
            if namespace not in self._parents:
                self._parents.append(namespace)
            return
        if is_pattern(namespace.name):
            raise ValueError(f"{namespace.name!r} names many namespaces: make it with ParentNamespace")
        present = self._static.get(namespace.name) or self._owner(namespace.name)
        if present is namespace:
            return
        if present is not None:
            raise ValueError(f"there is a namespace {namespace.name!r} already")
        namespace.bind(self._server)
        self._static[namespace.name] = namespace
        self._announce(namespace)

    def add_hook(self, hook: Callable[[Namespace], object]) -> None:
        """Call it with each namespace that is made from now on."""
        self._hooks.append(hook)

    # -- inside -----------------------------------------------------------------------

    def _owner(self, name: str) -> ChildNamespace | None:
        for parent in self._parents:
            child = parent.find(name)
            if child is not None:
                return child
        return None

    def _child(
        self, parent: ParentNamespace, name: str, params: dict[str, Any], *, limited: bool
    ) -> ChildNamespace:
        child = parent.find(name)
        if child is None:
            if limited and sum(each.in_use() for each in self._parents) >= self._limit:
                logger.warning("no namespace %r: there are %d children already", name, self._limit)
                raise ConnectionRefused("too many namespaces")
            child = parent.make(name, params)
            self._announce(child)
        return child

    def _announce(self, namespace: Namespace) -> None:
        for hook in self._hooks:
            try:
                hook(namespace)
            except Exception:
                logger.exception("a hook for new namespaces failed for %r", namespace)
