"""What the tests of disk images share: public images, tools of Debian that make others, and looking into them."""

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import VOLUMES, Form, Limits, form_of
from beholden.forensics.ports import Damage, Entry
from beholden.forensics.region import Region
from beholden.forensics.source import Held, Joined, Source
from tests.shared_data import shared, skipped

PACKAGES = {
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "qemu-io": "qemu-utils",
    "mkfs.fat": "dosfstools",
    "mcopy": "mtools",
    "mdel": "mtools",
    "mkfs.ntfs": "ntfs-3g",
    "ntfscp": "ntfs-3g",
    "ewfacquire": "ewf-tools",
    "ewfverify": "ewf-tools",
}


def public(name: str) -> bytes:
    """A public image; unpacked where it is kept in a gzip."""
    path = shared(f"images/{name}")
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def tool(*command: str | Path, stdin: bytes = b"") -> str:
    """Run a tool of Debian; the test is skipped where it is not installed."""
    name = str(command[0])
    if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        skipped(f"{name} is missing (Debian: apt-get install {PACKAGES[name]})")
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, env=environment)
    assert done.returncode == 0, f"{command}: {done.stderr.decode('utf-8', 'replace')}"
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True)
class Found:
    """A member somewhere within an image."""

    path: str
    region: Region
    data: bytes
    damage: tuple[Damage, ...]
    checks: tuple[str, ...]


def walk(source: Source | bytes, path: str = "image", depth: int = 0) -> Iterator[Found]:
    """Everything within an image, and proof that each container's bytes belong to one member at most."""
    held: Source = Held(source) if isinstance(source, bytes) else source
    form, _ = form_of(held)
    if form not in VOLUMES or depth > 6:
        return
    entries = list(FileEvidence(Limits()).entries(form, held))
    once(entries, held.size, whole=form is not Form.DISK_IMAGE)
    for entry in entries:
        with entry.open() as unpacked:
            data = unpacked.source.read(0, unpacked.source.size)
            inner = f"{path} > {entry.name}" if entry.name else path
            assert len(data) == unpacked.source.size
            yield Found(inner, entry.region, data, tuple(unpacked.damage()), tuple(unpacked.checks()))
            if entry.region not in (Region.STRUCTURE, Region.SLACK):
                yield from walk(unpacked.source, inner, depth + 1)


def once(entries: list[Entry], size: int, *, whole: bool) -> None:
    """No byte is covered twice; with `whole`, none is left out."""
    ranges = sorted(piece for entry in entries for piece in entry.covers)
    at = 0
    for start, length in ranges:
        assert start >= at, "two members cover the same bytes"
        assert not whole or start == at, "bytes that no member covers"
        at = start + length
    assert at <= size and (not whole or at == size)


def files(source: Source | bytes, region: Region = Region.FILE) -> dict[str, bytes]:
    """The files of an image by the last part of their path."""
    return {one.path.rsplit(" > ", 1)[1]: one.data for one in walk(source) if one.region is region}


def disk_in(data: bytes | Source) -> tuple[bytes, list[Damage], list[str]]:
    """The first disk in an image, what is damaged of it, and what its checksums say."""
    held: Source = Held(data) if isinstance(data, bytes) else data
    entry = next(FileEvidence(Limits()).entries(Form.DISK_IMAGE, held))
    with entry.open() as unpacked:
        assert unpacked.stop is None
        read = unpacked.source.read(0, unpacked.source.size)
        return read, list(unpacked.damage()), list(unpacked.checks())


def joined(*parts: bytes) -> Joined:
    """Segments as one source."""
    return Joined(tuple(Held(bytes(part)) for part in parts), tuple(f"part{n}" for n in range(len(parts))))
