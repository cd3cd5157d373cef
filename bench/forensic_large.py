"""Very many keys in little memory: one process makes the index on disk, another scans with it, and each says what it
took."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beholden.forensics.kernel.found import Found
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.values import CODES
from bench.disk_index import Kept, make
from bench.forensic_peers import Large
from bench.forensic_world import Planted

_FOUND = "found.npy"


def measured(keys: int, pieces: Sequence[Planted]) -> Large:
    """Scan the text and noise of some evidence with so many keys."""
    text = [piece for piece in pieces if not piece.binary]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for piece in text:
            (folder / f"{piece.name}.piece").write_bytes(piece.data)
        told = {**_asked("build", str(keys), place), **_asked("scan", place)}
        found = set(map(tuple, np.load(folder / _FOUND).tolist()))
    planted = {(CODES[kind], person) for piece in text for kind, person in piece.values}
    return Large(**told, recall=len(planted & found) / len(planted) if planted else 1.0)


def _asked(*arguments: str) -> dict[str, Any]:
    """What a process of its own says."""
    command = [sys.executable, "-m", "bench.forensic_large", *arguments]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def build(keys: int, folder: Path) -> Mapping[str, float]:
    """Make the index, and say what it took."""
    began, wall = time.process_time(), time.perf_counter()
    make(keys // 3, folder)
    peak, own = _memory()
    return {
        "keys": keys // 3 * 3, "build_s": time.process_time() - began, "build_wall_s": time.perf_counter() - wall,
        "build_gib": peak, "build_own_gib": own,
    }  # fmt: skip


@dataclass(slots=True)
class _Taken:
    """Seconds that scans took, of this thread (with the system's for it) and by the clock."""

    cpu: float = 0.0
    wall: float = 0.0

    def run(self, piece: Planted, index: Index) -> tuple[list[tuple[int, Found]], int]:
        """A scan: what was found, and how many candidates were compared."""
        from bench.forensics import run

        cpu, wall = time.thread_time(), time.perf_counter()
        found, tested = run(piece, index)
        self.cpu += time.thread_time() - cpu
        self.wall += time.perf_counter() - wall
        return found, int(tested.counts.sum())


def scan(folder: Path) -> Mapping[str, float]:
    """Scan every piece twice, and say what it took: first each page that a hit needs comes from the disk; then the
    system still has it, and the process asks for it again."""
    kept = Kept(folder)
    _Taken().run(Planted("", b"nobody\n" * 1000), kept.index)  # the machine code is there
    first, again, size, tested = _Taken(), _Taken(), 0, 0
    hits = set[tuple[int, int]]()
    for path in sorted(folder.glob("*.piece")):
        piece = Planted(path.name.removesuffix(".piece"), path.read_bytes())
        found, some = first.run(piece, kept.index)
        kept.give_back()
        again.run(piece, kept.index)
        kept.give_back()
        size += len(piece.data)
        tested += some
        for _, one in found:
            hits.update(zip(one.kind.tolist(), one.person.tolist(), strict=True))
    np.save(folder / _FOUND, np.array(sorted(hits), np.int64).reshape(-1, 2))
    peak, own = _memory()
    return {
        "gb_s": size / again.cpu / 1e9, "wall_gb_s": size / again.wall / 1e9, "tokens_s": tested / again.cpu,
        "disk_gb_s": size / first.cpu / 1e9, "disk_wall_gb_s": size / first.wall / 1e9,
        "peak_gib": peak, "own_gib": own,
    }  # fmt: skip


def _memory() -> tuple[float, float]:
    """The most memory that this process ever had, and what it has now that is no file's, in GiB."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    sizes = {words[0]: int(words[1]) / (1 << 20) for words in lines if words[2:] == ["kB"]}
    return sizes["VmHWM:"], sizes["RssAnon:"]


def main(what: str, *arguments: str) -> None:
    """Build or scan, and print what it took."""
    done = build(int(arguments[0]), Path(arguments[1])) if what == "build" else scan(Path(arguments[0]))
    print(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
