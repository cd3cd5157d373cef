"""Coverage: what was read, what was left out, what could not be read (law 9).

Every byte of every exhibit is one of the three. Only where nothing was left out and nothing was unreadable does
"not found" mean anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

from beholden.forensics.region import Region
from beholden.forensics.spot import Strips, Within


class Reason(StrEnum):
    """Why bytes were not searched, in the words of the report."""

    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt archive"
    METHOD = "compressed by a method that is not known here"
    FORMAT = "in a format that is not decoded"
    DISORDER = "unknown content, encrypted or compressed by its disorder"
    DAMAGED = "damaged database"
    CUT_OFF = "cut off"
    TOO_DEEP = "nested too deep"
    TOO_LARGE = "larger than the limit"
    TOO_MANY = "more members than the limit"
    BOMB = "grows beyond all measure (an archive bomb)"
    NOT_READABLE = "could not be opened or read"
    CRASHED = "the reader crashed"
    MEMORY = "the reader ran out of memory"
    TIME = "the reader ran out of time"
    CHANGED = "changed during the examination"
    LINK_OUT = "a link to something outside the evidence"
    DEVICE = "a device"
    LINK_IN = "a link to another exhibit"
    SAME_FILE = "another name of an exhibit"
    NO_CONTENT = "a pipe or socket, which holds nothing"
    DAMAGED_IMAGE = "damaged part of a disk image"
    ELSEWHERE = "in a part of a disk image that is not in the evidence"
    DAMAGED_VOLUME = "disk, file system or part of one that cannot be opened"


HARMLESS = frozenset({Reason.LINK_IN, Reason.SAME_FILE, Reason.NO_CONTENT})
"""Left out without a loss: nothing is stored there, or it was read under another name."""
SKIPPED = HARMLESS | {
    Reason.TOO_DEEP, Reason.TOO_LARGE, Reason.TOO_MANY, Reason.BOMB, Reason.LINK_OUT, Reason.DEVICE,
}  # fmt: skip
"""Left out on purpose; every other reason means that it could not be read."""

MAX_GAPS = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that were not searched: where, why, how many. `bytes` may be 0 where their number is not known."""

    path: str
    reason: Reason
    bytes: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RegionCoverage:
    """The coverage of all bytes of one class. `read + skipped + unreadable == bytes`."""

    region: Region
    files: int
    bytes: int
    read: int
    skipped: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The coverage of an examination. `read + skipped + unreadable == bytes`, for the exhibits and for what was
    unpacked from them together, and so in each of the `regions`, which add up to the whole. `gaps` are the first
    thousand; `gap_counts` counts all."""

    exhibits: int
    exhibit_bytes: int
    unpacked: int
    unpacked_bytes: int
    read: int
    skipped: int
    unreadable: int
    gaps: tuple[Gap, ...]
    gap_counts: dict[str, int]
    complete: bool
    checks: tuple[str, ...] = ()
    """What the checksums stored in disk images say of what was read."""
    regions: tuple[RegionCoverage, ...] = ()

    @property
    def share(self) -> float:
        """The share of all bytes that was read, 0 to 1; nothing at all is not coverage."""
        total = self.read + self.skipped + self.unreadable
        return self.read / total if total else 0.0


@dataclass(slots=True)
class Counts:
    """Bytes of one class so far."""

    files: int = 0
    bytes: int = 0
    skipped: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Coverage(Within):
    """Collects the statement, one file (an exhibit or an unpacked member) after the other.

    Files and gaps belong to the spot that it is `within`, the innermost one.
    """

    exhibits: int = 0
    exhibit_bytes: int = 0
    unpacked: int = 0
    unpacked_bytes: int = 0
    skipped: int = 0
    unreadable: int = 0
    regions: dict[Region, Counts] = field(default_factory=dict)
    strips: Strips = field(default_factory=Strips)
    _gaps: list[Gap] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _complete: bool = True
    _checks: list[str] = field(default_factory=list)

    def _counts_here(self) -> Counts:
        return self.regions.setdefault(self.spot.region if self.spot else Region.FILE, Counts())

    def file(self, size: int, *, unpacked: bool) -> None:
        """A file whose bytes are now accounted for: read, unless a gap says otherwise."""
        here = self._counts_here()
        here.files += 1
        here.bytes += size
        if unpacked:
            self.unpacked += 1
            self.unpacked_bytes += size
        else:
            self.exhibits += 1
            self.exhibit_bytes += size

    def gap(self, path: str, reason: Reason, size: int = 0, detail: str = "") -> None:
        """So many bytes of a file were not searched. The caller keeps gaps of one file apart and within its size."""
        here = self._counts_here()
        if reason in SKIPPED:
            self.skipped += size
            here.skipped += size
        else:
            self.unreadable += size
            here.unreadable += size
        if self.spot is not None:
            self.strips.spread(self.spot, size, "skipped" if reason in SKIPPED else "unreadable")
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._complete = self._complete and reason in HARMLESS
        if len(self._gaps) < MAX_GAPS:
            self._gaps.append(Gap(path, reason, size, detail))

    def checked(self, path: str, said: str) -> None:
        """A checksum that was stored with what was read agrees; where it does not, that is a gap."""
        if len(self._checks) < MAX_GAPS:
            self._checks.append(f"{path}: {said}")

    def statement(self) -> Statement:
        """The statement so far."""
        read = self.exhibit_bytes + self.unpacked_bytes - self.skipped - self.unreadable
        return Statement(
            self.exhibits,
            self.exhibit_bytes,
            self.unpacked,
            self.unpacked_bytes,
            read,
            self.skipped,
            self.unreadable,
            tuple(self._gaps),
            dict(sorted(self._counts.items())),
            self._complete,
            tuple(self._checks),
            tuple(
                RegionCoverage(
                    region,
                    one.files,
                    one.bytes,
                    one.bytes - one.skipped - one.unreadable,
                    one.skipped,
                    one.unreadable,
                )
                for region in Region
                if (one := self.regions.get(region)) is not None
            ),
        )


def merge(parts: Iterable[Coverage]) -> Coverage:
    """The coverage of several parts of the evidence, as if one collector had gone through them in this order."""
    whole = Coverage()
    for part in parts:
        whole = _both(whole, part)
    return whole


def _both(earlier: Any, later: Any) -> Any:
    """Two values of one field, by what they are, so that no count can be forgotten: numbers add up, lists follow one
    another up to their limit, what holds for both holds for the whole."""
    if isinstance(earlier, bool):
        return earlier and later
    if isinstance(earlier, Strips):
        earlier.absorb(later)
        return earlier
    if isinstance(earlier, list):
        return [*earlier, *later[: max(0, MAX_GAPS - len(earlier))]]
    if isinstance(earlier, dict):
        return earlier | {key: _both(earlier[key], one) if key in earlier else one for key, one in later.items()}
    if is_dataclass(earlier):
        pairs = [(getattr(earlier, one.name), getattr(later, one.name)) for one in fields(earlier)]
        kind: Any = type(earlier)
        return kind(*(_both(*pair) for pair in pairs))
    return earlier + later
