"""Machine code for the loops over bytes; it lets other threads run, and is compiled for the types of its first call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from beholden.native.compiling import compiler, part

_HERE = Path(__file__).parent
inner: Callable[[Any], Any] = part()
"""A function that only compiled ones call."""
compiled: Callable[[Any], Any] = compiler(_HERE, _HERE.parent, _HERE.parent / "kernel", nogil=True)()
