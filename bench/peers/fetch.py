"""Fetches the peers' own servers with the ordinary clients, at pinned versions, into a folder outside git.

`python -m bench.peers.fetch` fetches what is missing; OpenFGA and SpiceDB are built from source, which takes minutes.
The folder is `.bench-peers/` in the checkout, or `BEHOLDEN_BENCH_PEERS`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CERBOS = "0.55.0"
OPENFGA = "1.18.1"
SPICEDB = "1.56.0"
_CHECKOUT = Path(__file__).parents[2]
_USUAL_GO = "/usr/local/go/bin"


class NotHere(Exception):
    """A peer that cannot be measured on this machine, and why."""


@dataclass(frozen=True)
class Tool:
    """A peer's server: `binary` is its place in the cache, `fetch` puts it there with `client`, which must be here."""

    version: str
    client: str
    binary: str
    fetch: Callable[[Path], object]


def _npm(package: str) -> Callable[[Path], object]:
    return lambda cache: _run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(cache / "npm"), package], cache
    )


def _go_install(package: str) -> Callable[[Path], object]:
    return lambda cache: _run(["go", "install", package], cache)


def _go_build(module: str, package: str) -> Callable[[Path], object]:
    """For a module that `go install` refuses, since its go.mod replaces others: built as the main module instead."""

    def fetch(cache: Path) -> bytes:
        found = json.loads(_run(["go", "mod", "download", "-json", module], cache, output=subprocess.PIPE))
        source = cache / "src" / Path(found["Dir"]).name
        if not source.exists():
            shutil.copytree(found["Dir"], source, copy_function=shutil.copyfile)
            source.chmod(0o755)
        return _run(["go", "build", "-C", str(source), "-o", str(cache / "go") + os.sep, package], cache)

    return fetch


def _run(command: Sequence[str], cache: Path, output: int | None = None) -> bytes:
    # Nicely and one package at a time: a build must not take the whole machine.
    env = {**os.environ, "PATH": _path(), "GOBIN": str(cache / "go"), "GOFLAGS": "-p=1"}
    return subprocess.run(["nice", "-n", "10", *command], env=env, stdout=output, check=True).stdout or b""


TOOLS = {
    "cerbos": Tool(
        CERBOS,
        "npm",
        "npm/node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64",
        _npm(f"@cerbos/cerbos-linux-x64@{CERBOS}"),
    ),
    "openfga": Tool(OPENFGA, "go", "go/openfga", _go_install(f"github.com/openfga/openfga/cmd/openfga@v{OPENFGA}")),
    "spicedb": Tool(SPICEDB, "go", "go/spicedb", _go_build(f"github.com/authzed/spicedb@v{SPICEDB}", "./cmd/spicedb")),
}


def cache_folder() -> Path:
    """Where the servers are kept."""
    return Path(os.environ.get("BEHOLDEN_BENCH_PEERS") or _CHECKOUT / ".bench-peers").resolve()


def binary(name: str) -> Path:
    """The server of that name if it was fetched; raises `NotHere` with what to do otherwise."""
    tool = TOOLS[name]
    path = cache_folder() / tool.binary
    if not path.exists():
        raise NotHere("run python -m bench.peers.fetch" if _has(tool) else f"{tool.client} is not on this machine")
    return path


def fetch(name: str) -> Path:
    """Fetch one server if it is not there yet; raises `NotHere` if its client is missing or fails."""
    tool, cache = TOOLS[name], cache_folder()
    path = cache / tool.binary
    if path.exists():
        return path
    if not _has(tool):
        raise NotHere(f"{tool.client} is not on this machine")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        tool.fetch(cache)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHere(str(error)) from error
    if not path.exists():
        raise NotHere(f"{tool.client} did not make {path.name}")
    return path


def _has(tool: Tool) -> bool:
    return shutil.which(tool.client, path=_path()) is not None


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{_USUAL_GO}"


def main() -> None:
    """Fetch all, one after the other, and say of each where it is or why not."""
    for name, tool in TOOLS.items():
        try:
            print(f"{name} {tool.version}: {fetch(name)}", flush=True)
        except NotHere as missing:
            print(f"{name} {tool.version}: not here, {missing}", flush=True)


if __name__ == "__main__":
    main()
