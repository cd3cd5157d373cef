"""Examinations in SQL."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, metadata
from beholden.forensics.ports import ExaminationRecord
from beholden.model.ids import AppNumber, ExaminationId

examinations = sa.Table(
    "examinations",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False, index=True),
    sa.Column("case_id", sa.String(80)),
    sa.Column("claim", sa.String(200)),
    sa.Column("operator", sa.String(200), nullable=False),
    sa.Column("paths", sa.Text, nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.String(64), nullable=False),
    sa.Column("report_sha256", sa.String(64), nullable=False),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("ended_at", Instant, nullable=False),
)


class SqlExaminations:
    """See forensics.ports.Examinations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: ExaminationRecord) -> None:
        """See Examinations."""
        self._connection.execute(
            examinations.insert().values(
                id=record.id,
                app=record.app,
                case_id=record.case,
                claim=record.claim,
                operator=record.operator,
                paths=json.dumps(list(record.paths)),
                verdict=record.verdict,
                numbers=json.dumps(record.numbers, sort_keys=True),
                manifest_sha256=record.manifest_sha256,
                report_sha256=record.report_sha256,
                began_at=record.began_at,
                ended_at=record.ended_at,
            )
        )

    def get(self, id: ExaminationId) -> ExaminationRecord | None:
        """See Examinations."""
        row = self._connection.execute(sa.select(examinations).where(examinations.c.id == id)).first()
        return _read(row) if row else None

    def of(self, app: AppNumber | None = None) -> Sequence[ExaminationRecord]:
        """See Examinations."""
        query = sa.select(examinations).order_by(examinations.c.began_at.desc(), examinations.c.id)
        if app is not None:
            query = query.where(examinations.c.app == app)
        return [_read(row) for row in self._connection.execute(query)]


def _read(row: Row[Any]) -> ExaminationRecord:
    return ExaminationRecord(
        ExaminationId(row.id),
        AppNumber(row.app),
        row.case_id,
        row.claim,
        row.operator,
        tuple(json.loads(row.paths)),
        row.verdict,
        json.loads(row.numbers),
        row.manifest_sha256,
        row.report_sha256,
        row.began_at,
        row.ended_at,
    )
