"""Dynamic namespaces: a parent, and the children that exist while somebody uses them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast
from weakref import WeakValueDictionary

from arcwire.socketio.callables import is_async
from arcwire.socketio.server.namespace import Namespace
from arcwire.socketio.server.patterns import NamePattern
from arcwire.socketio.server.socket import Socket

Predicate: TypeAlias = Callable[[str, dict[str, Any]], Awaitable[bool] | bool]
"""Decides by the name and by what the client sent as `auth`."""


class ParentNamespace(Namespace):
    """Namespaces that are made when a client asks for one of them: the children.

    `matcher` says which names: a pattern like `/project-{id:int}` (types: int, str, uuid, path; str
    when none is given), a compiled regular expression, or a function of the name and of the
    client's `auth`, which is asked for each client and may be `async`.

    The children share the handlers and middlewares of their parent, those too that are registered
    later; what is registered at a child is registered at its parent. Each has sockets and rooms of
    its own. What a name says is in `params` of the child.
    """

    def __init__(
        self, matcher: "str | re.Pattern[str] | Predicate", *, data: Callable[[], Any] | None = None
    ) -> None:
        self.pattern: NamePattern | None = None
        self.predicate: Predicate | None = None
        if isinstance(matcher, str):
            name = matcher if matcher.startswith("/") else f"/{matcher}"
            self.pattern = NamePattern(name)
        elif isinstance(matcher, re.Pattern):
            self.pattern = NamePattern(matcher)
            name = f"/{matcher.pattern.removeprefix('/')}".replace(",", "")
        elif callable(matcher):
            self.predicate = matcher
            name = f"/{getattr(matcher, '__qualname__', type(matcher).__name__)}"
        else:
            raise TypeError(
                f"namespaces are chosen by a pattern, a regular expression or a function, got {matcher!r}"
            )
        super().__init__(name, data=data)
        self.matcher = matcher
        # Children with sockets, or all, when empty ones are kept; and those that only somebody
        # who holds them knows. Nobody can have a child that is not found here by its name.
        self._children: dict[str, ChildNamespace] = {}
        self._unused: WeakValueDictionary[str, ChildNamespace] = WeakValueDictionary()
        self.parts = self._children.values()

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """The parameters in the names of children, and their types."""
        return {} if self.pattern is None else self.pattern.types

    @property
    def children(self) -> dict[str, Namespace]:
        """The children that are in use, by name: a snapshot."""
        return dict(self._children)

    @property
    def sockets(self) -> dict[str, Socket]:
        """The connected sockets of all children by id: a snapshot."""
        return {id: each for child in self.children.values() for id, each in child.sockets.items()}

    # -- for the server and for children --------------------------------------------------

    def match(self, name: str) -> dict[str, Any] | None:
        """The parameters in a name that the pattern matches; None when it does not, or is none."""
        return None if self.pattern is None else self.pattern.match(name)

    async def ask(self, name: str, auth: dict[str, Any]) -> dict[str, Any] | None:
        """The parameters when a client may have this name, else None. Raises what a predicate raises."""
        if self.predicate is None:
            return self.match(name)
        allowed = await self._decide(self.predicate, name, auth)
        return {} if allowed else None

    async def _decide(self, predicate: Predicate, name: str, auth: dict[str, Any]) -> object:
        if is_async(predicate):
            return await cast("Awaitable[bool]", predicate(name, auth))
        return await self.call_in_thread(predicate, (name, auth))

    def find(self, name: str) -> "ChildNamespace | None":
        """The child with this name, if there is one."""
        return self._children.get(name) or self._unused.get(name)

    def make(self, name: str, params: dict[str, Any]) -> "ChildNamespace":
        """Make a child."""
        child = ChildNamespace(self, name, params)
        if self.server.cleanup_empty_child_namespaces:
            self._unused[name] = child
        else:
            self._children[name] = child
        return child

    def in_use(self) -> int:
        """How many children are in use."""
        return len(self._children)

    def keep(self, child: "ChildNamespace") -> None:
        """A child has its first socket, which may still be connecting."""
        self._children[child.name] = child

    def release(self, child: "ChildNamespace") -> None:
        """A child has no socket any more: it is forgotten when nobody holds it."""
        if self.server.cleanup_empty_child_namespaces:
            self._unused[child.name] = child
            self._children.pop(child.name, None)


class ChildNamespace(Namespace):
    """One namespace of a parent; made by the server."""

    def __init__(self, parent: ParentNamespace, name: str, params: dict[str, Any]) -> None:
        super().__init__(name)
        self.parent = parent
        self._params = params
        self._occupants = 0
        self._share(parent)
        self.bind(parent.server)

    @property
    def params(self) -> Mapping[str, Any]:
        """What the name says: the values of the parameters in the parent's pattern."""
        return self._params

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """The parameters in the name, and their types."""
        return self.parent.parameter_types

    def arrive(self) -> None:
        """See `Namespace`."""
        self._occupants += 1
        if self._occupants == 1:
            self.parent.keep(self)

    def depart(self) -> None:
        """See `Namespace`."""
        self._occupants -= 1
        if self._occupants == 0:
            self.parent.release(self)
