"""Table files and the pointer that names the one that counts.

A file is written beside the old one under another name, its header last; it is on disk before it has its own name, and
named by the pointer after that. Space is taken when it is made, so that a full disk is an error then and not later.
"""

import mmap
import os
import re
import struct
import subprocess
import sys
import uuid
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from beholden.gate.table.assemble import Contents
from beholden.gate.table.layout import (
    OPEN,
    PAGE,
    Cell,
    Identity,
    Layout,
    Section,
    boot_of,
    cells_sum,
    layout_of,
    read_header,
    refuse_cells,
    static_header,
)
from beholden.gate.table.view import TableView
from beholden.model.errors import Unavailable

_POINTER = "table.current"
_NAME = re.compile(r"table-([0-9]{1,19})\.bht")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A file that is mapped: its number, its bytes, and how they are read."""

    generation: int
    memory: mmap.mmap
    view: TableView


@cache
def boot() -> bytes:
    """16 bytes that name this run of the host: what is only in its memory is lost with it."""
    try:
        said = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return uuid.UUID(said).bytes
    except (OSError, ValueError):
        pass
    if sys.platform == "darwin":
        said = subprocess.run(["sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=False).stdout
        return uuid.uuid5(uuid.NAMESPACE_OID, said.split("}", 1)[0]).bytes
    raise Unavailable("This system does not say when it was started.", "Run without the decision table.")


def path_of(folder: Path, generation: int) -> Path:
    """The file of a number."""
    return folder / f"table-{generation}.bht"


def pointed(folder: Path) -> int | None:
    """The number of the file that counts, if there is one."""
    with suppress(OSError, ValueError):
        found = _NAME.fullmatch((folder / _POINTER).read_text(encoding="ascii").strip())
        return int(found[1]) if found else None
    return None


def point(folder: Path, generation: int) -> None:
    """From now on this file counts; every other goes, once those who map it let go."""
    scratch = folder / f"{_POINTER}.new"
    with scratch.open("w", encoding="ascii") as file:
        file.write(path_of(folder, generation).name + "\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / _POINTER)
    _sync_folder(folder)
    for path in folder.glob("table-*.bht*"):
        if path != path_of(folder, generation):
            path.unlink(missing_ok=True)


def last_generation(folder: Path) -> int:
    """The largest number that any file here has or had."""
    numbers = [int(found[1]) for path in folder.glob("table-*") if (found := _NAME.match(path.name))]
    return max([*numbers, pointed(folder) or 0])


def map_file(folder: Path, generation: int, identity: Identity, *, writable: bool = False) -> Mapped | str:
    """Map a file, or say why it may not be used. Pages are not looked at here; see `layout.damaged_page`."""
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    try:
        with path_of(folder, generation).open("r+b" if writable else "rb") as file:
            length = os.fstat(file.fileno()).st_size
            if length < PAGE:
                return "it is shorter than its header"
            memory = mmap.mmap(file.fileno(), length, access=access)
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    layout = read_header(memory[:PAGE], length, identity)
    if isinstance(layout, str):
        return layout
    view = TableView(memoryview(memory), layout)
    # A batch may be under way while a reader looks; only the writer may insist that the cells add up.
    refusal = refuse_cells(view.cells, boot()) if writable else _refuse_run(view)
    return refusal or Mapped(generation, memory, view)


def _refuse_run(view: TableView) -> str | None:
    """How old a table is says a clock that begins anew with the host: a reader takes only what is of this run."""
    return None if boot_of(view.cells) == boot() else "the host was restarted since it was written"


def write_file(folder: Path, generation: int, contents: Contents, identity: Identity) -> Mapped:
    """Write a file, open for its writer, and name it; raises Unavailable where the disk does not take it."""
    layout = layout_of(contents.sizes)
    scratch = folder / f"{path_of(folder, generation).name}.new"
    try:
        with scratch.open("w+b") as file:
            os.ftruncate(file.fileno(), layout.total)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, layout.total)
            memory = mmap.mmap(file.fileno(), layout.total, access=mmap.ACCESS_WRITE)
            view = _filled(memory, layout, contents)
            memory.flush()
            header = static_header(layout, identity, generation)
            memory[: len(header)] = header
            memory.flush(0, PAGE)
            os.fsync(file.fileno())
        scratch.replace(path_of(folder, generation))
        _sync_folder(folder)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise Unavailable(f"The decision table cannot be written ({error.strerror}).", "Make room for it.") from error
    return Mapped(generation, memory, view)


def _filled(memory: mmap.mmap, layout: Layout, contents: Contents) -> TableView:
    view = TableView(memoryview(memory), layout)
    for section, array in contents.arrays.items():
        if array.nbytes:
            np.frombuffer(view.section(section), np.uint8)[: array.nbytes] = (
                np.ascontiguousarray(array).view(np.uint8).reshape(-1)
            )
    sums = view.section(Section.SUMS).cast("I")
    for page in range(len(sums)):
        sums[page] = zlib.crc32(view.buffer[(page + 1) * PAGE : (page + 2) * PAGE])
    for cell, value in contents.cells.items():
        view.cells[cell] = value
    open_cells(view)
    return view


def clear_scratch(folder: Path) -> None:
    """Remove what a writer that died left half made."""
    for path in folder.glob("table*.new"):
        path.unlink(missing_ok=True)


def open_cells(view: TableView) -> None:
    """Say that a writer holds the file in this run of the host; what was vouched for in another run no longer is."""
    if boot_of(view.cells) != boot():
        view.cells[Cell.AS_OF] = 0
    view.cells[Cell.BOOT], view.cells[Cell.BOOT + 1] = struct.unpack("<2Q", boot())
    view.cells[Cell.STATE] = OPEN
    view.cells[Cell.SUM] = cells_sum(view.cells)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
