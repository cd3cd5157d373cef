"""Wishes of deletion in SQL."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from beholden.backends.sql.engine import Instant, metadata
from beholden.journeys.ports import DeletionRequest
from beholden.model.ids import AppNumber, PersonNumber

deletion_requests = sa.Table(
    "deletion_requests",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.String(80), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("deletion_requests_by_app", "app", "at"),
)


class SqlDeletionRequests:
    """DeletionRequests within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: DeletionRequest) -> None:
        """See DeletionRequests."""
        self._connection.execute(
            deletion_requests.insert().values(person=request.person, code=request.code, app=request.app, at=request.at)
        )

    def of_person(self, person: PersonNumber) -> Sequence[DeletionRequest]:
        """See DeletionRequests."""
        return self._where(deletion_requests.c.person == person)

    def to_app(self, app: AppNumber) -> Sequence[DeletionRequest]:
        """See DeletionRequests."""
        return self._where(deletion_requests.c.app == app)

    def forget(self, person: PersonNumber) -> None:
        """See DeletionRequests."""
        self._connection.execute(deletion_requests.delete().where(deletion_requests.c.person == person))

    def _where(self, which: sa.ColumnElement[bool]) -> list[DeletionRequest]:
        query = sa.select(deletion_requests).where(which).order_by(deletion_requests.c.at, deletion_requests.c.code)
        return [
            DeletionRequest(PersonNumber(row.person), AppNumber(row.app), row.at, row.code)
            for row in self._connection.execute(query)
        ]
