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
_ROUNDS = 3


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

    def rates(self, name: str, size: int) -> Mapping[str, float]:
        """GB a second of both, under these names."""
        return {f"{name}gb_s": size / self.cpu / 1e9, f"{name}wall_gb_s": size / self.wall / 1e9}

    def add(self, rounds: Sequence["_Taken"]) -> None:
        """Count a piece: its quickest round."""
        self.cpu += min(one.cpu for one in rounds)
        self.wall += min(one.wall for one in rounds)


def scan(folder: Path) -> Mapping[str, float]:
    """Scan every piece, and say what it took: first when each page that a hit needs comes from the disk; then when the
    system still has it and is asked for it anew; then when it was not given back."""
    kept = Kept(folder)
    _timed(Planted("", b"nobody\n" * 1000), kept.index)  # the machine code is there
    disk, anew, mapped, size, tested = _Taken(), _Taken(), _Taken(), 0, 0
    hits = set[tuple[int, int]]()
    for path in sorted(folder.glob("*.piece")):
        piece = Planted(path.name.removesuffix(".piece"), path.read_bytes())
        taken, found, some = _timed(piece, kept.index)
        disk.add([taken])
        anew.add([_anew(piece, kept) for _ in range(_ROUNDS)])
        mapped.add([_timed(piece, kept.index)[0] for _ in range(_ROUNDS)])
        kept.give_back()
        size += len(piece.data)
        tested += some
        for _, one in found:
            hits.update(zip(one.kind.tolist(), one.person.tolist(), strict=True))
    np.save(folder / _FOUND, np.array(sorted(hits), np.int64).reshape(-1, 2))
    peak, own = _memory()
    return {
        **anew.rates("", size), **mapped.rates("mapped_", size), **disk.rates("disk_", size),
        "tokens_s": tested / anew.cpu, "peak_gib": peak, "own_gib": own,
    }  # fmt: skip


def _timed(piece: Planted, index: Index) -> tuple[_Taken, list[tuple[int, Found]], int]:
    """A scan: what it took, what was found, and how many candidates were compared."""
    from bench.forensics import run

    cpu, wall = time.thread_time(), time.perf_counter()
    found, tested = run(piece, index)
    return _Taken(time.thread_time() - cpu, time.perf_counter() - wall), found, int(tested.counts.sum())


def _anew(piece: Planted, kept: Kept) -> _Taken:
    """What a scan takes for which no page is mapped yet."""
    kept.give_back()
    return _timed(piece, kept.index)[0]


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
