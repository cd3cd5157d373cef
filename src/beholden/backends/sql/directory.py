"""The directory in SQL: people, developers, apps, choices, grants, uses, reviews, contracts, policy.

Person numbers come in blocks of 65,536 (one roaring container): writers that meet take numbers from
different blocks, so that no sequence is hot, and one writer alone leaves no gap. Statements on the decision path are
built once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql import changes
from beholden.backends.sql.engine import among, insert_many, storable
from beholden.backends.sql.tables import (
    apps,
    choices,
    contracts,
    developers,
    grants,
    number_blocks,
    people,
    person_keys,
    policy_documents,
    reviews,
    standings,
    uses,
)
from beholden.journeys.ports import Contract, NewPerson, Review
from beholden.model import policy as policies
from beholden.model.app import App, Ask, Developer
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Person, Scope
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from beholden.model.time import day_of, to_micros, whole_second

BLOCK = 65_536
_PERSON_COLUMNS = ("number", "outside_id", "name", "email", "joined_at")
_KNOWN = sa.select(*(people.c[name] for name in _PERSON_COLUMNS)).where(among(people.c.outside_id, "ids"))
_RENAMED = "ON CONFLICT (number) DO UPDATE SET name = excluded.name, email = excluded.email"
_FREE_BLOCK = (
    sa.select(number_blocks.c.first, number_blocks.c.next)
    .where(number_blocks.c.next < number_blocks.c.first + BLOCK)
    .order_by(number_blocks.c.first)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT_BLOCK = sa.select(sa.func.coalesce(sa.func.max(number_blocks.c.first) + BLOCK, 0))
_TAKE_NUMBERS = (
    number_blocks.update().where(number_blocks.c.first == sa.bindparam("block")).values(next=sa.bindparam("free"))
)
_NUMBERS = sa.select(people.c.outside_id, people.c.number).where(among(people.c.outside_id, "ids"))
_PEOPLE = sa.select(people).where(among(people.c.number, "numbers"), people.c.erased_at.is_(None))
_KEYS = sa.select(person_keys).where(among(person_keys.c.person, "numbers"))
_APP_BY_CLIENT = sa.select(apps).where(apps.c.client_id == sa.bindparam("client"))
_STANDINGS = sa.select(standings.c.kind, standings.c.standing).where(
    ((standings.c.kind == "app") & (standings.c.number == sa.bindparam("app")))
    | ((standings.c.kind == "developer") & (standings.c.number == sa.bindparam("developer")))
)
_LATER_USE = (
    "ON CONFLICT (person, app, day) DO UPDATE SET last_at = excluded.last_at WHERE uses.last_at < excluded.last_at"
)
_LATEST_POLICY = sa.select(policy_documents.c.text).order_by(policy_documents.c.since.desc()).limit(1)


class SqlDirectory:
    """The journeys' Directory within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enrol(self, people_: Sequence[NewPerson], at: datetime, keys: Sequence[bytes]) -> int:
        """See Directory. A statement a batch, not a person; those who are known and unchanged cost nothing more."""
        latest = {person.outside_id: (person, key) for person, key in zip(people_, keys, strict=True)}
        known = {row.outside_id: row for row in self._connection.execute(_KNOWN, {"ids": list(latest)})}
        fresh = [(person, key) for outside_id, (person, key) in latest.items() if outside_id not in known]
        changed = [
            (row.number, outside_id, latest[outside_id][0].name, latest[outside_id][0].email, to_micros(row.joined_at))
            for outside_id, row in known.items()
            if (row.name, row.email) != (latest[outside_id][0].name, latest[outside_id][0].email)
        ]
        insert_many(self._connection, people, _PERSON_COLUMNS, changed, _RENAMED)
        changes.name(self._connection, people)  # a name and an address are no facts of the gate
        if fresh:
            self._add_people(fresh, at)
        return len(fresh)

    def _add_people(self, new: Sequence[tuple[NewPerson, bytes]], at: datetime) -> None:
        numbers = self._take_numbers(len(new))
        changes.name(self._connection, people, people=numbers)
        joined = to_micros(at)
        insert_many(
            self._connection,
            people,
            _PERSON_COLUMNS,
            [(n, p.outside_id, p.name, p.email, joined) for n, (p, _) in zip(numbers, new, strict=True)],
        )
        keyed = [(n, key) for n, (_, key) in zip(numbers, new, strict=True)]
        insert_many(self._connection, person_keys, ("person", "key"), keyed)

    def _take_numbers(self, count: int) -> list[int]:
        """Reserve numbers, from the lowest block that no other writer is taking from. Number 0 is nobody."""
        taken: list[int] = []
        while len(taken) < count:
            block = self._connection.execute(_FREE_BLOCK).first()
            if block is None:
                first = int(self._connection.execute(_NEXT_BLOCK).scalar_one())
                free = max(first, 1)
                self._connection.execute(number_blocks.insert().values(first=first, next=free))
            else:
                first, free = block.first, block.next
            end = min(first + BLOCK, free + count - len(taken))
            taken.extend(range(free, end))
            self._connection.execute(_TAKE_NUMBERS, {"block": first, "free": end})
        return taken

    def numbers(self, outside_ids: Sequence[str]) -> Mapping[str, PersonNumber]:
        """See Directory."""
        rows = self._connection.execute(_NUMBERS, {"ids": [o for o in outside_ids if storable(o)]})
        return {outside_id: PersonNumber(number) for outside_id, number in rows}

    def people(self, numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, Person]:
        """See Directory."""
        rows = self._connection.execute(_PEOPLE, {"numbers": numbers})
        return {PersonNumber(r.number): _person(r) for r in rows}

    def count_people(self) -> int:
        """See Directory."""
        count = sa.select(sa.func.count()).select_from(people).where(people.c.erased_at.is_(None))
        return int(self._connection.execute(count).scalar_one())

    def keys(self, numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, bytes]:
        """See Directory."""
        rows = self._connection.execute(_KEYS, {"numbers": numbers})
        return {PersonNumber(person): bytes(key) for person, key in rows}

    def forget(self, person: PersonNumber, at: datetime) -> None:
        """See Directory."""
        self._connection.execute(person_keys.delete().where(person_keys.c.person == person))
        self._connection.execute(
            people.update().where(people.c.number == person).values(outside_id=None, name="", email="", erased_at=at)
        )
        changes.name(self._connection, people, people=[person])

    def choices(self, person: PersonNumber, *, ended: bool = False) -> Sequence[Choice]:
        """See Directory."""
        query = sa.select(choices).where(choices.c.person == person).order_by(choices.c.since)
        if not ended:
            query = query.where(choices.c.ended_at.is_(None))
        return [
            Choice(
                PersonNumber(row.person),
                Scope(row.scope),
                row.target,
                row.sharing,
                row.since,
                row.ended_at,
                row.origin,
            )
            for row in self._connection.execute(query)
        ]

    def choose(self, choice: Choice) -> None:
        """See Directory."""
        same = (
            (choices.c.person == choice.person)
            & (choices.c.scope == choice.scope)
            & (choices.c.target == choice.target)
        )
        since = self._after(choice.since, sa.select(sa.func.max(choices.c.since)).where(same))
        self._connection.execute(choices.update().where(same, choices.c.ended_at.is_(None)).values(ended_at=since))
        self._connection.execute(
            choices.insert().values(
                person=choice.person,
                scope=choice.scope,
                target=choice.target,
                since=since,
                sharing=choice.sharing,
                ended_at=None,
                origin=choice.origin,
            )
        )
        changes.name(self._connection, choices, people=[choice.person])

    def _after(self, at: datetime, latest: sa.Select[Any]) -> datetime:
        """`at`, or just after the latest where two things happen in one instant: the later one counts, both stay."""
        last = self._connection.execute(latest).scalar()
        return at if last is None or last < at else last + timedelta(microseconds=1)

    def add_developer(self, name: str, email: str, at: datetime) -> Developer:
        """See Directory."""
        number = DeveloperNumber(self._next(developers.c.number))
        self._connection.execute(developers.insert().values(number=number, name=name, email=email, created_at=at))
        return Developer(number, name, email, at)

    def developer(self, number: DeveloperNumber) -> Developer | None:
        """See Directory."""
        row = self._connection.execute(sa.select(developers).where(developers.c.number == number)).first()
        return _developer(row) if row else None

    def developers(self) -> Sequence[Developer]:
        """See Directory."""
        return [
            _developer(row) for row in self._connection.execute(sa.select(developers).order_by(developers.c.number))
        ]

    def add_app(
        self,
        client_id: ClientId,
        developer: DeveloperNumber,
        name: str,
        description: str,
        category: str,
        redirect_uris: Sequence[str],
        asks: Sequence[Ask],
        at: datetime,
    ) -> App:
        """See Directory."""
        number = AppNumber(self._next(apps.c.number))
        written = [
            {"cluster": a.cluster, "purpose": a.purpose, "required": a.required, "through": a.through} for a in asks
        ]
        self._connection.execute(
            apps.insert().values(
                number=number,
                client_id=client_id,
                developer=developer,
                name=name,
                description=description,
                category=category,
                redirect_uris=json.dumps(list(redirect_uris)),
                asks=json.dumps(written),
                verified=False,
                created_at=at,
            )
        )
        changes.name(self._connection, apps, apps=[number])
        return App(
            number,
            client_id,
            developer,
            name,
            description,
            category,
            tuple(redirect_uris),
            tuple(asks),
            False,
            at,
        )

    def _next(self, column: sa.Column[int]) -> int:
        """The next number of a small, cold table; a race ends in a refused duplicate, never in two of one number."""
        return int(self._connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one()) + 1

    def set_verified(self, app: AppNumber, *, verified: bool) -> None:
        """See Directory."""
        self._connection.execute(apps.update().where(apps.c.number == app).values(verified=verified))
        changes.name(self._connection, apps)  # a limit on granting, no fact of the gate

    def app(self, client_id: str) -> App | None:
        """See Directory."""
        row = self._connection.execute(_APP_BY_CLIENT, {"client": client_id}).first() if storable(client_id) else None
        return _app(row) if row else None

    def app_by_number(self, number: AppNumber) -> App | None:
        """See Directory."""
        row = self._connection.execute(sa.select(apps).where(apps.c.number == number)).first()
        return _app(row) if row else None

    def apps(self, developer: DeveloperNumber | None = None) -> Sequence[App]:
        """See Directory."""
        query = sa.select(apps).order_by(apps.c.number)
        if developer is not None:
            query = query.where(apps.c.developer == developer)
        return [_app(row) for row in self._connection.execute(query)]

    def standing(self, app: App) -> tuple[Standing, Standing]:
        """See Directory."""
        rows = self._connection.execute(_STANDINGS, {"app": app.number, "developer": app.developer})
        found = {row.kind: Standing(row.standing) for row in rows}
        return found.get("app", Standing.ACTIVE), found.get("developer", Standing.ACTIVE)

    def add_grant(self, grant: Grant) -> None:
        """See Directory."""
        self._connection.execute(
            grants.insert().values(
                person=grant.person,
                id=grant.id,
                app=grant.app,
                fields=_written(grant.fields),
                through_fields=_written(grant.through_fields),
                purposes=_written(grant.purposes),
                granted_at=grant.granted_at,
                ends_at=grant.ends_at,
                state=grant.state,
                reason=grant.reason,
                ended_at=grant.ended_at,
            )
        )
        changes.name(self._connection, grants, pairs=[(grant.person, grant.app)])

    def end_grant(self, grant: GrantId, state: GrantState, reason: EndReason, at: datetime) -> bool:
        """See Directory."""
        done = self._connection.execute(
            grants.update()
            .where(grants.c.id == grant, grants.c.state == GrantState.ACTIVE)
            .values(state=state, reason=reason, ended_at=at)
            .returning(grants.c.person, grants.c.app)
        ).all()
        changes.name(self._connection, grants, pairs=[(person, app) for person, app in done])
        return bool(done)

    def grants(
        self, *, person: PersonNumber | None = None, app: AppNumber | None = None, active: bool = False
    ) -> Sequence[Grant]:
        """See Directory."""
        query = sa.select(grants).order_by(grants.c.granted_at.desc(), grants.c.id.desc())
        if person is not None:
            query = query.where(grants.c.person == person)
        if app is not None:
            query = query.where(grants.c.app == app)
        if active:
            query = query.where(grants.c.state == GrantState.ACTIVE)
        return [read_grant(row) for row in self._connection.execute(query)]

    def granted_people(self, app: AppNumber) -> int:
        """See Directory."""
        query = sa.select(sa.func.count(grants.c.person.distinct())).where(grants.c.app == app)
        return int(self._connection.execute(query).scalar_one())

    def record_use(self, person: PersonNumber, app: AppNumber, at: datetime) -> None:
        """See Directory."""
        self.record_uses([(person, app)], at)

    def record_uses(self, who: Sequence[tuple[PersonNumber, AppNumber]], at: datetime) -> None:
        """See Directory."""
        day, last = day_of(at).toordinal(), to_micros(whole_second(at))
        rows = [(person, app, day, last) for person, app in dict.fromkeys(who)]
        insert_many(self._connection, uses, ("person", "app", "day", "last_at"), rows, _LATER_USE)
        changes.name(self._connection, uses, pairs=who)

    def last_uses(self, person: PersonNumber) -> Mapping[AppNumber, datetime]:
        """See Directory."""
        rows = self._connection.execute(
            sa.select(uses.c.app, sa.func.max(uses.c.last_at).label("at"))
            .where(uses.c.person == person)
            .group_by(uses.c.app)
        )
        return {AppNumber(row.app): row.at for row in rows}

    def use_days(self, app: AppNumber | None = None) -> Sequence[tuple[PersonNumber, AppNumber, date]]:
        """See Directory."""
        query = sa.select(uses.c.person, uses.c.app, uses.c.day)
        if app is not None:
            query = query.where(uses.c.app == app)
        return [
            (PersonNumber(row.person), AppNumber(row.app), date.fromordinal(row.day))
            for row in self._connection.execute(query)
        ]

    def reviews(self, app: AppNumber | None = None) -> Sequence[Review]:
        """See Directory."""
        query = sa.select(reviews).order_by(reviews.c.requested_at.desc(), reviews.c.id)
        if app is not None:
            query = query.where(reviews.c.app == app)
        return [
            Review(
                row.id,
                AppNumber(row.app),
                row.cluster,
                row.purpose,
                row.state,
                row.requested_at,
                row.decided_at,
                row.decided_by,
                row.last_used_at,
                row.until,
            )
            for row in self._connection.execute(query)
        ]

    def put_review(self, review: Review) -> None:
        """See Directory."""
        gone = reviews.delete().where(reviews.c.id == review.id).returning(reviews.c.app)
        before = self._connection.execute(gone).scalars().all()
        self._connection.execute(
            reviews.insert().values(
                id=review.id,
                app=review.app,
                cluster=review.cluster,
                purpose=review.purpose,
                state=review.state,
                requested_at=review.requested_at,
                decided_at=review.decided_at,
                decided_by=review.decided_by,
                last_used_at=review.last_used_at,
                until=review.until,
            )
        )
        changes.name(self._connection, reviews, apps=[*before, review.app])

    def touch_reviews(self, app: AppNumber, clusters: Sequence[str], purpose: str, at: datetime) -> None:
        """See Directory."""
        if clusters:
            self._connection.execute(
                reviews.update()
                .where(
                    reviews.c.app == app,
                    reviews.c.cluster.in_(list(clusters)),
                    reviews.c.purpose == purpose,
                    reviews.c.state == "approved",
                )
                .values(last_used_at=at)
            )
            changes.name(self._connection, reviews, apps=[app])

    def contracts(self, app: AppNumber) -> Sequence[Contract]:
        """See Directory."""
        rows = self._connection.execute(
            sa.select(contracts).where(contracts.c.app == app).order_by(contracts.c.cluster)
        )
        return [Contract(AppNumber(r.app), r.cluster, r.signatory, r.signed_at, r.terms_sha256) for r in rows]

    def sign(self, contract: Contract) -> None:
        """See Directory."""
        self._connection.execute(
            contracts.delete().where(contracts.c.app == contract.app, contracts.c.cluster == contract.cluster)
        )
        self._connection.execute(
            contracts.insert().values(
                app=contract.app,
                cluster=contract.cluster,
                signatory=contract.signatory,
                signed_at=contract.signed_at,
                terms_sha256=contract.terms_sha256,
            )
        )
        changes.name(self._connection, contracts, apps=[contract.app])

    def policy(self) -> Policy:
        """See Directory."""
        return read_policy(self._connection)

    def set_policy(self, text: str, at: datetime) -> None:
        """See Directory."""
        policies.read(text)
        since = self._after(at, sa.select(sa.func.max(policy_documents.c.since)))
        self._connection.execute(policy_documents.insert().values(since=since, text=text))
        changes.name(self._connection, policy_documents, policy=True)


