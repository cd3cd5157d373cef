"""The scan kernels, beside a memory copy and other tools: `beholden bench forensics`, `make bench-forensics`.

Rates are gigabytes (1e9 bytes) for each CPU second of one thread, exact check included; the quickest of some rounds.
All people and all evidence are synthetic (`bench/forensic_world.py`).
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from beholden.forensics.kernel.found import Found, Tested
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.machine import engine
from beholden.forensics.kernel.scan import CHUNK, sweep
from beholden.forensics.kernel.values import KINDS
from bench import forensic_peers, page
from bench.forensic_world import KINDS as SOUGHT
from bench.forensic_world import Planted, control, evidence, ledger, present


@dataclass(frozen=True)
class Size:
    """How much is measured. `piece` is the size of most pieces in bytes, `large` the keys of the last part."""

    identifiers: int
    piece: int
    control: int
    tuples: int
    rounds: int
    large: int
    whole: bool
    """Whether other tools are asked too."""


_LEAST = 0.1
"""CPU seconds that a rate is measured for, at least: a piece may take less than a thousandth of one."""
_COPIED = 64_000_000
"""Bytes copied for comparison: more than any cache holds."""
QUICK = Size(20_000_000, 6_000_000, 8_000_000, 4_000, 12, 0, whole=False)
FULL = Size(20_000_000, 150_000_000, 100_000_000, 80_000, 3, 350_000_000, whole=True)


@dataclass(frozen=True)
class Measured:
    """One piece: GB a CPU second, candidates compared a CPU second, and what was found of what was planted."""

    name: str
    size: int
    gb_s: float
    tested: int
    tokens_s: float
    planted: int
    found: int

    @property
    def recall(self) -> float:
        """Of what was planted (in a database: of what is still there)."""
        return self.found / self.planted if self.planted else 1.0


@dataclass(frozen=True)
class Figures:
    """What `beholden bench forensics --json` prints; see `line`."""

    identifiers: int
    build_s: float
    memcpy_gb_s: float
    pieces: tuple[Measured, ...]
    postgres: Measured | str
    unverified: int
    expected: float
    observed: int
    large: forensic_peers.Large | None
    peers: tuple[forensic_peers.Peer, ...]

    def piece(self, name: str) -> Measured:
        """One piece of evidence."""
        return next(one for one in self.pieces if one.name == name)

    @property
    def mixed(self) -> float:
        """All pieces that are not databases, one after the other; those have a lane of their own."""
        text = [one for one in self.pieces if one.name != "app.sqlite"]
        return sum(one.size for one in text) / sum(one.size / one.gb_s for one in text)

    def line(self) -> str:
        """One line of JSON."""
        text = [one for one in self.pieces if one.name != "app.sqlite"]
        postgres = None if isinstance(self.postgres, str) else round(self.postgres.recall, 4)
        told = {
            "identifiers": self.identifiers,
            "memcpy_gb_s": round(self.memcpy_gb_s, 2),
            "dense_gb_s": round(self.piece("people.csv").gb_s, 2),
            "mixed_gb_s": round(self.mixed, 2),
            "prose_gb_s": round(self.piece("prose.txt").gb_s, 2),
            "recall": round(sum(one.found for one in text) / sum(one.planted for one in text), 4),
            "unverified_hits": self.unverified,
            "sqlite_recall": round(self.piece("app.sqlite").recall, 4),
            "postgres_recall": postgres,
            "expected_coincidences": round(self.expected, 1),
            "observed_coincidences": self.observed,
        }
        return json.dumps(told)


def figures(size: Size) -> Figures:
    """Measure everything, one after the other."""
    # At the very first use the kernels are compiled, which nothing has to wait for.
    with subprocess.Popen([sys.executable, "-c", "from bench.forensics import compile_all; compile_all()"]):
        began = time.process_time()
        index = ledger(size.identifiers)
        build = time.process_time() - began
        with tempfile.TemporaryDirectory() as folder:
            pieces = evidence(size.piece, size.identifiers // 3, Path(folder))
    copied = memcpy(bytes(_COPIED), size.rounds)
    measured, unverified = list[Measured](), 0
    for piece in pieces:
        one, wrong = measure(piece, index, size.rounds)
        measured.append(one)
        unverified += wrong
    try:
        heap, log = forensic_peers.postgres_files(size.tuples, size.identifiers // 3)
    except OSError as error:
        postgres: Measured | str = str(error)
    else:
        found = [measure(one, index, 1) for one in (heap, log)]
        unverified += sum(wrong for _, wrong in found)
        postgres = _together([one for one, _ in found])
    expected, observed = coincidences(index, size.control)
    peers = forensic_peers.ask(pieces[0]) if size.whole else ()
    large = forensic_peers.large(size.large, pieces) if size.large else None
    return Figures(
        size.identifiers, build, copied, tuple(measured), postgres, unverified, expected, observed, large, peers
    )


def compile_all() -> None:
    """Have the machine code of all searches made and kept, where it is not there yet."""
    index = ledger(300)
    for binary in (False, True):
        run(Planted("", b"nobody\0" * 1000, binary=binary), index)


def _together(some: Sequence[Measured]) -> Measured:
    total = sum(one.size for one in some)
    seconds = sum(one.size / one.gb_s for one in some)
    tested = sum(one.tested for one in some)
    return Measured(
        "PostgreSQL heap and WAL", total, total / seconds, tested, tested / seconds * 1e9,
        sum(one.planted for one in some), sum(one.found for one in some),
    )  # fmt: skip


def rate(work: Callable[[], object], size: int, rounds: int) -> float:
    """GB a CPU second of this thread: the quickest of some rounds, since whatever else runs only makes them slower."""
    taken = list[float]()
    while len(taken) < rounds or sum(taken) < _LEAST:
        began = time.thread_time()
        work()
        taken.append(max(time.thread_time() - began, 1e-9))
    return size / min(taken) / 1e9


def memcpy(data: bytes, rounds: int) -> float:
    """What copying costs here: all the evidence would be read at this rate at best."""
    there = np.frombuffer(data, np.uint8)
    here = np.empty_like(there)
    return rate(lambda: np.copyto(here, there), len(data), rounds + 2)


def narrowed(piece: Planted) -> Planted:
    """The piece as it is searched: of UTF-16, which is Latin text here, every other byte."""
    if piece.name != "people_utf16.csv":
        return piece
    return replace(piece, data=np.frombuffer(piece.data, np.uint8)[::2].tobytes())


def run(piece: Planted, index: Index) -> tuple[list[tuple[int, Found]], Tested]:
    """All hits in a piece, as an examination would search it: windows by where they begin."""
    data, tested = memoryview(narrowed(piece).data), Tested()
    found = []
    for at, some in sweep(lambda at, size: data[at : at + size], len(data), index, binary=piece.binary, chunk=CHUNK):
        found.append((at, some))
        tested.add(some.tested)
    return found, tested


def measure(piece: Planted, index: Index, rounds: int) -> tuple[Measured, int]:
    """A piece of evidence; and how many hits are not of a value that the index holds."""
    found, tested = run(piece, index)
    hits = {
        (KINDS[kind], person)
        for _, some in found
        for kind, person in zip(some.kind.tolist(), some.person.tolist(), strict=True)
    }
    speed = rate(lambda: run(piece, index), len(piece.data), rounds)
    planted = present(piece) if piece.binary else piece.values
    count = int(tested.counts.sum())
    searched = narrowed(piece)
    wrong = sum(forensic_peers.unverified(searched, at, some) for at, some in found)
    tokens = count / len(piece.data) * speed * 1e9
    one = Measured(piece.name, len(piece.data), speed, count, tokens, len(planted), len(planted & hits))
    return one, wrong


def coincidences(index: Index, size: int) -> tuple[float, int]:
    """How many hits chance was expected to give in a log with nobody in it, and how many there were."""
    piece = Planted("control.log", control(size))
    found, tested = run(piece, index)
    return sum(index.expected(tested).values()), sum(len(some) for _, some in found)


@click.command()
@click.option("--quick", is_flag=True, help="Small pieces, no other tools; writes nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON last.")
def main(quick: bool, as_json: bool) -> None:  # noqa: FBT001
    """Measure the scan kernels: how quick, how complete, how many hits by chance.

    All data is synthetic. Without --quick it takes half an hour, 18 GB of disk, and writes its part of
    docs/benchmarks.md.
    """
    found = figures(QUICK if quick else FULL)
    if not quick:
        page.write("forensics", report(found))
    if not as_json or not quick:
        click.echo(report(found))
    if as_json:
        click.echo(found.line())


def report(found: Figures) -> str:
    """The figures as a part of the page."""
    postgres = found.postgres
    told = f"not measured, {postgres}" if isinstance(postgres, str) else ""
    pieces = [*found.pieces, *(() if isinstance(postgres, str) else (postgres,))]
    rows = [
        f"| {one.name} | {one.size / 1e6:,.1f} | {one.gb_s:.2f} | {one.gb_s / found.memcpy_gb_s:.2f} "
        f"| {one.tokens_s / 1e6:,.1f} | {one.recall:.4f} of {one.planted:,} |"
        for one in pieces
    ]
    kinds = ", ".join(kind.value for kind in SOUGHT)
    return f"""## Forensics: the scan kernels

Written by `make bench-forensics` (`beholden bench forensics`) at {page.circumstances()}, {engine()}. People and
evidence are synthetic (`bench/forensic_world.py`). {found.identifiers:,} identifiers ({kinds}), an index made in
{found.build_s:.0f} CPU seconds. Rates are GB for each CPU second of one thread, with the exact check; a memory copy
makes {found.memcpy_gb_s:.1f}. All text and noise together: {found.mixed:.2f}. Recall in databases is of what is
still there after deletion.

| evidence | MB | GB a CPU second | of the copy | million candidates a CPU second | recall |
|---|---|---|---|---|---|
{chr(10).join(rows)}

{told}
Hits that no value of the index explains: {found.unverified}. In a log with nobody in it {found.expected:,.1f} hits
were expected by chance, and {found.observed:,} were there: single numbers are no evidence.

{forensic_peers.large_report(found.large)}

{forensic_peers.peers_report(found.peers)}
"""


if __name__ == "__main__":
    main()
