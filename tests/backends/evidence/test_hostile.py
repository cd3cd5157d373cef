"""Evidence made to harm whoever reads it: it ends, within bounds, and what was left out is said (law 9)."""

import base64
import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import Form, Limits
from beholden.forensics.coverage import Reason
from beholden.forensics.source import Held
from tests.forensics.people import Search, crowd, csv, numbers
from tests.forensics.test_coverage import adds_up
from tests.forensics.test_search import tarred, zipped

PEOPLE = crowd(10)
TEXT = csv(PEOPLE).encode()
SMALL = Limits(member=64 << 20, total=256 << 20, ratio_from=1 << 20)


MAKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 0),
    "bzip2": lambda data: bz2.compress(data, 1),
    "zip": lambda data: zipped(a=data),
    "tar": lambda data: gzip.compress(tarred(a=data), 1),
    "letter": lambda data: HEAD + base64.encodebytes(data),
}
HEAD = b"From: a@b.example\nSubject: x\nContent-Transfer-Encoding: base64\n\n"


def nested(pack: str, levels: int) -> Search:
    data = TEXT
    for _ in range(levels):
        data = MAKERS[pack](data)
    return Search(PEOPLE, SMALL).through(data)


@pytest.mark.parametrize("pack", MAKERS)
def test_nesting_without_end_ends_at_the_limit_and_it_is_said(pack: str) -> None:
    search = nested(pack, 20)
    assert search.found == set() and not search.coverage.complete
    assert search.coverage.gap_counts == {Reason.TOO_DEEP: 1} and adds_up(search)


@pytest.mark.evidence
def test_ten_thousand_levels_end_at_the_limit_and_it_is_said() -> None:
    search = nested("gzip", 10_000)
    assert search.coverage.gap_counts == {Reason.TOO_DEEP: 1} and adds_up(search)


def test_ten_thousand_parts_within_parts_of_a_letter_end() -> None:
    head = b"From: a@b.example\r\nSubject: x\r\n"
    for number in range(10_000):
        head += b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (number, number)
    search = Search(PEOPLE, SMALL).through(head + b"\r\n" + TEXT)
    assert search.found == numbers(PEOPLE) and adds_up(search)


def test_a_tree_of_archives_in_archives_that_holds_petabytes_is_stopped() -> None:
    """The manner of 42.zip: sixteen archives in each, five levels, zeros at the bottom of each."""
    data = zipped(zeros=bytes(32 << 20))
    for level in range(5):
        data = zipped(**{f"{level}-{number}": data for number in range(16)})
    search = Search(PEOPLE, Limits(ratio=2000, total=64 << 20)).through(data)
    assert not search.coverage.complete and adds_up(search)
    assert search.coverage.unpacked_bytes <= 65 << 20


def test_a_tree_of_millions_of_empty_archives_is_stopped() -> None:
    data = zipped(a=b"")
    for _ in range(4):
        data = zipped(**{f"m{number}": data for number in range(40)})
    search = Search(PEOPLE, Limits(total=8 << 20)).through(data)
    assert search.coverage.gap_counts[Reason.TOO_LARGE] > 0 and adds_up(search)
    assert search.coverage.unpacked < 4000


