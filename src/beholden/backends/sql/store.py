"""The store: opens units of work on one database."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine

from beholden.backends.sql import changes
from beholden.backends.sql.access import SqlAccessStore
from beholden.backends.sql.callbacks import SqlCallBook
from beholden.backends.sql.cases import SqlCaseStore
from beholden.backends.sql.changes import SqlChangeFeed
from beholden.backends.sql.consent import SqlConsentBook
from beholden.backends.sql.deletions import SqlDeletionRequests
from beholden.backends.sql.directory import SqlDirectory
from beholden.backends.sql.enforcement import SqlEnforcementStore
from beholden.backends.sql.engine import WAIT_SECONDS, connect, transaction
from beholden.backends.sql.expiry import SqlExpiryBook
from beholden.backends.sql.faults import Contended, Duplicate
from beholden.backends.sql.forensics import SqlExaminations
from beholden.backends.sql.gate import SqlGateFacts
from beholden.backends.sql.migrate import is_new, upgrade
from beholden.backends.sql.notices import SqlNoticeStore
from beholden.backends.sql.oauth import SqlOAuthBook
from beholden.backends.sql.rows import SqlGateRows
from beholden.backends.sql.search import SqlSearchFacts
from beholden.backends.sql.signals import SqlSignalBook
from beholden.backends.sql.watch import SqlWatchStore
from beholden.gate.ports import Applied

Result = TypeVar("Result")
_TRIES = 6
_PAUSE_SECONDS = 0.01


class SqlUnit:
    """One transaction, seen as the stages' ports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._opened = time.monotonic()

    @cached_property
    def directory(self) -> SqlDirectory:
        """People, apps, grants, choices."""
        return SqlDirectory(self._connection)

    @cached_property
    def access(self) -> SqlAccessStore:
        """Operators, sign-in links, sessions, the platform's keys."""
        return SqlAccessStore(self._connection)

    @cached_property
    def consent(self) -> SqlConsentBook:
        """Consent answers, clients' secrets, codes and tokens."""
        return SqlConsentBook(self._connection)

    @cached_property
    def oauth(self) -> SqlOAuthBook:
        """Clients' terms, pushed requests, what may come once."""
        return SqlOAuthBook(self._connection)

    @cached_property
    def gate(self) -> SqlGateFacts:
        """The gate's facts."""
        return SqlGateFacts(self._connection, self._opened)

    @cached_property
    def feed(self) -> SqlChangeFeed:
        """Which keys of the gate's facts changed."""
        return SqlChangeFeed(self._connection)

    def rows(self, secret: bytes) -> SqlGateRows:
        """Whole rows for the decision table."""
        return SqlGateRows(self._connection, secret)

    @cached_property
    def search(self) -> SqlSearchFacts:
        """Whom the gate may be asked about."""
        return SqlSearchFacts(self._connection, self.gate)

    @cached_property
    def deletions(self) -> SqlDeletionRequests:
        """Wishes of deletion."""
        return SqlDeletionRequests(self._connection)

    @cached_property
    def cases(self) -> SqlCaseStore:
        """Cases, developers' keys, certifications."""
        return SqlCaseStore(self._connection)

    @cached_property
    def enforcement(self) -> SqlEnforcementStore:
        """Sanctions, appeals, and the standing that the gate reads."""
        return SqlEnforcementStore(self._connection)

    @cached_property
    def watch(self) -> SqlWatchStore:
        """Findings, verdicts, canaries."""
        return SqlWatchStore(self._connection)

    @cached_property
    def notices(self) -> SqlNoticeStore:
        """Campaigns and what became of their letters."""
        return SqlNoticeStore(self._connection)

    @cached_property
    def expiry(self) -> SqlExpiryBook:
        """Grants whose time runs out, and the warnings given."""
        return SqlExpiryBook(self._connection)

    @cached_property
    def examinations(self) -> SqlExaminations:
        """Forensic examinations that were done."""
        return SqlExaminations(self._connection)

    @cached_property
    def signals(self) -> SqlSignalBook:
        """Streams of signals and what waits on each."""
        return SqlSignalBook(self._connection)

    @cached_property
    def calls(self) -> SqlCallBook:
        """Callbacks to apps."""
        return SqlCallBook(self._connection)


class SqlStore:
    """A Store on `sqlite:///FILE` or `postgresql://…`."""

    def __init__(self, url: str, *, applied: Applied | None = None, wait: float = WAIT_SECONDS) -> None:
        """`applied` is asked to wait after each commit that changed a gate fact (law 5); None waits for nobody.
        `wait` is how many seconds the database may take to answer."""
        self.engine: Engine = connect(url, wait)
        self._applied = applied
        changes.record(self.engine)

    def is_new(self) -> bool:
        """Whether the database has nothing of ours yet."""
        return is_new(self.engine)

    def prepare(self) -> None:
        """Bring the database to the present schema."""
        upgrade(self.engine)
        try:
            with transaction(self.engine, write=True) as connection:
                changes.ready(connection)
        except (Contended, Duplicate):
            pass  # another process of the same start made it

    @contextmanager
    def read(self) -> Iterator[SqlUnit]:
        """See Store."""
        with transaction(self.engine, write=False) as connection:
            yield SqlUnit(connection)

    @contextmanager
    def write(self) -> Iterator[SqlUnit]:
        """See Store. It cannot be done again, so it takes its turn at the change feed before it begins."""
        with self._writing(in_turn=True) as unit:
            yield unit

    @contextmanager
    def _writing(self, *, in_turn: bool) -> Iterator[SqlUnit]:
        with transaction(self.engine, write=True, turn=changes.TURN if in_turn else None) as connection:
            pending = changes.pending(connection)
            yield SqlUnit(connection)
        if pending.epoch and self._applied is not None:
            self._applied.wait(pending.epoch)

    def perform(self, work: Callable[[SqlUnit], Result]) -> Result:
        """See Store. Pauses double and are spread at random, so that two writers do not meet again and again.

        The first time in the hope that it changes no gate fact, or that nobody else does just now; then in turn.
        """
        for attempt in range(_TRIES):
            try:
                with self._writing(in_turn=attempt > 0) as unit:
                    return work(unit)
            except (Contended, Duplicate):
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_PAUSE_SECONDS * 2**attempt * (1 + random.random()))  # noqa: S311 - not a secret
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
