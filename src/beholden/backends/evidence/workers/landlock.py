"""Landlock: a process gives up the file system, but for what it names. Needs no privilege; Linux 5.13 and newer.

See https://docs.kernel.org/userspace-api/landlock.html. Descriptors that are open already are not affected.
"""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from beholden.backends.evidence.workers.kernel_calls import LINUX, call

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The same numbers on every architecture."""
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 14
_READ = _READ_FILE | _READ_DIR
_SCRATCH = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK = 0b11
_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that the kernel offers; 0 where it offers none."""
    if not LINUX:
        return 0
    try:
        return call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def restrict(readable: Sequence[Path], scratch: Path) -> int:
    """Nothing may be opened any more but what is `readable`, and everything within `scratch`; no port, no process
    outside may be reached. The version that is in force, or 0. Needs no_new_privs."""
    offered = version()
    if not offered:
        return 0
    handled = _RIGHTS[min(offered, 5)]
    rules = _Ruleset(handled, _NETWORK if offered >= 4 else 0, _SCOPES if offered >= 6 else 0)
    size = 8 if offered < 4 else 16 if offered < 6 else 24
    try:
        ruleset = call(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    except OSError:
        return 0
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled)
        _allow(ruleset, scratch, _SCRATCH & handled)
        call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    except OSError:
        return 0
    finally:
        os.close(ruleset)
    return offered


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """A path that is not there needs no rule."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
        rule = _Beneath(rights, opened)
        call(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(opened)
