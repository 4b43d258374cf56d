"""The servers that are compared, and what they need installed."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
SERVERS = BENCH / "servers"
BUILD = BENCH / "build"

NODE, BUN, SOCKETIO = "node", "bun", "python-socketio-"
FAST, ASGI, JAVASCRIPT, PYTHON, BARE = "fast", "asgi", "javascript", "python", "bare"
ARCWIRE_PACKAGES = ("arcwire", "picows", "msgspec", "uvloop", "uvicorn", "httptools", "websockets")
SOCKETIO_PACKAGES = ("python-socketio", "uvloop", "uvicorn", "httptools", "websockets", "pydantic")
NODE_PACKAGES = ("socket.io", "ws", "bufferutil", "uwebsockets", "zod")
BUN_PACKAGES = ("socket.io", "@socket.io/bun-engine", "zod")
BARE_WORKS = ("echo-*", "ack-*", "typed-*", "text-*", "binary-*", "broadcast-*", "connect-websocket")


class MissingTool(Exception):
    """Something that the benchmark needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: a script under `servers`, called with a port of 127.0.0.1, a work, and these arguments."""

    name: str
    runtime: str
    """NODE, BUN, a version of Python such as `3.12` (with Arcwire), or SOCKETIO and a version."""
    script: str
    kind: str
    """FAST (Arcwire on its fast path), ASGI (Arcwire on plain uvicorn), JAVASCRIPT, PYTHON, or BARE (no
    server to use: the limit of the tools)."""
    arguments: tuple[str, ...] = ()
    works: tuple[str, ...] = ("*",)
    """Patterns of the names of works that it can do."""

    def does(self, work: str) -> bool:
        return any(fnmatchcase(work, pattern) for pattern in self.works)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the scripts, with the versions of itself and of the packages in it."""

    executable: Path
    versions: dict[str, str]

    def command(self, peer: Peer, port: int, *kind: str) -> list[str]:
        """`kind` is what the load generator will do; validators are imported only where it needs them."""
        return [str(self.executable), str(SERVERS / peer.script), str(port), *kind, *peer.arguments]


def find_pythons(wanted: Sequence[str]) -> list[str]:
    """Versions of Python to use, newest first: those wanted, else the newest and the oldest there is.

    Raises MissingTool for one that is not on this machine.
    """
    present = list(_pythons())
    absent = [version for version in wanted if version not in present]
    if absent or not present:
        raise MissingTool(
            f"Python {' and '.join(absent or ['3.11'])}; there is {', '.join(present) or 'none'}"
        )
    return [version for version in present if version in (wanted or (present[0], present[-1]))]


def peers_for(pythons: Sequence[str]) -> list[Peer]:
    """Arcwire's fast path on each Python, its other host and python-socketio on the first one, JavaScript;
    and the limit of the tools, on each Python."""
    newest = pythons[0]
    return [
        *(Peer(f"arcwire-{version}", version, "arcwire_server.py", FAST, ("fast",)) for version in pythons),
        Peer(f"arcwire-asgi-{newest}", newest, "arcwire_server.py", ASGI, ("asgi",)),
        Peer("python-socketio", SOCKETIO + newest, "python_socketio_server.py", PYTHON),
        Peer("node-ws", NODE, "node_ws.mjs", JAVASCRIPT),
        Peer("node-uws", NODE, "node_uws.mjs", JAVASCRIPT),
        Peer("bun", BUN, "bun_engine.mjs", JAVASCRIPT),
        *(Peer(f"bare-{version}", version, "bare_server.py", BARE, works=BARE_WORKS) for version in pythons),
    ]


def install(runtime: str) -> Runtime:
    """Install what the servers of a runtime need, unless that is there already."""
    if runtime == NODE:
        return _install_javascript(NODE, _tool("node"), NODE_PACKAGES)
    if runtime == BUN:
        return _install_javascript(BUN, SERVERS / "node_modules/.bin/bun", BUN_PACKAGES)
    if runtime.startswith(SOCKETIO):
        return _install_socketio(runtime, runtime.removeprefix(SOCKETIO))
    return _install_arcwire(runtime)