def read_policy(connection: Connection) -> Policy:
    """The policy document that was put in force last."""
    text = connection.execute(_LATEST_POLICY).scalar()
    return _policy_of(text) if text is not None else Policy()


@lru_cache(maxsize=8)
def _policy_of(text: str) -> Policy:
    """Reading a document takes longer than the whole decision, and it is the same one each time."""
    return policies.read(text)


def read_grant(row: Any) -> Grant:
    """A grant from its row, or from what has the same attributes."""
    return Grant(
        GrantId(row.id),
        PersonNumber(row.person),
        AppNumber(row.app),
        frozenset(json.loads(row.fields)),
        frozenset(json.loads(row.through_fields)),
        frozenset(json.loads(row.purposes)),
        row.granted_at,
        row.ends_at,
        GrantState(row.state),
        EndReason(row.reason) if row.reason else None,
        row.ended_at,
    )


def _written(names: frozenset[str]) -> str:
    return json.dumps(sorted(names))


def _person(row: Row[Any]) -> Person:
    return Person(PersonNumber(row.number), OutsideId(row.outside_id), row.name, row.email, row.joined_at)


def _developer(row: Row[Any]) -> Developer:
    return Developer(DeveloperNumber(row.number), row.name, row.email, row.created_at)


def _app(row: Row[Any]) -> App:
    return App(
        AppNumber(row.number),
        ClientId(row.client_id),
        DeveloperNumber(row.developer),
        row.name,
        row.description,
        row.category,
        tuple(json.loads(row.redirect_uris)),
        tuple(Ask(**ask) for ask in json.loads(row.asks)),
        row.verified,
        row.created_at,
    )
