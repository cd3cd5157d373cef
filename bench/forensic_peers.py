"""Other tools on the same evidence, files of a real PostgreSQL, hits looked at once more, and very many keys."""

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beholden.forensics.kernel.found import Found
from beholden.forensics.kernel.values import KINDS, phones
from beholden.forensics.spelling import Kind
from bench.forensic_world import KINDS as SOUGHT
from bench.forensic_world import Planted, columns, rows

PATTERNS = (10_000, 100_000)
AHOCORASICK_BYTES = 16_000_000


@dataclass(frozen=True)
class Peer:
    """Another tool on dense CSV: patterns, GB a CPU second, recall of what was planted (None where it cannot know)."""

    name: str
    patterns: int
    gb_s: float
    recall: float | None
    note: str = ""


@dataclass(frozen=True)
class Large:
    """The kernels with very many keys: GB a CPU second on all text and noise, and what making and scanning took.

    Pages of the index that hits need are still in the system's memory and asked for anew, or the process has them from
    before (`mapped_`), or each comes from the disk (`disk_`). `wall_` is by the clock. Memory is the most that was
    resident in GiB; of it `own` is no page of a file.
    """

    keys: int
    gb_s: float
    wall_gb_s: float
    tokens_s: float
    mapped_gb_s: float
    mapped_wall_gb_s: float
    disk_gb_s: float
    disk_wall_gb_s: float
    recall: float
    peak_gib: float
    own_gib: float
    build_s: float
    build_wall_s: float
    build_gib: float
    build_own_gib: float


def unverified(piece: Planted, at: int, found: Found) -> int:
    """Hits of a window at `at` of which the bytes, spelt plainly here once more, are not the value of that person."""
    wrong = 0
    columns_ = (found.start, found.end, found.kind, found.person)
    for start, end, kind, person in zip(*(one.tolist() for one in columns_), strict=True):
        if not _says(piece.data[at + start : at + end], KINDS[kind], _values(person), binary=piece.binary):
            wrong += 1
    return wrong


def _says(raw: bytes, kind: Kind, values: Sequence[str], *, binary: bool) -> bool:
    """Whether bytes are a person's id, phone or address; in binary an id may be an integer of 6 or 8 bytes."""
    identity, phone, email = values
    if kind is Kind.OUTSIDE_ID and binary and len(raw) in (6, 8):
        orders: tuple[Literal["big", "little"], ...] = ("big", "little") if len(raw) == 8 else ("big",)
        return any(int.from_bytes(raw, order) == int(identity) for order in orders)
    text = raw.decode("latin-1").lower().replace("%40", "@")
    if kind is Kind.PHONE:
        return phone.encode() in phones(text)
    return text == (identity if kind is Kind.OUTSIDE_ID else email)


def _values(person: int) -> list[str]:
    blob, offsets = columns(person, 1)
    raw, ends = blob.tobytes().decode(), offsets.tolist()
    return [raw[ends[n] : ends[n + 1]] for n in range(3)]


def postgres_files(count: int, known: int) -> tuple[Planted, Planted]:
    """The heap of a table and the WAL of a real server, after nine rows in ten were deleted and vacuumed away."""
    from sqlalchemy import create_engine, text

    from tests.contracts.server import postgres

    with postgres(durable=True) as server:
        engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
        values = set[tuple[Kind, int]]()
        with engine.connect() as connection:
            connection.execute(text("create table friends (id int8, name text, email text, phone text)"))
            some = []
            for row in rows(count, known, 11):
                some.append({"a": int(row.id), "b": row.name, "c": row.email, "d": row.phone})
                if row.known:
                    values.update((kind, row.person) for kind in SOUGHT)
            connection.execute(text("insert into friends select * from json_to_recordset(cast(:rows as json)) "
                                    "as given(a int8, b text, c text, d text)"), {"rows": _json(some)})  # fmt: skip
            connection.execute(text("delete from friends where id % 10 <> 0"))
            connection.execute(text("checkpoint"))
            place = Path(str(connection.execute(text("show data_directory")).scalar()))
            heap = str(connection.execute(text("select pg_relation_filepath('friends')")).scalar())
        engine.dispose()
        raw = (place / heap).read_bytes()
        log = b"".join(one.read_bytes() for one in sorted((place / "pg_wal").iterdir()) if one.is_file())
    return Planted("heap", raw, values, binary=True), Planted("wal", log.rstrip(b"\0"), values, binary=True)


def _json(some: Sequence[dict[str, object]]) -> str:
    import json

    return json.dumps(some)


