"""Which files are one image: by their names, their sizes and how they begin."""

import resource
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from tests.backends.evidence.ewf_writer import ewf


def sets(folder: Path, **contents: bytes) -> list[list[str]]:
    """The sets of files that are read as one."""
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    evidence = FileEvidence()
    exhibits = evidence.take_in([str(folder)], lambda *_: None).exhibits
    return [
        [Path(one.path).name for one in exhibits if first.number in (one.number, one.segment_of)]
        for first in exhibits
        if any(one.segment_of == first.number for one in exhibits)
    ]


@pytest.mark.parametrize("endings", [("000", "001", "002"), ("001", "002", "003"), ("aa", "ab", "ac"), ("aaa", "aab")])
def test_pieces_of_one_size_are_one_image(tmp_path: Path, endings: tuple[str, ...]) -> None:
    names = [f"disk.{ending}" for ending in endings]
    contents = dict.fromkeys(names, bytes(1024)) | {names[-1]: bytes(700)}
    assert sets(tmp_path, **contents) == [names]


def test_files_that_are_only_numbered_stay_apart(tmp_path: Path) -> None:
    assert sets(tmp_path, **{"a.001": bytes(1024), "a.002": bytes(2048)}) == []
    assert sets(tmp_path, **{"b.001": bytes(1000), "b.002": bytes(1000)}) == []
    assert sets(tmp_path, **{"c.001": bytes(1024), "c.002": b"SQLite format 3\x00" + bytes(1008)}) == []
    assert sets(tmp_path, **{"d.001": bytes(1024), "d.003": bytes(1024)}) == []


def test_segments_beyond_ninety_nine_have_letters(tmp_path: Path) -> None:
    parts = ewf(bytes(120 * 512), chunk=512, segments=110)
    names = [f"d.E{number:02}" for number in range(1, 100)] + [f"d.EA{letter}" for letter in "ABCDEFGHIJK"]
    assert sets(tmp_path, **{name: bytes(part.data) for name, part in zip(names, parts, strict=True)}) == [names]


def test_each_segment_keeps_its_own_digest_and_more_than_may_be_open_are_read(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 300
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        many_are_read(tmp_path, count)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def many_are_read(tmp_path: Path, count: int) -> None:
    for number in range(1, count + 1):
        (tmp_path / f"disk.{number:03}").write_bytes(number.to_bytes(2, "big") * 256)
    evidence = FileEvidence()
    exhibits = evidence.take_in([str(tmp_path)], lambda *_: None).exhibits
    assert len({exhibit.sha256 for exhibit in exhibits}) == count
    assert [exhibit.segment_of for exhibit in exhibits] == [None, *[1] * (count - 1)]
    with evidence.open(exhibits[0]) as source:
        assert source.size == count * 512
        assert source.read(source.size - 4, 10) == count.to_bytes(2, "big") * 2


def test_a_descriptor_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(bytes(1024))
    lines = b'# Disk DescriptorFile\nversion=1\nRW 2 FLAT "../secret" 0\n'
    assert sets(tmp_path / "in", **{"disk.vmdk": lines}) == []
