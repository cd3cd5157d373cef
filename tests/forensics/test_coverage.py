"""What could not be read is said, and law 9: it never passes as read."""

import gzip
import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Coverage, Reason, Statement
from beholden.forensics.entropy import is_opaque
from beholden.forensics.region import Region
from beholden.forensics.spot import Spot, whole
from tests.forensics.people import Search, crowd, csv, database, numbers
from tests.forensics.test_search import tarred, zipped

PEOPLE = crowd(40)
TEXT = csv(PEOPLE).encode()


def adds_up(search: Search) -> bool:
    """Every byte is read, left out or unreadable, and none twice; in all, and of each class."""
    said = search.coverage
    return (
        summed(said)
        and said.read >= 0
        and said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes
    )


def summed(said: Statement) -> bool:
    """The classes of bytes add up to the whole, and each adds up."""
    each = said.regions
    return (
        all(one.read >= 0 and one.read + one.skipped + one.unreadable == one.bytes for one in each)
        and sum(one.bytes for one in each) == said.exhibit_bytes + said.unpacked_bytes
        and sum(one.files for one in each) == said.exhibits + said.unpacked
        and sum(one.read for one in each) == said.read
        and sum(one.skipped for one in each) == said.skipped
        and sum(one.unreadable for one in each) == said.unreadable
    )


@settings(deadline=None)
@given(st.data())
def test_law_9_the_classes_of_bytes_add_up_to_everything(data: st.DataObject) -> None:
    coverage = Coverage()

    def search(size: int, depth: int, outer: Spot | None) -> None:
        region = data.draw(st.sampled_from(Region))
        spot = whole(1, size, region) if outer is None else outer.within((), size, region)
        with coverage.within(spot):
            coverage.file(size, unpacked=outer is not None)
            left = size
            for reason in data.draw(st.lists(st.sampled_from(Reason), max_size=3)):
                gone = data.draw(st.integers(0, left))
                coverage.gap("x", reason, gone)
                left -= gone
            for _ in range(data.draw(st.integers(0, 2)) if depth < 3 else 0):
                search(data.draw(st.integers(0, 10_000)), depth + 1, spot)

    search(data.draw(st.integers(0, 10_000)), 0, None)
    said = coverage.statement()
    assert summed(said) and said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes
    assert [one.region for one in said.regions] == [region for region in Region if region in coverage.regions]


def test_what_was_read_is_said_for_each_class_of_bytes() -> None:
    noise = os.urandom(40_000)
    said = Search(PEOPLE).through(zipped(a=TEXT, b=noise)).coverage
    by_region = {one.region: one for one in said.regions}
    assert (by_region[Region.FILE].files, by_region[Region.MEMBER].files) == (1, 2)
    assert by_region[Region.MEMBER].bytes == len(TEXT) + len(noise)
    assert by_region[Region.MEMBER].unreadable >= 0.9 * len(noise) and by_region[Region.FILE].unreadable == 0


def test_law_9_an_encrypted_member_of_a_zip_is_unreadable() -> None:
    sealed = bytearray(zipped(a=TEXT, b=b"free " * 50))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag that a member is encrypted, in both headers
        at = sealed.find(mark)
        sealed[at + (6 if mark[2] == 3 else 8)] |= 1
    search = Search(PEOPLE).through(bytes(sealed))
    assert search.found == set()
    assert not search.coverage.complete and search.coverage.gap_counts == {Reason.ENCRYPTED: 1}
    assert adds_up(search)


@pytest.mark.parametrize("size", [300, 5_000, 200_000])
def test_law_9_random_bytes_are_unreadable(size: int) -> None:
    search = Search(PEOPLE).through(os.urandom(size))
    assert not search.coverage.complete and search.coverage.unreadable >= 0.9 * size
    assert adds_up(search)


