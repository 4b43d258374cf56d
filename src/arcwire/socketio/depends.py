"""Parameters of handlers that the server fills: dependencies, the client's auth, names of namespaces."""

import inspect
import typing
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Protocol

from arcwire.socketio.callables import (
    POSITIONAL,
    describe,
    is_async,
    is_async_generator,
    is_generator,
    read_parameters,
    type_arguments,
    type_name,
)
from arcwire.socketio.decoding import Parameter


class Depends:
    """Fill a parameter with what a function gives: `db: Annotated[Db, Depends(get_db)]`.

    The function may be `async` or not (then it runs in a thread), and a generator, which is
    continued when the handler is done: what comes after its `yield` cleans up, and sees the
    exception when the handler raised one. Its own parameters may be a `Socket`, and others that
    `Depends`, `Auth` and `Param` fill. Within one event each function is called once, whoever
    depends on it. Without a function, the annotated class is called.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        if function is not None and not callable(function):
            raise TypeError(f"Depends needs a function, got {function!r}")
        self.function = function


class Auth:
    """Fill a parameter with what the client sent as `auth`: `Annotated[Credentials, Auth()]`."""

    __slots__ = ()


class Param:
    """Fill a parameter from the name of a dynamic namespace: `id: Annotated[int, Param()]`.

    `name` is the parameter's name in the pattern, when it is another one.
    """

    __slots__ = ("name",)

    def __init__(self, name: str | None = None) -> None:
        self.name = name


Marker = Depends | Auth | Param


class Scope(Protocol):
    """The namespace that a handler is registered at."""

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """What `Param` may ask for."""

    def claim_data(self, type_: Any, where: str) -> None:
        """A handler takes `Socket[type_]`. Raises TypeError when that cannot be."""


class Client(Protocol):
    """The socket, as dependencies see it."""

    @property
    def auth(self) -> dict[str, Any]:
        """What the client sent with CONNECT."""

    @property
    def namespace(self) -> Any:
        """The namespace, which runs functions in threads and has `params`."""


def find_marker(hint: Any) -> Marker | None:
    """The marker in the metadata of an annotation; raises TypeError for one that is further inside.

    A client must never fill what looks like a dependency.
    """
    marker = _own_marker(hint)
    if marker is None and any(_own_marker(part) is not None for part in type_arguments(hint)):
        raise TypeError(
            "Depends, Auth and Param go around the whole type: Annotated[int | None, Depends(...)]"
        )
    return marker


def _own_marker(hint: Any) -> Marker | None:
    for each in getattr(hint, "__metadata__", ()):
        if isinstance(each, Marker):
            return each
        if each in (Depends, Auth, Param):
            return typing.cast("Marker", each())
    return None


class Plan:
    """What to do to fill the parameters of one handler; made when it is registered.

    Calling it is calling the handler. `socket_at` is the position of the socket among the
    arguments that it is called with; `hide` leaves it out of the handler's own.
    """

    __slots__ = ("_function", "_hide", "_inserts", "_is_async", "_socket_at", "_steps")

    def __init__(
        self,
        function: Callable[..., Any],
        steps: "Steps",
        inserts: list[tuple[int, int]],
        *,
        socket_at: int,
        hide: bool,
    ) -> None:
        self._function = function
        self._is_async = is_async(function)
        self._steps = steps.steps
        self._inserts = inserts
        self._socket_at = socket_at
        self._hide = hide

    async def __call__(self, *args: Any) -> Any:
        """Fill the parameters, call the handler, clean up."""
        socket: Client = args[self._socket_at]
        values: list[Any] = [socket]
        call = [*args[: self._socket_at], *args[self._socket_at + 1 :]] if self._hide else [*args]
        async with AsyncExitStack() as stack:
            for step in self._steps:
                values.append(await step.take(socket, values, stack))
            for position, index in self._inserts:
                call.insert(position, values[index])
            if self._is_async:
                return await self._function(*call)
            return await socket.namespace.call_in_thread(self._function, tuple(call))


class Steps:
    """The steps of a plan, each after those that it needs, and each once."""

    def __init__(self, where: str, scope: Scope, socket_type: type) -> None:
        self.steps: list[_Step] = []
        self._where = where
        self._scope = scope
        self._socket_type = socket_type
        self._known: dict[Any, int] = {}
        self._open: list[Callable[..., Any]] = []

    def add(self, name: str, hint: Any, marker: Marker, function: Callable[..., Any]) -> int:
        """The place of a parameter's value among the values; `function` has the parameter.

        Raises TypeError for what cannot be filled.
        """
        type_ = typing.get_args(hint)[0]
        if isinstance(marker, Depends):
            return self._depend(marker.function or type_)
        if isinstance(marker, Auth):
            try:
                return self._keep(("auth", type_), lambda: _FromAuth(Parameter("auth", type_)))
            except TypeError as error:
                raise TypeError(
                    f"{self._where} cannot decode parameter {name!r} of {describe(function)}: {error}"
                ) from None
        wanted = marker.name or name
        self._check_param(wanted, type_, function)
        return self._keep(("param", wanted), lambda: _FromName(wanted))

    def _keep(self, key: Any, make: "Callable[[], _Step]") -> int:
        if key not in self._known:
            self.steps.append(make())
            self._known[key] = len(self.steps)
        return self._known[key]

    def _depend(self, function: Callable[..., Any]) -> int:
        if function in self._open:
            raise TypeError(f"{self._where}: {describe(function)} depends on itself")
        if function in self._known:
            return self._known[function]
        self._open.append(function)
        sources = []
        defaults = False  # a parameter is left to its default: nothing can be filled behind it
        for parameter, hint in read_parameters(function, self._where):
            source = self._source(function, parameter, hint)
            if source is None and parameter.default is not inspect.Parameter.empty:
                defaults = True
                continue
            if source is None or parameter.kind not in POSITIONAL or defaults:
                raise TypeError(
                    f"{self._where} cannot fill {parameter.name!r} of the dependency {describe(function)}; "
                    "annotate it with Socket, or with Annotated and Depends, Auth or Param, before those "
                    "with defaults"
                )
            sources.append(source)
        self._open.pop()
        return self._keep(function, lambda: _FromFunction(function, sources))

    def _source(self, function: Callable[..., Any], parameter: inspect.Parameter, hint: Any) -> int | None:
        marker = find_marker(hint)
        if marker is not None:
            return self.add(parameter.name, hint, marker, function)
        origin = typing.get_origin(hint) or hint
        if isinstance(origin, type) and issubclass(origin, self._socket_type):
            claim_data(self._scope, hint, self._where)
            return 0
        return None

    def _check_param(self, name: str, type_: Any, function: Callable[..., Any]) -> None:
        types = self._scope.parameter_types
        if name not in types:
            known = f"only {', '.join(types)}" if types else "no parameters"
            raise TypeError(
                f"{self._where}: there is no {name!r} for {describe(function)}; the name has {known}"
            )
        while hasattr(type_, "__supertype__"):
            type_ = type_.__supertype__  # NewType
        if type_ is not Any and not (isinstance(type_, type) and issubclass(types[name], type_)):
            raise TypeError(
                f"{self._where}: {name!r} of {describe(function)} is declared as {type_name(type_)}, but the "
                f"name of the namespace has a {types[name].__name__} there"
            )


def claim_data(scope: Scope, hint: Any, where: str) -> None:
    """Tell the namespace which data a parameter `Socket[...]` wants."""
    for type_ in typing.get_args(hint)[:1]:
        if type_ is not Any and not isinstance(type_, typing.TypeVar):
            scope.claim_data(type_, where)


class _Step(Protocol):
    async def take(self, socket: Client, values: list[Any], stack: AsyncExitStack) -> Any:
        """The value; what has to be cleaned up goes to the stack."""


class _FromAuth:
    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter

    async def take(self, socket: Client, values: list[Any], stack: AsyncExitStack) -> Any:
        """See `_Step`. Raises InvalidPayload."""
        return self._parameter.convert(socket.auth)


class _FromName:
    def __init__(self, name: str) -> None:
        self._name = name

    async def take(self, socket: Client, values: list[Any], stack: AsyncExitStack) -> Any:
        """See `_Step`."""
        return socket.namespace.params[self._name]


class _FromFunction:
    def __init__(self, function: Callable[..., Any], sources: list[int]) -> None:
        self._sources = sources
        self._function = function
        self._is_async = is_async(function)
        self._manager: Callable[..., Any] | None = None
        self._in_thread = False
        if is_async_generator(function):
            self._manager = asynccontextmanager(function)
        elif is_generator(function):
            self._manager = contextmanager(function)
            self._in_thread = True

    async def take(self, socket: Client, values: list[Any], stack: AsyncExitStack) -> Any:
        """See `_Step`."""
        args = tuple([values[index] for index in self._sources])
        if self._manager is not None:
            manager = self._manager(*args)
            if self._in_thread:
                manager = _in_threads(manager, socket)
            return await stack.enter_async_context(manager)
        if self._is_async:
            return await self._function(*args)
        return await socket.namespace.call_in_thread(self._function, args)


@asynccontextmanager
async def _in_threads(manager: AbstractContextManager[Any], socket: Client) -> AsyncIterator[Any]:
    call = socket.namespace.call_in_thread
    value = await call(manager.__enter__, ())
    try:
        yield value
    except BaseException as error:
        if not await call(manager.__exit__, (type(error), error, error.__traceback__)):
            raise
    else:
        await call(manager.__exit__, (None, None, None))
