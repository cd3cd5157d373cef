"""Made-up people in archives and compressed streams."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import zstandard

from beholden.backends.evidence.seeds.texts import Format, csv


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _zip(data: bytes) -> bytes:
    return zipped({"people.csv": data})


def _tar(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        member = tarfile.TarInfo("people.csv")
        member.size = len(data)
        file.addfile(member, io.BytesIO(data))
    return made.getvalue()


def _of_table(pack: Callable[[bytes], bytes]) -> Format:
    return lambda people: pack(csv(people).encode())


PACKED: Mapping[str, Format] = {
    "gzip": _of_table(lambda data: gzip.compress(data, mtime=0)),
    "bzip2": _of_table(bz2.compress),
    "xz": _of_table(lzma.compress),
    "zstandard": _of_table(lambda data: zstandard.ZstdCompressor().compress(data)),
    "zip": _of_table(_zip),
    "zip in a zip": _of_table(lambda data: zipped({"people.zip": _zip(data)})),
    "tar": _of_table(_tar),
    "tar in gzip": _of_table(lambda data: gzip.compress(_tar(data), mtime=0)),
}
