"""A campaign: one sending of notices, and what is on record of it.

drafted -> frozen -> sending -> done, never back. Letters go in batches by rank in the frozen bitmap. A batch's intent
is on record before the first of its letters leaves, its outcome after the last: after a crash at most one batch is in
doubt. Its letters are sent again under the same Message-ID, and its people are listed (law 8).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pyroaring import BitMap

from beholden.model.errors import Conflict
from beholden.model.ids import AppNumber, CampaignId, CaseId, PersonNumber
from beholden.notices.audience import Audience

BATCH = 200
WAITS = tuple(timedelta(minutes=m) for m in (5, 15, 60, 240, 720))
"""Before each further try of a letter that the server put off; five tries end within the 24 h a notice may take."""


class CampaignState(StrEnum):
    """Where a campaign is."""

    DRAFTED = "drafted"
    FROZEN = "frozen"
    SENDING = "sending"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Campaign:
    """`secret` and `domain` fix every Message-ID; they never change. `checkpoint` is the signed note that the
    audience was computed at. `epoch` counts who took it in hand; what anybody but the latest writes is refused.
    `cursor` is the rank in the impacted set from which nobody was tried yet.
    """

    id: CampaignId
    state: CampaignState
    apps: tuple[AppNumber, ...]
    case: CaseId | None
    happened: str
    measures: str
    contact: str
    secret: bytes = field(repr=False)
    domain: str
    drafted_at: datetime
    drafted_by: str
    frozen_at: datetime | None = None
    sha256: str = ""
    due: int = 0
    direct: int = 0
    indirect: int = 0
    erased: int = 0
    ledger_size: int = 0
    checkpoint: str = ""
    sending_at: datetime | None = None
    done_at: datetime | None = None
    cursor: int = 0
    batches: int = 0
    epoch: int = 0


class Kind(StrEnum):
    """Why a person has no letter (yet)."""

    UNDELIVERABLE = "undeliverable"  # no address that a letter could go to
    FAILED = "failed"  # the mail server refused it for good
    DEFERRED = "deferred"  # to be tried again
    ERASED = "erased"  # erased since the set was frozen


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands between a person and the letter. Whoever it is, the notice is in their inbox."""

    person: PersonNumber
    kind: Kind
    reply: str
    tries: int
    at: datetime
    next_at: datetime | None = None


class Outcome(StrEnum):
    """What became of one letter at the mail server."""

    DELIVERED = "delivered"  # the server took it
    REFUSED = "refused"  # the server will never take it
    LATER = "later"  # the server cannot take it now
    DOUBTFUL = "doubtful"  # it was sent, and the connection ended before the answer
    UNSENT = "unsent"  # nothing of it left: the server, not the letter, is in trouble


@dataclass(frozen=True, slots=True)
class Delivery:
    """One letter's outcome and the server's own words."""

    person: PersonNumber
    outcome: Outcome
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Letters whose intent is on record. `attempts` above one means that an earlier sender died with it open."""

    number: int
    people: BitMap
    begun_at: datetime
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a finished batch leaves on record. `doubts` are listed for good; `troubles` replace earlier ones."""

    delivered: BitMap
    troubles: tuple[Trouble, ...]
    doubts: tuple[PersonNumber, ...]
    stalled: str = ""  # the server's trouble, where letters stayed unsent


def frozen(campaign: Campaign, audience: Audience, at: datetime) -> Campaign:
    """The campaign with its audience fixed; raises Conflict when it is fixed already."""
    _require(campaign, CampaignState.DRAFTED)
    return replace(
        campaign,
        state=CampaignState.FROZEN,
        epoch=campaign.epoch + 1,
        frozen_at=at,
        sha256=audience.sha256,
        due=len(audience.impacted),
        direct=len(audience.direct),
        indirect=len(audience.indirect),
        erased=audience.erased,
        ledger_size=audience.ledger_size,
        checkpoint=audience.checkpoint,
    )


def taken_over(campaign: Campaign, at: datetime) -> Campaign:
    """The campaign in the hands of a new sender; raises Conflict when it was not frozen, or is done."""
    _require(campaign, CampaignState.FROZEN, CampaignState.SENDING)
    return replace(
        campaign,
        state=CampaignState.SENDING,
        sending_at=campaign.sending_at or at,
        epoch=campaign.epoch + 1,
    )


def done(campaign: Campaign, at: datetime) -> Campaign:
    """The campaign at its end; raises Conflict when it is not being sent."""
    _require(campaign, CampaignState.SENDING)
    return replace(campaign, state=CampaignState.DONE, done_at=at)


def _require(campaign: Campaign, *states: CampaignState) -> None:
    if campaign.state not in states:
        raise Conflict(
            f"The campaign {campaign.id} is {campaign.state}.",
            f"This needs one that is {' or '.join(states)}.",
        )


def slice_from(campaign: Campaign, impacted: BitMap, size: int = BATCH) -> tuple[BitMap, Campaign]:
    """The next people by rank, and the campaign with its cursor behind them; empty at the end."""
    people: BitMap = impacted[campaign.cursor : campaign.cursor + size]
    return people, replace(campaign, cursor=campaign.cursor + len(people))


def settle(
    deliveries: Iterable[Delivery], troubles: Iterable[Trouble], tries: Mapping[PersonNumber, int], now: datetime
) -> Settlement:
    """What a batch's deliveries mean. `troubles` are of people for whom there was no letter to send; `tries` is how
    often the mail server put each person's letter off before."""
    delivered = BitMap()
    doubts: list[PersonNumber] = []
    found = list(troubles)
    stalled = ""
    for delivery in deliveries:
        before = tries.get(delivery.person, 0)
        if delivery.outcome is Outcome.DELIVERED:
            delivered.add(delivery.person)
        elif delivery.outcome is Outcome.REFUSED:
            found.append(Trouble(delivery.person, Kind.FAILED, delivery.reply, before + 1, now))
        elif delivery.outcome is Outcome.UNSENT:
            stalled = stalled or delivery.reply or "the mail server did not answer"
            found.append(Trouble(delivery.person, Kind.DEFERRED, delivery.reply, before, now, now))
        else:
            if delivery.outcome is Outcome.DOUBTFUL:
                doubts.append(delivery.person)
            found.append(_put_off(delivery, before, now))
    return Settlement(delivered, tuple(found), tuple(doubts), stalled)


def _put_off(delivery: Delivery, before: int, now: datetime) -> Trouble:
    """Try again, a doubtful letter at once, and not for ever."""
    if before >= len(WAITS):
        return Trouble(delivery.person, Kind.FAILED, f"given up: {delivery.reply}", before + 1, now)
    wait = timedelta(0) if delivery.outcome is Outcome.DOUBTFUL else WAITS[before]
    return Trouble(delivery.person, Kind.DEFERRED, delivery.reply, before + 1, now, now + wait)


def missing(impacted: BitMap, delivered: BitMap, troubles: Sequence[Trouble]) -> BitMap:
    """Who was left out, whatever the cursor says; must be empty before a campaign is done (law 8)."""
    return impacted - delivered - BitMap(t.person for t in troubles)
