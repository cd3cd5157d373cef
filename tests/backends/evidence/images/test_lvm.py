"""Logical volumes: their parts put in order, what is elsewhere said, every byte of the disk under one name."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.images.lvm import entries
from beholden.forensics.containers import Form, form_of
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Entry
from beholden.forensics.source import Held
from beholden.model.errors import BadInput
from tests.backends.evidence.disks import files, once, public

UUID = "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
EXTENT = 64 << 10
FIRST = 256 << 10


def dashed(uuid: str) -> str:
    return "-".join((uuid[:6], uuid[6:10], uuid[10:14], uuid[14:18], uuid[18:22], uuid[22:26], uuid[26:]))


def described(volumes: str, uuid: str = UUID) -> str:
    return f"""
# a comment with {{ a brace
vg0 {{
id = "x"
flags = []
extent_size = {EXTENT // 512}
physical_volumes {{
pv0 {{
id = "{dashed(uuid)}"
device = "/dev/sda\\"3"
pe_start = {FIRST // 512}
pe_count = 60
}}
pv1 {{
id = "{dashed(UUID[::-1])}"
pe_start = 2048
}}
}}
logical_volumes {{
{volumes}
}}
}}
"""


def volume(name: str, *segments: tuple[int, int, str, int], kind: str = "striped") -> str:
    """A volume of segments `(first extent, extents, disk, first extent there)`."""
    text = "".join(
        f'segment{number} {{\nstart_extent = {first}\nextent_count = {count}\ntype = "{kind}"\nstripe_count = 1\n'
        f'stripes = [\n"{disk}", {place}\n]\n}}\n'
        for number, (first, count, disk, place) in enumerate(segments, 1)
    )
    return f'{name} {{\nid = "y"\nstatus = ["READ", "WRITE"]\nsegment_count = {len(segments)}\n{text}}}\n'


def disk(text: str, content: bytes = b"", size: int = 4 << 20) -> bytes:
    """A disk with a label, one area of descriptions, and content in its extents."""
    made = bytearray(size)
    label = b"LABELONE" + struct.pack("<QII", 1, 0, 32) + b"LVM2 001"
    pairs = [(FIRST, 0), (0, 0), (4096, FIRST - 4096), (0, 0)]
    header = UUID.encode() + struct.pack("<Q", size) + b"".join(struct.pack("<QQ", *pair) for pair in pairs)
    made[512 : 512 + 32 + len(header)] = label + header
    raw = text.encode() + b"\x00"
    area = struct.pack("<I16sIQQ", 0, b" LVM2 x[5A%r0N*>", 1, 4096, FIRST - 4096)
    area += struct.pack("<QQII", 512, len(raw), 0, 0)
    made[4096 : 4096 + len(area)] = area
    made[4608 : 4608 + len(raw)] = raw
    made[FIRST : FIRST + len(content)] = content
    return bytes(made)


def opened(made: bytes) -> list[Entry]:
    assert form_of(Held(made)) == (Form.DISK, "")
    listed = list(entries(Held(made)))
    once(listed, len(made), whole=True)
    return listed


def test_a_volume_whose_parts_lie_crosswise_is_put_in_order() -> None:
    whole = public("ext4/tiny.ext4.gz")
    half = len(whole) // 2
    count = half // EXTENT
    text = described(volume("root", (0, count, "pv0", count), (count, count, "pv0", 0)))
    made = disk(text, whole[half:] + whole[:half])
    assert files(made).keys() == {"/thejungle.txt"}
    assert [entry.name for entry in opened(made)][:2] == ["description of the volumes", "logical volume root"]


def test_law_9_what_is_on_another_disk_or_not_linear_is_unreadable() -> None:
    text = described(volume("a", (0, 2, "pv1", 0), (2, 1, "pv0", 0)) + volume("b", (0, 3, "pv0", 1), kind="thin-pool"))
    _, one, two, *_ = opened(disk(text, b"content"))
    with one.open() as a, two.open() as b:
        assert a.source.read(2 * EXTENT, 7) == b"content"
        assert [(part.start, part.length, part.reason) for part in a.damage()] == [(0, 2 * EXTENT, Reason.ELSEWHERE)]
        assert sum(part.length for part in b.damage()) == b.source.size == 3 * EXTENT


def test_volumes_that_claim_the_same_extents_are_read_once() -> None:
    text = described(volume("a", (0, 8, "pv0", 0)) + volume("b", (0, 8, "pv0", 4)) + volume("c", (0, 8, "pv0", 0)))
    made = opened(disk(text))
    assert sum(entry.packed for entry in made) == 4 << 20


@pytest.mark.parametrize("text", ["", "vg0 {", described("", uuid="z" * 32), "{" * 50 + "}" * 60])
def test_a_description_that_makes_no_sense_is_an_error(text: str) -> None:
    with pytest.raises(BadInput):
        list(entries(Held(disk(text))))


@given(st.integers(0, 5000), st.binary(max_size=12))
def test_whatever_the_description_says_no_byte_has_two_names(at: int, change: bytes) -> None:
    made = bytearray(disk(described(volume("a", (0, 8, "pv0", 0)) + volume("b", (0, 8, "pv0", 12)))))
    made[at : at + len(change)] = change
    if form_of(Held(bytes(made)))[0] is not Form.DISK:
        return
    try:
        listed = list(entries(Held(bytes(made))))
    except BadInput:
        return
    once(listed, len(made), whole=True)
