"""Archives are opened whatever their makers added to them, and what was deleted from their lists is found."""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import py7zr
import pyarrow as pa
import pytest
import zstandard

from beholden.backends.evidence.archives.spool import Spans, without
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Reason
from beholden.forensics.source import Held
from tests.forensics.people import Search, crowd, csv, database, numbers
from tests.forensics.test_coverage import adds_up
from tests.forensics.test_search import tarred, zipped

PEOPLE = crowd(40)
TEXT = csv(PEOPLE).encode()
HALVES = csv(PEOPLE[:20]).encode(), csv(PEOPLE[20:]).encode()


def lz4(data: bytes) -> bytes:
    held = pa.BufferOutputStream()
    with pa.CompressedOutputStream(held, "lz4") as out:
        out.write(data)
    return held.getvalue().to_pybytes()


def sevenzip(password: str | None = None, **members: bytes) -> bytes:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w", password=password) as made:
        for name, data in members.items():
            made.writestr(data, name)
    return held.getvalue()


def zip_by(method: int, data: bytes, *, extra: bytes = b"") -> bytes:
    """A zip whose only member holds bytes that were compressed elsewhere."""
    fields = struct.pack("<HHHHHIII", 20, 0, method, 0, 0, zlib.crc32(TEXT), len(data), len(TEXT))
    local = b"PK\x03\x04" + fields + struct.pack("<HH", 1, 0) + b"a" + data
    listed = b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    return local + listed + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), len(local), 0)


def lzma_in_zip() -> bytes:
    packed = lzma.compress(TEXT, lzma.FORMAT_ALONE)
    return struct.pack("<HH", 0x0910, 5) + packed[:5] + packed[13:]


def cpio_new(name: bytes, data: bytes) -> bytes:
    made = b""
    for one, content in ((name, data), (b"TRAILER!!!", b"")):
        numbers_ = [0] * 13
        numbers_[6], numbers_[11] = len(content), len(one) + 1
        head = b"070701" + b"".join(b"%08x" % number for number in numbers_) + one + b"\0"
        made += head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
    return made


def ar(name: bytes, data: bytes) -> bytes:
    return b"!<arch>\n" + name.ljust(16) + b"0".ljust(32) + str(len(data)).encode().ljust(10) + b"`\n" + data


FORMS = {
    "zstd": zstandard.compress(TEXT),
    "two frames of zstd and one to be skipped": zstandard.compress(HALVES[0])
    + b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    + zstandard.compress(HALVES[1]),
    "lz4": lz4(TEXT),
    "two frames of lz4": lz4(HALVES[0]) + lz4(HALVES[1]),
    "old lzma": lzma.compress(TEXT, lzma.FORMAT_ALONE),
    "zlib": zlib.compress(TEXT),
    "7-Zip": sevenzip(a=HALVES[0], b=HALVES[1]),
    "new cpio": cpio_new(b"a", TEXT),
    "ar": ar(b"data.tar.gz", gzip.compress(tarred(a=TEXT))),
    "zstd in zip": zip_by(93, zstandard.compress(TEXT)),
    "xz in zip": zip_by(95, lzma.compress(TEXT)),
    "bzip2 in zip": zip_by(12, bz2.compress(TEXT)),
    "lzma in zip": zip_by(14, lzma_in_zip()),
    "two tars in a row": tarred(a=HALVES[0]) + tarred(b=HALVES[1]),
}


@pytest.mark.parametrize("form", FORMS)
def test_everyone_in_an_archive_is_found_live_and_every_byte_was_read(form: str) -> None:
    search = Search(PEOPLE).through(FORMS[form])
    assert search.live == numbers(PEOPLE)
    assert search.coverage.complete, search.coverage.gaps
    assert adds_up(search)


def test_a_zip_with_64_bit_sizes_is_read() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made, made.open("a", "w", force_zip64=True) as member:
        member.write(TEXT)
    data = held.getvalue()
    at = data.rfind(b"PK\x05\x06")
    size, start = struct.unpack_from("<II", data, at + 12)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    search = Search(PEOPLE).through(data[:at] + record + locator + end)
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)


