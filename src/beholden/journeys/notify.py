"""Telling everyone impacted: draft, freeze the audience, send (journeys/post.py), and what a person sees of it.

The inbox needs no sending: a person has a notice because their number is in the frozen set. So the notice is there for
everyone from the moment that sending begins, whatever becomes of the letter.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from beholden.journeys.acts import operators_only
from beholden.journeys.affected import Outcome
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.post import Progress, SendReport, app_words, report, send, send_due, words_of
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.app import App
from beholden.model.errors import BadInput, Conflict, Damaged, NotFound
from beholden.model.ids import AppNumber, CampaignId, CaseId, DeveloperNumber, PersonNumber
from beholden.model.standing import Standing
from beholden.notices import campaign as campaigns_
from beholden.notices import wording
from beholden.notices.audience import Share, assemble, shares
from beholden.notices.campaign import Campaign, CampaignState, Kind, Trouble
from beholden.notices.letter import domain_of
from beholden.notices.wording import Section

__all__ = ["Progress", "SendReport", "send", "send_due"]  # part of this journey for its callers

MAX_WORDS = 2000
_LOOKUP = 10_000
_TOLD = (CampaignState.SENDING, CampaignState.DONE)


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as an operator sees it. Counts are zero until it is frozen; `root` is the ledger's, in base64."""

    id: CampaignId
    state: str
    apps: tuple[str, ...]
    developers: tuple[str, ...]
    case: CaseId | None
    happened: str
    measures: str
    contact: str
    drafted_at: datetime
    drafted_by: str
    frozen_at: datetime | None
    sending_at: datetime | None
    done_at: datetime | None
    due: int
    direct: int
    indirect: int
    erased: int
    sha256: str
    ledger_size: int
    root: str


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a campaign's letters. Lists hold everyone for whom something is not simply delivered; `doubtful`
    are people whose letter a crash forced to be sent again under the same Message-ID."""

    campaign: CampaignView
    delivered: int
    failed: tuple[Trouble, ...]
    undeliverable: tuple[Trouble, ...]
    deferred: tuple[Trouble, ...]
    erased: tuple[PersonNumber, ...]
    doubtful: tuple[PersonNumber, ...]


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice as its person sees it: the words of the letter, and the facts apart for a page to lay out."""

    campaign: CampaignId
    subject: str
    sections: tuple[Section, ...]
    apps: tuple[str, ...]
    fields: tuple[str, ...]
    outcome: Outcome
    told_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """Which of the three holds for one person and one campaign. `paths` says how, an entry an app."""

    outcome: Outcome
    apps: tuple[str, ...]
    fields: tuple[str, ...]
    paths: tuple[str, ...]


def draft(
    engines: Engines,
    actor: Actor,
    apps: Sequence[AppNumber],
    happened: str,
    *,
    measures: str = "",
    case: CaseId | None = None,
) -> CampaignView:
    """Begin a campaign about one or several apps. `happened` and `measures` go into every letter as they are.

    Without `measures` the letter says what the ban or suspension on record means; where nothing is on record, it
    must be said (BadInput): people are told what was done (GDPR Art. 33(3)(d)).
    """
    happened = _text(happened, "what happened")
    now = engines.clock.now()
    with engines.store.read() as unit:
        _allowed(unit, actor)
        found = [_app(unit, number) for number in dict.fromkeys(apps)]
        if not found:
            raise BadInput("A campaign is about at least one app.", "Name one.")
        said = _text(measures, "what was done") if measures.strip() else _measures(unit, found)
    campaign = Campaign(
        CampaignId(engines.ids.new("campaign")),
        CampaignState.DRAFTED,
        tuple(app.number for app in found),
        case,
        happened,
        said,
        engines.contact,
        engines.ids.secret(),
        domain_of(engines.url),
        now,
        str(actor),
    )
    numbers = [int(app.number) for app in found]
    engines.ledger.append([Act(actor, "notice:draft", campaign.id, now, details={"apps": numbers, "case": case or ""})])
    with engines.store.write() as unit:
        unit.notices.add(campaign)
        return _view(unit, campaign)


def apps_named(engines: Engines, clients: Sequence[str], developer: DeveloperNumber | None = None) -> list[AppNumber]:
    """The numbers of apps by client id, and of all apps of a developer; raises NotFound for one that is not there."""
    with engines.store.read() as unit:
        found: list[AppNumber] = []
        for client in clients:
            app = unit.directory.app(client)
            if app is None:
                raise NotFound(f"There is no app {client[:80]!r}.", "List them with `beholden app list`.")
            found.append(app.number)
        if developer is not None:
            theirs = unit.directory.apps(developer)
            if not theirs:
                raise NotFound(f"The developer {developer} has no apps.", "List them with `beholden app list`.")
            found.extend(app.number for app in theirs)
    return found


