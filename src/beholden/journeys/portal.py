"""Portal: what a developer sees of their own apps, what waits for them, and what they do about it.

To a developer another one's app, case, certification or sanction does not exist: it is NotFound, in the same words as
a thing that nobody has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from beholden.enforcement.sanction import Move
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import callbacks, certify, docket, enforce, enrol, review, terms, token
from beholden.journeys.certify import CertificationView
from beholden.journeys.docket import CaseSummary, DeveloperCaseView
from beholden.journeys.enforce import SanctionView
from beholden.journeys.enrol import AppView
from beholden.journeys.ports import Contract, Engines, Review, Unit
from beholden.journeys.terms import Terms
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask, Developer
from beholden.model.catalogue import Cluster, FieldClass
from beholden.model.errors import Conflict, NotFound
from beholden.model.ids import DeveloperNumber

__all__ = ["Terms"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that an app asks for, and how far it has come. Basic data needs neither review nor contract.

    `review` is the latest for this cluster and purpose. `cluster` is None where the catalogue has it no more.
    """

    ask: Ask
    cluster: Cluster | None
    review: Review | None
    contract: Contract | None

    @property
    def basic(self) -> bool:
        """Whether a person's grant is enough."""
        return self.cluster is not None and self.cluster.field_class is FieldClass.BASIC

    @property
    def may_ask(self) -> bool:
        """Whether a review can be asked for now."""
        running = self.review is not None and self.review.state in {review.REQUESTED, review.APPROVED}
        return self.cluster is not None and not self.basic and not running

    @property
    def may_sign(self) -> bool:
        """Whether the terms wait for a signature."""
        return self.cluster is not None and not self.basic and self.contract is None


@dataclass(frozen=True, slots=True)
class DeletionWish:
    """A person's wish that the app delete what it holds of them, under the id by which the app knows them."""

    code: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OwnApp:
    """One app with all that its developer may know of it. `confidential` tells whether it has a client secret."""

    view: AppView
    wishes: tuple[Wish, ...]
    deletions: tuple[DeletionWish, ...]
    confidential: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """The first page: what the developer must do, then their apps."""

    developer: Developer
    waiting: tuple[CaseSummary, ...]
    in_force: tuple[SanctionView, ...]
    apps: tuple[OwnApp, ...]


def desk(engines: Engines, developer: DeveloperNumber) -> Desk:
    """What waits for a developer, the next deadline first; raises NotFound."""
    due = [(case.due, case) for case in docket.list_cases(engines, developer=developer) if case.due is not None]
    with engines.store.read() as unit:
        known = enrol.known_developer(unit, developer)
    return Desk(
        known,
        tuple(case for _, case in sorted(due, key=lambda pair: pair[0])),
        tuple(view for view in sanctions(engines, developer) if view.sanction.holds),
        tuple(_own(engines, view) for view in enrol.apps(engines, developer)),
    )


def app(engines: Engines, developer: DeveloperNumber, client_id: str) -> OwnApp:
    """One app of theirs; raises NotFound."""
    return _own(engines, _theirs(engines, developer, client_id))


def _theirs(engines: Engines, developer: DeveloperNumber, client_id: str) -> AppView:
    for view in enrol.apps(engines, developer):
        if view.app.client_id == client_id:
            return view
    raise NotFound(f"You have no app {client_id[:80]!r}.", "Your overview lists your apps.")


def _own(engines: Engines, view: AppView) -> OwnApp:
    with engines.store.read() as unit:
        confidential = bool(unit.consent.secrets(view.app.number) or unit.oauth.terms(view.app.number).keys)
        deletions = _deletions(engines, unit, view.app)
    return OwnApp(view, tuple(_wish(engines, view, ask) for ask in view.app.asks), deletions, confidential)


def _deletions(engines: Engines, unit: Unit, of: App) -> tuple[DeletionWish, ...]:
    """Newest first."""
    found = unit.deletions.to_app(of.number)
    ids = scoped_ids(engines.pairwise, of.number, [wish.person for wish in found])
    return tuple(DeletionWish(w.code, id, w.at) for w, id in zip(reversed(found), reversed(ids), strict=True))


