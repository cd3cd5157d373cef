"""Clients' terms, pushed requests and what may come once, in SQL. None of it names a person."""

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from beholden.backends.sql.engine import Instant, insert_new, metadata
from beholden.gate.oauth.client import ClientTerms
from beholden.gate.oauth.pushed import READING, Pushed
from beholden.model.ids import AppNumber

client_terms = sa.Table(
    "oauth_client_terms",
    metadata,
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("push", sa.Boolean, nullable=False),
    sa.Column("dpop", sa.Boolean, nullable=False),
    sa.Column("manages", sa.Boolean, nullable=False),
    sa.Column("keys", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)
pushed_requests = sa.Table(
    "oauth_pushed_requests",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("pairs", sa.Text, nullable=False),
    sa.Column("pushed_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("opened_at", Instant),
    sa.Column("used_at", Instant),
    sa.Index("oauth_pushed_requests_by_end", "expires_at"),
)
# Proofs and assertions that came; the row lives as long as the text could come again.
seen_once = sa.Table(
    "oauth_seen_once",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("until", Instant, nullable=False),
    sa.Index("oauth_seen_once_by_end", "until"),
)


class SqlOAuthBook:
    """OAuthBook within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def terms(self, app: AppNumber) -> ClientTerms:
        """See OAuthBook."""
        row = self._connection.execute(sa.select(client_terms).where(client_terms.c.app == app)).first()
        if row is None:
            return ClientTerms()
        return ClientTerms(bool(row.push), bool(row.dpop), bool(row.manages), tuple(json.loads(row.keys)))

    def put_terms(self, app: AppNumber, terms: ClientTerms, at: datetime) -> None:
        """See OAuthBook."""
        values = {
            "push": terms.push,
            "dpop": terms.dpop,
            "manages": terms.manages,
            "keys": json.dumps(list(terms.keys)),
            "since": at,
        }
        insert_new(self._connection, client_terms, [{"app": app, **values}])
        self._connection.execute(client_terms.update().where(client_terms.c.app == app).values(values))

    def add_pushed(self, request: Pushed) -> None:
        """See OAuthBook."""
        self._connection.execute(
            pushed_requests.insert().values(
                digest=request.digest,
                app=request.app,
                pairs=json.dumps(request.pairs),
                pushed_at=request.pushed_at,
                expires_at=request.expires_at,
                opened_at=request.opened_at,
                used_at=request.used_at,
            )
        )

    def pushed(self, digest: bytes) -> Pushed | None:
        """See OAuthBook."""
        row = self._connection.execute(sa.select(pushed_requests).where(pushed_requests.c.digest == digest)).first()
        if row is None:
            return None
        pairs = tuple((name, value) for name, value in json.loads(row.pairs))
        return Pushed(
            bytes(row.digest),
            AppNumber(row.app),
            pairs,
            row.pushed_at,
            row.expires_at,
            row.opened_at,
            row.used_at,
        )

    def open_pushed(self, request: Pushed, at: datetime) -> bool:
        """See OAuthBook."""
        return self._mark(request, "opened_at", at)

    def use_pushed(self, request: Pushed, at: datetime) -> bool:
        """See OAuthBook."""
        return self._mark(request, "used_at", at)

    def _mark(self, request: Pushed, column: str, at: datetime) -> bool:
        marked = (
            pushed_requests.update()
            .where(pushed_requests.c.digest == request.digest, pushed_requests.c[column].is_(None))
            .values({column: at})
        )
        return self._connection.execute(marked).rowcount == 1

    def remember(self, once: bytes, until: datetime) -> bool:
        """See OAuthBook."""
        if self._connection.execute(sa.select(seen_once.c.digest).where(seen_once.c.digest == once)).first():
            return False
        # Of two at once the second fails here, is tried again (Duplicate), and then finds it above.
        self._connection.execute(seen_once.insert().values(digest=once, until=until))
        return True

    def sweep(self, before: datetime) -> int:
        """See OAuthBook."""
        over = pushed_requests.delete().where(pushed_requests.c.expires_at < before - READING)
        done = self._connection.execute(over).rowcount
        return int(done + self._connection.execute(seen_once.delete().where(seen_once.c.until < before)).rowcount)
