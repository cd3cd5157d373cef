"""What every journey needs: time, ids, the store with its unit of work, and the engines around it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from beholden.cases.ports import CaseStore
from beholden.enforcement.ports import EnforcementStore
from beholden.forensics.ports import Examinations, Seal
from beholden.gate.oauth.ports import ConsentBook, OAuthBook
from beholden.gate.ports import ChangeFeed, GateFacts, GateRows, SearchFacts, SharedTable
from beholden.gate.resource_types import ResourceTypes
from beholden.gate.routing import Routes
from beholden.gate.signals.ports import CallBook, SignalBook, Signer
from beholden.ledger.ports import Ledger
from beholden.model.act import ActorKind
from beholden.model.app import App, Ask, Developer
from beholden.model.catalogue import Catalogue
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, OperatorId, OutsideId, PersonNumber
from beholden.model.person import Choice, Person
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from beholden.notices.ports import ExpiryBook, NoticeStore
from beholden.watch.ports import Lake, WatchStore

Result = TypeVar("Result")


class Clock(Protocol):
    """The one source of time; in the demo it is moved by hand, never slept."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


class Ids(Protocol):
    """The one source of randomness for names and secrets."""

    def new(self, kind: str) -> str:
        """A fresh id: the kind, an underscore, and 128 random bits in base32."""
        ...

    def secret(self, length: int = 32) -> bytes:
        """Fresh random bytes that nobody can guess."""
        ...


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person as the platform announces them."""

    outside_id: OutsideId
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Review:
    """The platform's answer to an app's wish for one cluster for one purpose."""

    id: str
    app: AppNumber
    cluster: str
    purpose: str
    state: str  # requested | approved | refused | lapsed
    requested_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    last_used_at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A developer's signature under the terms for one cluster of one app."""

    app: AppNumber
    cluster: str
    signatory: str
    signed_at: datetime
    terms_sha256: str


class Directory(Protocol):
    """Who and what there is: people, developers, apps, what people chose, granted and used.

    Enrolling is idempotent by outside id. Ended grants and old choices stay (law 7).
    """

    def enrol(self, people: Sequence[NewPerson], at: datetime, keys: Sequence[bytes]) -> int:
        """Add the people who are not there yet, each with its 32-byte key; update name and e-mail of the others.

        Where an id stands twice, the later one counts. How many were added.
        """
        ...

    def numbers(self, outside_ids: Sequence[str]) -> Mapping[str, PersonNumber]:
        """The numbers of those who are known and not erased."""
        ...

    def people(self, numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, Person]:
        """The people with these numbers who are not erased."""
        ...

    def count_people(self) -> int:
        """How many people there are, erased ones left out."""
        ...

    def keys(self, numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, bytes]:
        """Person keys; an erased person has none."""
        ...

    def forget(self, person: PersonNumber, at: datetime) -> None:
        """Destroy the person's key, outside id, name and address. The number is never used again."""
        ...

    def choices(self, person: PersonNumber, *, ended: bool = False) -> Sequence[Choice]:
        """What the person has chosen, now (or also before)."""
        ...

    def choose(self, choice: Choice) -> None:
        """End the choice for the same scope and target, if there is one, and begin this."""
        ...

    def add_developer(self, name: str, email: str, at: datetime) -> Developer:
        """A new developer with the next number."""
        ...

    def developer(self, number: DeveloperNumber) -> Developer | None:
        """One developer."""
        ...

    def developers(self) -> Sequence[Developer]:
        """All developers, by number."""
        ...

    def add_app(
        self,
        client_id: ClientId,
        developer: DeveloperNumber,
        name: str,
        description: str,
        category: str,
        redirect_uris: Sequence[str],
        asks: Sequence[Ask],
        at: datetime,
    ) -> App:
        """A new app with the next number, unverified."""
        ...

    def set_verified(self, app: AppNumber, *, verified: bool) -> None:
        """Lift or restore the limit on an unverified app's people."""
        ...

    def app(self, client_id: str) -> App | None:
        """The app that the outside calls `client_id`."""
        ...

    def app_by_number(self, number: AppNumber) -> App | None:
        """The app with a number."""
        ...

    def apps(self, developer: DeveloperNumber | None = None) -> Sequence[App]:
        """All apps, or one developer's, by number."""
        ...

    def standing(self, app: App) -> tuple[Standing, Standing]:
        """The app's own standing and its developer's."""
        ...

    def add_grant(self, grant: Grant) -> None:
        """A new grant."""
        ...

    def end_grant(self, grant: GrantId, state: GrantState, reason: EndReason, at: datetime) -> bool:
        """End a grant; False when it had ended before, and then nothing changes."""
        ...

    def grants(
        self, *, person: PersonNumber | None = None, app: AppNumber | None = None, active: bool = False
    ) -> Sequence[Grant]:
        """Grants by person or app, newest first; ended ones too unless `active`."""
        ...

    def granted_people(self, app: AppNumber) -> int:
        """How many distinct people ever granted this app anything (the limit of an unverified app counts these)."""
        ...

    def record_use(self, person: PersonNumber, app: AppNumber, at: datetime) -> None:
        """The person used the app themself. Only ever called for a person's own presence (law 6)."""
        ...

    def record_uses(self, who: Sequence[tuple[PersonNumber, AppNumber]], at: datetime) -> None:
        """The same of many at one moment, in one statement."""
        ...

    def last_uses(self, person: PersonNumber) -> Mapping[AppNumber, datetime]:
        """When the person last used each app themself."""
        ...

    def use_days(self, app: AppNumber | None = None) -> Sequence[tuple[PersonNumber, AppNumber, date]]:
        """Every (person, app, day) on which the person used the app themself."""
        ...

    def reviews(self, app: AppNumber | None = None) -> Sequence[Review]:
        """Reviews, newest first."""
        ...

    def put_review(self, review: Review) -> None:
        """Add or replace a review by its id."""
        ...

    def touch_reviews(self, app: AppNumber, clusters: Sequence[str], purpose: str, at: datetime) -> None:
        """Note that approved permissions were used (unused ones lapse, R8)."""
        ...

    def contracts(self, app: AppNumber) -> Sequence[Contract]:
        """Signed contracts of an app."""
        ...

    def sign(self, contract: Contract) -> None:
        """Record a signature; signing again replaces it."""
        ...

    def policy(self) -> Policy:
        """The policy in force; today's default where none was set."""
        ...

    def set_policy(self, text: str, at: datetime) -> None:
        """Put a policy document in force."""
        ...


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """A person's wish that an app's developer delete what it holds of them; `code` is how both sides refer to it."""

    person: PersonNumber
    app: AppNumber
    at: datetime
    code: str