def _wish(engines: Engines, view: AppView, ask: Ask) -> Wish:
    asked = [r for r in view.reviews if (r.cluster, r.purpose) == (ask.cluster, ask.purpose)]
    signed = [c for c in view.contracts if c.cluster == ask.cluster]
    return Wish(
        ask,
        engines.catalogue.by_name.get(ask.cluster),
        max(asked, key=lambda r: r.requested_at, default=None),
        max(signed, key=lambda c: c.signed_at, default=None),
    )


def ask_for_review(engines: Engines, actor: Actor, client_id: str, cluster: str, purpose: str) -> Review:
    """Ask that a purpose be approved; raises NotFound for another developer's app."""
    _theirs(engines, _number(actor), client_id)
    return review.request(engines, actor, client_id, cluster, purpose)


def terms_of(engines: Engines, developer: DeveloperNumber, client_id: str, cluster: str) -> Terms:
    """The terms for one cluster of one app, as they stand now."""
    view = _theirs(engines, developer, client_id)
    with engines.store.read() as unit:
        policy = unit.directory.policy()
    return terms.compose(engines.url, view.developer, view.app, cluster, engines.catalogue, policy)


def sign(engines: Engines, actor: Actor, client_id: str, cluster: str, signatory: str, sha256: str) -> Contract:
    """Sign the terms with this SHA-256; raises Conflict where the terms are not those any more."""
    standing = terms_of(engines, _number(actor), client_id, cluster)
    if sha256 != standing.sha256:
        raise Conflict("The terms are not those that you were shown.", "Open the page again and read them.")
    return review.sign(engines, actor, client_id, cluster, signatory, standing.text)


def rotate_secret(engines: Engines, actor: Actor, client_id: str) -> str:
    """A new client secret in place of the old; shown once."""
    _theirs(engines, _number(actor), client_id)
    return token.issue_secret(engines, actor, client_id)


def set_callbacks(engines: Engines, actor: Actor, client_id: str, *, deauthorize: str, deletion: str) -> None:
    """Where their app wants to be called; raises NotFound for another developer's app."""
    _theirs(engines, _number(actor), client_id)
    callbacks.register(engines, client_id, deauthorize=deauthorize, deletion=deletion, actor=actor)


def cases(engines: Engines, developer: DeveloperNumber) -> Sequence[CaseSummary]:
    """Cases about them, newest first."""
    return docket.list_cases(engines, developer=developer)


def case(engines: Engines, developer: DeveloperNumber, case_id: str) -> DeveloperCaseView:
    """One case about them; raises NotFound."""
    return docket.developer_case_view(engines, developer, case_id)


def certifications(engines: Engines, developer: DeveloperNumber, case_id: str | None = None) -> list[CertificationView]:
    """Their certifications, or those for one case, newest first."""
    found = certify.list_certifications(engines, developer)
    return [view for view in found if case_id is None or view.certification.case == case_id]


def certification(engines: Engines, developer: DeveloperNumber, id_: str) -> CertificationView:
    """One certification of theirs; raises NotFound."""
    for view in certifications(engines, developer):
        if view.certification.id == id_:
            return view
    raise NotFound(f"You have no certification {id_[:80]!r}.", "Your portal lists yours.")


def sanctions(engines: Engines, developer: DeveloperNumber) -> list[SanctionView]:
    """Sanctions on them that are or were in force, newest first; what operators only consider is not theirs to see."""
    found = enforce.list_sanctions(engines, developer)
    return [view for view in found if any(event.move is Move.FORCE for event in view.sanction.history)]


def sanction(engines: Engines, developer: DeveloperNumber, id_: str) -> SanctionView:
    """One sanction on them; raises NotFound."""
    for view in sanctions(engines, developer):
        if view.sanction.id == id_:
            return view
    raise NotFound(f"There is no sanction {id_[:80]!r} on you.", "Your portal lists those in force.")


def _number(actor: Actor) -> DeveloperNumber:
    assert actor.kind is ActorKind.DEVELOPER, "the portal is the developers'"
    return DeveloperNumber(int(actor.id))
