"""Small synthetic files of every kind of database, each with the function that reads it, for fuzzing without a server.

`parse` reads everything that there is and raises nothing, whatever the bytes are.
"""

import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing

from beholden.backends.evidence.seeds.databases import heap_page, heap_tuple
from beholden.forensics.innodb import read_tablespace
from beholden.forensics.postgres import varlena
from beholden.forensics.postgres.cluster import read_relation
from beholden.forensics.postgres.log import read_log
from beholden.forensics.postgres.types import value_of
from beholden.forensics.source import Held
from beholden.forensics.sqlite.database import Database
from beholden.forensics.sqlite.format import read_header

Seed = tuple[str, bytes, Callable[[bytes], None]]


def log_segment(tuples: Sequence[bytes]) -> bytes:
    """Two pages of a log (PostgreSQL 15) with an insert for each tuple; the last ones cross into the second page."""
    records = b""
    for number, one in enumerate(tuples, 1):
        data = one[18:23] + one[23:]
        block = struct.pack("<BBHIIII", 0, 0x20, len(data), 1663, 5, 16384, 0)
        main = struct.pack("<HB", number, 0)
        rest = block + bytes([255, len(main)]) + data + main
        record = struct.pack("<IIQBBHI", 24 + len(rest), 700, 0, 0, 10, 0, 0) + rest
        records += record.ljust(-(-len(record) // 8) * 8, b"\x00")
    first = struct.pack("<HHIQIIQII", 0xD110, 2, 1, 1 << 24, 0, 0, 1, 1 << 24, 8192)
    room = 8192 - len(first)
    records = records.rjust(room + 64, b"\x00") if len(records) < room else records
    lead = len(records) - len(records.lstrip(b"\x00"))
    filler = (
        struct.pack("<IIQBBHI", lead // 8 * 8, 0, 0, 0, 0, 0, 0) + bytes([254]) + struct.pack("<I", lead // 8 * 8 - 29)
    )
    records = filler.ljust(lead // 8 * 8, b"\x00") + records[lead // 8 * 8 :] if lead >= 64 else records
    crossing, at = 0, 0
    while at < len(records):
        length = -(-struct.unpack_from("<I", records, at)[0] // 8) * 8
        if at < room < at + length:
            crossing = struct.unpack_from("<I", records, at)[0] - (room - at)
        at += length or len(records)
    second = struct.pack("<HHIQII", 0xD110, 1, 1, (1 << 24) + 8192, crossing, 0)
    return (first + records[:room] + second + records[room:]).ljust(2 * 8192, b"\x00")


def database_seeds() -> list[Seed]:
    """Name, bytes and reader of each kind."""
    tuples = [heap_tuple([b"id%08d" % n, b"u%d@post.example" % n, b"Anna Meyer"], number=n) for n in range(1, 40)]
    gone = [heap_tuple([b"id%08d" % n, b"gone%d@post.example" % n, b"Hugo Koch"], xmax=701) for n in range(1, 6)]
    chunks = [
        struct.pack("<IIIHHHHHB", 700, 0, 0, 0, 0, n + 1, 3, 0x0902, 24)
        + struct.pack("<xIII", 900, n, (1996 + 4) << 2)
        + bytes([97 + n]) * 1996
        for n in range(3)
    ]
    json = bytes.fromhex("010000200200008003000000") + b"mail" + b"x@y"
    return [
        ("postgres heap", heap_page(tuples, dead=gone) + heap_page(tuples[:3], dead=gone), _relation),
        ("postgres toast", heap_page(chunks), _relation),
        ("postgres log", log_segment(tuples), _log),
        ("postgres pglz", bytes([0x10]) + b"abcd" + bytes([0x0F, 0x04, 20]), lambda raw: _unpacked(raw, 0)),
        ("postgres lz4", bytes([0x4F]) + b"abcd" + b"\x04\x00\x05", lambda raw: _unpacked(raw, 1)),
        ("postgres values", json, _values),
        ("innodb", _tablespace(), _innodb),
        ("sqlite", _sqlite(), _database),
    ]


def _tablespace() -> bytes:
    head = struct.pack(">IIIIQHQI", 1, 0, 0, 0, 9, 8, 0, 7) + struct.pack(">IIIII", 7, 0, 2, 2, 0)
    leaf = bytearray(16384)
    leaf[:46] = struct.pack(">IIIIQHQIHHHH", 1, 1, 0, 0, 9, 17855, 0, 7, 2, 160, 0x8003, 0)
    leaf[97:107], leaf[110:120] = struct.pack(">h", 29) + b"infimum\x00", bytes(2) + b"supremum"
    leaf[126:160] = struct.pack(">h", 112 - 128) + b"u1.5@post.example Anna Meyer   \x00"
    return head.ljust(16384, b"\x00") + bytes(leaf)


def _sqlite() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("pragma page_size=512")
        connection.execute("pragma secure_delete=off")
        connection.execute("create table t (id integer primary key, mail text, name text)")
        rows = [(f"u{n}@post.example", "x" * n) for n in range(60)]
        connection.executemany("insert into t (mail, name) values (?, ?)", rows)
        connection.execute("delete from t where id % 2")
        return connection.serialize()


def _relation(data: bytes) -> None:
    relation = read_relation(Held(data))
    if relation is not None:
        list(relation.rows())


def _log(data: bytes) -> None:
    log = read_log(Held(data))
    if log is not None:
        list(log.rows())


def _unpacked(data: bytes, method: int) -> None:
    try:
        varlena.unpack(struct.pack("<I", 27 | method << 30) + data)
    except varlena.Unreadable:
        return


def _values(data: bytes) -> None:
    for kind in (0, 16, 17, 19, 20, 25, 700, 701, 869, 1007, 1009, 1016, 1082, 1114, 1700, 2950, 3802):
        value_of(kind, data)


def _innodb(data: bytes) -> None:
    tablespace = read_tablespace(Held(data))
    if tablespace is not None:
        list(tablespace.rows())


def _database(data: bytes) -> None:
    if read_header(data[:100]) is not None:
        list(Database(Held(data)).rows())
