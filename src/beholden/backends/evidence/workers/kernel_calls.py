"""The few system calls for which Python has no name."""

import ctypes
import os
import platform
import sys
from functools import cache

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 1, 4, 38, 24
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522
LINUX = sys.platform == "linux"


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """The processor's architecture, by the kernel's name."""
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def call(number: int, *arguments: object) -> int:
    """A system call by its number. Raises OSError."""
    done = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def control(option: int, *arguments: int) -> None:
    """prctl(2). Raises OSError."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    if _libc().prctl(option, *(ctypes.c_ulong(one) for one in padded)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def die_with_parent(signal: int) -> None:
    """Have the kernel send this process a signal when its parent is gone."""
    if LINUX:
        control(_PR_SET_PDEATHSIG, signal)


def give_up_privileges() -> bool:
    """Drop every capability, now and for good; let nobody trace this process or dump its memory. Whether that worked.

    Nothing that is executed later can gain privileges, root's user id included.
    """
    if not LINUX or machine() not in _CAPSET:
        return False
    try:
        control(_PR_SET_NO_NEW_PRIVS, 1)
        control(_PR_SET_DUMPABLE, 0)
        if os.geteuid() == 0:
            for capability in range(64):
                if not _dropped(capability):
                    break
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        call(_CAPSET[machine()], ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    except OSError:
        return False
    return True


def _dropped(capability: int) -> bool:
    """False behind the last capability that the kernel knows, or where this process may not drop any."""
    try:
        control(_PR_CAPBSET_DROP, capability)
    except OSError:
        return False
    return True