def test_a_member_that_is_in_no_list_any_more_is_found_as_deleted() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("gone.csv", HALVES[0])
        made.writestr("kept.csv", HALVES[1])
        made.filelist.pop(0)
    search = Search(PEOPLE).through(held.getvalue())
    assert search.found == numbers(PEOPLE) and search.live == numbers(PEOPLE[20:])
    assert search.coverage.complete and adds_up(search)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_that_lost_its_list_is_read_by_the_headers_of_its_members_and_it_is_said(method: int) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as made:
        made.writestr("a", HALVES[0])
        made.writestr("b", HALVES[1])
    data = held.getvalue()
    search = Search(PEOPLE).through(data[: data.find(b"PK\x01\x02")])
    assert search.found == numbers(PEOPLE)
    assert search.coverage.gap_counts == {Reason.CORRUPT: 1} and adds_up(search)


def test_members_on_another_volume_of_a_zip_are_said() -> None:
    data = bytearray(zipped(a=HALVES[0], b=HALVES[1]))
    at = data.rfind(b"PK\x01\x02")
    data[at + 34 : at + 36] = b"\x05\x00"
    search = Search(PEOPLE).through(bytes(data))
    assert search.coverage.gap_counts == {Reason.CUT_OFF: 1} and adds_up(search)
    assert search.found == numbers(PEOPLE)  # its header is here all the same


def test_behind_a_broken_gzip_stream_the_next_one_is_read() -> None:
    noise = gzip.compress(os.urandom(40_000))
    broken = noise[:20_000] + b"\xff" * 100 + noise[20_100:]
    search = Search(PEOPLE).through(gzip.compress(HALVES[0]) + broken + gzip.compress(HALVES[1]))
    assert search.found == numbers(PEOPLE) and not search.coverage.complete and adds_up(search)


def test_everything_before_the_broken_byte_of_a_stream_is_read() -> None:
    packed = gzip.compress(TEXT + os.urandom(50_000))
    broken = packed[: len(packed) - 30_000] + bytes(200) + packed[len(packed) - 29_800 :]
    search = Search(PEOPLE).through(broken)
    assert search.found == numbers(PEOPLE) and search.coverage.unpacked_bytes > len(TEXT)
    assert not search.coverage.complete and adds_up(search)


def test_compressed_fragments_in_other_bytes_are_inflated_and_are_not_disorder() -> None:
    filling = struct.pack("<IHI", 7, 1, 0) * 1000
    fragments = zlib.compress(HALVES[0]), gzip.compress(HALVES[1])
    search = Search(PEOPLE).through(filling + fragments[0] + filling + fragments[1] + filling)
    assert search.found == numbers(PEOPLE)
    assert search.coverage.complete and adds_up(search)


def test_the_beginning_of_a_fragment_that_was_overwritten_is_read() -> None:
    packed = zlib.compress(HALVES[0] + os.urandom(9000))
    search = Search(PEOPLE).through(bytes(5000) + packed[:6000] + b"words " * 2000)
    assert search.found == numbers(PEOPLE[:20]) and adds_up(search)


def test_names_of_any_length_and_pax_headers_are_read() -> None:
    name = "folder/" * 60 + "Größe.csv"
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w", format=kind) as made:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            made.addfile(info, io.BytesIO(TEXT))
        search = Search(PEOPLE).through(held.getvalue())
        assert search.live == numbers(PEOPLE) and search.coverage.complete
        assert any("Größe" in site.path or "…" in site.path for site in search.examiner.tally.sites)


