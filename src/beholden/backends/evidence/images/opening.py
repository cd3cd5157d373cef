"""A disk image opened, as members of its file: the disk, and what else it holds of earlier times."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from beholden.backends.evidence.images import qcow, vhd, vhdx, vmdk
from beholden.backends.evidence.images.dmg import DmgImage
from beholden.backends.evidence.images.ewf import EwfImage
from beholden.forensics import filesystems
from beholden.forensics.containers import Budget, Stop
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage, Entry, Unpacked
from beholden.forensics.region import Ranges, Region, without
from beholden.forensics.source import Held, Source
from beholden.model.errors import BadInput


class _Image(Source, Protocol):
    """What every image can say."""

    @property
    def expansion(self) -> int: ...

    def covers(self) -> Ranges: ...


def disk(source: Source, budget: Budget | None) -> Iterator[Entry]:
    """The members of a disk image. Raises BadInput where it cannot be opened.

    Compression grows a disk a thousandfold at most, which an exhibit may (`budget` is None); an image within another
    container counts against the budget as a whole before it is read. What is stored nowhere costs nothing.
    """
    head = source.read(0, filesystems.HEAD)
    kind = filesystems.image(head, source.read(max(0, source.size - 512), 512))
    if kind == "E01":
        yield _ewf(source, budget)
    elif kind == "QCOW":
        yield from _qcow(source, budget)
    elif kind == "VMDK":
        yield _vmdk(source, budget)
    elif kind == "VHD":
        yield _blocks(vhd.VhdImage(source), budget)
    elif kind == "VHDX":
        grown = vhdx.VhdxImage(source)
        yield _entry("", grown, grown.covers(), budget, grown.damage)
    else:
        image = DmgImage(source)
        yield _entry("", image, image.covers(), budget, image.damage)


def _ewf(source: Source, budget: Budget | None) -> Entry:
    image = EwfImage(source)

    def opened() -> AbstractContextManager[Unpacked]:
        stop = _afford(image, budget)
        if stop is not None:
            return nullcontext(Unpacked(Held(b""), 0, stop))
        image.verify()
        return nullcontext(Unpacked(image, _length(covers), damage=image.damage, checks=image.checks))

    covers = image.covers()
    return Entry("", covers, opened)


def _qcow(source: Source, budget: Budget | None) -> Iterator[Entry]:
    try:
        header = qcow.read_header(source)
    except qcow.Encrypted:
        whole = ((0, source.size),)
        yield Entry("", whole, lambda: nullcontext(Unpacked(Held(b""), 0, Stop.ENCRYPTED)))
        return
    active = qcow.QcowImage(source, header, header.active)
    taken = [active.covers()]
    yield _entry("", active, taken[0], budget, active.faults.listed)
    for number, state in enumerate(qcow.snapshots(source, header), 1):
        name = f"snapshot {number} ({state.name})"
        try:
            kept = qcow.QcowImage(source, header, state)
        except BadInput:
            yield Entry(name, (), lambda: nullcontext(Unpacked(Held(b""), 0, Stop.CORRUPT)))
            continue
        covers = without(kept.covers(), taken)
        taken.append(covers)
        yield _entry(name, kept, covers, budget, kept.faults.listed)


def _vmdk(source: Source, budget: Budget | None) -> Entry:
    if not vmdk.is_descriptor(source.read(0, 512)):
        return _blocks(vmdk.SparseExtent(source), budget)
    described = vmdk.DescribedDisk(source)
    return _entry("", _Described(described, source), ((0, source.size),), budget, partial(_missing, described))


def _missing(described: vmdk.DescribedDisk) -> Sequence[Damage]:
    gone = [
        Damage(start, length, Reason.ELSEWHERE, f"{name} is not beside its descriptor")
        for start, length, name in described.missing
    ]
    return [*gone, *(one for image in described.images for one in image.faults.listed())]


@dataclass(frozen=True, slots=True)
class _Described:
    """A described disk as an image."""

    disk: vmdk.DescribedDisk
    source: Source

    @property
    def size(self) -> int:
        return self.disk.size

    @property
    def expansion(self) -> int:
        return sum(image.expansion for image in self.disk.images)

    def covers(self) -> Ranges:
        return ((0, self.source.size),)

    def read(self, offset: int, length: int) -> bytes:
        return self.disk.read(offset, length)

    def next_data(self, offset: int) -> int:
        return self.disk.next_data(offset)


def _blocks(image: vhd.VhdImage | vmdk.SparseExtent, budget: Budget | None) -> Entry:
    return _entry("", image, image.covers(), budget, image.faults.listed)


def _entry(
    name: str, image: _Image, covers: Ranges, budget: Budget | None, damage: Callable[[], Sequence[Damage]]
) -> Entry:
    def opened() -> AbstractContextManager[Unpacked]:
        stop = _afford(image, budget)
        if stop is not None:
            return nullcontext(Unpacked(Held(b""), 0, stop))
        return nullcontext(Unpacked(image, _length(covers), damage=damage))

    return Entry(name, covers, opened, Region.MEMBER)


def _afford(image: _Image, budget: Budget | None) -> Stop | None:
    if budget is None:
        return None
    if budget.spent + image.expansion > budget.limits.total:
        return Stop.TOTAL
    budget.spend(image.expansion)
    return None


def _length(covers: Ranges) -> int:
    return sum(length for _, length in covers)
