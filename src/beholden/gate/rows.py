"""What the store says of a person, a pair of person and app, and an app, as rows and columns for the decision table.

A row is the whole state of its key, so that putting it into the table twice, or a later one early, is harmless. Rows
are what changes after the table was built; columns (numpy) are the same for building it from millions of pairs.

Times are whole seconds since 2000, 0 for none. Uses and ends are recorded so; what is finer, or lies outside the years
2000 to 2136, is put down to the second before: the gate then says no a moment early, never late (law 4).
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from beholden.gate.facts import AppFacts
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, OutsideId, PersonNumber

BASE = 946_684_800
"""2000-01-01T00:00Z in seconds since 1970."""
LATEST = 2**32 - 1
DIGEST_BYTES = 12
_BASE_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person and the switches that hold for every app. `indirect` is None where the person said nothing."""

    number: PersonNumber
    outside_id: OutsideId
    erased: bool = False
    all_off: bool = False
    indirect: bool | None = None
    clusters_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PairRow:
    """One person beside one app.

    `grant` is the one that counts: an active one before those that ended, then the latest granted; `nth` says which of
    this person's grants for this app it is, from 1 (0 where there is none). `had_grant` is true where there is or
    ever was one. `last_use` is the person's own (law 6).
    """

    person: PersonNumber
    app: AppNumber
    grant: Grant | None = None
    nth: int = 0
    app_off: bool = False
    had_grant: bool = False
    last_use: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppRow:
    """An app by its client id, with all that the rules see of it and of its developer."""

    client_id: ClientId
    facts: AppFacts


@dataclass(frozen=True, slots=True)
class Shape:
    """What very many pairs have in common. `state` is None where there is no grant; then the sets are empty."""

    state: GrantState | None = None
    fields: frozenset[str] = frozenset()
    through_fields: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    app_off: bool = False
    had_grant: bool = False


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Many pairs; one array a column, all of one length. `shape` indexes `shapes`, which belongs to this chunk.

    `person` u32, `app` i64 (app numbers), `shape` u32, `ends` and `used` u32 (see the module), `nth` u32.
    """

    person: npt.NDArray[np.uint32]
    app: npt.NDArray[np.int64]
    shape: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.uint32]
    used: npt.NDArray[np.uint32]
    nth: npt.NDArray[np.uint32]
    shapes: Sequence[Shape]


@dataclass(frozen=True, slots=True)
class PeopleColumns:
    """Many people who are not erased. `digest` is n x 12 bytes; `indirect` is 0 unsaid, 1 no, 2 yes; `off` indexes
    `sets`, the sets of clusters that are switched off, which belong to this chunk."""

    number: npt.NDArray[np.uint32]
    digest: npt.NDArray[np.uint8]
    all_off: npt.NDArray[np.bool_]
    indirect: npt.NDArray[np.uint8]
    off: npt.NDArray[np.uint32]
    sets: Sequence[frozenset[str]]


def seconds(instant: datetime | None) -> int:
    """Whole seconds since 2000 for the table, never later than the instant; 0 for none and for what came before."""
    if instant is None:
        return 0
    since = instant - _BASE_TIME
    return min(max(since.days * 86_400 + since.seconds, 0), LATEST)


def end_seconds(instant: datetime | None) -> int:
    """As `seconds`, for a grant's end: one that came before 2000 is over, not absent."""
    return 0 if instant is None else max(seconds(instant), 1)


def digest_of(secret: bytes, outside_id: str) -> bytes:
    """What the table knows of an outside id: 96 bits under the house's secret, so that the file names nobody."""
    said = outside_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2s(said, key=secret, person=b"table-id", digest_size=DIGEST_BYTES).digest()


def shape_of(row: PairRow) -> Shape:
    """What a pair has in common with others."""
    grant = row.grant
    if grant is None:
        return Shape(app_off=row.app_off, had_grant=row.had_grant)
    return Shape(grant.state, grant.fields, grant.through_fields, grant.purposes, row.app_off, row.had_grant)


def pair_columns(rows: Collection[PairRow]) -> PairColumns:
    """Rows as one chunk of columns."""
    shapes: dict[Shape, int] = {}
    return PairColumns(
        np.fromiter((row.person for row in rows), np.uint32, len(rows)),
        np.fromiter((row.app for row in rows), np.int64, len(rows)),
        np.fromiter((shapes.setdefault(shape_of(row), len(shapes)) for row in rows), np.uint32, len(rows)),
        np.fromiter((end_seconds(row.grant.ends_at if row.grant else None) for row in rows), np.uint32, len(rows)),
        np.fromiter((seconds(row.last_use) for row in rows), np.uint32, len(rows)),
        np.fromiter((row.nth for row in rows), np.uint32, len(rows)),
        list(shapes),
    )


def people_columns(rows: Iterable[PersonRow], secret: bytes) -> PeopleColumns:
    """Rows as one chunk of columns; an erased person is left out, which is how the table says it."""
    there = [row for row in rows if not row.erased]
    sets: dict[frozenset[str], int] = {}
    digests = b"".join(digest_of(secret, row.outside_id) for row in there)
    return PeopleColumns(
        np.fromiter((row.number for row in there), np.uint32, len(there)),
        np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES),
        np.fromiter((row.all_off for row in there), np.bool_, len(there)),
        np.fromiter((0 if row.indirect is None else 1 + row.indirect for row in there), np.uint8, len(there)),
        np.fromiter((sets.setdefault(row.clusters_off, len(sets)) for row in there), np.uint32, len(there)),
        list(sets),
    )
