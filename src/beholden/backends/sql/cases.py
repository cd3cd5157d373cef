"""Cases, developers' keys and certifications in SQL.

A case is one row with what is asked of it, and rows that are only ever added: its steps, RFIs, questions, answers. The
row's version is the number of its steps, which makes a write a compare-and-set.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, chunks, insert_new, metadata
from beholden.cases.case import Case, CaseEvent, CaseState, Step
from beholden.cases.certification import Certification, Defect, Signature, SignatureKind, SignatureState, Statement
from beholden.cases.rfi import Answer, Question, Rfi
from beholden.cases.verdict import Outcome, Verdict
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import Conflict
from beholden.model.finding import Level
from beholden.model.ids import AppNumber, CaseId, CertificationId, DeveloperNumber, FindingId

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("developer", sa.BigInteger, nullable=False, index=True),
    sa.Column("apps", sa.Text, nullable=False),
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due", Instant),  # while a clock runs: what the deadline sweep looks for
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Index("cases_by_due", "due"),
)
case_events = sa.Table(
    "case_events",
    metadata,
    sa.Column("case", sa.String(80), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("entry", sa.BigInteger, nullable=False),
)
rfis = sa.Table(
    "case_rfis",
    metadata,
    sa.Column("case", sa.String(80), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("questions", sa.Text, nullable=False),
    sa.Column("recipients", sa.Text, nullable=False),
    sa.Column("sent_at", Instant, nullable=False),
    sa.Column("due", Instant, nullable=False),
)
answers = sa.Table(
    "case_answers",
    metadata,
    sa.Column("case", sa.String(80), primary_key=True),
    sa.Column("rfi", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("question", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
)
developer_keys = sa.Table(
    "developer_keys",
    metadata,
    sa.Column("developer", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(44), primary_key=True),
    sa.Column("since", Instant, nullable=False),
    sa.Column("ended_at", Instant),
)
certifications = sa.Table(
    "certifications",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("developer", sa.BigInteger, nullable=False, index=True),
    sa.Column("case", sa.String(80), index=True),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("signature", sa.Text),
    sa.Column("signature_state", sa.String(20), nullable=False),
    sa.Column("defects", sa.Text, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("received_from", sa.String(200), nullable=False),
    sa.Column("entry", sa.BigInteger, nullable=False),
)


class SqlCaseStore:
    """See cases.ports.CaseStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, before: Case | None, after: Case) -> None:
        """See CaseStore."""
        known = len(before.history) if before is not None else 0
        self._save_row(known, after)
        events = [_event_row(after.id, n, e) for n, e in enumerate(after.history) if n >= known]
        if events:
            self._connection.execute(case_events.insert(), events)
        sent = {rfi.number: len(rfi.answers) for rfi in before.rfis} if before is not None else {}
        for rfi in after.rfis:
            if rfi.number not in sent:
                self._connection.execute(rfis.insert().values(**_rfi_row(after.id, rfi)))
            said = [_answer_row(after.id, rfi.number, n, a) for n, a in enumerate(rfi.answers)]
            if said[sent.get(rfi.number, 0) :]:
                self._connection.execute(answers.insert(), said[sent.get(rfi.number, 0) :])

    def _save_row(self, known: int, after: Case) -> None:
        values = {
            "state": after.state,
            "due": after.due,
            "version": len(after.history),
            "verdict": _verdict_text(after.verdict) if after.verdict else None,
        }
        if known == 0:
            opened = {
                "id": after.id,
                "developer": after.developer,
                "apps": json.dumps(list(after.apps)),
                "findings": json.dumps(list(after.findings)),
                "opened_at": after.history[0].at,
            }
            self._connection.execute(cases.insert().values(**opened, **values))
            return
        same = (cases.c.id == after.id) & (cases.c.version == known)
        if self._connection.execute(cases.update().where(same).values(**values)).rowcount != 1:
            raise Conflict(f"The case {after.id} has moved on meanwhile.", "Look at it again.")

    def case(self, case: CaseId) -> Case | None:
        """See CaseStore."""
        found = self._read(sa.select(cases).where(cases.c.id == case))
        return found[0] if found else None

    def cases(self, *, developer: DeveloperNumber | None = None, app: AppNumber | None = None) -> Sequence[Case]:
        """See CaseStore."""
        query = sa.select(cases).order_by(cases.c.opened_at.desc(), cases.c.id)
        if developer is not None:
            query = query.where(cases.c.developer == developer)
        return [case for case in self._read(query) if app is None or app in case.apps]

    def due(self, now: datetime) -> Sequence[Case]:
        """See CaseStore."""
        return self._read(sa.select(cases).where(cases.c.due <= now).order_by(cases.c.due, cases.c.id))

    def _read(self, query: sa.Select[Any]) -> list[Case]:
        """Whole cases in the order of the query, in a fixed number of statements for every 500 of them."""
        found: list[Case] = []
        for rows in chunks(list(self._connection.execute(query))):
            ids = [row.id for row in rows]
            events = self._by_case(case_events, ids, case_events.c.position)
            asked = self._by_case(rfis, ids, rfis.c.number)
            said = self._by_case(answers, ids, answers.c.rfi, answers.c.position)
            found.extend(
                _case(row, events.get(row.id, []), asked.get(row.id, []), said.get(row.id, [])) for row in rows
            )
        return found

    def _by_case(self, table: sa.Table, ids: list[str], *order: sa.ColumnElement[Any]) -> dict[str, list[Row[Any]]]:
        grouped: dict[str, list[Row[Any]]] = {}
        for row in self._connection.execute(sa.select(table).where(table.c.case.in_(ids)).order_by(*order)):
            grouped.setdefault(row.case, []).append(row)
        return grouped

    def add_key(self, developer: DeveloperNumber, key: str, at: datetime) -> None:
        """See CaseStore. A key that was ended stays ended: whoever ended it had a reason."""
        row = {"developer": developer, "key": key, "since": at, "ended_at": None}
        insert_new(self._connection, developer_keys, [row])

    def end_key(self, developer: DeveloperNumber, key: str, at: datetime) -> bool:
        """See CaseStore."""
        same = (developer_keys.c.developer == developer) & (developer_keys.c.key == key)
        done = self._connection.execute(
            developer_keys.update().where(same, developer_keys.c.ended_at.is_(None)).values(ended_at=at)
        )
        return done.rowcount == 1

    def keys(self, developer: DeveloperNumber) -> Sequence[str]:
        """See CaseStore."""
        query = sa.select(developer_keys.c.key).where(
            developer_keys.c.developer == developer, developer_keys.c.ended_at.is_(None)
        )
        return list(self._connection.execute(query.order_by(developer_keys.c.since, developer_keys.c.key)).scalars())

    def add_certification(self, certification: Certification) -> None:
        """See CaseStore."""
        signature = certification.signature
        self._connection.execute(
            certifications.insert().values(
                id=certification.id,
                developer=certification.developer,
                case=certification.case,
                statement=_statement_text(certification.statement),
                signature=json.dumps([signature.kind, signature.key, signature.value]) if signature else None,
                signature_state=certification.signature_state,
                defects=json.dumps([[d.code, d.sentence, d.ask] for d in certification.defects]),
                received_at=certification.received_at,
                received_from=certification.received_from,
                entry=certification.entry,
            )
        )

    def certification(self, certification: CertificationId) -> Certification | None:
        """See CaseStore."""
        query = sa.select(certifications).where(certifications.c.id == certification)
        row = self._connection.execute(query).first()
        return _certification(row) if row else None

    def certifications(
        self, *, developer: DeveloperNumber | None = None, case: CaseId | None = None
    ) -> Sequence[Certification]:
        """See CaseStore."""
        query = sa.select(certifications).order_by(certifications.c.received_at.desc(), certifications.c.id)
        if developer is not None:
            query = query.where(certifications.c.developer == developer)
        if case is not None:
            query = query.where(certifications.c.case == case)
        return [_certification(row) for row in self._connection.execute(query)]


