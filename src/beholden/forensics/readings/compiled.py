"""Machine code for the loops over bytes, made by numba at first use and kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any

from numba import njit

inner: Callable[[Any], Any] = njit
"""A function that only compiled ones call."""


def compiled(function: Any) -> Any:
    """Machine code that lets other threads run; compiled for the types of its first call."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache may anything be written
        return njit(nogil=True)(function)
