"""Made-up people by the million, and evidence in which some of them stand: all of it synthetic, the same every time.

Person n has an id of 15 digits, a phone of numbering plan 1 and an address, made of n alone by mixing its bits. People
below a bound are the ledger's; those from it on are strangers, who look the same.
"""

import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.values import CODES, Shape
from beholden.forensics.spelling import Kind

KEY = b"a key of the benchmark, no secret"[:32]
KINDS = (Kind.OUTSIDE_ID, Kind.PHONE, Kind.EMAIL)
DISCLOSED = 0.01
"""Of the people in the evidence so many are the ledger's, as in the reference."""
_NAMES = (
    b"anna ben carla david erin farid greta hugo ines jonas karla lukas maria nora oscar petra quinn robert sara tomas"
)
_HOSTS = b"mail.example post.example inbox.example web.example.com aol.example fast.example.net my.example.org"
_LONGEST = 64


@njit(cache=True, nogil=True)
def _mixed(n: Any, salt: Any) -> Any:
    n = (np.uint64(n) + np.uint64(salt)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    n = (n ^ (n >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    n = (n ^ (n >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return n ^ (n >> np.uint64(31))


@njit(cache=True, nogil=True)
def _digits(blob: Any, at: Any, value: Any, size: Any) -> Any:
    for n in range(size):
        blob[at + size - 1 - n] = 48 + value % np.uint64(10)
        value //= np.uint64(10)
    return at + size


@njit(cache=True, nogil=True)
def _word(blob: Any, at: Any, words: Any, ends: Any, which: Any) -> Any:
    begin = 0 if which == 0 else ends[which - 1] + 1
    for n in range(begin, ends[which]):
        blob[at] = words[n]
        at += 1
    return at


@njit(cache=True, nogil=True)
def _write(
    first: Any, count: Any, names: Any, name_ends: Any, hosts: Any, host_ends: Any, blob: Any, offsets: Any
) -> Any:
    """Id, phone and address of each, one behind the other."""
    at = 0
    for n in range(count):
        person = first + n
        at = _digits(blob, at, np.uint64(10**14) + _mixed(person, 1) % np.uint64(9 * 10**14), 15)
        offsets[3 * n + 1] = at
        value = _mixed(person, 2)
        area = np.uint64(200) + value % np.uint64(800)
        exchange = np.uint64(200) + (value >> np.uint64(20)) % np.uint64(800)
        at = _digits(
            blob,
            at,
            (area * np.uint64(1000) + exchange) * np.uint64(10000) + (value >> np.uint64(40)) % np.uint64(10000),
            10,
        )
        offsets[3 * n + 2] = at
        value = _mixed(person, 3)
        at = _word(blob, at, names, name_ends, np.int64(value % np.uint64(len(name_ends))))
        blob[at] = 46
        at = _word(blob, at + 1, names, name_ends, np.int64((value >> np.uint64(16)) % np.uint64(len(name_ends))))
        rest = np.uint64(person)
        while rest != np.uint64(0):
            letter = rest % np.uint64(36)
            blob[at] = 48 + letter if letter < np.uint64(10) else 87 + letter
            rest //= np.uint64(36)
            at += 1
        blob[at] = 64
        at = _word(blob, at + 1, hosts, host_ends, np.int64((value >> np.uint64(32)) % np.uint64(len(host_ends))))
        offsets[3 * n + 3] = at
    return at


def _table(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    letters = np.frombuffer(text + b" ", np.uint8)
    return letters, np.flatnonzero(letters == 32)


def columns(first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The values of people, as one run of bytes and where each ends: id, phone, address, id, phone ..."""
    blob, offsets = np.empty(count * _LONGEST, np.uint8), np.zeros(3 * count + 1, np.int64)
    size = _write(first, count, *_table(_NAMES), *_table(_HOSTS), blob, offsets)
    return blob[:size], offsets


def labels(first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shapes, kinds and people of the same."""
    shapes = np.tile(np.array([Shape.NUMBER, Shape.PHONE, Shape.ADDRESS], np.uint8), count)
    kinds = np.tile(np.array([CODES[kind] for kind in KINDS], np.uint8), count)
    return shapes, kinds, np.repeat(np.arange(first, first + count, dtype=np.uint32), 3)


def ledger(identifiers: int) -> Index:
    """An index of so many identifiers of people from 0 on."""
    count = identifiers // 3
    blob, offsets = columns(0, count)
    return Index.of_columns(*labels(0, count), blob, offsets, KEY)


@dataclass(slots=True)
class Planted:
    """One piece of evidence, and who stands in it: pairs of kind and person."""

    name: str
    data: bytes
    values: set[tuple[Kind, int]] = field(default_factory=set)
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One person as evidence writes them."""

    person: int
    known: bool
    id: str
    phone: str
    email: str
    name: str


def rows(count: int, known: int, seed: int) -> Iterator[Row]:
    """So many people, of whom a hundredth are below `known`; addresses in any case, phones in six formats."""
    chance = random.Random(seed)
    strangers, _ = _texts(known + 10**8 + seed * count, count), None
    for n in range(count):
        person = chance.randrange(known) if chance.random() < DISCLOSED else -1
        identity, phone, email = _texts(person, 1)[0] if person >= 0 else strangers[n]
        case = chance.random()
        email = email.upper() if case < 0.1 else email.title() if case < 0.2 else email
        local = email.split("@")[0].rstrip("0123456789").replace(".", " ").title()
        yield Row(person, person >= 0, identity, _formatted(phone, n % 6), email, local[:24])


def _texts(first: int, count: int) -> list[tuple[str, str, str]]:
    blob, offsets = columns(first, count)
    raw = blob.tobytes().decode()
    ends = offsets.tolist()
    return [
        (raw[ends[n] : ends[n + 1]], raw[ends[n + 1] : ends[n + 2]], raw[ends[n + 2] : ends[n + 3]])
        for n in range(0, 3 * count, 3)
    ]


def _formatted(phone: str, how: int) -> str:
    area, exchange, line = phone[:3], phone[3:6], phone[6:]
    return (
        phone,
        f"({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"+1{phone}",
        f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}",
    )[how]


def evidence(size: int, known: int, folder: Path) -> list[Planted]:
    """Nine pieces of about so many bytes each (noise, zeros and UTF-16 of half)."""
    found = [
        _text("people.csv", size, known, 1, lambda row: (
            f"{row.id},{row.name},{row.email},{row.phone},Springfield,2018-03-17\n")),
        _text("people.jsonl", size, known, 2, lambda row: (
            f'{{"id": "{row.id}", "name": "{row.name}", "email": "{row.email}", "phone": "{row.phone}", '
            f'"likes": ["music", "hiking", "cooking"], "locale": "en_US", "updated": "2018-03-17T10:20:30Z"}}\n')),
        _text("dump.sql", size, known, 3, lambda row: (
            f"INSERT INTO `friends` VALUES ({row.person % 997},'{row.id}','{row.name}','{row.email}','{row.phone}',"
            "NULL,'US');\n")),
        _text("access.log", size, known, 4, _request, kinds=(Kind.OUTSIDE_ID, Kind.EMAIL)),
        Planted("prose.txt", _prose(size)),
        Planted("noise.bin", np.random.default_rng(7).integers(0, 256, size // 2, np.uint8).tobytes()),
        Planted("zeros.bin", bytes(size // 2)),
    ]  # fmt: skip
    narrow = _text(
        "people_utf16.csv", size // 4, known, 5, lambda row: f"{row.id};{row.name};{row.email};{row.phone}\r\n"
    )
    found.append(Planted(narrow.name, narrow.data.decode().encode("utf-16-le"), narrow.values))
    found.append(database(folder / "app.sqlite", max(size // 110, 100), known))
    return found


def _text(
    name: str, size: int, known: int, seed: int, written: Callable[[Row], str], kinds: tuple[Kind, ...] = KINDS
) -> Planted:
    made, held = Planted(name, b""), list[str]()
    length = 0
    while length < size:
        for row in rows(max(2000, min(size // 100, 50_000)), known, seed * 1000 + len(held) % 997):
            line = written(row)
            held.append(line)
            length += len(line)
            if row.known:
                made.values.update((kind, row.person) for kind in kinds)
            if length >= size:
                break
    made.data = "".join(held).encode()
    return made


def _request(row: Row) -> str:
    spelt = row.email.replace("@", "%40")
    host = row.person % 250
    return (
        f'10.20.30.{host} - - [17/Mar/2018:10:20:30 +0000] "GET /v2/people/{row.id}/friends?email={spelt}&limit=50 '
        'HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
    )


def _prose(size: int) -> bytes:
    words = (
        _NAMES + b" the of and to in is that for it with as was on be at by this had not are but from or have an"
    ).split()
    chosen = np.random.default_rng(8).integers(0, len(words), min(size, 2_000_000) // 4)
    text = b" ".join(words[n] for n in chosen)
    return (text * (size // len(text) + 1))[:size]


def database(path: Path, count: int, known: int) -> Planted:
    """A database of SQLite's without an index, of which two rows in three were deleted; ids are integers."""
    path.unlink(missing_ok=True)
    values = set[tuple[Kind, int]]()
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA secure_delete = OFF")
        made.execute("create table friends (id integer primary key, uid integer, name text, email text, phone text)")
        for row in rows(count, known, 6):
            made.execute(
                "insert into friends (uid, name, email, phone) values (?, ?, ?, ?)",
                (int(row.id), row.name, row.email, row.phone),
            )
            if row.known:
                values.update((kind, row.person) for kind in KINDS)
        made.execute("delete from friends where id % 3 != 0")
        made.commit()
    return Planted(path.name, path.read_bytes(), values, binary=True)


def present(piece: Planted) -> set[tuple[Kind, int]]:
    """What of the planted is in the bytes at all, in any case and format: deletion overwrites some of it. Another
    engine looks for all of it at once."""
    texts, numbers = list[tuple[bytes, Kind, int]](), list[tuple[bytes, Kind, int]]()
    for kind, person in piece.values:
        identity, phone, email = _texts(person, 1)[0]
        if kind is Kind.EMAIL:
            texts.append((email.encode(), kind, person))
        elif kind is Kind.PHONE:
            texts.extend((_formatted(phone, n).encode(), kind, person) for n in range(6))
        else:
            raw = int(identity)
            spelt = [identity.encode(), raw.to_bytes(8, "big"), raw.to_bytes(8, "little")]
            spelt += [raw.to_bytes(6, "big")] if raw < 1 << 48 else []
            numbers.extend((one, kind, person) for one in spelt)
    # Lowering also changes bytes of an integer, so those are sought as they are.
    return _found_by_another(piece.data.lower(), texts) | _found_by_another(piece.data, numbers)


def _found_by_another(data: bytes, sought: list[tuple[bytes, Kind, int]]) -> set[tuple[Kind, int]]:
    import ahocorasick_rs  # the product does without

    if not sought:
        return set()
    engine = ahocorasick_rs.BytesAhoCorasick([spelt for spelt, _, _ in sought])
    places = {which for which, _, _ in engine.find_matches_as_indexes(data, overlapping=True)}
    return {sought[which][1:] for which in places}


def control(size: int) -> bytes:
    """A web log with nobody in it, full of long numbers: numbers of requests of ten digits, times, sizes."""
    chance = np.random.default_rng(9)
    count = size // 90
    numbers = chance.integers(10**9, 10**10, count)
    traces = chance.integers(10**14, 10**15, count)
    times = 1_521_280_000 + np.arange(count) // 7
    lines = zip(numbers.tolist(), traces.tolist(), times.tolist(), strict=True)
    return b"".join(b"%d.%03d GET /asset/%d.js trace=%d ms=%d status=200 agent=probe host=web-%d\n"
                    % (time, n % 1000, number, trace, n % 977, n % 40)
                    for n, (number, trace, time) in enumerate(lines))  # fmt: skip


def crc(data: bytes) -> int:
    """A mark of a piece of evidence, to say that it is the same."""
    return zlib.crc32(data)
