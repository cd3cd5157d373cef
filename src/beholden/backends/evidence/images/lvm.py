"""Linux's logical volumes, as far as they lie on one disk: most servers are installed on such.

After LVM2's `lib/format_text/layout.h`: a label in one of the first four sectors, which names the areas that hold the
volume group's description, a text.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from beholden.forensics.containers import shown
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage, Entry, Unpacked
from beholden.forensics.region import Ranges, Region, merged, without
from beholden.forensics.source import Part, Runs, Source
from beholden.model.errors import BadInput

SECTOR = 512
LARGEST_TEXT = 16 << 20
LARGEST_VOLUME = 1 << 60
MAX_AREAS, MAX_DEPTH, MAX_SEGMENTS = 16, 12, 1_000_000
_MAGIC = b" LVM2 x[5A%r0N*>"
_TOKEN = re.compile(r'#[^\n]*|"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_.+\-]+)|([{}=\[\],])|\s+')

Tree = dict[str, "str | list[str] | Tree"]


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical volume: its runs over the disk (None: on another disk, or in a shape that is not decoded)."""

    name: str
    runs: tuple[tuple[int | None, int], ...]
    lacking: tuple[Damage, ...]


def entries(source: Source) -> Iterator[Entry]:
    """The logical volumes, what describes them, and the space between. Raises BadInput where that cannot be read."""
    volumes, data = _volumes(source)
    tables: Ranges = ((0, min(data, source.size)),)
    yield Entry("description of the volumes", tables, partial(_whole, Runs(source, tables)), Region.STRUCTURE)
    taken: list[Ranges] = [tables]
    for one in volumes:
        mine = without(merged((start, length) for start, length in one.runs if start is not None), taken)
        taken.append(mine)
        yield Entry(f"logical volume {one.name}", mine, partial(_opened, source, one, mine))
    for start, length in without(((0, source.size),), taken):
        opened = partial(_whole, Part(source, start, length))
        yield Entry(f"unallocated space at byte {start}", ((start, length),), opened, Region.UNALLOCATED)


def _opened(source: Source, one: Logical, mine: Ranges) -> AbstractContextManager[Unpacked]:
    taken = sum(length for _, length in mine)
    if taken < sum(length for start, length in one.runs if start is not None):
        said = Damage(0, 0, Reason.DAMAGED_VOLUME, "it overlaps another; only the rest of it was read")
        return nullcontext(Unpacked(Runs(source, mine), taken, damage=lambda: (said,)))
    return nullcontext(Unpacked(Runs(source, one.runs), taken, damage=lambda: one.lacking))


def _whole(source: Source) -> AbstractContextManager[Unpacked]:
    return nullcontext(Unpacked(source, source.size))


def _volumes(source: Source) -> tuple[list[Logical], int]:
    """The logical volumes in the order of their names, and where the first extent begins."""
    uuid, areas = _label(source)
    for offset in areas:
        tree = _parsed(_text(source, offset))
        group = next((value for value in tree.values() if isinstance(value, dict)), None)
        if group is not None:
            return _placed(group, uuid, source.size)
    raise BadInput("The description of the logical volumes cannot be read.")


def _label(source: Source) -> tuple[str, list[int]]:
    """The disk's own name, and where descriptions stand."""
    head = source.read(0, 8 * SECTOR)
    at = next(at for at in range(0, 2048, SECTOR) if head[at : at + 8] == b"LABELONE")
    header = at + int.from_bytes(head[at + 20 : at + 24], "little")
    raw = source.read(header, 40 + 16 * 2 * (MAX_AREAS + 1))
    pairs = list(struct.iter_unpack("<QQ", raw[40:][: (len(raw) - 40) // 16 * 16]))
    behind = next((index for index, pair in enumerate(pairs) if pair == (0, 0)), len(pairs)) + 1
    areas: list[int] = []
    for offset, size in pairs[behind:]:
        if not offset or not size:
            break
        areas.append(offset)
    return raw[:32].decode("latin-1"), areas


def _text(source: Source, area: int) -> str:
    """The newest description in an area, which is a ring."""
    head = source.read(area, SECTOR)
    if len(head) < SECTOR or head[4:20] != _MAGIC:
        return ""
    start, size, offset, length = struct.unpack_from("<QQQQ", head, 24)
    if not 0 < length <= min(size, LARGEST_TEXT) or offset >= size:
        return ""
    raw = source.read(start + offset, min(length, size - offset))
    raw += source.read(start + SECTOR, length - len(raw)) if len(raw) < length else b""
    return raw.rstrip(b"\x00").decode("utf-8", "replace")


def _parsed(text: str) -> Tree:
    """The text's values and groups. What is not understood is left out."""
    root: Tree = {}
    open_: list[Tree] = [root]
    name = ""
    listed: list[str] | None = None
    for found in _TOKEN.finditer(text):
        word = found[1] if found[1] is not None else found[2]
        if word is not None:
            if listed is not None:
                listed.append(word)
            elif name.endswith("="):
                open_[-1][name[:-1]] = word
                name = ""
            else:
                name = word
        elif found[3] == "=":
            name += "="
        elif found[3] == "[":
            listed = []
        elif found[3] == "]" and listed is not None:
            open_[-1][name.rstrip("=")] = listed
            name, listed = "", None
        elif found[3] == "{" and len(open_) < MAX_DEPTH:
            inner: Tree = {}
            open_[-1][name] = inner
            open_.append(inner)
        elif found[3] == "}" and len(open_) > 1:
            open_.pop()
    return root


def _placed(group: Tree, uuid: str, size: int) -> tuple[list[Logical], int]:
    extent = _number(group, "extent_size") * SECTOR
    own = {
        name: _number(disk, "pe_start") * SECTOR
        for name, disk in _groups(group, "physical_volumes")
        if str(disk.get("id", "")).replace("-", "") == uuid
    }
    if not extent or not own:
        raise BadInput("The description of the logical volumes is another disk's.")
    made: list[Logical] = []
    for name, volume in _groups(group, "logical_volumes"):
        runs: list[tuple[int | None, int]] = []
        lacking: list[Damage] = []
        for _, segment in sorted(_groups(volume), key=lambda item: _number(item[1], "start_extent"))[:MAX_SEGMENTS]:
            count = _number(segment, "extent_count") * extent
            start = _start(segment, own, extent)
            if count > LARGEST_VOLUME:
                raise BadInput("The description of the logical volumes makes no sense.")
            if start is None or start + count > size:
                at = sum(length for _, length in runs)
                lacking.append(Damage(at, count, Reason.ELSEWHERE, "not on this disk, or not as it is"))
                runs.append((None, count))
            else:
                runs.append((start, count))
        made.append(Logical(shown(name), tuple(runs), tuple(lacking)))
    return made, min(own.values())


def _start(segment: Tree, own: dict[str, int], extent: int) -> int | None:
    """Where a segment begins on this disk; None where it is striped, mirrored, thin, or on another one."""
    stripes = segment.get("stripes")
    if segment.get("type") != "striped" or not isinstance(stripes, list) or len(stripes) != 2 or stripes[0] not in own:
        return None
    return own[stripes[0]] + int(stripes[1]) * extent if stripes[1].isdecimal() else None


def _groups(tree: Tree, name: str = "") -> Iterator[tuple[str, Tree]]:
    inside = tree.get(name) if name else tree
    if isinstance(inside, dict):
        yield from ((key, value) for key, value in inside.items() if isinstance(value, dict))


def _number(tree: Tree, name: str) -> int:
    value = tree.get(name)
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 15 else 0