def freeze(engines: Engines, campaign: str, *, actor: Actor = SYSTEM) -> CampaignView:
    """Fix who is told: everyone whom the ledger names at a checkpoint published now, the erased left out and counted.

    The act in the ledger has the counts, the set's SHA-256 and the checkpoint it was computed at, and no identities.
    It comes before the commit: a crash in between leaves an act for a set that nobody was told from, and the next
    freeze writes another. Raises Conflict when the campaign is frozen already.
    """
    now = engines.clock.now()
    with engines.store.read() as unit:
        _allowed(unit, actor)
        found = _campaign(unit, campaign)
    if found.state is not CampaignState.DRAFTED:
        raise Conflict(f"The campaign {found.id} is {found.state}.", "An audience is frozen once.")
    note = engines.ledger.checkpoint()
    size, root = _tree_head(note)
    told = shares(row for row in engines.ledger.disclosures(apps=found.apps) if row.seq < size)
    audience = assemble(told, _erased(engines, told), size, note)
    frozen = campaigns_.frozen(found, audience, now)
    details = {
        "due": frozen.due,
        "direct": frozen.direct,
        "indirect": frozen.indirect,
        "erased": frozen.erased,
        "sha256": frozen.sha256,
        "ledger_size": size,
        "root": root,
    }
    engines.ledger.append([Act(actor, "notice:freeze", found.id, now, details=details)])
    with engines.store.write() as unit:
        unit.notices.save(frozen, held=found.epoch)
        unit.notices.keep_audience(found.id, audience)
        return _view(unit, frozen)


def campaigns(engines: Engines) -> tuple[CampaignView, ...]:
    """All campaigns, newest first."""
    with engines.store.read() as unit:
        return tuple(_view(unit, campaign) for campaign in unit.notices.campaigns())


def status(engines: Engines, campaign: str) -> Status:
    """What became of every letter of a campaign; raises NotFound."""
    with engines.store.read() as unit:
        found = _campaign(unit, campaign)
        troubles = unit.notices.troubles(found.id)
        by_kind = {kind: tuple(t for t in troubles if t.kind is kind) for kind in Kind}
        return Status(
            _view(unit, found),
            report(unit, found).delivered,
            by_kind[Kind.FAILED],
            by_kind[Kind.UNDELIVERABLE],
            by_kind[Kind.DEFERRED],
            tuple(t.person for t in by_kind[Kind.ERASED]),
            tuple(unit.notices.doubts(found.id)),
        )


def inbox(engines: Engines, person: PersonNumber) -> tuple[NoticeView, ...]:
    """Every notice that this person has, newest first, for as long as the records stand; seen ones too."""
    with engines.store.read() as unit:
        views = [_notice(engines, unit, person, c, s) for c, s in _told(unit, person).values()]
    return tuple(sorted(views, key=lambda view: view.told_at, reverse=True))


def notice(engines: Engines, person: PersonNumber, campaign: str) -> NoticeView:
    """One notice; raises NotFound when this person has none of that campaign."""
    with engines.store.read() as unit:
        found = _told(unit, person).get(campaign)
        if found is None:
            raise NotFound("There is no such notice for you.", "Look in your inbox.")
        return _notice(engines, unit, person, *found)


def self_check(engines: Engines, person: PersonNumber, campaign: str) -> SelfCheck:
    """Whether this person is among those a campaign told: not affected, through someone, or their own doing.

    By the frozen set, so that it agrees with the letter. Beside one app rather than a campaign, and by the ledger as it
    stands, `journeys/affected.py` answers. Raises NotFound for a campaign that tells nobody (yet).
    """
    with engines.store.read() as unit:
        of_campaign = _campaign(unit, campaign)
        if of_campaign.state not in _TOLD:
            raise NotFound(f"There is no campaign {campaign[:80]!r}.", "See the list.")
        found = _told(unit, person).get(campaign)
        if found is None:
            return SelfCheck(Outcome.NOT_AFFECTED, (), (), ())
        theirs = found[1]
        words = app_words(unit, [share.app for share in theirs])
    names = tuple(words[share.app].name for share in theirs)
    return SelfCheck(_outcome(theirs), names, _fields(engines, theirs), tuple(wording.path(s) for s in theirs))


def mark_seen(engines: Engines, person: PersonNumber, campaign: str) -> bool:
    """The person opened the notice; False when they had before. It goes on being shown."""
    with engines.store.write() as unit:
        found = _told(unit, person).get(campaign)
        if found is None:
            raise NotFound("There is no such notice for you.", "Look in your inbox.")
        return unit.notices.mark_seen(person, found[0].id, engines.clock.now())


