"""Machine code by numba, made when it is first needed and kept on disk where there is a place for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

Stamp = tuple[tuple[str, int, int], ...]
_HERE = Path(__file__).parent


def stamp(folder: Path) -> Stamp:
    """What the sources of a folder's kernels are, and those here: numba itself looks at the file of the outermost
    function alone, and would go on using the old code of what others it calls."""
    files = sorted([*folder.glob("*.py"), *_HERE.glob("*.py")])
    return tuple((one.name, (told := one.stat()).st_mtime_ns, told.st_size) for one in files)


def compiler(folder: Path, **options: Any) -> Callable[..., Callable[[Any], Any]]:
    """What compiles the kernels whose sources lie in `folder`: called with their signatures (for those of the first
    call, where none are given) it takes a function, as numba's `njit` does with these options."""
    sources, made = stamp(folder), njit(**options)

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
