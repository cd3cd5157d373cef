"""What a disk image costs: opening it, reading it, and examining all that is on it; and which of them is the slowest.

`python -m bench.forensics_images --size 1024` makes an ext4 of so many MiB with synthetic tables, text and noise in
it, of which a quarter is deleted, puts it into an E01, and measures. Needs mke2fs and debugfs.
"""

import hashlib
import json
import struct
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import click

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.images.ewf import EwfImage
from beholden.forensics.containers import Form, Limits
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.needles import Sought
from beholden.forensics.ports import Entry
from beholden.forensics.region import Region
from beholden.forensics.source import Source
from tests.backends.evidence.ewf_writer import MAGIC, Segment
from tests.forensics.people import crowd, looking_for

CHUNK, STEP = 32768, 4 << 20
FILE = 2 << 20
SEGMENT = 1 << 30


@dataclass(frozen=True)
class Figures:
    """GB are 1e9 bytes of the disk; rates are a CPU second of one process."""

    disk_bytes: int
    image_bytes: int
    files: int
    deleted_files: int
    ewf_read_gb_s: float
    ewf_verify_gb_s: float
    listing_s: float
    files_read_gb_s: float
    examined_raw_gb_s: float
    examined_ewf_gb_s: float
    people_found: int
    people_sought: int
    coverage_adds_up: bool
    coverage_complete: bool
    bottleneck: str


def measure(mebibytes: int, folder: Path) -> Figures:
    """Make a disk of so many MiB in the folder, which needs 2.5 times as much room, and measure."""
    people = crowd(min(400, (mebibytes << 20) * 3 // 4 // FILE))
    raw = _volume(mebibytes << 20, folder, [f"{p.scoped_id},{p.email},{p.name},Rome\n" for p in people])
    image = _ewf(raw, folder)
    size = raw.stat().st_size
    with _opened(image) as source:
        disk = EwfImage(source)
        read = _timed(lambda: _through(disk))
        verify = _timed(EwfImage(source).verify)
    with _opened([raw]) as source:
        began = time.process_time()
        entries = list(FileEvidence(Limits()).entries(Form.FILE_SYSTEM, source))
        listing = time.process_time() - began
        in_files = [entry for entry in entries if entry.region in (Region.FILE, Region.DELETED_FILE)]
        held = sum(entry.packed for entry in in_files)
        files = _timed(lambda: _contents(in_files))
    from_raw, _ = _examined([raw], people)
    from_image, examiner = _examined(image, people)
    said = examiner.coverage.statement()
    stages = {
        "decompressing the E01": read,
        "hashing it against its stored digest (beyond reading it)": max(0.0, verify - read),
        "listing the file system": listing,
        "searching": from_raw - listing,
    }
    return Figures(
        size,
        sum(path.stat().st_size for path in image),
        len(in_files),
        sum(1 for entry in in_files if entry.region is Region.DELETED_FILE),
        size / read / 1e9,
        size / verify / 1e9,
        listing,
        held / files / 1e9,
        size / from_raw / 1e9,
        size / from_image / 1e9,
        sum(1 for one in examiner.tally.people.values() if one.corroborated),
        len(people),
        said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes,
        said.complete,
        max(stages, key=lambda name: stages[name]),
    )


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return max(time.process_time() - began, 1e-6)


def _through(source: Source) -> None:
    for start in range(0, source.size, STEP):
        source.read(start, STEP)


def _contents(entries: Sequence[Entry]) -> None:
    for entry in entries:
        with entry.open() as unpacked:
            _through(unpacked.source)


def _opened(paths: Sequence[Path]) -> AbstractContextManager[Source]:
    evidence = FileEvidence(Limits())
    intake = evidence.take_in([str(path) for path in paths], lambda *_: None)
    return evidence.open(intake.exhibits[0])


def _examined(paths: Sequence[Path], people: Sequence[Sought]) -> tuple[float, Examiner]:
    evidence = FileEvidence(Limits())
    examiner = Examiner(looking_for(people), Limits(), evidence.entries, lambda _more: None)
    intake = evidence.take_in([str(path) for path in paths], lambda *_: None)
    with evidence.open(intake.exhibits[0]) as source:
        took = _timed(lambda: examiner.examine(Place(1, "disk"), source))
    return took, examiner


def _volume(size: int, folder: Path, rows: list[str]) -> Path:
    """An ext4 that is three quarters full: tables, logs, noise and zeros, and every fourth file deleted again."""
    content = folder / "content"
    content.mkdir()
    chance = Random(2018)
    noise = chance.randbytes(FILE)
    text = "".join(
        f"{chance.randrange(10**9)} GET /page/{chance.randrange(10**6)} 200\n" for _ in range(70_000)
    ).encode()
    number = 0
    for number in range(size * 3 // 4 // FILE):
        kinds = (text[:FILE], text[: FILE // 2] + noise[: FILE // 2], text[FILE // 3 :], noise, text[:FILE])
        body = kinds[number % 5].ljust(FILE, b"\n")
        if number < len(rows):
            body = (rows[number] + "\n").encode() + body[: FILE - 300]
        (content / f"file{number:06}").write_bytes(body)
    volume = folder / "volume.dd"
    subprocess.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(content), str(volume), f"{size >> 10}k"],
        check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
    )  # fmt: skip
    removals = "".join(f"rm /file{gone:06}\n" for gone in range(3, number, 4))
    subprocess.run(
        ["debugfs", "-w", "-f", "-", str(volume)],
        input=removals.encode(), check=True, capture_output=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
    )  # fmt: skip
    subprocess.run(["rm", "-r", str(content)], check=True)
    return volume


def _ewf(raw: Path, folder: Path) -> list[Path]:
    """The volume as an E01 in segments of 1 GiB of disk, deflated as fast acquisition does it."""
    size = raw.stat().st_size
    digest = hashlib.md5(usedforsecurity=False)
    made: list[Path] = []
    with raw.open("rb") as file:
        for number, start in enumerate(range(0, size, SEGMENT), 1):
            segment = Segment(bytearray(MAGIC + b"\x01" + struct.pack("<HH", number, 0)))
            if number == 1:
                body = struct.pack("<B3xIIIQ", 1, -(-size // CHUNK), CHUNK // 512, 512, size // 512).ljust(
                    1048, b"\x00"
                )
                segment.section("volume", body + struct.pack("<I", zlib.adler32(body)))
            packed, offsets = bytearray(), []
            at = len(segment.data) + 76
            for _ in range(start, min(start + SEGMENT, size), CHUNK):
                chunk = file.read(CHUNK)
                digest.update(chunk)
                offsets.append(at + len(packed) | 1 << 31)
                packed += zlib.compress(chunk, 1)
            segment.section("sectors", bytes(packed))
            head = struct.pack("<I4xQ4x", len(offsets), 0)
            entries = struct.pack(f"<{len(offsets)}I", *offsets)
            table = head + struct.pack("<I", zlib.adler32(head)) + entries + struct.pack("<I", zlib.adler32(entries))
            segment.section("table", table)
            if start + SEGMENT < size:
                segment.section("next", b"", last=True)
            else:
                segment.section("hash", digest.digest() + bytes(20))
                segment.section("done", b"", last=True)
            made.append(folder / f"disk.E{number:02}")
            made[-1].write_bytes(segment.data)
    return made


@click.command()
@click.option("--size", default=1024, help="The disk in MiB.")
def main(size: int) -> None:
    """Measure and print the figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        click.echo(json.dumps(asdict(measure(size, Path(folder))), indent=1))


if __name__ == "__main__":
    main()