class DeletionRequests(Protocol):
    """Wishes of deletion, kept for good. To ask is not to be cut off, and the other way round."""

    def add(self, request: DeletionRequest) -> None:
        """A new request."""
        ...

    def of_person(self, person: PersonNumber) -> Sequence[DeletionRequest]:
        """One person's requests, oldest first."""
        ...

    def to_app(self, app: AppNumber) -> Sequence[DeletionRequest]:
        """The requests that an app's developer has to answer, oldest first."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Remove an erased person's requests."""
        ...


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who works here. `removed_at` ends what they may do; what they did stays on record."""

    id: OperatorId
    name: str
    email: str
    added_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Who a sign-in link or a browser session is for. `id` is a person's or developer's number, an operator's id."""

    kind: ActorKind
    id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A key with which a part of the platform calls the gate; `id` is the beginning of its digest, to name it by.

    `kind` is `secret` or `certificate`. `ends_at` is when it ends by itself, after a rotation; `last_used_at` is when
    it was last noted as used, which is done at most once a day.
    """

    id: str
    caller: str
    added_at: datetime
    revoked_at: datetime | None = None
    kind: str = "secret"
    ends_at: datetime | None = None
    last_used_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.ends_at is None or at < self.ends_at)


class AccessStore(Protocol):
    """Who may come in. Of every secret only its SHA-256 is kept: they are random, so a digest gives nothing away."""

    def add_operator(self, operator: Operator) -> None:
        """A new operator."""
        ...

    def operator(self, operator: str) -> Operator | None:
        """One operator, removed or not."""
        ...

    def operators(self) -> Sequence[Operator]:
        """All operators, removed ones too, by id."""
        ...

    def remove_operator(self, operator: OperatorId, at: datetime) -> bool:
        """End an operator; False when there was none to end."""
        ...

    def add_link(self, digest: str, link: Pass) -> None:
        """A sign-in link that works once."""
        ...

    def take_link(self, digest: str, at: datetime) -> Pass | None:
        """Use a link up; None when it is unknown, used or past its end. Of two who try at once, one gets it."""
        ...

    def add_session(self, digest: str, session: Pass) -> None:
        """A browser session."""
        ...

    def session(self, digest: str, at: datetime) -> Pass | None:
        """The session, when it is there and not past its end."""
        ...

    def end_session(self, digest: str) -> bool:
        """End a session; whether there was one."""
        ...

    def end_passes(self, kind: ActorKind, id_: str) -> int:
        """End all sessions and unused links of somebody; how many sessions."""
        ...

    def sweep(self, at: datetime) -> None:
        """Remove links and sessions that are past their end."""
        ...

    def add_platform_key(self, digest: str, key: PlatformKey) -> None:
        """A new key."""
        ...

    def platform_key(self, digest: str, at: datetime) -> PlatformKey | None:
        """The key of this digest, if it holds at this time."""
        ...

    def note_platform_key(self, id_: str, at: datetime) -> None:
        """Note that the key was used."""
        ...

    def end_platform_key(self, id_: str, ends_at: datetime) -> None:
        """Let a key end by itself at this time, unless it ends before."""
        ...

    def platform_keys(self) -> Sequence[PlatformKey]:
        """All keys, revoked ones too, by caller and age."""
        ...

    def revoke_platform_key(self, id_: str, at: datetime) -> bool:
        """Revoke a key by its id; False when there was none to revoke."""
        ...


class Unit(Protocol):
    """One unit of work on the store: everything in it is seen and done together, or not at all."""

    @property
    def directory(self) -> Directory:
        """People, apps, grants, choices."""
        ...

    @property
    def access(self) -> AccessStore:
        """Operators, sign-in links, sessions, the platform's keys."""
        ...

    @property
    def consent(self) -> ConsentBook:
        """Consent answers, clients' secrets, codes and tokens."""
        ...

    @property
    def oauth(self) -> OAuthBook:
        """Clients' terms, pushed requests, what may come once."""
        ...

    @property
    def gate(self) -> GateFacts:
        """The gate's facts."""
        ...

    @property
    def feed(self) -> ChangeFeed:
        """Which keys of the gate's facts changed."""
        ...

    def rows(self, secret: bytes) -> GateRows:
        """Whole rows for the decision table."""
        ...

    @property
    def search(self) -> SearchFacts:
        """Whom the gate may be asked about."""
        ...

    @property
    def deletions(self) -> DeletionRequests:
        """Wishes of deletion."""
        ...

    @property
    def cases(self) -> CaseStore:
        """Cases, developers' keys, certifications."""
        ...

    @property
    def enforcement(self) -> EnforcementStore:
        """Sanctions, appeals, and the standing that the gate reads."""
        ...

    @property
    def watch(self) -> WatchStore:
        """Findings, verdicts, canaries."""
        ...

    @property
    def notices(self) -> NoticeStore:
        """Campaigns and what became of their letters."""
        ...

    @property
    def expiry(self) -> ExpiryBook:
        """Grants whose time runs out, and the warnings given."""
        ...

    @property
    def examinations(self) -> Examinations:
        """Forensic examinations that were done."""
        ...

    @property
    def signals(self) -> SignalBook:
        """Streams of signals and what waits on each."""
        ...

    @property
    def calls(self) -> CallBook:
        """Callbacks to apps."""
        ...