@pytest.mark.parametrize(
    "head", [b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd", b"LUKS\xba\xbe", b"-----BEGIN PGP MESSAGE-----"]
)
def test_law_9_formats_that_are_not_decoded_are_unreadable(head: bytes) -> None:
    search = Search(PEOPLE).through(head + b" words " * 900)
    assert not search.coverage.complete and search.coverage.unreadable == len(head) + 6300


@pytest.mark.parametrize("sizes", [(0,), (1, 5), (4096,), (70_000,)])
def test_ordinary_texts_are_not_taken_for_disorder(sizes: tuple[int, ...]) -> None:
    for size in sizes:
        for sample in (TEXT * 20, ("Größe, naïve, 数据 " * 5000).encode(), bytes(range(33, 127)) * 900):
            search = Search(PEOPLE[:1]).through(sample[:size])
            assert search.coverage.unreadable == 0
    assert not is_opaque(os.urandom(30_000).hex().encode())


@pytest.mark.parametrize(
    "pack", [lambda d: zipped(a=d), lambda d: tarred(a=d), gzip.compress], ids=["zip", "tar", "gz"]
)
def test_nesting_beyond_the_limit_is_left_out_and_said(pack: object) -> None:
    data = TEXT
    for _ in range(50):
        data = pack(data)  # type: ignore[operator]
    search = Search(PEOPLE, Limits(depth=6)).through(data)
    assert search.found == set()
    assert search.coverage.gap_counts.get(Reason.TOO_DEEP) == 1 and not search.coverage.complete
    assert adds_up(search)


def test_a_gzip_bomb_is_stopped_and_said() -> None:
    bomb = gzip.compress(bytes(100 << 20), 9)
    search = Search(PEOPLE, Limits(ratio_from=1 << 20, ratio=100)).through(bomb)
    assert search.coverage.gap_counts == {Reason.BOMB: 1}
    assert search.coverage.unpacked_bytes <= 12 << 20
    assert adds_up(search)


def test_a_zip_bomb_of_overlapping_members_is_stopped_by_the_total() -> None:
    """All members share one compressed kernel (Fifield, 2019)."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(4 << 20)) + kernel.flush()
    crc = zlib.crc32(bytes(4 << 20))
    fields = struct.pack("<HHHHHIII", 20, 0, 8, 0, 0, crc, len(packed), 4 << 20)
    local = b"PK\x03\x04" + fields + struct.pack("<HH", 1, 0) + b"k"
    listed = b"".join(
        b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"k" for _ in range(400)
    )
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 400, 400, len(listed), len(local + packed), 0)
    search = Search(PEOPLE, Limits(total=40 << 20, ratio=100_000)).through(local + packed + listed + end)
    assert search.coverage.unpacked_bytes <= 41 << 20
    assert search.coverage.gap_counts[Reason.TOO_LARGE] > 380
    assert adds_up(search)


def test_a_zip_that_lies_about_its_list_of_members_is_not_believed() -> None:
    lying = bytearray(zipped(a=TEXT))
    at = lying.rfind(b"PK\x05\x06")
    lying[at + 12 : at + 16] = struct.pack("<I", 0xF0000000)
    search = Search(PEOPLE).through(bytes(lying))
    assert search.coverage.gap_counts == {Reason.CORRUPT: 1} and search.coverage.unreadable == len(lying)


def test_more_members_than_the_limit_are_said() -> None:
    many = zipped(**{f"m{n}": b"x" for n in range(30)})
    search = Search(PEOPLE, Limits(members=10)).through(many)
    assert not search.coverage.complete and search.coverage.gap_counts[Reason.TOO_MANY] == 1


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("packed", [gzip.compress(TEXT * 50), zipped(a=TEXT * 50), tarred(a=TEXT * 50)])
def test_a_truncated_archive_is_said_and_what_is_there_is_searched(packed: bytes, keep: float) -> None:
    search = Search(PEOPLE).through(packed[: int(len(packed) * keep)])
    assert not search.coverage.complete and adds_up(search)


def test_the_readable_part_of_a_broken_gzip_is_searched() -> None:
    noise = "\n".join(str(hash(str(n))) for n in range(60_000)).encode()
    broken = bytearray(gzip.compress(TEXT + noise))
    broken[-2000:-1000] = bytes(1000)
    search = Search(PEOPLE).through(bytes(broken))
    assert search.found == numbers(PEOPLE) and not search.coverage.complete


def test_a_member_with_a_wrong_checksum_is_said() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", TEXT)
    data = held.getvalue().replace(b"Rome", b"Pisa", 1)
    search = Search(PEOPLE).through(data)
    assert search.found == numbers(PEOPLE) and search.coverage.gap_counts == {Reason.CORRUPT: 1}


def test_names_of_members_cannot_break_a_line_or_a_page() -> None:
    search = Search(PEOPLE).through(zipped(**{"../../etc/\x1b[31mpasswd\n<script>\u202e": TEXT}))
    path = next(iter(search.examiner.tally.sites)).path
    assert path.isprintable() and "\\x1b" in path and "\\n" in path


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    data = bytearray(database(tmp_path / "a.db", crowd(400), pragmas=["page_size=1024"]))
    data[1024:1034] = b"\xff" * 10
    search = Search(crowd(400)).through(bytes(data))
    assert Reason.DAMAGED in search.coverage.gap_counts and not search.coverage.complete
    assert adds_up(search)


def test_harmless_gaps_leave_the_coverage_complete() -> None:
    coverage = Coverage()
    coverage.file(10, unpacked=False)
    coverage.gap("pipe", Reason.NO_CONTENT)
    assert coverage.statement().complete
    coverage.gap("link", Reason.LINK_OUT)
    assert not coverage.statement().complete


@settings(max_examples=80, deadline=2000)
@given(st.data())
def test_broken_containers_neither_crash_nor_hang_and_every_byte_is_accounted_for(data: st.DataObject) -> None:
    base = data.draw(
        st.sampled_from([gzip.compress(TEXT), zipped(a=TEXT, b=TEXT), tarred(a=TEXT, b=gzip.compress(TEXT))])
    )
    broken = bytearray(base)
    for _ in range(data.draw(st.integers(1, 25))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    search = Search(PEOPLE[:2], Limits(member=1 << 24, total=1 << 26)).through(bytes(broken))
    assert adds_up(search)