def _event_row(case: CaseId, position: int, event: CaseEvent) -> dict[str, Any]:
    return {
        "case": case,
        "position": position,
        "step": event.step,
        "actor_kind": event.actor.kind,
        "actor": event.actor.id,
        "at": event.at,
        "reason": event.reason,
        "state": event.state,
        "evidence": json.dumps(list(event.evidence)),
        "entry": event.entry,
    }


def _rfi_row(case: CaseId, rfi: Rfi) -> dict[str, Any]:
    return {
        "case": case,
        "number": rfi.number,
        "questions": json.dumps([q.text for q in rfi.questions]),
        "recipients": json.dumps(list(rfi.recipients)),
        "sent_at": rfi.sent_at,
        "due": rfi.due,
    }


def _answer_row(case: CaseId, rfi: int, position: int, answer: Answer) -> dict[str, Any]:
    return {
        "case": case,
        "rfi": rfi,
        "position": position,
        "question": answer.question,
        "text": answer.text,
        "actor_kind": answer.by.kind,
        "actor": answer.by.id,
        "at": answer.at,
        "late": answer.late,
    }


def _case(row: Row[Any], events: list[Row[Any]], asked: list[Row[Any]], said: list[Row[Any]]) -> Case:
    history = tuple(
        CaseEvent(Step(e.step), _actor(e), e.at, e.reason, CaseState(e.state), tuple(json.loads(e.evidence)), e.entry)
        for e in events
    )
    closed = history[-1]
    return Case(
        CaseId(row.id),
        DeveloperNumber(row.developer),
        tuple(AppNumber(n) for n in json.loads(row.apps)),
        tuple(FindingId(f) for f in json.loads(row.findings)),
        CaseState(row.state),
        history,
        tuple(_rfi(r, [a for a in said if a.rfi == r.number]) for r in asked),
        _verdict(row.verdict, closed) if row.verdict else None,
    )


