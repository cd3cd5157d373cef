"""Whole rows for the decision table, in SQL: some by key, or everything by ranges of person numbers.

Person numbers are dense and lead every key, so that a range of numbers is a range of the disk on both databases.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.directory import SqlDirectory, read_grant, read_policy
from beholden.backends.sql.engine import Instant, among
from beholden.backends.sql.gate import DECISION_ORDER, app_facts
from beholden.backends.sql.tables import apps, choices, contracts, grants, people, reviews, standings, uses
from beholden.gate.grant_id import nth_of
from beholden.gate.rows import (
    BASE,
    LATEST,
    AppRow,
    PairColumns,
    PairRow,
    PeopleColumns,
    PersonRow,
    Shape,
    people_columns,
    shape_of,
)
from beholden.model.grant import GrantState
from beholden.model.ids import AppNumber, GrantId, OutsideId, PersonNumber
from beholden.model.person import Scope
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from beholden.model.time import from_micros

SPAN = 2_048
"""Person numbers in one chunk of everything."""
_DECIDED = (
    sa.select(reviews)
    .where(among(reviews.c.app, "numbers"), reviews.c.decided_at.is_not(None))
    .order_by(*DECISION_ORDER)
)
_SIGNED = sa.select(contracts.c.app, contracts.c.cluster).where(among(contracts.c.app, "numbers"))
_CLIENTS = sa.select(apps.c.client_id, apps.c.number)
_LAST_PERSON = sa.select(sa.func.coalesce(sa.func.max(people.c.number), 0))
_ENDED = (
    sa.select(grants.c.person)
    .distinct()
    .where(
        grants.c.app == sa.bindparam("app"),
        grants.c.state == GrantState.REVOKED.value,
        grants.c.person > sa.bindparam("after"),
    )
    .order_by(grants.c.person)
    .limit(sa.bindparam("limit"))
)


@dataclass(frozen=True)
class _Reads:
    """The statements that read some people's rows: those within a range, or those of a list."""

    people: sa.Select[Any]
    choices: sa.Select[Any]
    grants: sa.Select[Any]
    uses: sa.Select[Any]


def _reads(which: Any) -> _Reads:
    return _Reads(
        sa.select(people.c.number, people.c.outside_id, people.c.erased_at)
        .where(which(people.c.number))
        .order_by(people.c.number),
        sa.select(choices.c.person, choices.c.scope, choices.c.target, choices.c.sharing, choices.c.ended_at).where(
            which(choices.c.person)
        ),
        # Instants stay numbers until they are needed: most are compared and thrown away.
        sa.select(*(_raw(column) for column in grants.c))
        .where(which(grants.c.person))
        .order_by(grants.c.person, grants.c.app, grants.c.granted_at, grants.c.id),
        sa.select(uses.c.person, uses.c.app, sa.func.max(_raw(uses.c.last_at)).label("at"))
        .where(which(uses.c.person))
        .group_by(uses.c.person, uses.c.app),
    )


def _raw(column: sa.Column[Any]) -> Any:
    whole = sa.type_coerce(column, sa.BigInteger) if isinstance(column.type, Instant) else column
    return whole.label(column.name)


_RANGE = _reads(lambda column: column.between(sa.bindparam("first"), sa.bindparam("last")))
_LIST = _reads(lambda column: among(column, "numbers"))


@dataclass(slots=True)
class _Pair:
    """What is on record of one pair. `grant` is the one that counts, with its instants as numbers."""

    grant: Row[Any] | None = None
    given: int = 0
    app_off: bool = False
    last_use: int | None = None