def ask(piece: Planted) -> tuple[Peer, ...]:
    """Every other tool that is here, on dense CSV; exact strings, so case and formats are lost on them."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / piece.name).write_bytes(piece.data)
        wanted = sorted({person for _, person in piece.values})
        found = list[Peer]()
        for count in PATTERNS:
            lines = _patterns(wanted, count)
            (folder / "patterns").write_text("\n".join(lines) + "\n")
            found.append(_ripgrep(folder, piece, lines))
            found.append(_ahocorasick(piece, lines))
        found.append(_bulk_extractor(folder, piece))
    return tuple(found)


def _patterns(wanted: Sequence[int], count: int) -> list[str]:
    """So many identifiers: first of those who stand in the evidence, then of others."""
    people = [*wanted[: count // 3], *range(max(0, count // 3 - len(wanted)))]
    return list(dict.fromkeys(value for person in people for value in _values(person)))


def _recall(piece: Planted, lines: Sequence[str], found: set[str]) -> float:
    sought = set(lines)
    planted = {value for _, person in piece.values for value in _values(person) if value in sought}
    return len(planted & found) / len(planted) if planted else 0.0


def _ripgrep(folder: Path, piece: Planted, lines: Sequence[str]) -> Peer:
    program = shutil.which("rg")
    if program is None:
        return Peer("ripgrep -F", len(lines), 0.0, None, "not installed")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(
        [program, "-F", "-j1", "-oaIN", "-f", str(folder / "patterns"), str(folder / piece.name)],
        capture_output=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = set(said.stdout.decode(errors="replace").split("\n"))
    return Peer("ripgrep -F", len(lines), len(piece.data) / seconds / 1e9, _recall(piece, lines, found))


def _ahocorasick(piece: Planted, lines: Sequence[str]) -> Peer:
    import ahocorasick_rs

    some = piece.data[:AHOCORASICK_BYTES]
    built = ahocorasick_rs.BytesAhoCorasick([line.encode() for line in lines])
    began = time.process_time()
    matches = built.find_matches_as_indexes(some)
    seconds = time.process_time() - began
    found = {lines[which] for which, _, _ in matches}
    note = (
        f"its first {len(some) / 1e6:.0f} MB, without building" if len(some) < len(piece.data) else "without building"
    )
    recall = _recall(piece, lines, found) if len(some) == len(piece.data) else None
    return Peer("ahocorasick-rs", len(lines), len(some) / seconds / 1e9, recall, note)


def _bulk_extractor(folder: Path, piece: Planted) -> Peer:
    program = shutil.which("bulk_extractor")
    if program is None:
        return Peer("bulk_extractor -E email", 0, 0.0, None, "not installed, and no Debian package of this release")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = [program, "-E", "email", "-j1", "-o", str(folder / "out"), str(folder / piece.name)]
    subprocess.run(arguments, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = (folder / "out" / "email.txt").read_text(errors="replace").lower()
    planted = {_values(person)[2] for kind, person in piece.values if kind is Kind.EMAIL}
    found = sum(one in told for one in planted)
    return Peer("bulk_extractor -E email", 0, len(piece.data) / seconds / 1e9, found / len(planted), "addresses only")


def large(keys: int, pieces: Sequence[Planted]) -> Large:
    """The same evidence with very many keys, in processes of their own."""
    from bench.forensic_large import measured

    return measured(keys, pieces)


def large_report(found: Large | None) -> str:
    """What is said of very many keys."""
    if found is None:
        return "Very many keys: left out of the quick form."
    rows = (
        ("the process has them from before", found.mapped_gb_s, found.mapped_wall_gb_s),
        ("the system has them, and is asked for each", found.gb_s, found.wall_gb_s),
        ("each comes from the disk", found.disk_gb_s, found.disk_wall_gb_s),
    )
    lines = "\n".join(f"| {name} | {cpu:.2f} | {wall:.2f} |" for name, cpu, wall in rows)
    return f"""With {found.keys:,} keys, digests in a file and the filter in memory (`bench/forensic_large.py`), all
text and noise together; a hit needs a page of the file:

| these pages | GB a CPU second | GB a second by the clock |
|---|---|---|
{lines}

When the system is asked for each, {found.tokens_s / 1e6:,.1f} million candidates a CPU second; recall
{found.recall:.4f}. Scanning took {found.peak_gib:.2f} GiB of resident memory, {found.own_gib:.2f} of it no pages of
files. A process of its own made the index in {found.build_s:,.0f} CPU seconds ({found.build_wall_s:,.0f} by the clock)
and {found.build_gib:.2f} GiB."""


def peers_report(found: Sequence[Peer]) -> str:
    """What is said of other tools."""
    if not found:
        return "Other tools: left out of the quick form."
    lines = [
        f"| {one.name} | {one.patterns:,} | {f'{one.gb_s:.4f}' if one.gb_s else ''} "
        f"| {'' if one.recall is None else round(one.recall, 3)} | {one.note} |"
        for one in found
    ]
    head = "| tool on people.csv | patterns | GB a CPU second | recall of its own patterns | |\n|---|---|---|---|---|"
    return head + "\n" + "\n".join(lines)
