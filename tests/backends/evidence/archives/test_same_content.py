"""One text in many packings (public test data of dfVFS): each that is opened here holds the same."""

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import HEAD, PACKED, recognise
from beholden.forensics.source import Held
from tests.shared_data import shared

FOLDER = "images/dfvfs"
PACKINGS = [
    "syslog.Z", "syslog.bin.cpio", "syslog.bz2", "syslog.gz", "syslog.lzma", "syslog.tgz", "syslog.xz", "syslog.zlib",
    "tar/syslog.tar", "zip/syslog.zip",
]  # fmt: skip


def unpacked(data: bytes) -> list[bytes]:
    """Everything in a file that is in no container any more."""
    form, _ = recognise(data[:HEAD])
    if form not in PACKED:
        return [data]
    found: list[bytes] = []
    for entry in FileEvidence().entries(form, Held(data)):
        with entry.open() as opened:
            assert opened.stop is None
            found += unpacked(opened.source.read(0, opened.source.size))
    return found


@pytest.mark.parametrize("name", PACKINGS)
def test_every_packing_gives_the_same_content(name: str) -> None:
    assert shared(f"{FOLDER}/syslog").read_bytes() in unpacked(shared(f"{FOLDER}/{name}").read_bytes())