class Store(Protocol):
    """Opens units of work. `write` commits at the end of the block and rolls back when it raises.

    Either raises Unavailable when the database does not answer or asks for a retry; nothing was done then.
    """

    def read(self) -> AbstractContextManager[Unit]:
        """A unit that only reads, from one snapshot."""
        ...

    def write(self) -> AbstractContextManager[Unit]:
        """A unit that writes; durable when the block has ended, and in this host's decision table where there is
        one (law 5)."""
        ...

    def perform(self, work: Callable[[Unit], Result]) -> Result:
        """Do `work` in a unit that writes, again a few times where two writers met; what it returned.

        It may run several times, so it does nothing but use the unit; the ledger is written before or after.
        """
        ...

    def close(self) -> None:
        """Give back what is open."""
        ...


LAKE = "lake"
"""Held by whoever changes the analytic tables."""


class Locks(Protocol):
    """Keeps two processes of one host from doing the same duty at once."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock for the length of the block; raises Conflict at once when another process holds it.

        A process that dies, however it dies, holds nothing any more.
        """
        ...


class Limiter(Protocol):
    """How often an app may ask, in all and on one person's word."""

    @property
    def unlimited(self) -> bool:
        """Whether everybody may ask as often as they like."""
        ...

    def wait(self, app: str, through: str, cost: int = 1) -> float:
        """Seconds until that many questions may be asked; 0 where they may now, and then they are counted.

        Both texts are taken as they were sent, before it is known whether there is such an app or person (law 3).
        """
        ...


@dataclass(frozen=True)
class Engines:
    """All that a journey may touch, wired once in `bootstrap`.

    `pairwise` is the 32-byte secret behind app-scoped ids. `url` is where people reach the pages, without a slash.
    `contact` is the address that every letter names for questions (GDPR Art. 33(3)(b)). `resource_types` are the
    platform's own, beyond people. `routes` are those of its API, where a gateway stands
    before it. `signer` signs what goes out, `seal` the reports of examinations. `table` is what the gate's doors
    answer from, None where that is the store; only `journeys/ruling.py` asks which.
    """

    clock: Clock
    ids: Ids
    store: Store
    ledger: Ledger
    lake: Lake
    catalogue: Catalogue
    pairwise: bytes
    url: str
    locks: Locks
    contact: str
    signer: Signer
    seal: Seal
    limiter: Limiter
    routes: Routes = field(default_factory=Routes)
    resource_types: ResourceTypes = field(default_factory=ResourceTypes)
    table: SharedTable | None = None
