"""The cage: what a process gives up before it reads evidence. Once in, there is no way out.

It can read what the interpreter and its libraries are made of, and the exhibits that were opened for it; it can write
in one folder of its own. It reaches no network, no other process, no program, and has bounds of memory and time.
"""

import os
import resource
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import beholden
from beholden.backends.evidence.workers import landlock, seccomp
from beholden.backends.evidence.workers.kernel_calls import die_with_parent, give_up_privileges

MAX_OPEN = 65_536
_READABLE = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache",
    "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one reader of evidence may take. `memory` and `file` in bytes, beside what it shares; `seconds` of
    processor time."""

    memory: int
    file: int
    seconds: int


def enter(scratch: Path, bounds: Bounds) -> Mapping[str, object]:
    """Give up everything that a reader of evidence does not need. What protects from it now, in words for a report."""
    die_with_parent(signal.SIGKILL)
    os.chdir(scratch)
    tempfile.tempdir = str(scratch)
    limited = _limit(bounds)
    privileges = give_up_privileges()
    files = landlock.restrict(readable(), scratch) if privileges else 0
    calls = seccomp.restrict() if privileges else False
    return {
        "process": True,
        "limits": limited,
        "no_new_privileges": privileges,
        "landlock": files,
        "seccomp": calls,
    }


def missing(protections: Mapping[str, object]) -> list[str]:
    """What this host could not give, in words."""
    wanted = {
        "process": "a process of its own",
        "limits": "bounds of memory, time and files",
        "no_new_privileges": "the loss of all privileges",
        "landlock": "the loss of the file system (Landlock)",
        "seccomp": "the loss of network, programs and other processes (seccomp)",
    }
    return [words for key, words in wanted.items() if not protections.get(key)]


def readable() -> list[Path]:
    """What the interpreter and its libraries are made of; never a folder that only lies on the path of imports."""
    libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    own = Path(beholden.__file__).parent
    installed = {path for name, path in sysconfig.get_paths().items() if name not in ("scripts", "data")}
    found = {*_READABLE, *libraries, *installed, str(own), str(Path(sys.base_prefix) / "lib")}
    return [Path(path) for path in sorted(found)]


def _limit(bounds: Bounds) -> bool:
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: bounds.file,
        resource.RLIMIT_NOFILE: MAX_OPEN,
        resource.RLIMIT_AS: _taken() + bounds.memory,
    }
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an error, not the end
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (bounds.seconds, bounds.seconds + 5))
        for which, value in wanted.items():
            _, most = resource.getrlimit(which)
            least = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(which, (least, least))
    except (OSError, ValueError):
        return False
    return True


def _taken() -> int:
    """Bytes of address space that this process has already; most of it is shared with its parent."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()
