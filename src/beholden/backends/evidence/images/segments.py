"""Which exhibits are one image in several files: E01 segments, split raw images, a VMDK descriptor and its extents.

Only files of one folder belong together. Each keeps its own line of custody; the image is read once, under the first
one's name. Files that are numbered like segments and are none (dumps of three days) stay apart: a split image has
pieces of one size, whole sectors long, and no piece but the first begins as a file of its own.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count, product
from string import ascii_lowercase

from beholden.backends.evidence.images import vmdk
from beholden.backends.evidence.images.ewf import MAGIC
from beholden.forensics.containers import Form, recognise
from beholden.forensics.ports import Exhibit

MAX_SEGMENTS = 20_000
_EWF = re.compile(r"\.[es]01\Z", re.IGNORECASE)
_NUMBERED = re.compile(r"\.(0{2,}[01])\Z")
_LETTERED = re.compile(r"\.(a{2,4})\Z")

Read = Callable[[Exhibit, int], bytes]
"""The first bytes of an exhibit; fewer where it cannot be read."""


def sets(exhibits: Sequence[Exhibit], read: Read) -> dict[int, tuple[Exhibit, ...]]:
    """By the number of the first exhibit of an image: the further ones, in their order."""
    by_path = {exhibit.path: exhibit for exhibit in exhibits}
    found: dict[int, tuple[Exhibit, ...]] = {}
    taken: set[int] = set()
    for exhibit in exhibits:
        if exhibit.number in taken:
            continue
        further = _further(exhibit, by_path, read)
        further = tuple(one for one in further if one.number not in taken and one.number != exhibit.number)
        if further:
            found[exhibit.number] = further
            taken.update(one.number for one in further)
    return found


def _further(first: Exhibit, by_path: Mapping[str, Exhibit], read: Read) -> tuple[Exhibit, ...]:
    if _EWF.search(first.path):
        return _following(first, by_path, _ewf_endings(first.path[-3:])) if read(first, 8) == MAGIC else ()
    numbered, lettered = _NUMBERED.search(first.path), _LETTERED.search(first.path)
    if numbered:
        width = len(numbered[1])
        endings = (f"{number:0{width}}" for number in count(int(numbered[1]) + 1))
        return _pieces(first, _following(first, by_path, endings), read)
    if lettered:
        letters = ("".join(each) for each in product(ascii_lowercase, repeat=len(lettered[1])))
        next(letters)
        return _pieces(first, _following(first, by_path, letters), read)
    if first.path.lower().endswith(".vmdk") and first.size <= vmdk.DESCRIPTOR:
        return _extents(first, by_path, read)
    return ()


def _following(first: Exhibit, by_path: Mapping[str, Exhibit], endings: Iterator[str]) -> tuple[Exhibit, ...]:
    """The files with the endings that follow, up to the first that is not there."""
    stem = first.path[: first.path.rindex(".") + 1]
    found: list[Exhibit] = []
    for ending in endings:
        exhibit = by_path.get(stem + ending)
        if exhibit is None or len(found) >= MAX_SEGMENTS:
            break
        found.append(exhibit)
    return tuple(found)


def _ewf_endings(first: str) -> Iterator[str]:
    """E02 to E99, then EAA to EZZ, FAA and so on to ZZZ."""
    letter = first[0].lower()
    numbers = (f"{letter}{number:02}" for number in range(2, 100))
    onward = ascii_lowercase[ascii_lowercase.index(letter) :]
    endings = chain(numbers, ("".join(each) for each in product(onward, ascii_lowercase, ascii_lowercase)))
    return endings if first[0].islower() else (ending.upper() for ending in endings)


def _pieces(first: Exhibit, further: tuple[Exhibit, ...], read: Read) -> tuple[Exhibit, ...]:
    if not further or first.size % 512 or not first.size:
        return ()
    same = all(one.size == first.size for one in further[:-1]) and 0 < further[-1].size <= first.size
    parts = same and all(recognise(read(one, 512))[0] is Form.PLAIN for one in further)
    return further if parts else ()


def _extents(first: Exhibit, by_path: Mapping[str, Exhibit], read: Read) -> tuple[Exhibit, ...]:
    """The files that a descriptor names; only their last names count, so that it cannot name files elsewhere."""
    descriptor = read(first, vmdk.DESCRIPTOR)
    if not vmdk.is_descriptor(descriptor):
        return ()
    folder = first.path[: first.path.rfind("/") + 1]
    names = dict.fromkeys(extent.file for extent in vmdk.extents(descriptor) if extent.file)
    found = (by_path.get(folder + name) for name in names if "/" not in name)
    return tuple(one for one in found if one is not None)
