"""Consent in SQL: answers, clients' secrets, codes and tokens.

A token is looked up by its digest, which names no person; so the person leads the key, as everywhere, and the digest
has a unique index besides.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, chunks, insert_new, metadata
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.ports import Answer
from beholden.gate.oauth.token import Code, Kind, Token
from beholden.model.ids import AppNumber, GrantId, PersonNumber

answers = sa.Table(
    "consent_answers",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),  # two may come in one instant
    sa.Column("at", Instant, nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("allowed", sa.Text, nullable=False),
    sa.Column("grant", sa.String(80)),
    sa.Index("consent_answers_by_app", "app", "at"),
)
places = sa.Table(
    "consent_places",
    metadata,
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("claimed_at", Instant, nullable=False),
)
client_secrets = sa.Table(
    "client_secrets",
    metadata,
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("created_at", Instant, nullable=False),
)
codes = sa.Table(
    "oauth_codes",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("grant", sa.String(80), nullable=False),
    sa.Column("redirect_uri", sa.Text, nullable=False),
    sa.Column("challenge", sa.String(43), nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("family", sa.String(80), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("jkt", sa.String(43)),
    sa.Index("oauth_codes_by_digest", "digest", unique=True),
    sa.Index("oauth_codes_by_end", "expires_at"),
)
tokens = sa.Table(
    "oauth_tokens",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("grant", sa.String(80), nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("family", sa.String(80), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("used_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("jkt", sa.String(43)),
    sa.Index("oauth_tokens_by_digest", "digest", unique=True),
    sa.Index("oauth_tokens_by_grant", "grant"),
    sa.Index("oauth_tokens_by_app", "app"),
    sa.Index("oauth_tokens_by_end", "expires_at"),
)


class SqlConsentBook:
    """ConsentBook within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record_answer(self, answer: Answer) -> None:
        """See ConsentBook."""
        before = sa.select(sa.func.coalesce(sa.func.max(answers.c.nth), 0)).where(
            answers.c.person == answer.person, answers.c.app == answer.app
        )
        nth = int(self._connection.execute(before).scalar_one()) + 1
        self._connection.execute(
            answers.insert().values(
                person=answer.person,
                app=answer.app,
                nth=nth,
                at=answer.at,
                asked=json.dumps(list(answer.asked)),
                allowed=json.dumps(list(answer.allowed)),
                grant=answer.grant,
            )
        )

    def answers(self, *, person: PersonNumber | None = None, app: AppNumber | None = None) -> Sequence[Answer]:
        """See ConsentBook."""
        if person is None and app is None:
            raise ValueError("answers of whom, or to whom?")
        query = sa.select(answers).order_by(answers.c.at.desc(), answers.c.nth.desc(), answers.c.person)
        if person is not None:
            query = query.where(answers.c.person == person)
        if app is not None:
            query = query.where(answers.c.app == app)
        return [_answer(row) for row in self._connection.execute(query)]

    def claim_place(self, app: AppNumber, at: datetime) -> None:
        """See ConsentBook. Writing one row per app makes the second of two units wait, then fail and be retried."""
        insert_new(self._connection, places, [{"app": app, "claimed_at": at}])
        self._connection.execute(places.update().where(places.c.app == app).values(claimed_at=at))

    def secrets(self, app: AppNumber) -> Sequence[bytes]:
        """See ConsentBook."""
        query = sa.select(client_secrets.c.digest).where(client_secrets.c.app == app)
        return [bytes(digest) for digest in self._connection.execute(query).scalars()]

    def put_secret(self, app: AppNumber, digest: bytes, at: datetime) -> None:
        """See ConsentBook."""
        self._connection.execute(client_secrets.delete().where(client_secrets.c.app == app))
        self._connection.execute(client_secrets.insert().values(app=app, digest=digest, created_at=at))

    def add_code(self, code: Code) -> None:
        """See ConsentBook."""
        self._connection.execute(
            codes.insert().values(
                person=code.person,
                digest=code.digest,
                app=code.app,
                grant=code.grant,
                redirect_uri=code.redirect_uri,
                challenge=code.challenge,
                scope=code.scope,
                family=code.family,
                issued_at=code.issued_at,
                expires_at=code.expires_at,
                used_at=code.used_at,
                details=_written(code.details),
                jkt=code.jkt,
            )
        )

    def code(self, digest: bytes) -> Code | None:
        """See ConsentBook."""
        row = self._connection.execute(sa.select(codes).where(codes.c.digest == digest)).first()
        return _code(row) if row else None

    def use_code(self, code: Code, at: datetime) -> bool:
        """See ConsentBook."""
        done = self._connection.execute(
            codes.update()
            .where(codes.c.person == code.person, codes.c.digest == code.digest, codes.c.used_at.is_(None))
            .values(used_at=at)
        )
        return done.rowcount == 1

    def add_tokens(self, tokens_: Sequence[Token]) -> None:
        """See ConsentBook."""
        rows = [
            {
                "person": token.person,
                "digest": token.digest,
                "kind": token.kind,
                "app": token.app,
                "grant": token.grant,
                "scope": token.scope,
                "family": token.family,
                "issued_at": token.issued_at,
                "expires_at": token.expires_at,
                "used_at": token.used_at,
                "ended_at": token.ended_at,
                "details": _written(token.details),
                "jkt": token.jkt,
            }
            for token in tokens_
        ]
        if rows:
            self._connection.execute(tokens.insert(), rows)

    def token(self, digest: bytes) -> Token | None:
        """See ConsentBook."""
        row = self._connection.execute(sa.select(tokens).where(tokens.c.digest == digest)).first()
        return _token(row) if row else None

    def use_token(self, token: Token, at: datetime) -> bool:
        """See ConsentBook."""
        done = self._connection.execute(
            tokens.update()
            .where(
                tokens.c.person == token.person,
                tokens.c.digest == token.digest,
                tokens.c.used_at.is_(None),
                tokens.c.ended_at.is_(None),
            )
            .values(used_at=at)
        )
        return done.rowcount == 1

    def end_token(self, token: Token, at: datetime) -> None:
        """See ConsentBook."""
        self._end((tokens.c.person == token.person) & (tokens.c.digest == token.digest), at)

    def end_family(self, code: Code, at: datetime) -> int:
        """See ConsentBook."""
        return self._end((tokens.c.person == code.person) & (tokens.c.family == code.family), at)

    def end_tokens(self, *, apps: Sequence[AppNumber] | None = None, grant: GrantId | None = None, at: datetime) -> int:
        """See ConsentBook."""
        if (apps is None) == (grant is None):
            raise ValueError("end the tokens of apps or of a grant, one of the two")
        if grant is not None:
            return self._end(tokens.c.grant == grant, at)
        return sum(self._end(tokens.c.app.in_(some), at) for some in chunks(list(apps or ())))

    def _end(self, which: sa.ColumnElement[bool], at: datetime) -> int:
        done = self._connection.execute(tokens.update().where(which, tokens.c.ended_at.is_(None)).values(ended_at=at))
        return int(done.rowcount)

    def forget(self, person: PersonNumber) -> None:
        """See ConsentBook."""
        for table in (answers, codes, tokens):
            self._connection.execute(table.delete().where(table.c.person == person))

    def sweep(self, before: datetime) -> int:
        """See ConsentBook."""
        over = (tokens.c.ended_at < before) | ((tokens.c.kind == Kind.ACCESS) & (tokens.c.expires_at < before))
        done = self._connection.execute(tokens.delete().where(over)).rowcount
        return int(done + self._connection.execute(codes.delete().where(codes.c.expires_at < before)).rowcount)


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        PersonNumber(row.person),
        AppNumber(row.app),
        row.at,
        tuple(json.loads(row.asked)),
        tuple(json.loads(row.allowed)),
        GrantId(row.grant) if row.grant else None,
    )


def _code(row: Row[Any]) -> Code:
    return Code(
        PersonNumber(row.person),
        bytes(row.digest),
        AppNumber(row.app),
        GrantId(row.grant),
        row.redirect_uri,
        row.challenge,
        row.scope,
        row.family,
        row.issued_at,
        row.expires_at,
        row.used_at,
        _details(row.details),
        row.jkt,
    )


def _token(row: Row[Any]) -> Token:
    return Token(
        PersonNumber(row.person),
        bytes(row.digest),
        Kind(row.kind),
        AppNumber(row.app),
        GrantId(row.grant),
        row.scope,
        row.family,
        row.issued_at,
        row.expires_at,
        row.used_at,
        row.ended_at,
        _details(row.details),
        row.jkt,
    )


def _written(details: Sequence[Detail]) -> str:
    return json.dumps([[detail.fields, detail.purposes, detail.through] for detail in details])


def _details(text: str) -> tuple[Detail, ...]:
    return tuple(Detail(tuple(fields), tuple(purposes), through) for fields, purposes, through in json.loads(text))
