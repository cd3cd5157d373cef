"""Machine code by numba, made when it is first needed and kept on disk where there is a place for it.

What numba does with code that it kept is mended in two places, see docs/decisions/0018-kept-machine-code.md: parts of
two kernels could have the same name, and one of them then stood for both; and files that processes write at once could
be taken for one another's.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from hashlib import blake2s
from pathlib import Path
from typing import Any

from numba import njit as _njit
from numba import types
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import IndexDataCacheFile

Stamp = tuple[tuple[str, int, int], ...]
njit: Any = _njit
_HERE = Path(__file__).parent
# numba counts functions from 1 in every process and makes the number part of their names. Of two parts with the same
# name, one of them in code that another process kept, the linker takes the first for both, without a word.
FunctionIdentity._unique_ids = iter(lambda: secrets.randbits(64), None)  # type: ignore[assignment]  # wants a count
_Files: Any = IndexDataCacheFile  # without types


class Kept(_Files):  # type: ignore[misc]
    """The files in which the machine code of one function lies, for each of its signatures and processors.

    Files that cannot be read, since a disk was full or the power went, are as none: the code is made again.
    """

    def __init__(self, cache_path: str, filename_base: str, source_stamp: Stamp) -> None:
        """See IndexDataCacheFile. Code of other sources has other names: numba writes what is there before it is."""
        super().__init__(cache_path, filename_base, source_stamp)
        told = blake2s(repr(source_stamp).encode(), digest_size=8).hexdigest()
        self._data_name_pattern = f"{filename_base}.{told}.{{number:d}}.nbc"

    def load(self, key: Any) -> Any:
        """What was kept for a key, or None."""
        try:
            return super().load(key)
        except Exception:  # noqa: BLE001 - half a pickle may raise anything
            return None

    def save(self, key: Any, data: Any) -> None:
        """Keep this for a key, while nobody else writes here. Where it cannot be kept, it is made again next time."""
        try:
            with self._alone():
                super().save(key, data)
                self._swept()
        except OSError:
            return

    def _swept(self) -> None:
        """What lies here of other sources goes: nobody would use it again."""
        folder, base = Path(self._cache_path), self._index_name.removesuffix(".nbi")
        held = set(self._load_index().values())
        for one in folder.glob(f"{escape(base)}.*.nbc"):
            if one.name not in held:
                one.unlink(missing_ok=True)

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception:  # noqa: BLE001 - as above
            return {}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(Path(self._cache_path) / "kernels.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


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
                cache = dispatcher._cache
                cache._cache_file = Kept(cache.cache_path, cache._impl.filename_base, sources)
            except (RuntimeError, AttributeError):  # neither beside the file nor in the user's cache may be written
                dispatcher = made(function)
            for signature in signatures:
                dispatcher.compile(signature)
            return dispatcher

        return of

    return compiled
