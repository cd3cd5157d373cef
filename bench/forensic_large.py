"""Very many keys: the filter in memory, the digests in files that are mapped. It runs in a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beholden.forensics.kernel.blake import started
from beholden.forensics.kernel.digests import ROW, as_rows, digest_values
from beholden.forensics.kernel.found import LENGTHS, SHAPES
from beholden.forensics.kernel.hashing import fill, hash_values
from beholden.forensics.kernel.index import Index, filter_words
from beholden.forensics.kernel.machine import mode
from bench.forensic_peers import Large, resident_gib
from bench.forensic_world import KEY, Planted, columns, labels

_AT_ONCE = 1_000_000
"""People whose values are in memory at one time."""
_BUCKETS = 256


def measured(keys: int, pieces: Sequence[Planted]) -> Large:
    """Scan the text and noise of some evidence with so many keys."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for piece in pieces:
            if not piece.binary:
                (folder / f"{piece.name}.piece").write_bytes(piece.data)
        done = subprocess.run(
            [sys.executable, "-m", "bench.forensic_large", str(keys), place], stdout=subprocess.PIPE, check=True
        )
    return Large(**json.loads(done.stdout.splitlines()[-1]))


def index(keys: int, folder: Path) -> Index:
    """The same index as `forensic_world.ledger` makes, sorted by parts on disk."""
    people = keys // 3
    sample, _ = columns(0, 100_000)
    small = Index.of_columns(*labels(0, 100_000), sample, columns(0, 100_000)[1], KEY)
    words = np.zeros(filter_words(3 * people), np.uint64)
    rows = [(folder / f"bucket-{n}").open("w+b") for n in range(_BUCKETS)]
    for first in range(0, people, _AT_ONCE):
        _spread(first, min(_AT_ONCE, people - first), words, small.seed(), rows)
    mapped = np.memmap(folder / "rows", np.uint64, "w+", shape=(3 * people, ROW))
    bits = max(8, (3 * people // 16).bit_length())
    counted = np.zeros((1 << bits) + 1, np.uint32)
    at = 0
    for bucket in rows:
        bucket.seek(0)
        some = np.fromfile(bucket, np.uint64).reshape(-1, ROW)
        bucket.close()
        some = some[np.argsort(some[:, 0])]
        mapped[at : at + len(some)] = some
        places, found = np.unique(some[:, 0] >> np.uint64(64 - bits), return_counts=True)
        counted[places.astype(np.int64) + 1] = found
        at += len(some)
    np.cumsum(counted, out=counted)
    mapped.flush()
    held = np.asarray(np.memmap(folder / "rows", np.uint64, "c", shape=(3 * people, ROW)))
    scale = people / 100_000
    counts = np.zeros((SHAPES, LENGTHS), np.int64)
    counts[:] = small.counts * scale
    leading = (small.leading * scale).astype(np.int64)
    return Index(
        key=KEY, words=words, domains=small.domains, rows=held,
        starts=counted, shift=64 - bits, counts=counts, leading=leading, low=10**14, top=10**15 - 1,
        address_chance=small.address_chance, wide=False, marks=small.marks,
    )  # fmt: skip


def _spread(first: int, count: int, words: np.ndarray, seed: int, rows: Sequence) -> None:
    """The filter's bits of some people, and their digests, to the file of their first byte."""
    blob, offsets = columns(first, count)
    padded = np.concatenate((np.zeros(16, np.uint8), blob, np.zeros(16, np.uint8)))
    at = padded.ctypes.data + 16
    shapes, kinds, people = labels(first, count)
    hashes, domains, lengths = np.empty(len(shapes), np.uint64), np.empty(len(shapes), np.uint64), offsets[1:].copy()
    hash_values(shapes, at, offsets, np.uint64(seed), hashes, domains, lengths)
    fill(words, hashes)
    digest_values(mode(), started(KEY), shapes, at, offsets, hashes, domains)
    made = as_rows(hashes, domains, kinds, people)
    buckets = (hashes >> np.uint64(56)).astype(np.int64)
    ranked = np.argsort(buckets, kind="stable")
    made = made[ranked]
    ends = np.searchsorted(buckets[ranked], np.arange(_BUCKETS + 1))
    for n, file in enumerate(rows):
        made[ends[n] : ends[n + 1]].tofile(file)


def main(keys: int, folder: Path) -> None:
    """Build, scan, and print what it took."""
    from bench.forensics import run

    began = time.process_time()
    made = index(keys, folder)
    built = time.process_time() - began
    size, seconds, tested = 0, 0.0, 0
    for path in sorted(folder.glob("*.piece")):
        piece = Planted(path.name.removesuffix(".piece"), path.read_bytes())
        run(piece, made)
        began = time.thread_time()
        _, some = run(piece, made)
        seconds += time.thread_time() - began
        size += len(piece.data)
        tested += int(some.counts.sum())
    told = {
        "keys": len(made),
        "gb_s": size / seconds / 1e9,
        "tokens_s": tested / seconds,
        "peak_gib": resident_gib(),
        "build_s": built,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
