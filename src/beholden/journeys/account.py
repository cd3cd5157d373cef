"""What a person sees and does about the apps that have, had, or might get their data.

Everything shown is read from the directory and the ledger; nothing is worked out a second way. Through whom an
indirect disclosure went is not named here: that somebody uses an app is that somebody's own datum.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from beholden.gate.decision import expires_at
from beholden.gate.signals.callback import Call, CallKind
from beholden.journeys.ports import DeletionRequest, Engines, Unit
from beholden.journeys.signal import grants_ended
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App
from beholden.model.catalogue import Catalogue
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.errors import Conflict, NotFound
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.person import Scope
from beholden.model.policy import Policy
from beholden.model.standing import Standing, worse

PAGE = 50
RECENT = 10
MONTHS = 12
SOON = timedelta(days=14)


class Tab(StrEnum):
    """Where an app stands with a person: the words of the pages."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class AppCard:
    """An app as people may know it. `standing` is the worse of its own and its developer's."""

    number: AppNumber
    client_id: str
    name: str
    description: str
    developer: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class GrantView:
    """One grant in words. `ends_at` is the earlier of its ends by disuse and by age; use puts off the former only."""

    tab: Tab
    fields: tuple[str, ...]
    through_fields: tuple[str, ...]
    purposes: tuple[str, ...]
    granted_at: datetime
    ends_at: datetime | None
    ends_by_disuse: bool
    ended_at: datetime | None
    reason: EndReason | None


