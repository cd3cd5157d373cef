"""What sending notices needs: a way to hand over letters, and a place that remembers what was done."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pyroaring import BitMap

from beholden.model.grant import Grant
from beholden.model.ids import CampaignId, GrantId, PersonNumber
from beholden.notices.audience import Audience, Share
from beholden.notices.campaign import Batch, Campaign, Delivery, Kind, Settlement, Trouble
from beholden.notices.letter import Letter


class Mailer(Protocol):
    """Hands letters to a mail server.

    One outcome a letter, in order. DELIVERED only when the server said that it has taken responsibility for that
    letter. Trouble with the server is an outcome (UNSENT), not an exception: what was handed over before it counts.
    """

    @property
    def sender(self) -> str:
        """The address that letters come from, usable as it is in a header."""
        ...

    def deliver(self, letters: Sequence[Letter]) -> Sequence[Delivery]:
        """Hand over letters."""
        ...

    def close(self) -> None:
        """End the connection, if there is one."""
        ...


class NoticeStore(Protocol):
    """Campaigns, their frozen audiences, and the journal of their sending. All of it stays (law 7)."""

    def add(self, campaign: Campaign) -> None:
        """A new campaign."""
        ...

    def campaign(self, campaign: str) -> Campaign | None:
        """One campaign."""
        ...

    def campaigns(self) -> Sequence[Campaign]:
        """All campaigns, newest first."""
        ...

    def save(self, campaign: Campaign, held: int) -> None:
        """Replace what is on record of a campaign; raises Conflict unless its epoch there is `held`."""
        ...

    def keep_audience(self, campaign: CampaignId, audience: Audience) -> None:
        """Record the frozen audience."""
        ...

    def impacted(self, campaign: CampaignId) -> BitMap:
        """The frozen impacted set."""
        ...

    def members(self, campaign: CampaignId, container: int) -> Sequence[tuple[int, BitMap]]:
        """The cohorts with people in one container (person number // 65,536), and who they are."""
        ...

    def shares(self, campaign: CampaignId) -> Mapping[int, tuple[Share, ...]]:
        """What each cohort is told, by its number."""
        ...

    def of_person(self, person: PersonNumber) -> Sequence[tuple[CampaignId, tuple[Share, ...]]]:
        """The campaigns whose frozen set has this person, with what they are told. One small read, no row a person."""
        ...

    def open_batch(self, campaign: CampaignId) -> Batch | None:
        """The batch whose intent is on record without an outcome."""
        ...

    def begin(self, campaign: CampaignId, batch: Batch) -> None:
        """Record a batch's intent, or one attempt more of it."""
        ...

    def finish(self, campaign: CampaignId, batch: Batch, settlement: Settlement, at: datetime) -> None:
        """Record a batch's outcome; a delivered letter ends its trouble."""
        ...

    def doubt(self, campaign: CampaignId, people: Iterable[int], batch: int, at: datetime) -> None:
        """List people whose letter may have gone out before and is sent again."""
        ...

    def delivered(self, campaign: CampaignId) -> BitMap:
        """Everyone whose letter the mail server took."""
        ...

    def doubts(self, campaign: CampaignId) -> Sequence[PersonNumber]:
        """Everyone listed as doubtful, by number."""
        ...

    def troubles(self, campaign: CampaignId, kinds: Collection[Kind] = tuple(Kind)) -> Sequence[Trouble]:
        """Troubles of these kinds, by person."""
        ...

    def deferred(self, campaign: CampaignId, due: datetime, limit: int) -> Sequence[Trouble]:
        """Deferred letters whose next try is due, by person."""
        ...

    def tries(self, campaign: CampaignId, people: Collection[PersonNumber]) -> Mapping[PersonNumber, int]:
        """How often the letter of each was put off; people without trouble are left out."""
        ...

    def mark_seen(self, person: PersonNumber, campaign: CampaignId, at: datetime) -> bool:
        """The person opened the notice; False when they had before. It is shown all the same."""
        ...

    def seen(self, person: PersonNumber) -> Mapping[CampaignId, datetime]:
        """When the person first opened each notice."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Drop what is kept of one person apart from the frozen sets: replies of mail servers, what they opened."""
        ...


@dataclass(frozen=True, slots=True)
class RunningOut:
    """An active grant near its end by the clock, with the person's own last use of the app."""

    grant: Grant
    last_use: datetime | None


class WarningState(StrEnum):
    """What became of a warning's letter. Whatever it is, the warning stands on the person's page."""

    BEGUN = "begun"  # its intent is on record, its outcome is not
    DEFERRED = "deferred"  # the mail server put it off, or did not answer
    SENT = "sent"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    PASSED = "passed"  # before it could be sent again it was no longer true


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning on record: of one grant, for one end, so many days before (0: that it has ended). `at` is when it
    became due; a letter sent again is dated and worded by it. `next_at` is when an open one is due (again)."""

    person: PersonNumber
    grant: GrantId
    ends_at: datetime
    days: int
    state: WarningState
    at: datetime
    doubtful: bool = False
    reply: str = ""
    tries: int = 0
    next_at: datetime | None = None


class ExpiryBook(Protocol):
    """Grants whose time runs out, and the warnings that were given."""

    def running_out(
        self,
        *,
        unused_since: datetime | None,
        ends_by: datetime,
        after: tuple[PersonNumber, GrantId] | None,
        limit: int,
    ) -> Sequence[RunningOut]:
        """Active grants that end by age at or before `ends_by`, or whose person's own last use (or, without any, the
        granting) was at or before `unused_since` (None: no such clock); in order of (person, grant), from `after`."""
        ...

    def warned(self, ids: Collection[tuple[PersonNumber, GrantId]]) -> Sequence[Warned]:
        """Every warning on record of these grants."""
        ...

    def open_warnings(self, due: datetime, limit: int) -> Sequence[Warned]:
        """Warnings that are begun, or deferred until `due` at the latest, in order of (person, grant)."""
        ...

    def put_warnings(self, warnings: Sequence[Warned]) -> None:
        """Record warnings, replacing those of the same grant, end and days."""
        ...

    def grants(self, ids: Collection[tuple[PersonNumber, GrantId]]) -> Mapping[GrantId, RunningOut]:
        """These grants, active or not, with the person's own last use."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Drop what mail servers said of this person's letters; that they were warned stays."""
        ...
