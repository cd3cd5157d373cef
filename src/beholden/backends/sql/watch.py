"""Findings, verdicts and canaries in SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, metadata
from beholden.model.finding import Finding, Level, RowQuery
from beholden.model.ids import AppNumber, DeveloperNumber, FindingId, PersonNumber
from beholden.watch.ports import Canary, FindingVerdict

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("rule", sa.String(60), nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("app", sa.BigInteger, nullable=False, index=True),
    sa.Column("developer", sa.BigInteger, nullable=False),
    sa.Column("first_day", sa.Integer, nullable=False),  # proleptic ordinals of UTC days
    sa.Column("last_day", sa.Integer, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("rows_only", sa.String(20), nullable=False),
    sa.Column("people", sa.BigInteger, nullable=False),
    sa.Column("found_at", Instant, nullable=False),
)
finding_verdicts = sa.Table(
    "finding_verdicts",
    metadata,
    sa.Column("finding", sa.String(80), primary_key=True),
    sa.Column("verdict", sa.String(10), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("operator", sa.String(80), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", sa.Integer),
)
canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("app", sa.BigInteger),
    sa.Column("planted_at", Instant, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)


class SqlWatchStore:
    """See watch.ports.WatchStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, new: Sequence[Finding]) -> Sequence[FindingId]:
        """See WatchStore. A known finding keeps the moment at which it was first found."""
        fresh: list[FindingId] = []
        for finding in new:
            row = _written(finding)
            grown = {k: v for k, v in row.items() if k not in {"id", "found_at"}}
            known = self._connection.execute(findings.update().where(findings.c.id == finding.id).values(**grown))
            if known.rowcount == 0:
                self._connection.execute(findings.insert().values(**row))
                fresh.append(finding.id)
        return fresh

    def findings(self, app: AppNumber | None = None) -> Sequence[Finding]:
        """See WatchStore."""
        query = sa.select(findings).order_by(findings.c.score.desc(), findings.c.id)
        if app is not None:
            query = query.where(findings.c.app == app)
        return [_read(row) for row in self._connection.execute(query)]

    def finding(self, finding: FindingId) -> Finding | None:
        """See WatchStore."""
        row = self._connection.execute(sa.select(findings).where(findings.c.id == finding)).first()
        return _read(row) if row else None

    def give_verdict(self, verdict: FindingVerdict) -> None:
        """See WatchStore."""
        self._connection.execute(finding_verdicts.delete().where(finding_verdicts.c.finding == verdict.finding))
        self._connection.execute(
            finding_verdicts.insert().values(
                finding=verdict.finding,
                verdict=verdict.verdict,
                reason=verdict.reason,
                operator=verdict.operator,
                at=verdict.at,
                until=verdict.until.toordinal() if verdict.until else None,
            )
        )

    def verdicts(self) -> Mapping[FindingId, FindingVerdict]:
        """See WatchStore."""
        rows = self._connection.execute(sa.select(finding_verdicts))
        return {
            FindingId(r.finding): FindingVerdict(
                FindingId(r.finding),
                r.verdict,
                r.reason,
                r.operator,
                r.at,
                date.fromordinal(r.until) if r.until else None,
            )
            for r in rows
        }

    def plant(self, canary: Canary) -> None:
        """See WatchStore."""
        self._connection.execute(canaries.delete().where(canaries.c.person == canary.person))
        self._connection.execute(
            canaries.insert().values(
                person=canary.person, app=canary.app, planted_at=canary.planted_at, note=canary.note
            )
        )

    def canaries(self) -> Sequence[Canary]:
        """See WatchStore."""
        rows = self._connection.execute(sa.select(canaries).order_by(canaries.c.person))
        return [Canary(PersonNumber(r.person), AppNumber(r.app) if r.app else None, r.planted_at, r.note) for r in rows]


def _written(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "level": finding.level,
        "app": finding.app,
        "developer": finding.developer,
        "first_day": finding.first_day.toordinal(),
        "last_day": finding.last_day.toordinal(),
        "score": finding.score,
        "sentence": finding.sentence,
        "numbers": json.dumps(finding.numbers, sort_keys=True),
        "baseline": json.dumps(finding.baseline, sort_keys=True),
        "rows_only": finding.rows.only,
        "people": finding.people,
        "found_at": finding.found_at,
    }


def _read(row: Row[Any]) -> Finding:
    first, last = date.fromordinal(row.first_day), date.fromordinal(row.last_day)
    return Finding(
        id=FindingId(row.id),
        rule=row.rule,
        level=Level(row.level),
        app=AppNumber(row.app),
        developer=DeveloperNumber(row.developer),
        first_day=first,
        last_day=last,
        score=row.score,
        sentence=row.sentence,
        numbers=json.loads(row.numbers),
        baseline=json.loads(row.baseline),
        rows=RowQuery(AppNumber(row.app), first, last, row.rows_only),
        found_at=row.found_at,
        people=row.people,
    )