def _rfi(row: Row[Any], said: list[Row[Any]]) -> Rfi:
    return Rfi(
        row.number,
        tuple(Question(n, text) for n, text in enumerate(json.loads(row.questions), 1)),
        tuple(json.loads(row.recipients)),
        row.sent_at,
        row.due,
        tuple(Answer(a.question, a.text, _actor(a), a.at, a.late) for a in said),
    )


def _actor(row: Row[Any]) -> Actor:
    return Actor(ActorKind(row.actor_kind), row.actor)


def _verdict_text(verdict: Verdict) -> str:
    """By whom and when is in the closing step."""
    return json.dumps([verdict.outcome, verdict.reason, list(verdict.evidence), verdict.severity, verdict.deceit])


def _verdict(text: str, closed: CaseEvent) -> Verdict:
    outcome, reason, evidence, severity, deceit = json.loads(text)
    level = Level(severity) if severity else None
    return Verdict(Outcome(outcome), reason, tuple(evidence), closed.actor, closed.at, level, deceit)


def _statement_text(statement: Statement) -> str:
    said = {name: getattr(statement, name) for name in statement.__dataclass_fields__}
    return json.dumps({k: v.isoformat() if isinstance(v, date) else v for k, v in said.items()})


def _statement(text: str) -> Statement:
    said = json.loads(text)
    for key in ("deleted_on", "signed_on"):
        said[key] = date.fromisoformat(said[key]) if said[key] else None
    for key in ("apps", "categories"):
        said[key] = tuple(said[key])
    return Statement(**said)


def _certification(row: Row[Any]) -> Certification:
    signature = None
    if row.signature:
        kind, key, value = json.loads(row.signature)
        signature = Signature(SignatureKind(kind), key, value)
    return Certification(
        CertificationId(row.id),
        DeveloperNumber(row.developer),
        CaseId(row.case) if row.case else None,
        _statement(row.statement),
        signature,
        SignatureState(row.signature_state),
        tuple(Defect(*said) for said in json.loads(row.defects)),
        row.received_at,
        row.received_from,
        row.entry,
    )