def test_an_archive_that_holds_itself_ends_at_the_limit() -> None:
    """Its end says that 38 bytes were cut off before it, so the member's bytes begin where the archive does."""
    name = b"self.zip"
    made = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    total = len(made) + 46 + len(name) + 22
    fields = struct.pack("<HHHHHIII", 20, 0, 0, 0, 0, 0, total, total)
    listed = b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), len(made) + len(made), 0)
    search = Search(PEOPLE, SMALL).through(made + listed + end)
    assert search.coverage.gap_counts[Reason.TOO_DEEP] == 1 and adds_up(search)
    assert search.coverage.unpacked == SMALL.depth


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/passwd", "C:\\Windows\\x", "new\nline", "\x1b[31mred\x07", "a\u202eb", "x" * 60_000],
)
def test_names_are_only_shown_and_never_used(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size = len(TEXT)
        made.addfile(info, io.BytesIO(TEXT))
    letter = b'From: a@b.example\nSubject: x\nContent-Disposition: attachment; filename="%s"\n\n' % name.encode()
    for data in (zipped(**{name: TEXT}), held.getvalue(), letter + TEXT):
        search = Search(PEOPLE).through(data)
        assert all(site.path.isprintable() and len(site.path) < 1000 for site in search.examiner.tally.sites)
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_no_text_are_read_and_shown_escaped() -> None:
    data = tarred(abcd=TEXT).replace(b"abcd", b"\xff\xfe\xfd\xfc", 1)
    block = bytearray(data[:512])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    search = Search(PEOPLE).through(bytes(block) + data[512:])
    assert search.live == numbers(PEOPLE)
    assert all(site.path.isprintable() for site in search.examiner.tally.sites)


def test_a_sparse_file_of_exabytes_is_searched_by_what_is_stored_of_it() -> None:
    head = bytearray(512)
    head[0:6] = b"sparse"
    head[124:136] = b"%011o\0" % len(TEXT)
    head[156:157] = b"S"
    head[257:263] = b"ustar "
    head[386:398] = b"\x80" + (1 << 60).to_bytes(11, "big")
    head[398:410] = b"%011o\0" % len(TEXT)
    head[483:495] = b"\x80" + (1 << 62).to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    search = Search(PEOPLE).through(bytes(head) + TEXT.ljust(-(-len(TEXT) // 512) * 512, b"\0"))
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)


@pytest.mark.parametrize("size", [0, 1, 2**31, 2**63, 2**64 - 1])
def test_headers_that_lie_about_sizes_are_not_believed(size: int) -> None:
    data = bytearray(zipped(a=TEXT))
    listed = data.find(b"PK\x01\x02")
    data[listed + 20 : listed + 28] = struct.pack("<II", size & 0xFFFFFFFF, size & 0xFFFFFFFF)
    search = Search(PEOPLE, SMALL).through(bytes(data))
    assert not search.coverage.complete and adds_up(search)
    lzma = b"\x5d\x00\x00\x80\x00" + struct.pack("<Q", size) + bytes(300)
    assert adds_up(Search(PEOPLE, SMALL).through(lzma))


def test_a_window_of_gigabytes_is_not_taken_from_memory() -> None:
    """Zstandard and LZMA whose headers ask for far more than the limit."""
    zstd = b"\x28\xb5\x2f\xfd\x00\xff" + bytes(100)
    search = Search(PEOPLE).through(zstd)
    assert search.coverage.gap_counts == {Reason.CORRUPT: 1} and adds_up(search)
    lzma = b"\x5d\x00\x00\x00\xc0" + b"\xff" * 8 + bytes(100)
    assert adds_up(Search(PEOPLE).through(lzma))


@pytest.mark.parametrize(
    "letter",
    [
        b"From: a\nSubject: x\nContent-Type: multipart/mixed; boundary=\n\n--\n--\n",
        b"From: a\nSubject: x\nContent-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n--a--\n",
        b"From: a\nSubject: =?utf-8?b?!!!!?= =?nonsense?q?x?= =?utf-16?b?AA=?=\n\nx",
        b'From: a\nSubject: x\nContent-Type: text/plain; charset="\x00\xff"\nContent-Transfer-Encoding: base64\n\n=A',
        b"From: a\nSubject: x\nContent-Type: text/plain; charset=zlib\n\nx",
        b"From: a\nSubject: x\nContent-Type: text/plain; charset=unicode_escape\n\n\\N{x",
        b"From: a\nSubject: x\nContent-Disposition: attachment; filename*=utf-7''+%zz; filename*0*=x\n\nx",
        b"From: a\nTo" + b": x\n " * 50_000 + b"\n\nx",
    ],
)
def test_malformed_letters_are_read_all_the_same(letter: bytes) -> None:
    search = Search(PEOPLE).through(letter + b"\n" + TEXT)
    assert adds_up(search)


def test_thousands_of_starts_of_streams_that_are_none_cost_little() -> None:
    for mark in (b"\x78\x9c", b"\x1f\x8b\x08", b"PK\x03\x04"):
        entries = list(FileEvidence().entries(Form.FRAGMENTS, Held((mark + b"\xff" * 30) * 30_000)))
        assert entries == []


def test_fragments_are_measured_within_the_budget() -> None:
    bomb = zlib.compress(bytes(100 << 20), 9)
    search = Search(PEOPLE, Limits(ratio_from=1 << 20, total=64 << 20)).through(b"\0\1\2\3" * 50 + bomb)
    assert not search.coverage.complete and search.coverage.unpacked_bytes < 64 << 20 and adds_up(search)


def test_a_directory_of_entries_that_name_the_same_bytes_costs_no_more_than_the_budget() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("a", b"x y " * (1 << 14))
    data = bytearray(held.getvalue())
    listed = bytes(data[data.rfind(b"PK\x01\x02") : data.rfind(b"PK\x05\x06")])
    body = bytes(data[: data.rfind(b"PK\x01\x02")])
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 5000, 5000, len(listed) * 5000, len(body), 0)
    search = Search(PEOPLE, Limits(total=1 << 20)).through(body + listed * 5000 + end)
    assert search.coverage.unpacked_bytes <= 2 << 20
    assert search.coverage.gap_counts[Reason.TOO_LARGE] > 4900 and adds_up(search)
