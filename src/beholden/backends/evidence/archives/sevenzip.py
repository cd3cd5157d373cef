"""7-Zip archives, by py7zr where it is installed: it is LGPL, hence the extra `sevenzip`."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import IO, Any

from beholden.backends.evidence.archives.spool import IN_MEMORY, LZMA_MEMORY, Spans, Spool, Stopped, handle, lying_there
from beholden.forensics.containers import Budget, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Held, Source
from beholden.model.errors import BadInput

_LZMA1, _LZMA2 = b"\x03\x01\x01", b"\x21"
MAX_HEADER = 64 << 20


def sevenzip(budget: Budget, source: Source) -> Iterator[Entry]:
    """The members of a 7-Zip archive. Raises BadInput where there is no readable list of them."""
    whole = ((0, source.size),)
    try:
        import py7zr
    except ImportError:
        name = "7-Zip archive; install beholden[sevenzip]"
        yield Entry(name, whole, lying_there(Unpacked(Held(b""), 0, Stop.NOT_INSTALLED)))
        return
    if int.from_bytes(source.read(20, 8), "little") > MAX_HEADER:
        raise BadInput("The 7-Zip archive says that its list of members is larger than the limit.")
    try:
        archive = py7zr.SevenZipFile(handle(source))
        sealed = archive.needs_password()
        names = {number: one.filename for number, one in enumerate(archive.files) if not one.is_directory}
        window = _window(archive)
    except py7zr.PasswordRequired:
        sealed, names, window = True, {}, 0
    except Exception as error:
        raise BadInput(f"The 7-Zip archive's list of members cannot be read ({type(error).__name__}).") from error
    stop = Stop.ENCRYPTED if sealed else Stop.TOO_LARGE if window > LZMA_MEMORY else None
    if stop is not None:
        yield Entry("7-Zip archive", whole, lying_there(Unpacked(Held(b""), 0, stop)))
        return
    yield from _members(budget, source, names)


def _members(budget: Budget, source: Source, names: dict[int, str]) -> Iterator[Entry]:
    """All are unpacked at once when the first is opened: they may be packed as one. The first covers the archive."""
    work = _Extraction(budget, source)
    for place, (number, name) in enumerate(names.items()):
        covers = ((0, source.size),) if place == 0 else ()
        opened = partial(work.open, number, first=place == 0, last=place == len(names) - 1)
        yield Entry(name, covers, opened)


class _Extraction:
    """Unpacks all members within the budget into one file, and keeps that until the last was looked at."""

    def __init__(self, budget: Budget, source: Source) -> None:
        self._budget = budget
        self._source = source
        self._stack = ExitStack()
        self._file: IO[bytes] | None = None
        self._pieces: dict[int, list[tuple[int, int]]] = {}
        self._stop: Stop | None = None
        self._produced = 0

    @contextmanager
    def open(self, number: int, *, first: bool, last: bool) -> Iterator[Unpacked]:
        """One member."""
        if self._file is None:
            self._file = self._stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - closed at the end
            self._extract()
        try:
            source = Spans(Spool(self._file, self._produced), tuple(self._pieces.get(number, ())))
            packed = self._source.size if first and self._stop is None else 0
            yield Unpacked(source, packed, self._stop if first or not source.size else None)
        finally:
            if last:
                self._stack.close()

    def write(self, number: int, data: bytes) -> int:
        """Take what a member holds. Raises Stopped where the budget is spent."""
        stop = self._budget.allows(self._produced, self._source.size, len(data))
        if stop is not None or self._file is None:
            raise Stopped(stop or Stop.TOTAL)
        self._budget.spend(len(data))
        self._pieces.setdefault(number, []).append((self._produced, len(data)))
        self._produced += len(data)
        return self._file.write(data)

    def _extract(self) -> None:
        import py7zr

        try:
            with py7zr.SevenZipFile(handle(self._source)) as archive:
                # Names are replaced: the library refuses a whole archive over one that leads outside.
                for number, one in enumerate(archive.files.files_list):
                    one["filename"] = str(number)
                archive.extractall(factory=_factory(self))
        except Stopped as ended:
            self._stop = ended.stop
        except py7zr.exceptions.UnsupportedCompressionMethodError:
            self._stop = Stop.METHOD
        except Exception:  # noqa: BLE001 - py7zr and what it uses raise their own over hostile bytes
            self._stop = Stop.CORRUPT


def _factory(work: _Extraction) -> Any:
    """What py7zr writes through."""
    from py7zr.io import Py7zIO, WriterFactory

    class Writer(Py7zIO):
        def __init__(self, number: int) -> None:
            self._number = number
            self._written = 0

        def write(self, s: bytes | bytearray) -> int:
            self._written += len(s)
            return work.write(self._number, bytes(s))

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            pass

        def size(self) -> int:
            return self._written

    class Writers(WriterFactory):
        def create(self, filename: str) -> Py7zIO:
            return Writer(int(filename.rpartition("/")[2]))

    return Writers()


def _window(archive: Any) -> int:
    """The largest window that a decompressor would take memory for; the archive alone says how large."""
    largest = 0
    streams = archive.header.main_streams
    for folder in streams.unpackinfo.folders if streams is not None else ():
        for coder in folder.coders:
            said = coder.get("properties") or b""
            if coder["method"] == _LZMA1 and len(said) == 5:
                largest = max(largest, int.from_bytes(said[1:5], "little"))
            elif coder["method"] == _LZMA2 and said:
                bits = said[0]
                largest = max(largest, 0xFFFFFFFF if bits >= 40 else (2 | bits & 1) << (bits // 2 + 11))
    return largest
