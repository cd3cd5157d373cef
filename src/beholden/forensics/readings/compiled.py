"""Machine code for the loops over bytes, made by numba at first use and kept on disk where there is a place for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from numba import njit as _njit

_made: Any = _njit
inner: Callable[[Any], Any] = _njit
"""A function that only compiled ones call."""


def _stamp() -> tuple[tuple[str, int, int], ...]:
    """What the sources are: numba itself looks at the file of the outermost function alone, and would go on using the
    old code of what it calls in others."""
    files = sorted(Path(__file__).parent.glob("*.py")) + sorted(Path(__file__).parent.parent.glob("*.py"))
    return tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files)


_STAMP: Final = _stamp()


def compiled(function: Any) -> Any:
    """Machine code that lets other threads run; compiled for the types of its first call."""
    made = _made(nogil=True)(function)
    try:
        made.enable_caching()
        made._cache._cache_file._source_stamp = _STAMP
    except (RuntimeError, AttributeError):  # neither beside this file nor in the user's cache may anything be written
        made = _made(nogil=True)(function)
    return made