class SqlGateRows:
    """GateRows within one transaction."""

    def __init__(self, connection: Connection, secret: bytes) -> None:
        """`secret` makes the digests of outside ids, and tells which of a pair's grants one is (gate/grant_id.py)."""
        self._connection = connection
        self._secret = secret

    def people(self, first: PersonNumber, last: PersonNumber) -> tuple[Sequence[PersonRow], Sequence[PairRow]]:
        """See GateRows."""
        asked = {"first": first, "last": last}
        pairs = [_pair_row(*key, pair, self._secret) for key, pair in self._read_pairs(_RANGE, asked).items()]
        return self._read_people(_RANGE, asked), pairs

    def pairs(self, keys: Sequence[tuple[PersonNumber, AppNumber]]) -> Sequence[PairRow]:
        """See GateRows."""
        pairs = self._read_pairs(_LIST, {"numbers": list(dict.fromkeys(person for person, _ in keys))})
        nothing = _Pair()
        return [_pair_row(*key, pairs.get(key, nothing), self._secret) for key in dict.fromkeys(keys)]

    def ended_pairs(self, app: AppNumber, after: PersonNumber, limit: int) -> Sequence[PairRow]:
        """See GateRows."""
        numbers = self._connection.execute(_ENDED, {"app": app, "after": after, "limit": limit}).scalars()
        return self.pairs([(PersonNumber(number), app) for number in numbers])

    def apps(self, numbers: Sequence[AppNumber] | None = None) -> Sequence[AppRow]:
        """See GateRows. All of them take a statement a table."""
        directory = SqlDirectory(self._connection)
        if numbers is None:
            found = list(directory.apps())
        else:
            found = [app for n in sorted(set(numbers)) if (app := directory.app_by_number(n)) is not None]
        asked = {"numbers": [app.number for app in found]}
        unused = read_policy(self._connection).permission_unused_days
        stands = {(r.kind, r.number): Standing(r.standing) for r in self._connection.execute(sa.select(standings))}
        decided: dict[int, list[Row[Any]]] = {}
        for review in self._connection.execute(_DECIDED, asked):
            decided.setdefault(review.app, []).append(review)
        signed: dict[int, list[str]] = {}
        for contract in self._connection.execute(_SIGNED, asked):
            signed.setdefault(contract.app, []).append(contract.cluster)
        active = Standing.ACTIVE
        return [
            AppRow(
                app.client_id,
                app_facts(
                    app,
                    (stands.get(("app", app.number), active), stands.get(("developer", app.developer), active)),
                    unused,
                    decided.get(app.number, ()),
                    signed.get(app.number, ()),
                ),
            )
            for app in found
        ]

    def policy(self) -> Policy:
        """See GateRows."""
        return read_policy(self._connection)

    def people_chunks(self) -> Iterator[PeopleColumns]:
        """See GateRows."""
        for asked in self._spans():
            yield people_columns(self._read_people(_RANGE, asked), self._secret)

    def pair_chunks(self) -> Iterator[PairColumns]:
        """See GateRows."""
        for asked in self._spans():
            yield _columns(self._read_pairs(_RANGE, asked), self._secret)

    def _spans(self) -> Iterator[Mapping[str, int]]:
        last = int(self._connection.execute(_LAST_PERSON).scalar_one())
        for first in range(0, last + 1, SPAN):
            yield {"first": first, "last": first + SPAN - 1}

    def _read_people(self, reads: _Reads, asked: Mapping[str, Any]) -> list[PersonRow]:
        switches: dict[int, dict[tuple[str, str], bool]] = {}
        for row in self._connection.execute(reads.choices, asked):
            if row.ended_at is None and row.scope != Scope.APP:
                # Two writers at once may leave two standing positions of one switch: then a no is a no.
                mine = switches.setdefault(row.person, {})
                mine[row.scope, row.target] = mine.get((row.scope, row.target), True) and row.sharing
        return [_person_row(r, switches.get(r.number, {})) for r in self._connection.execute(reads.people, asked)]

    def _read_pairs(self, reads: _Reads, asked: Mapping[str, Any]) -> dict[tuple[PersonNumber, AppNumber], _Pair]:
        pairs: dict[tuple[PersonNumber, AppNumber], _Pair] = {}
        clients: dict[str, AppNumber] | None = None
        for row in self._connection.execute(reads.choices, asked):
            if row.scope == Scope.APP:
                if clients is None:
                    clients = {r.client_id: AppNumber(r.number) for r in self._connection.execute(_CLIENTS)}
                if row.target in clients:
                    pair = pairs.setdefault((row.person, clients[row.target]), _Pair())
                    pair.app_off |= row.ended_at is None and not row.sharing
        _add_grants(pairs, self._connection.execute(reads.grants, asked))
        for person, app, at in self._connection.execute(reads.uses, asked):
            pairs.setdefault((person, app), _Pair()).last_use = at
        return pairs


