"""Machine code by numba, made when it is first needed and kept on disk where there is a place for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit as _njit
from numba import types

Stamp = tuple[tuple[str, int, int], ...]
njit: Any = _njit
_HERE = Path(__file__).parent


def stamp(*folders: Path) -> Stamp:
    """What the sources of the folders' kernels are, and those here: numba itself looks at the file of the outermost
    function alone, and would go on using the old code of what others it calls."""
    files = sorted(file for folder in (*folders, _HERE) for file in folder.glob("*.py"))
    return tuple((one.name, (told := one.stat()).st_mtime_ns, told.st_size) for one in files)


def part(**options: Any) -> Callable[[Any], Any]:
    """A function that only kernels call: so it gets no wrapper for Python, and none of its own for each constant that
    it is called with. Both would cost time to compile, and nobody would use them."""

    def made(function: Any) -> Any:
        dispatcher = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)
        template = dispatcher.get_call_template
        dispatcher.get_call_template = lambda taken, named: template(tuple(map(types.unliteral, taken)), named)
        return dispatcher

    return made


def compiler(*folders: Path, **options: Any) -> Callable[..., Callable[[Any], Any]]:
    """What compiles the kernels whose sources lie in these folders, with numba's options: called with signatures (with
    none, for the types of the first call) it takes a function."""
    sources, made = stamp(*folders), njit(**options)

    def compiled(*signatures: Any) -> Callable[[Any], Any]:
        def of(function: Any) -> Any:
            dispatcher: Any = made(function)
            try:
                dispatcher.enable_caching()
                dispatcher._cache._cache_file._source_stamp = sources
            except (RuntimeError, AttributeError):  # neither beside the file nor in the user's cache may be written
                dispatcher = made(function)
            for signature in signatures:
                dispatcher.compile(signature)
            return dispatcher

        return of

    return compiled