@dataclass(frozen=True, slots=True)
class Received:
    """What an app was given of the person, as counted in the ledger. Fields in words."""

    direct: int = 0
    indirect: int = 0
    fields: tuple[str, ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def count(self) -> int:
        """Disclosures, direct and indirect."""
        return self.direct + self.indirect


@dataclass(frozen=True, slots=True)
class Connected:
    """An app and the person: `grant` is the latest, None where the app only ever got data through others."""

    app: AppCard
    grant: GrantView | None
    last_use: datetime | None
    received: Received
    sharing_off: bool
    deletion: DeletionRequest | None
    soon: bool  # the grant ends within 14 days

    @property
    def active(self) -> bool:
        """Whether the app may get data of the person now, by their grant."""
        return self.grant is not None and self.grant.tab is Tab.ACTIVE

    @property
    def latest_at(self) -> datetime | None:
        """When the app last was allowed or given anything."""
        granted = self.grant.granted_at if self.grant else None
        return max((at for at in (self.received.last_at, granted) if at is not None), default=None)

    @property
    def can_ask_deletion(self) -> bool:
        """Whether the app may hold something that it was not asked to delete yet."""
        if self.latest_at is None:
            return False
        return self.deletion is None or self.deletion.at < self.latest_at


@dataclass(frozen=True, slots=True)
class AppDetail:
    """One app's page: what is now, and everything that was."""

    now: Connected
    grants: tuple[GrantView, ...]
    recent: tuple["Shared", ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """One disclosure of the person's data. `direct` is False where it went through somebody else."""

    seq: int
    at: datetime
    app: AppCard
    fields: tuple[str, ...]
    purpose: str
    direct: bool


@dataclass(frozen=True, slots=True)
class SharedPage:
    """Disclosures, newest first. `earlier` is the place to go on from, None at the end."""

    rows: tuple[Shared, ...]
    total: int
    earlier: int | None
    first: bool


@dataclass(frozen=True, slots=True)
class Month:
    """Disclosures of one calendar month (UTC)."""

    first_day: datetime
    direct: int
    indirect: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: the one big switch, and what there is to know."""

    name: str
    all_off_since: datetime | None
    active: int
    ending_soon: tuple[Connected, ...]
    months: tuple[Month, ...]
    disclosures: int
    apps_that_received: int


def person_known_as(engines: Engines, outside_id: str) -> PersonNumber | None:
    """The person whom the platform calls `outside_id`, if the directory has them and they are not erased."""
    with engines.store.read() as unit:
        return unit.directory.numbers([outside_id]).get(outside_id)


def overview(engines: Engines, person: PersonNumber) -> Overview:
    """The first page of the privacy centre; raises NotFound for a person who is not (any more) there."""
    now = engines.clock.now()
    rows = list(engines.ledger.disclosures(person=person))
    with engines.store.read() as unit:
        known = unit.directory.people([person]).get(person)
        if known is None:
            raise NotFound("This account is not here any more.", "Sign out.")
        connected = _connected(unit, engines.catalogue, person, rows, now)
        choices = unit.directory.choices(person)
    off = next((c.since for c in choices if c.scope is Scope.ALL and not c.sharing), None)
    return Overview(
        name=known.name,
        all_off_since=off,
        active=sum(1 for c in connected if c.active),
        ending_soon=tuple(c for c in connected if c.soon),
        months=months(rows, now),
        disclosures=len(rows),
        apps_that_received=sum(1 for c in connected if c.received.count),
    )


def apps(engines: Engines, person: PersonNumber) -> tuple[Connected, ...]:
    """Every app that has or had a grant of the person, or was ever given their data; newest business first."""
    rows = list(engines.ledger.disclosures(person=person))
    with engines.store.read() as unit:
        return _connected(unit, engines.catalogue, person, rows, engines.clock.now())


def app(engines: Engines, person: PersonNumber, client_id: str) -> AppDetail:
    """One app beside the person, be they connected or not; raises NotFound for an unknown app."""
    now = engines.clock.now()
    with engines.store.read() as unit:
        found = _app(unit, client_id)
        rows = list(engines.ledger.disclosures(person=person, apps=[found.number]))
        reader = _Reader(unit, engines.catalogue, person, now)
        grants = [g for g in unit.directory.grants(person=person) if g.app == found.number]
        detail = reader.connected(found, grants, rows)
        views = tuple(reader.grant(g) for g in grants)
        recent = tuple(_shared(row, detail.app, engines.catalogue) for row in rows[: -RECENT - 1 : -1])
    return AppDetail(detail, views, recent)


def disclosures(
    engines: Engines, person: PersonNumber, *, client_id: str | None = None, before: int | None = None
) -> SharedPage:
    """What went where: PAGE disclosures, newest first, those before place `before` of the ledger."""
    with engines.store.read() as unit:
        only = [_app(unit, client_id).number] if client_id is not None else None
        page: deque[RecordedDisclosure] = deque(maxlen=PAGE + 1)
        total = later = 0
        for row in engines.ledger.disclosures(person=person, apps=only):
            total += 1
            if before is None or row.seq < before:
                page.append(row)
            else:
                later += 1
        more = len(page) > PAGE
        shown = list(page)[-PAGE:]
        cards = _cards(unit, {row.app for row in shown})
    rows = tuple(_shared(row, cards[row.app], engines.catalogue) for row in reversed(shown))
    return SharedPage(rows, total, rows[-1].seq if more else None, first=later == 0)


def owns(engines: Engines, person: PersonNumber, seq: int) -> bool:
    """Whether place `seq` of the ledger is a disclosure of this person's data: only they get its receipt."""
    return any(row.person == person for row in engines.ledger.rows([seq]))


def remove(engines: Engines, person: PersonNumber, client_id: str, *, ask_deletion: bool) -> str:
    """End the person's grant to an app, and its tokens; in force at the next request (law 5).

    To be deleted at the app is another wish than to be cut off from it: only with `ask_deletion` is it recorded, for
    the developer to see, and for the app to be called for where it has an address. Returns the request's code then,
    else an empty text. Raises Conflict when there is nothing left to do.
    """
    now = engines.clock.now()
    actor = Actor(ActorKind.PERSON, str(person))
    code = engines.ids.new("deletion") if ask_deletion else ""
    with engines.store.write() as unit:
        found = _app(unit, client_id)
        active = [g for g in unit.directory.grants(person=person, active=True) if g.app == found.number]
        if not active and not ask_deletion:
            raise Conflict("This app has no access to end.", "Look at its page.")
        if ask_deletion and not _beside(engines, unit, person, found, now).can_ask_deletion:
            raise Conflict("There is nothing to delete, or you have asked already.", "The app's page says which.")
        for grant in active:
            unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.PERSON, now)
            unit.consent.end_tokens(grant=grant.id, at=now)
        grants_ended(unit, [(grant, EndReason.PERSON) for grant in active], now)
        acts = [Act(actor, "grant:remove", grant.id, now, found.number) for grant in active]
        if ask_deletion:
            unit.deletions.add(DeletionRequest(person, found.number, now, code))
            unit.calls.add([Call(code, CallKind.DELETION, found.number, person, now)])
            acts.append(Act(actor, "deletion:request", code, now, found.number))
        # The ledger first: a crash before the commit leaves an act without its effect, which the person sees on this
        # page and can do again; the other order could leave an effect without an act (law 12).
        engines.ledger.append(acts)
    return code


def keep(engines: Engines, person: PersonNumber, client_id: str) -> None:
    """The person says "keep this app": their own use, so that the 90 days begin again (law 6: it is the person).

    Raises Conflict when the grant has ended already; then only the app's own sign-in can ask anew.
    """
    now = engines.clock.now()
    with engines.store.write() as unit:
        found = _app(unit, client_id)
        active = [g for g in unit.directory.grants(person=person, active=True) if g.app == found.number]
        policy = unit.directory.policy()
        last_use = unit.directory.last_uses(person).get(found.number)
        if not any(_tab(g, policy, last_use, now) is Tab.ACTIVE for g in active):
            raise Conflict("The app's access has ended already.", "Open the app and connect it again if you want it.")
        unit.directory.record_use(person, found.number, now)
        engines.ledger.append([Act(Actor(ActorKind.PERSON, str(person)), "app:keep", client_id, now, found.number)])


def months(rows: Iterable[RecordedDisclosure], now: datetime) -> tuple[Month, ...]:
    """Disclosures counted by calendar month, the last MONTHS of them, empty ones too; oldest first."""
    firsts = [now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    while len(firsts) < MONTHS:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    counts: dict[tuple[int, int], list[int]] = {(f.year, f.month): [0, 0] for f in firsts}
    for row in rows:
        count = counts.get((row.at.year, row.at.month))
        if count is not None:
            count[0 if row.direct else 1] += 1
    return tuple(Month(f, *counts[f.year, f.month]) for f in reversed(firsts))


def received(rows: Sequence[RecordedDisclosure], catalogue: Catalogue) -> Received:
    """What these rows, of one person and one app, come to."""
    if not rows:
        return Received()
    direct = sum(1 for row in rows if row.direct)
    fields = {field for row in rows for field in row.fields}
    return Received(
        direct,
        len(rows) - direct,
        labels(fields, catalogue),
        min(row.at for row in rows),
        max(row.at for row in rows),
    )


def labels(fields: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Fields in words, in the order of the catalogue; one that the catalogue no longer has keeps its name."""
    wanted = set(fields)
    known = tuple(label for name, label in catalogue.labels.items() if name in wanted)
    return known + tuple(sorted(wanted - set(catalogue.labels)))


def card(unit: Unit, app_: App) -> AppCard:
    """An app as its card."""
    developer = unit.directory.developer(app_.developer)
    standing = worse(*unit.directory.standing(app_))
    return AppCard(
        app_.number, app_.client_id, app_.name, app_.description, developer.name if developer else "", standing
    )


class _Reader:
    """One person's state of the world, read once, so that every app on a page is judged by the same."""

    def __init__(self, unit: Unit, catalogue: Catalogue, person: PersonNumber, now: datetime) -> None:
        self._unit = unit
        self._catalogue = catalogue
        self._now = now
        self._policy = unit.directory.policy()
        self._last_uses = unit.directory.last_uses(person)
        self._deletions = {request.app: request for request in unit.deletions.of_person(person)}
        choices = unit.directory.choices(person)
        self._off = {c.target for c in choices if c.scope is Scope.APP and not c.sharing}

    def connected(self, app_: App, grants: Sequence[Grant], rows: Sequence[RecordedDisclosure]) -> Connected:
        latest = min(grants, key=lambda g: (g.state is not GrantState.ACTIVE, -g.granted_at.timestamp()), default=None)
        view = self.grant(latest) if latest else None
        return Connected(
            app=card(self._unit, app_),
            grant=view,
            last_use=self._last_uses.get(app_.number),
            received=received(rows, self._catalogue),
            sharing_off=app_.client_id in self._off,
            deletion=self._deletions.get(app_.number),
            soon=bool(view and view.tab is Tab.ACTIVE and view.ends_at and view.ends_at - self._now <= SOON),
        )

    def grant(self, grant: Grant) -> GrantView:
        last_use = self._last_uses.get(grant.app)
        disused_at = expires_at(last_use, self._policy)
        ends = [end for end in (grant.ends_at, disused_at) if end is not None]
        tab = _tab(grant, self._policy, last_use, self._now)
        return GrantView(
            tab=tab,
            fields=labels(grant.fields, self._catalogue),
            through_fields=labels(grant.through_fields, self._catalogue),
            purposes=tuple(sorted(grant.purposes)),
            granted_at=grant.granted_at,
            ends_at=min(ends, default=None),
            ends_by_disuse=disused_at is not None and disused_at == min(ends),
            ended_at=grant.ended_at or (min(ends, default=None) if tab is Tab.EXPIRED else None),
            reason=grant.reason,
        )


def _tab(grant: Grant, policy: Policy, last_use: datetime | None, now: datetime) -> Tab:
    """A grant whose time is up counts as expired from that moment, whether or not the sweep has been by."""
    if grant.state is GrantState.REVOKED:
        return Tab.REMOVED
    if grant.state is GrantState.EXPIRED or (grant.ends_at is not None and now >= grant.ends_at):
        return Tab.EXPIRED
    if policy.inactivity_days is None:
        return Tab.ACTIVE
    end = expires_at(last_use, policy)
    return Tab.EXPIRED if end is None or now >= end else Tab.ACTIVE


def _connected(
    unit: Unit, catalogue: Catalogue, person: PersonNumber, rows: Sequence[RecordedDisclosure], now: datetime
) -> tuple[Connected, ...]:
    reader = _Reader(unit, catalogue, person, now)
    by_app: dict[AppNumber, list[RecordedDisclosure]] = {}
    for row in rows:
        by_app.setdefault(row.app, []).append(row)
    grants: dict[AppNumber, list[Grant]] = {}
    for grant in unit.directory.grants(person=person):
        grants.setdefault(grant.app, []).append(grant)
    found = [unit.directory.app_by_number(number) for number in sorted({*by_app, *grants})]
    all_ = [reader.connected(a, grants.get(a.number, []), by_app.get(a.number, [])) for a in found if a is not None]
    return tuple(sorted(all_, key=_latest, reverse=True))


def _beside(engines: Engines, unit: Unit, person: PersonNumber, app_: App, now: datetime) -> Connected:
    rows = list(engines.ledger.disclosures(person=person, apps=[app_.number]))
    grants = [g for g in unit.directory.grants(person=person) if g.app == app_.number]
    return _Reader(unit, engines.catalogue, person, now).connected(app_, grants, rows)


def _latest(connected: Connected) -> datetime:
    return max(at for at in (connected.latest_at, connected.last_use) if at is not None)


def _app(unit: Unit, client_id: str) -> App:
    found = unit.directory.app(client_id)
    if found is None:
        raise NotFound("There is no such app.", "Look for it in the list of your apps.")
    return found


def _cards(unit: Unit, numbers: Iterable[AppNumber]) -> Mapping[AppNumber, AppCard]:
    found = (unit.directory.app_by_number(number) for number in numbers)
    return {a.number: card(unit, a) for a in found if a is not None}


def _shared(row: RecordedDisclosure, card: AppCard, catalogue: Catalogue) -> Shared:
    return Shared(row.seq, row.at, card, labels(row.fields, catalogue), row.purpose, row.direct)