def _add_grants(pairs: dict[tuple[PersonNumber, AppNumber], _Pair], rows: Iterable[Row[Any]]) -> None:
    """Rows of one pair come oldest first: an active one counts before ended ones, then the later, then the lower id."""
    person, app = (list(grants.c).index(column) for column in (grants.c.person, grants.c.app))
    for row in rows:
        key = (row[person], row[app])
        pair = pairs.get(key)
        if pair is None:
            pair = pairs[key] = _Pair()
        pair.given += 1
        best = pair.grant
        if best is None or _rank(row) > _rank(best):
            pair.grant = row


def _rank(row: Row[Any]) -> tuple[bool, int]:
    return row.state == "active", row.granted_at


def _person_row(row: Row[Any], switches: Mapping[tuple[str, str], bool]) -> PersonRow:
    return PersonRow(
        PersonNumber(row.number),
        OutsideId(row.outside_id or ""),
        erased=row.erased_at is not None,
        all_off=not switches.get((Scope.ALL, ""), True),
        indirect=switches.get((Scope.INDIRECT, "")),
        clusters_off=frozenset(t for (s, t), sharing in switches.items() if s == Scope.CLUSTER and not sharing),
    )


def _nth(person: PersonNumber, app: AppNumber, pair: _Pair, secret: bytes) -> int:
    return nth_of(secret, person, app, GrantId(pair.grant.id), pair.given) if pair.grant is not None else 0


def _pair_row(person: PersonNumber, app: AppNumber, pair: _Pair, secret: bytes) -> PairRow:
    grant = read_grant(_Instants(pair.grant)) if pair.grant is not None else None
    used = None if pair.last_use is None else from_micros(pair.last_use)
    return PairRow(person, app, grant, _nth(person, app, pair, secret), pair.app_off, pair.given > 0, used)


class _Instants:
    """A grant's row whose instants are numbers, read as if they were instants."""

    def __init__(self, row: Row[Any]) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._row, name)
        return from_micros(value) if value is not None and isinstance(grants.c[name].type, Instant) else value


def _columns(pairs: Mapping[tuple[PersonNumber, AppNumber], _Pair], secret: bytes) -> PairColumns:
    """Pairs by ascending person and app. What is the same for very many is read once (`kinds`)."""
    ordered = sorted(pairs.items())
    kinds: dict[tuple[Any, ...], int] = {}
    shapes: dict[Shape, int] = {}
    shape: list[int] = []
    for key, pair in ordered:
        grant = pair.grant
        kind: tuple[Any, ...] = (pair.app_off, pair.given > 0)
        if grant is not None:
            kind += (grant.state, grant.fields, grant.through_fields, grant.purposes)
        place = kinds.get(kind)
        if place is None:
            place = kinds[kind] = shapes.setdefault(shape_of(_pair_row(*key, pair, secret)), len(shapes))
        shape.append(place)
    count = len(ordered)
    return PairColumns(
        np.fromiter((person for (person, _), _ in ordered), np.uint32, count),
        np.fromiter((app for (_, app), _ in ordered), np.int64, count),
        np.array(shape, np.uint32),
        np.fromiter((_ends(pair) for _, pair in ordered), np.uint32, count),
        np.fromiter((_used(pair) for _, pair in ordered), np.uint32, count),
        np.fromiter((_nth(*key, pair, secret) for key, pair in ordered), np.uint32, count),
        list(shapes),
    )


def _ends(pair: _Pair) -> int:
    """As `rows.end_seconds`, of microseconds."""
    ends = pair.grant.ends_at if pair.grant is not None else None
    return 0 if ends is None else max(_seconds(ends), 1)


def _used(pair: _Pair) -> int:
    return 0 if pair.last_use is None else _seconds(pair.last_use)


def _seconds(micros: int) -> int:
    """As `rows.seconds`, of microseconds."""
    return min(max(micros // 1_000_000 - BASE, 0), LATEST)
