"""Hostile evidence by the thousand: seeds of every format, broken at random, put through their parsers.

A parser of another part joins by a line in PARSERS: its name, what it starts from, and what is done with each mutant.
`python -m tests.backends.evidence.fuzzing NAME SECONDS SEED` is one run in a process of its own.
"""

import faulthandler
import os
import random
import resource
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from beholden.forensics.containers import Limits
from tests.backends.evidence import test_documents, test_tables
from tests.backends.evidence.archives import test_archives
from tests.backends.evidence.archives.packed_by_compress import PACKED
from tests.forensics import test_search
from tests.forensics.people import Search, crowd
from tests.forensics.test_coverage import adds_up

PEOPLE = crowd(5)
LIMITS = Limits(member=1 << 24, total=1 << 26, ratio_from=1 << 20, members=2000)
MEMORY = 6 << 30
"""Of address space, much of which libraries only reserve; what is really used is held to RESIDENT."""
RESIDENT = 2 << 30
HANGS = 120
"""Seconds after which an input counts as one that hangs."""
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


CRASHES = {"ORC": 1882897034271564, "Parquet": 1882911911547429}
"""The number of a mutant on which the library that reads the format crashes."""


@dataclass(frozen=True)
class Parser:
    """A parser of evidence. `seeds` are sound files; `parse` raises where a mutant makes it misbehave."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    parse: Callable[[bytes], None]


def examined(data: bytes) -> None:
    """Search a file as evidence: nothing is raised, and every byte is read, left out or unreadable."""
    search = Search(PEOPLE, LIMITS).through(data)
    assert adds_up(search)


def examined_apart(data: bytes) -> None:
    """The same in a process that may be ended by a fault of the library that reads the format, which is C++, not ours:
    an examination has its readers for that (`workers`), and calls the file unread. It may not end otherwise."""
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            examined(data)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (0, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS), ended


def mutant(seeds: Sequence[bytes], number: int) -> bytes:
    """The mutant of that number; always the same."""
    chance = random.Random(number)
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        _break(data, seeds, chance)
    return bytes(data[: 1 << 20])


def _break(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    if not data:
        data += chance.randbytes(16)
    # Headers and directories stand at the ends, so half of all breaks are there.
    near = chance.random()
    at = chance.randrange(len(data))
    if near < 0.25:
        at = chance.randrange(min(len(data), 300))
    elif near < 0.5:
        at = len(data) - 1 - chance.randrange(min(len(data), 300))
    length = chance.choice((1, 2, 4, 8, 64, 1024))
    match chance.randrange(8):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at] = chance.randrange(256)
        case 2 | 3:
            width = chance.choice((2, 4, 8))
            value = chance.choice(_NUMBERS) & (1 << 8 * width) - 1
            data[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))
        case 4:
            del data[at : at + length]
        case 5:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 50))
        case 6:
            del data[at:]
        case 7:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]


def _archives(*words: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [data for name, data in test_archives.FORMS.items() if any(word in name for word in words)]


def _tables(word: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [data for name, data in test_tables.FORMS.items() if word in name]


def _texts() -> Sequence[bytes]:
    return [data for name, data in test_documents.FORMS.items() if "letter" in name or "rich" in name]


def _office() -> Sequence[bytes]:
    """The documents as they are stored, not packed, so that what is broken is their XML."""
    return [
        *(data for name, data in test_documents.FORMS.items() if "letter" not in name and "rich" not in name),
        test_archives.zip_by(0, b"<w:document><w:p/></w:document>"),
    ]


def _older() -> Sequence[bytes]:
    return [
        test_documents.compound(WordDocument=b"words " * 900, Other=b"x" * 5000),
        test_documents.compound(**{"__substg1.0_0C1F001F": b"a\0" * 3000, "__substg1.0_0C1A001F": b"b\0" * 3000}),
    ]


def _older_streams() -> Sequence[bytes]:
    return [*(test_search.FORMS[name] for name in ("gzip", "bzip2", "xz", "two gzip streams in one file")), PACKED]


def _fragments() -> Sequence[bytes]:
    filling = bytes(range(200)) * 20
    packed = zlib.compress(test_archives.TEXT), test_search.FORMS["gzip"], test_search.FORMS["zip"]
    return [filling + one + filling for one in packed]


PARSERS: tuple[Parser, ...] = (
    Parser("streams", _archives("zstd", "lz4", "lzma", "zlib"), examined),
    Parser("older streams", _older_streams, examined),
    Parser("fragments", _fragments, examined),
    Parser("zip", _archives("in zip"), examined),
    Parser("zip of many", lambda: [test_search.FORMS["zip"], test_search.zipped(a=b"x" * 500, b=b"y" * 500)], examined),
    Parser("tar, cpio and ar", _archives("tar", "cpio", "ar"), examined),
    Parser("7-Zip", _archives("7-Zip"), examined),
    Parser("mail and rich text", _texts, examined),
    Parser("office", _office, examined),
    Parser("OLE", _older, examined),
    Parser("PDF", lambda: [test_documents.printed(pageCompression=n) for n in (0, 1)], examined),
    Parser("Parquet", _tables("Parquet"), examined_apart),
    Parser("Arrow", _tables("Arrow"), examined),
    Parser("ORC", _tables("ORC"), examined_apart),
    Parser("Avro", _tables("Avro"), examined),
)


def main(name: str, seconds: float, first: int, note: str) -> int:
    """Put mutants through one parser until the time is over. The number of the present one is in the file `note`."""
    parser = next(one for one in PARSERS if one.name == name)
    seeds = parser.seeds()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    end, number = time.monotonic() + seconds, first
    place = Path(note)
    while time.monotonic() < end:
        place.write_text(f"{parser.name} {number}\n")
        faulthandler.dump_traceback_later(HANGS, exit=True)
        parser.parse(mutant(seeds, number))
        number += 1
    faulthandler.cancel_dump_traceback_later()
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    used = max(resource.getrusage(one).ru_maxrss for one in whose) << 10
    sys.stdout.write(f"{parser.name}: {number - first} mutants, {used >> 20} MiB\n")
    return 0 if used < RESIDENT else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