@pytest.mark.parametrize("how", [["--format=gnu"], ["--format=posix", "--sparse-version=0.1"], ["--format=posix"]])
def test_a_database_with_holes_in_a_tar_is_read_as_it_was(tmp_path: Path, how: list[str]) -> None:
    data = database(tmp_path / "small.db", PEOPLE, after=["delete from friends where id <= 10"])
    sparse = tmp_path / "a.db"
    with sparse.open("wb") as file:
        file.write(data)
        file.seek(1 << 20, os.SEEK_CUR)
        file.write(b"\0" * 4096)
    made = subprocess.run(["tar", "-C", tmp_path, *how, "-S", "-cf", "-", "a.db"], capture_output=True, check=True)
    search = Search(PEOPLE).through(made.stdout)
    assert search.found == numbers(PEOPLE) and search.live == numbers(PEOPLE[10:]) and adds_up(search)


def test_an_encrypted_7zip_is_unreadable() -> None:
    search = Search(PEOPLE).through(sevenzip("secret", a=TEXT))
    assert search.found == set()
    assert search.coverage.gap_counts == {Reason.ENCRYPTED: 1} and adds_up(search)


def test_a_name_in_a_7zip_that_leads_outside_costs_nothing() -> None:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as made:
        made.set_encoded_header_mode(False)
        made.writestr(HALVES[0], "aaaaaaa")
        made.writestr(HALVES[1], "bbbbbbb")
    data = held.getvalue().replace("aaaaaaa".encode("utf-16-le"), "../../x".encode("utf-16-le"))
    offset, size = struct.unpack_from("<QQ", data, 12)
    start = struct.pack("<QQI", offset, size, zlib.crc32(data[32 + offset : 32 + offset + size]))
    search = Search(PEOPLE).through(data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32:])
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)


def test_law_9_without_its_library_a_7zip_is_not_decoded_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sevenzip(a=TEXT)
    monkeypatch.setitem(sys.modules, "py7zr", None)
    search = Search(PEOPLE).through(data)
    assert search.coverage.gap_counts == {Reason.FORMAT: 1} and search.coverage.unreadable == len(data)
    assert "beholden[sevenzip]" in search.coverage.gaps[0].detail and adds_up(search)


@pytest.mark.parametrize("form", [form for form in FORMS if "7-Zip" not in form])
@pytest.mark.parametrize("keep", [0.4, 0.9, 0.999])
def test_law_9_a_truncated_archive_never_passes_as_read(form: str, keep: float) -> None:
    search = Search(PEOPLE).through(FORMS[form][: int(len(FORMS[form]) * keep)])
    whole = search.found == numbers(PEOPLE) or form in ("new cpio", "two tars in a row")
    assert whole or not search.coverage.complete
    assert adds_up(search)


def test_several_ranges_read_like_one() -> None:
    spans = Spans(Held(bytes(range(100))), ((90, 20), (0, 5), (50, 1)))
    whole = bytes((*range(90, 100), *range(5), 50))
    assert spans.size == 16
    for start in range(18):
        for length in range(18):
            assert spans.read(start, length) == whole[start : start + length]
    assert without(((2, 3), (4, 2), (9, 5)), 12) == ((0, 2), (6, 3))


def test_limits_hold_for_a_stream_of_every_kind() -> None:
    zeros = bytes(40 << 20)
    for packed in (
        zstandard.compress(zeros),
        lz4(zeros),
        lzma.compress(zeros, lzma.FORMAT_ALONE),
        zlib.compress(zeros),
    ):
        search = Search(PEOPLE, Limits(ratio_from=1 << 20, ratio=20)).through(packed)
        assert search.coverage.gap_counts == {Reason.BOMB: 1} and search.coverage.unpacked_bytes < 36 << 20
        assert adds_up(search)


@pytest.mark.parametrize(
    "text",
    [b"ORCID,email\n", b"070707123456,x\n", b"x^2 + y^2 = z^2\n", b"From here on\n", b"Subject to change\n",
     b"PK is a key\n", b"\x1f\x9d\xff\xff", b"\xc7\x71\x01\x01", b"\x5d\x00\x00\x01\x01"],
)  # fmt: skip
def test_what_only_begins_like_an_archive_is_read_as_it_is(text: bytes) -> None:
    search = Search(PEOPLE).through(text + TEXT)
    assert search.live == numbers(PEOPLE) and search.coverage.complete
