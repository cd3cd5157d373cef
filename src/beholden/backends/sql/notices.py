"""Campaigns in SQL: their frozen audiences as bitmaps, and the journal of their sending.

An audience is kept by roaring container (65,536 person numbers) and cohort, so that "is this person told, and what" is
one small keyed read at any size, and a sender needs one container at a time. Nothing is inserted a person, except for
those whose letter had trouble, is in doubt, or who opened their notice.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, chunks, insert_new, metadata
from beholden.model.errors import Conflict, Damaged
from beholden.model.ids import AppNumber, CampaignId, CaseId, PersonNumber
from beholden.notices.audience import CONTAINER, Audience, Share
from beholden.notices.campaign import Batch, Campaign, CampaignState, Kind, Settlement, Trouble

campaigns = sa.Table(
    "notice_campaigns",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("apps", sa.Text, nullable=False),
    sa.Column("case", sa.String(80)),
    sa.Column("happened", sa.Text, nullable=False),
    sa.Column("measures", sa.Text, nullable=False),
    sa.Column("contact", sa.String(320), nullable=False),
    sa.Column("secret", sa.LargeBinary(32), nullable=False),
    sa.Column("domain", sa.String(255), nullable=False),
    sa.Column("drafted_at", Instant, nullable=False),
    sa.Column("drafted_by", sa.String(200), nullable=False),
    sa.Column("frozen_at", Instant),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("direct", sa.BigInteger, nullable=False),
    sa.Column("indirect", sa.BigInteger, nullable=False),
    sa.Column("erased", sa.BigInteger, nullable=False),
    sa.Column("ledger_size", sa.BigInteger, nullable=False),
    sa.Column("checkpoint", sa.Text, nullable=False),
    sa.Column("sending_at", Instant),
    sa.Column("done_at", Instant),
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sa.Column("batches", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
)
cohorts = sa.Table(
    "notice_cohorts",
    metadata,
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("shares", sa.Text, nullable=False),
)
members = sa.Table(
    "notice_members",
    metadata,
    sa.Column("container", sa.BigInteger, primary_key=True, autoincrement=False),  # person number // 65,536
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("cohort", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("people", sa.LargeBinary, nullable=False),
    sa.Index("notice_members_by_campaign", "campaign"),
)
batches = sa.Table(
    "notice_batches",
    metadata,
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("people", sa.LargeBinary, nullable=False),
    sa.Column("begun_at", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("delivered", sa.LargeBinary),  # null while the batch is open
    sa.Column("done_at", Instant),
)
troubles = sa.Table(
    "notice_troubles",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("reply", sa.String(500), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("next_at", Instant),
    sa.Index("notice_troubles_by_campaign", "campaign", "kind", "next_at"),
)
doubts = sa.Table(
    "notice_doubts",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("batch", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("notice_doubts_by_campaign", "campaign"),
)
seen = sa.Table(
    "notice_seen",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("campaign", sa.String(80), primary_key=True),
    sa.Column("at", Instant, nullable=False),
)


class SqlNoticeStore:
    """NoticeStore within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, campaign: Campaign) -> None:
        """See NoticeStore."""
        self._connection.execute(campaigns.insert().values(**_values(campaign)))

    def campaign(self, campaign: str) -> Campaign | None:
        """See NoticeStore."""
        row = self._connection.execute(sa.select(campaigns).where(campaigns.c.id == campaign)).first()
        return _campaign(row) if row else None

    def campaigns(self) -> Sequence[Campaign]:
        """See NoticeStore."""
        query = sa.select(campaigns).order_by(campaigns.c.drafted_at.desc(), campaigns.c.id)
        return [_campaign(row) for row in self._connection.execute(query)]

    def save(self, campaign: Campaign, held: int) -> None:
        """See NoticeStore."""
        mine = (campaigns.c.id == campaign.id) & (campaigns.c.epoch == held)
        if self._connection.execute(campaigns.update().where(mine).values(**_values(campaign))).rowcount != 1:
            raise Conflict(f"Another sender has taken over the campaign {campaign.id}.", "Let that one finish.")

    def keep_audience(self, campaign: CampaignId, audience: Audience) -> None:
        """See NoticeStore."""
        for some in chunks(list(audience.cohorts)):
            written = [{"campaign": campaign, "number": c.number, "shares": _written(c.shares)} for c in some]
            self._connection.execute(cohorts.insert(), written)
        rows = [
            {"container": container, "campaign": campaign, "cohort": cohort.number, "people": people.serialize()}
            for cohort in audience.cohorts
            for container, people in _by_container(cohort.people)
        ]
        for some in chunks(rows):
            self._connection.execute(members.insert(), some)

    def impacted(self, campaign: CampaignId) -> BitMap:
        """See NoticeStore."""
        rows = self._connection.execute(sa.select(members.c.people).where(members.c.campaign == campaign))
        return _union(row.people for row in rows)

    def members(self, campaign: CampaignId, container: int) -> Sequence[tuple[int, BitMap]]:
        """See NoticeStore."""
        query = sa.select(members).where(members.c.container == container, members.c.campaign == campaign)
        return [(row.cohort, _read(row.people)) for row in self._connection.execute(query)]

    def shares(self, campaign: CampaignId) -> Mapping[int, tuple[Share, ...]]:
        """See NoticeStore."""
        rows = self._connection.execute(sa.select(cohorts).where(cohorts.c.campaign == campaign))
        return {row.number: _shares(row.shares) for row in rows}

    def of_person(self, person: PersonNumber) -> Sequence[tuple[CampaignId, tuple[Share, ...]]]:
        """See NoticeStore."""
        query = (
            sa.select(members.c.campaign, members.c.people, cohorts.c.shares)
            .join(cohorts, (cohorts.c.campaign == members.c.campaign) & (cohorts.c.number == members.c.cohort))
            .where(members.c.container == person // CONTAINER)
        )
        rows = self._connection.execute(query)
        return [(CampaignId(row.campaign), _shares(row.shares)) for row in rows if person in _read(row.people)]

    def open_batch(self, campaign: CampaignId) -> Batch | None:
        """See NoticeStore."""
        query = sa.select(batches).where(batches.c.campaign == campaign, batches.c.done_at.is_(None))
        row = self._connection.execute(query).first()
        return Batch(row.number, _read(row.people), row.begun_at, row.attempts) if row else None

    def begin(self, campaign: CampaignId, batch: Batch) -> None:
        """See NoticeStore."""
        key = (batches.c.campaign == campaign) & (batches.c.number == batch.number)
        again = batches.update().where(key).values(attempts=batch.attempts)
        if batch.attempts > 1 and self._connection.execute(again).rowcount == 1:
            return
        self._connection.execute(
            batches.insert().values(
                campaign=campaign,
                number=batch.number,
                people=batch.people.serialize(),
                begun_at=batch.begun_at,
                attempts=batch.attempts,
            )
        )

    def finish(self, campaign: CampaignId, batch: Batch, settlement: Settlement, at: datetime) -> None:
        """See NoticeStore."""
        key = (batches.c.campaign == campaign) & (batches.c.number == batch.number)
        self._connection.execute(
            batches.update().where(key).values(delivered=settlement.delivered.serialize(), done_at=at)
        )
        settled = [*settlement.delivered, *(trouble.person for trouble in settlement.troubles)]
        for some in chunks(settled):
            self._connection.execute(
                troubles.delete().where(troubles.c.person.in_(some), troubles.c.campaign == campaign)
            )
        if settlement.troubles:
            self._connection.execute(troubles.insert(), [_trouble_row(campaign, t) for t in settlement.troubles])
        self.doubt(campaign, settlement.doubts, batch.number, at)

    def doubt(self, campaign: CampaignId, people: Iterable[int], batch: int, at: datetime) -> None:
        """See NoticeStore."""
        rows = [{"person": person, "campaign": campaign, "batch": batch, "at": at} for person in people]
        insert_new(self._connection, doubts, rows)

    def delivered(self, campaign: CampaignId) -> BitMap:
        """See NoticeStore."""
        query = sa.select(batches.c.delivered).where(batches.c.campaign == campaign, batches.c.delivered.is_not(None))
        return _union(row.delivered for row in self._connection.execute(query))

    def doubts(self, campaign: CampaignId) -> Sequence[PersonNumber]:
        """See NoticeStore."""
        query = sa.select(doubts.c.person).where(doubts.c.campaign == campaign).order_by(doubts.c.person)
        return [PersonNumber(person) for person in self._connection.execute(query).scalars()]

    def troubles(self, campaign: CampaignId, kinds: Collection[Kind] = tuple(Kind)) -> Sequence[Trouble]:
        """See NoticeStore."""
        query = (
            sa.select(troubles)
            .where(troubles.c.campaign == campaign, troubles.c.kind.in_(list(kinds)))
            .order_by(troubles.c.person)
        )
        return [_trouble(row) for row in self._connection.execute(query)]

    def deferred(self, campaign: CampaignId, due: datetime, limit: int) -> Sequence[Trouble]:
        """See NoticeStore."""
        query = (
            sa.select(troubles)
            .where(troubles.c.campaign == campaign, troubles.c.kind == Kind.DEFERRED, troubles.c.next_at <= due)
            .order_by(troubles.c.person)
            .limit(limit)
        )
        return [_trouble(row) for row in self._connection.execute(query)]

    def tries(self, campaign: CampaignId, people: Collection[PersonNumber]) -> Mapping[PersonNumber, int]:
        """See NoticeStore."""
        found: dict[PersonNumber, int] = {}
        for some in chunks(list(people)):
            query = sa.select(troubles.c.person, troubles.c.tries).where(
                troubles.c.person.in_(some), troubles.c.campaign == campaign
            )
            found.update((PersonNumber(row.person), row.tries) for row in self._connection.execute(query))
        return found

    def mark_seen(self, person: PersonNumber, campaign: CampaignId, at: datetime) -> bool:
        """See NoticeStore."""
        if campaign in self.seen(person):
            return False
        insert_new(self._connection, seen, [{"person": person, "campaign": campaign, "at": at}])
        return True

    def seen(self, person: PersonNumber) -> Mapping[CampaignId, datetime]:
        """See NoticeStore."""
        rows = self._connection.execute(sa.select(seen).where(seen.c.person == person))
        return {CampaignId(row.campaign): row.at for row in rows}

    def forget(self, person: PersonNumber) -> None:
        """See NoticeStore. The row of a trouble stays as a count; the server's words, which name the address, go."""
        self._connection.execute(troubles.update().where(troubles.c.person == person).values(reply=""))
        self._connection.execute(seen.delete().where(seen.c.person == person))


def _values(campaign: Campaign) -> dict[str, Any]:
    values = {f.name: getattr(campaign, f.name) for f in fields(Campaign)}
    return values | {"apps": json.dumps(list(campaign.apps))}


def _campaign(row: Row[Any]) -> Campaign:
    values = dict(row._mapping)
    values["state"] = CampaignState(row.state)
    values["apps"] = tuple(AppNumber(number) for number in json.loads(row.apps))
    values["case"] = CaseId(row.case) if row.case else None
    values["id"] = CampaignId(row.id)
    values["secret"] = bytes(row.secret)
    return Campaign(**values)


def _trouble_row(campaign: CampaignId, trouble: Trouble) -> dict[str, Any]:
    return {
        "person": trouble.person,
        "campaign": campaign,
        "kind": trouble.kind,
        "reply": trouble.reply[:500],
        "tries": trouble.tries,
        "at": trouble.at,
        "next_at": trouble.next_at,
    }


def _trouble(row: Row[Any]) -> Trouble:
    return Trouble(PersonNumber(row.person), Kind(row.kind), row.reply, row.tries, row.at, row.next_at)


def _written(shares: tuple[Share, ...]) -> str:
    return json.dumps(
        [[s.app, s.direct, s.indirect, list(s.fields), s.first_day.isoformat(), s.last_day.isoformat()] for s in shares]
    )


def _shares(text: str) -> tuple[Share, ...]:
    return tuple(
        Share(
            AppNumber(app), direct, indirect, tuple(names), date.fromisoformat(first_day), date.fromisoformat(last_day)
        )
        for app, direct, indirect, names, first_day, last_day in json.loads(text)
    )


def _by_container(people: BitMap) -> Iterator[tuple[int, BitMap]]:
    """A set in parts of one roaring container each."""
    container = -1
    while people and people.max() >= (container + 1) * CONTAINER:
        container = people.next_set_bit((container + 1) * CONTAINER) // CONTAINER
        yield container, people & BitMap(range(container * CONTAINER, (container + 1) * CONTAINER))


def _read(data: bytes) -> BitMap:
    try:
        return BitMap.deserialize(data)
    except ValueError as error:
        raise Damaged(
            "A set of people in the database cannot be read.", "Restore the database from a backup."
        ) from error


def _union(parts: Iterable[bytes]) -> BitMap:
    return BitMap.union(BitMap(), *(_read(part) for part in parts))
