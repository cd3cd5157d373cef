"""The gate's facts in SQL: a handful of keyed reads, all from one snapshot, whatever the number of records."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.directory import SqlDirectory, read_grant, read_policy
from beholden.backends.sql.engine import among
from beholden.backends.sql.tables import choices, contracts, grants, people, reviews, uses
from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.app import App
from beholden.model.grant import Grant
from beholden.model.ids import ClientId, PersonNumber
from beholden.model.person import Scope
from beholden.model.standing import Standing

DECISION_ORDER = (reviews.c.decided_at, reviews.c.state != "approved", reviews.c.id)
# Built once: putting a statement together takes longer than asking it.
_DECIDED_REVIEWS = (
    sa.select(reviews)
    .where(reviews.c.app == sa.bindparam("app"), reviews.c.decided_at.is_not(None))
    .order_by(*DECISION_ORDER)
)
_SIGNED = sa.select(contracts.c.cluster).where(contracts.c.app == sa.bindparam("app"))
_LATEST_GRANT = (
    sa.select(grants)
    .where(grants.c.person == sa.bindparam("person"), grants.c.app == sa.bindparam("app"))
    .order_by((grants.c.state == "active").desc(), grants.c.granted_at.desc(), grants.c.id)
    .limit(1)
)
_LATEST_GRANTS = (
    sa.select(grants)
    .where(among(grants.c.person, "numbers"), grants.c.app == sa.bindparam("app"))
    .order_by(grants.c.person, (grants.c.state == "active").desc(), grants.c.granted_at.desc(), grants.c.id)
)
_KNOWN = sa.select(people.c.number).where(among(people.c.number, "numbers"), people.c.erased_at.is_(None))
_GRANTED = sa.select(grants.c.person).where(among(grants.c.person, "numbers"), grants.c.app == sa.bindparam("app"))
_LAST_USES = (
    sa.select(uses.c.person, sa.func.max(uses.c.last_at).label("at"))
    .where(among(uses.c.person, "numbers"), uses.c.app == sa.bindparam("app"))
    .group_by(uses.c.person)
)
_STANDING_CHOICES = sa.select(choices.c.person, choices.c.scope, choices.c.target, choices.c.sharing).where(
    among(choices.c.person, "numbers"), choices.c.ended_at.is_(None)
)


class SqlGateFacts:
    """GateFacts within one transaction.

    On one database the lag is the age of the snapshot: a ban committed while we read is not in it. It is counted from
    `opened` (monotonic seconds, before the transaction's first read), since whatever the unit read earlier took the
    snapshot.
    """

    def __init__(self, connection: Connection, opened: float) -> None:
        self._connection = connection
        self._opened = opened

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """See GateFacts."""
        directory = SqlDirectory(self._connection)
        app = directory.app(client)
        if app is None:
            return Facts(self._lag_ms(), None, None, None, {})
        everyone = list(dict.fromkeys([*persons, *([through] if through is not None else [])]))
        known = self._persons(app, everyone)
        app_facts = self._app(app, directory)
        grant = self._grant(app, through) if through is not None else None
        granter = known.get(through) if through is not None else None
        return Facts(self._lag_ms(), app_facts, granter, grant, known)

    def own_facts(self, client: ClientId, persons: Sequence[PersonNumber]) -> list[Facts]:
        """Each person's facts as their own granter; the reads are as many as for one."""
        directory = SqlDirectory(self._connection)
        app = directory.app(client)
        if app is None:
            return [Facts(self._lag_ms(), None, None, None, {}) for _ in persons]
        known = self._persons(app, list(dict.fromkeys(persons)))
        app_facts = self._app(app, directory)
        latest: dict[int, Grant] = {}
        for row in self._connection.execute(_LATEST_GRANTS, {"numbers": list(persons), "app": app.number}):
            if row.person not in latest:  # the first of each is the latest
                latest[row.person] = read_grant(row)
        lag = self._lag_ms()
        return [
            Facts(lag, app_facts, known.get(p), latest.get(p), {p: known[p]} if p in known else {}) for p in persons
        ]

    def _lag_ms(self) -> float:
        return (time.monotonic() - self._opened) * 1000

    def _app(self, app: App, directory: SqlDirectory) -> AppFacts:
        unused = read_policy(self._connection).permission_unused_days
        signed = self._connection.execute(_SIGNED, {"app": app.number}).scalars()
        return app_facts(app, directory.standing(app), unused, self._decided_reviews(app), signed)

    def _decided_reviews(self, app: App) -> Iterable[Row[Any]]:
        """Reviews that were answered, oldest answer first and of two in one instant the no last.

        One without a day of decision is not an answer.
        """
        return self._connection.execute(_DECIDED_REVIEWS, {"app": app.number})

    def _grant(self, app: App, through: PersonNumber) -> Grant | None:
        row = self._connection.execute(_LATEST_GRANT, {"person": through, "app": app.number}).first()
        return read_grant(row) if row else None

    def _persons(self, app: App, numbers: list[PersonNumber]) -> dict[PersonNumber, PersonFacts]:
        asked = {"numbers": numbers, "app": app.number}
        known = set(self._connection.execute(_KNOWN, asked).scalars())
        granted = set(self._connection.execute(_GRANTED, asked).scalars())
        last_use = {row.person: row.at for row in self._connection.execute(_LAST_USES, asked)}
        switches: dict[int, dict[tuple[str, str], bool]] = {}
        for switch in self._connection.execute(_STANDING_CHOICES, asked):
            # Two writers at once may leave two standing positions of one switch: then a no is a no.
            mine = switches.setdefault(switch.person, {})
            place = (switch.scope, switch.target)
            mine[place] = mine.get(place, True) and switch.sharing
        return {
            number: _person(number, app, switches.get(number, {}), number in granted, last_use.get(number))
            for number in numbers
            if number in known
        }


def app_facts(
    app: App,
    standings: tuple[Standing, Standing],
    unused_days: int | None,
    decided: Iterable[Row[Any]],
    signed: Iterable[str],
) -> AppFacts:
    """An app's facts. `decided` are its answered reviews in the order of `DECISION_ORDER`."""
    approvals: dict[tuple[str, str], datetime | None] = {}
    noted: dict[tuple[str, str], datetime] = {}
    for review in decided:
        asked = (review.cluster, review.purpose)
        if review.state != "approved":
            approvals.pop(asked, None)  # the platform's later word counts
            continue
        last = review.last_used_at or review.decided_at
        lapse = None if unused_days is None else last + timedelta(days=unused_days)
        approvals[asked] = min((end for end in (review.until, lapse) if end is not None), default=None)
        if review.last_used_at is not None:
            noted[asked] = review.last_used_at
    return AppFacts(app.number, app.developer, *standings, approvals, frozenset(signed), noted)


def _person(
    number: PersonNumber,
    app: App,
    switches: dict[tuple[str, str], bool],
    had_grant: bool,  # noqa: FBT001
    last_use: datetime | None,
) -> PersonFacts:
    return PersonFacts(
        number,
        all_off=not switches.get((Scope.ALL, ""), True),
        app_off=not switches.get((Scope.APP, app.client_id), True),
        clusters_off=frozenset(t for (s, t), sharing in switches.items() if s == Scope.CLUSTER and not sharing),
        indirect=switches.get((Scope.INDIRECT, "")),
        had_grant=had_grant,
        last_use=last_use,
    )
