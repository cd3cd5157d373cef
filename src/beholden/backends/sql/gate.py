"""The gate's facts in SQL: a handful of keyed reads, all from one snapshot, whatever the number of records."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from beholden.backends.sql.directory import (
    SqlDirectory,
    choices,
    contracts,
    grants,
    people,
    read_grant,
    read_policy,
    reviews,
    uses,
)
from beholden.backends.sql.engine import chunks
from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.app import App
from beholden.model.grant import Grant
from beholden.model.ids import ClientId, PersonNumber
from beholden.model.person import Scope


class SqlGateFacts:
    """GateFacts within one transaction. On one database the lag is only the time that the reads themselves took."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """See GateFacts."""
        began = time.monotonic()
        directory = SqlDirectory(self._connection)
        app = directory.app(client)
        if app is None:
            return Facts((time.monotonic() - began) * 1000, None, None, None, {})
        everyone = list(dict.fromkeys([*persons, *([through] if through is not None else [])]))
        known = self._persons(app, everyone)
        return Facts(
            lag_ms=(time.monotonic() - began) * 1000,
            app=self._app(app, directory),
            through=known.get(through) if through is not None else None,
            grant=self._grant(app, through) if through is not None else None,
            persons=known,
        )

    def _app(self, app: App, directory: SqlDirectory) -> AppFacts:
        standing, developer_standing = directory.standing(app)
        unused = read_policy(self._connection).permission_unused_days
        approvals: dict[tuple[str, str], datetime | None] = {}
        approved = sa.select(reviews).where(reviews.c.app == app.number, reviews.c.state == "approved")
        for row in self._connection.execute(approved):
            lapse = None if unused is None else (row.last_used_at or row.decided_at) + timedelta(days=unused)
            approvals[row.cluster, row.purpose] = min((t for t in (row.until, lapse) if t is not None), default=None)
        signed = self._connection.execute(sa.select(contracts.c.cluster).where(contracts.c.app == app.number)).scalars()
        return AppFacts(app.number, app.developer, standing, developer_standing, approvals, frozenset(signed))

    def _grant(self, app: App, through: PersonNumber) -> Grant | None:
        latest = (
            sa.select(grants)
            .where(grants.c.person == through, grants.c.app == app.number)
            .order_by((grants.c.state == "active").desc(), grants.c.granted_at.desc())
            .limit(1)
        )
        row = self._connection.execute(latest).first()
        return read_grant(row) if row else None

    def _persons(self, app: App, numbers: list[PersonNumber]) -> dict[PersonNumber, PersonFacts]:
        known: set[PersonNumber] = set()
        granted: set[PersonNumber] = set()
        last_use: dict[PersonNumber, datetime] = {}
        switches: dict[PersonNumber, dict[tuple[str, str], bool]] = {}
        for some in chunks(numbers):
            known.update(
                self._connection.execute(
                    sa.select(people.c.number).where(people.c.number.in_(some), people.c.erased_at.is_(None))
                ).scalars()
            )
            granted.update(
                self._connection.execute(
                    sa.select(grants.c.person).where(grants.c.person.in_(some), grants.c.app == app.number)
                ).scalars()
            )
            for row in self._connection.execute(
                sa.select(uses.c.person, sa.func.max(uses.c.last_at).label("at"))
                .where(uses.c.person.in_(some), uses.c.app == app.number)
                .group_by(uses.c.person)
            ):
                last_use[PersonNumber(row.person)] = row.at
            for switch in self._connection.execute(
                sa.select(choices.c.person, choices.c.scope, choices.c.target, choices.c.sharing).where(
                    choices.c.person.in_(some), choices.c.ended_at.is_(None)
                )
            ):
                switches.setdefault(PersonNumber(switch.person), {})[switch.scope, switch.target] = switch.sharing
        return {
            number: _person(number, app, switches.get(number, {}), number in granted, last_use.get(number))
            for number in numbers
            if number in known
        }


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