def _allowed(unit: Unit, actor: Actor) -> None:
    """Campaigns are begun by operators, or by the system itself after a ban."""
    if actor != SYSTEM:
        operators_only(unit, actor)


def _told(unit: Unit, person: PersonNumber) -> Mapping[str, tuple[Campaign, tuple[Share, ...]]]:
    found: dict[str, tuple[Campaign, tuple[Share, ...]]] = {}
    for number, theirs in unit.notices.of_person(person):
        campaign = unit.notices.campaign(number)
        if campaign is not None and campaign.state in _TOLD:
            found[number] = (campaign, theirs)
    return found


def _notice(
    engines: Engines, unit: Unit, person: PersonNumber, campaign: Campaign, theirs: tuple[Share, ...]
) -> NoticeView:
    words = words_of(engines, unit, campaign, theirs)
    apps = app_words(unit, [share.app for share in theirs])
    return NoticeView(
        campaign.id,
        words.subject,
        words.sections,
        tuple(apps[share.app].name for share in theirs),
        _fields(engines, theirs),
        _outcome(theirs),
        campaign.sending_at or campaign.drafted_at,
        unit.notices.seen(person).get(campaign.id),
    )


def _outcome(theirs: Sequence[Share]) -> Outcome:
    return Outcome.YOU_DID if any(share.direct for share in theirs) else Outcome.THROUGH_SOMEONE


def _fields(engines: Engines, theirs: Sequence[Share]) -> tuple[str, ...]:
    return wording.labels(tuple({field for share in theirs for field in share.fields}), engines.catalogue)


def _erased(engines: Engines, told: Collection[PersonNumber]) -> set[PersonNumber]:
    gone: set[PersonNumber] = set()
    people = iter(told)
    with engines.store.read() as unit:
        while some := list(islice(people, _LOOKUP)):
            gone.update(set(some) - unit.directory.people(some).keys())
    return gone


def _tree_head(note: str) -> tuple[int, str]:
    """Size and root of a checkpoint (C2SP tlog-checkpoint: origin, size, root, each on a line)."""
    lines = note.split("\n")
    if len(lines) < 3 or not lines[1].isdecimal():
        raise Damaged("The ledger's checkpoint cannot be read.", "Verify the ledger.")
    return int(lines[1]), lines[2]


def _text(text: str, what: str) -> str:
    lines = [" ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in text.splitlines()]
    said = "\n".join(line for line in lines if line)
    if not said or len(said) > MAX_WORDS:
        raise BadInput(f"Say {what} in 1 to {MAX_WORDS} characters.", "It goes into every letter.")
    return said


def _measures(unit: Unit, apps: Sequence[App]) -> str:
    standings = [unit.directory.standing(app) for app in apps]
    if all(developer is Standing.BANNED for _, developer in standings):
        return "We banned the developer. None of its apps receives anybody’s data any more; all permissions are ended."
    if all(Standing.BANNED in pair for pair in standings):
        return "We banned what received the data: it gets nobody’s data any more, and all permissions are ended."
    if all(Standing.BANNED in pair or Standing.SUSPENDED in pair for pair in standings):
        return "We suspended what received the data: it gets nobody’s data until the matter is settled."
    raise BadInput("Nothing is on record that was done about every one of these apps.", "Say what was done.")


def _app(unit: Unit, number: AppNumber) -> App:
    app = unit.directory.app_by_number(number)
    if app is None:
        raise NotFound(f"There is no app with number {number}.", "List them with `beholden app list`.")
    return app


def _campaign(unit: Unit, campaign: str) -> Campaign:
    found = unit.notices.campaign(campaign)
    if found is None:
        raise NotFound(f"There is no campaign {campaign[:80]!r}.", "List them with `beholden notice list`.")
    return found


def _view(unit: Unit, campaign: Campaign) -> CampaignView:
    words = app_words(unit, campaign.apps)
    return CampaignView(
        campaign.id,
        campaign.state,
        tuple(words[number].name for number in campaign.apps),
        tuple(dict.fromkeys(words[number].developer for number in campaign.apps)),
        campaign.case,
        campaign.happened,
        campaign.measures,
        campaign.contact,
        campaign.drafted_at,
        campaign.drafted_by,
        campaign.frozen_at,
        campaign.sending_at,
        campaign.done_at,
        campaign.due,
        campaign.direct,
        campaign.indirect,
        campaign.erased,
        campaign.sha256,
        campaign.ledger_size,
        _tree_head(campaign.checkpoint)[1] if campaign.checkpoint else "",
    )
