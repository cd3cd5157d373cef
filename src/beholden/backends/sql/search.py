"""Whom the gate may be asked about, in SQL: pages by person number, never an offset."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from beholden.backends.sql.gate import SqlGateFacts
from beholden.backends.sql.tables import grants, people
from beholden.gate.facts import Facts
from beholden.model.ids import AppNumber, ClientId, PersonNumber

_GRANTERS = (
    sa.select(grants.c.person)
    .where(
        grants.c.app == sa.bindparam("app"),
        grants.c.state == "active",
        grants.c.person > sa.bindparam("after"),
    )
    .distinct()
    .order_by(grants.c.person)
    .limit(sa.bindparam("limit"))
)
_EVERYBODY = (
    sa.select(people.c.number)
    .where(people.c.number > sa.bindparam("after"), people.c.erased_at.is_(None))
    .order_by(people.c.number)
    .limit(sa.bindparam("limit"))
)
_BEFORE_THE_FIRST = -1


class SqlSearchFacts:
    """SearchFacts within one transaction."""

    def __init__(self, connection: Connection, gate: SqlGateFacts) -> None:
        self._connection = connection
        self._gate = gate

    def granters(self, app: AppNumber, after: PersonNumber | None, limit: int) -> list[PersonNumber]:
        """See SearchFacts."""
        return self._numbers(_GRANTERS, after, limit, app=app)

    def everybody(self, after: PersonNumber | None, limit: int) -> list[PersonNumber]:
        """See SearchFacts."""
        return self._numbers(_EVERYBODY, after, limit)

    def own_facts(self, client: ClientId, persons: Sequence[PersonNumber]) -> list[Facts]:
        """See SearchFacts."""
        return self._gate.own_facts(client, persons)

    def _numbers(
        self, query: sa.Select[Any], after: PersonNumber | None, limit: int, **more: int
    ) -> list[PersonNumber]:
        asked = {"after": _BEFORE_THE_FIRST if after is None else after, "limit": limit, **more}
        return [PersonNumber(number) for number in self._connection.execute(query, asked).scalars()]
