"""Operators, sign-in links, sessions and the platform's keys in SQL.

Links and sessions are looked up by the digest of their secret, which is why their keys begin with that and not with a
person: a session may be anybody's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql import changes
from beholden.backends.sql.engine import Instant, metadata
from beholden.journeys.ports import Operator, Pass, PlatformKey
from beholden.model.act import ActorKind
from beholden.model.ids import OperatorId

operators = sa.Table(
    "operators",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("removed_at", Instant),
)
sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
    sa.Column("used_at", Instant),
    sa.Index("sign_in_links_by_subject", "kind", "subject"),
)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
    sa.Index("sessions_by_subject", "kind", "subject"),
)
platform_keys = sa.Table(
    "platform_keys",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(80), nullable=False, unique=True),
    sa.Column("caller", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("ends_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("last_used_at", Instant),
)

_SESSION = sa.select(sessions).where(
    sessions.c.digest == sa.bindparam("digest"), sessions.c.expires_at > sa.bindparam("at", type_=Instant)
)
_KEY = sa.select(platform_keys).where(
    platform_keys.c.digest == sa.bindparam("digest"), platform_keys.c.revoked_at.is_(None)
)


class SqlAccessStore:
    """See journeys.ports.AccessStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_operator(self, operator: Operator) -> None:
        """See AccessStore."""
        self._connection.execute(
            operators.insert().values(
                id=operator.id,
                name=operator.name,
                email=operator.email,
                added_at=operator.added_at,
                removed_at=operator.removed_at,
            )
        )

    def operator(self, operator: str) -> Operator | None:
        """See AccessStore."""
        row = self._connection.execute(sa.select(operators).where(operators.c.id == operator)).first()
        return _operator(row) if row else None

    def operators(self) -> Sequence[Operator]:
        """See AccessStore."""
        return [_operator(row) for row in self._connection.execute(sa.select(operators).order_by(operators.c.id))]

    def remove_operator(self, operator: OperatorId, at: datetime) -> bool:
        """See AccessStore."""
        done = self._connection.execute(
            operators.update().where(operators.c.id == operator, operators.c.removed_at.is_(None)).values(removed_at=at)
        )
        return done.rowcount == 1

    def add_link(self, digest: str, link: Pass) -> None:
        """See AccessStore."""
        self._connection.execute(sign_in_links.insert().values(digest=digest, used_at=None, **_written(link)))

    def take_link(self, digest: str, at: datetime) -> Pass | None:
        """See AccessStore. One statement decides who gets it."""
        taken = self._connection.execute(
            sign_in_links.update()
            .where(sign_in_links.c.digest == digest, sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > at)
            .values(used_at=at)
        )
        if taken.rowcount != 1:
            return None
        return _pass(self._connection.execute(sa.select(sign_in_links).where(sign_in_links.c.digest == digest)).one())

    def add_session(self, digest: str, session: Pass) -> None:
        """See AccessStore."""
        self._connection.execute(sessions.insert().values(digest=digest, **_written(session)))

    def session(self, digest: str, at: datetime) -> Pass | None:
        """See AccessStore."""
        row = self._connection.execute(_SESSION, {"digest": digest, "at": at}).first()
        return _pass(row) if row else None

    def end_session(self, digest: str) -> bool:
        """See AccessStore."""
        return self._connection.execute(sessions.delete().where(sessions.c.digest == digest)).rowcount == 1

    def end_passes(self, kind: ActorKind, id_: str) -> int:
        """See AccessStore."""
        self._connection.execute(
            sign_in_links.delete().where(sign_in_links.c.kind == kind, sign_in_links.c.subject == id_)
        )
        ended = self._connection.execute(sessions.delete().where(sessions.c.kind == kind, sessions.c.subject == id_))
        return ended.rowcount

    def sweep(self, at: datetime) -> None:
        """See AccessStore."""
        self._connection.execute(sign_in_links.delete().where(sign_in_links.c.expires_at <= at))
        self._connection.execute(sessions.delete().where(sessions.c.expires_at <= at))

    def add_platform_key(self, digest: str, key: PlatformKey) -> None:
        """See AccessStore."""
        self._connection.execute(
            platform_keys.insert().values(
                digest=digest,
                id=key.id,
                caller=key.caller,
                kind=key.kind,
                added_at=key.added_at,
                ends_at=key.ends_at,
                revoked_at=key.revoked_at,
                last_used_at=key.last_used_at,
            )
        )

    def platform_key(self, digest: str, at: datetime) -> PlatformKey | None:
        """See AccessStore."""
        row = self._connection.execute(_KEY, {"digest": digest}).first()
        key = _key(row) if row else None
        return key if key is not None and key.holds(at) else None

    def platform_keys(self) -> Sequence[PlatformKey]:
        """See AccessStore."""
        query = sa.select(platform_keys).order_by(platform_keys.c.caller, platform_keys.c.added_at, platform_keys.c.id)
        return [_key(row) for row in self._connection.execute(query)]

    def note_platform_key(self, id_: str, at: datetime) -> None:
        """See AccessStore."""
        self._connection.execute(platform_keys.update().where(platform_keys.c.id == id_).values(last_used_at=at))

    def end_platform_key(self, id_: str, ends_at: datetime) -> None:
        """See AccessStore."""
        self._connection.execute(
            platform_keys.update()
            .where(
                platform_keys.c.id == id_,
                platform_keys.c.ends_at.is_(None) | (platform_keys.c.ends_at > ends_at),
            )
            .values(ends_at=ends_at)
        )

    def revoke_platform_key(self, id_: str, at: datetime) -> bool:
        """See AccessStore."""
        done = self._connection.execute(
            platform_keys.update()
            .where(platform_keys.c.id == id_, platform_keys.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        if done.rowcount == 1:
            # No fact of the gate, but workers remember a key that holds until the feed moves on: so it does.
            changes.name(self._connection, platform_keys, policy=True)
        return done.rowcount == 1


def _written(given: Pass) -> dict[str, Any]:
    return {
        "kind": given.kind,
        "subject": given.id,
        "issued_at": given.issued_at,
        "expires_at": given.expires_at,
    }


def _pass(row: Row[Any]) -> Pass:
    return Pass(ActorKind(row.kind), row.subject, row.issued_at, row.expires_at)


def _key(row: Row[Any]) -> PlatformKey:
    return PlatformKey(row.id, row.caller, row.added_at, row.revoked_at, row.kind, row.ends_at, row.last_used_at)


def _operator(row: Row[Any]) -> Operator:
    return Operator(OperatorId(row.id), row.name, row.email, row.added_at, row.removed_at)