def build_load() -> Path:
    """Compile the load generator if one of its sources is newer."""
    sources, load = sorted((BENCH / "load").glob("*.[ch]")), BUILD / "load"
    if not load.exists() or load.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        BUILD.mkdir(exist_ok=True)
        warnings = ("-Wall", "-Wextra", "-Wno-missing-field-initializers")
        code = [source for source in sources if source.suffix == ".c"]
        _run([_tool("gcc"), "-O3", "-flto", "-std=gnu17", *warnings, "-o", load, *code])
    return load


def _pythons() -> dict[str, Path]:
    script = ROOT / "scripts/pythons"
    answer = subprocess.run([script], capture_output=True, text=True, check=True, cwd=ROOT)
    return {version: Path(path) for version, path in map(str.split, answer.stdout.splitlines())}


def _install_arcwire(version: str) -> Runtime:
    """A virtual environment with Arcwire from this tree, and what plain uvicorn needs."""
    pinned = [
        *(ROOT / f"requirements/{name}.txt" for name in ("runtime", "build")),
        SERVERS / "asgi.txt",
    ]
    own = ("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    return _install_python(f"python-{version}", version, pinned, ARCWIRE_PACKAGES, own)


def _install_socketio(name: str, version: str) -> Runtime:
    """A virtual environment without Arcwire: some packages import others where these are there."""
    return _install_python(name, version, [SERVERS / "python_socketio.txt"], SOCKETIO_PACKAGES)


def _install_python(
    name: str, version: str, pinned: Sequence[Path], packages: Sequence[str], own: Sequence[str] = ()
) -> Runtime:
    folder = BUILD / name
    python = folder / "bin/python"
    sources = [*pinned, ROOT / "pyproject.toml"] if own else pinned
    if _needs_install(folder / ".installed", sources):
        sys.stderr.write(f"installing {name}\n")
        _run([_pythons()[version], "-m", "venv", "--clear", folder])
        pip = (python, "-m", "pip", "-qq", "--no-input", "--disable-pip-version-check", "install")
        _run([*pip, "--require-hashes", *(f"--requirement={file}" for file in pinned)])
        if own:
            _run([*pip, *own])
        _mark_installed(folder / ".installed", sources)
    script = (
        "import json, platform, sys; from importlib.metadata import version;"
        "packages = {name: version(name) for name in sys.argv[1:]};"
        "print(json.dumps({'python': platform.python_version(), **packages}))"
    )
    return Runtime(python, json.loads(_output([python, "-c", script, *packages])))


def _install_javascript(name: str, executable: Path, packages: Sequence[str]) -> Runtime:
    """All servers in JavaScript share one folder of packages; Bun itself is one of them."""
    modules = SERVERS / "node_modules"
    stamp, sources = modules / ".installed", [SERVERS / "package-lock.json"]
    if _needs_install(stamp, sources):
        sys.stderr.write("installing the servers in JavaScript\n")
        _run([_tool("npm"), "ci", "--loglevel=error", "--prefix", SERVERS])
        _mark_installed(stamp, sources)
    versions = {name: _output([executable, "--version"]).strip().removeprefix("v")}
    for package in packages:
        versions[package] = json.loads((modules / package / "package.json").read_text())["version"]
    return Runtime(executable, versions)


def _needs_install(stamp: Path, sources: Sequence[Path]) -> bool:
    return not stamp.exists() or stamp.read_text() != _digest(sources)


def _mark_installed(stamp: Path, sources: Sequence[Path]) -> None:
    stamp.write_text(_digest(sources))


def _digest(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _tool(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise MissingTool(f"{name} is needed and was not found in PATH")
    return Path(path)


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def _output(command: Sequence[str | Path]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
