"""Was I affected? For one person and one app, one of three answers, from the ledger itself, for as long as it stands.

A notice is told once; this page stays. It does not depend on a campaign having been sent, nor on its frozen set.
"""

from dataclasses import dataclass
from enum import StrEnum

from beholden.journeys.account import AppCard, Received, card, received
from beholden.journeys.ports import Engines
from beholden.model.errors import NotFound
from beholden.model.ids import PersonNumber

MAX_FOUND = 20


class Outcome(StrEnum):
    """Which of the three holds."""

    NOT_AFFECTED = "not_affected"
    THROUGH_SOMEONE = "through_someone"
    YOU_DID = "you_did"


@dataclass(frozen=True, slots=True)
class Affected:
    """The answer for one app. `you_did` wins where both hold; `received` tells of each."""

    app: AppCard
    outcome: Outcome
    received: Received


def outcome_of(got: Received) -> Outcome:
    """Not affected when nothing was given; the person's own doing when anything was given directly."""
    if got.direct:
        return Outcome.YOU_DID
    return Outcome.THROUGH_SOMEONE if got.indirect else Outcome.NOT_AFFECTED


def by_app(engines: Engines, person: PersonNumber, client_id: str) -> Affected:
    """The answer for one app; raises NotFound for an app that is not there."""
    with engines.store.read() as unit:
        app = unit.directory.app(client_id)
        if app is None:
            raise NotFound("There is no such app.", "Search for it by its name.")
        shown = card(unit, app)
    got = received(list(engines.ledger.disclosures(person=person, apps=[app.number])), engines.catalogue)
    return Affected(shown, outcome_of(got), got)


def search(engines: Engines, words: str) -> tuple[AppCard, ...]:
    """Apps whose name or client id has these words in it, at most MAX_FOUND, an exact name first."""
    wanted = " ".join(words.casefold().split())
    if not wanted:
        return ()
    with engines.store.read() as unit:
        found = [a for a in unit.directory.apps() if wanted in a.name.casefold() or wanted == a.client_id.casefold()]
        found.sort(key=lambda a: (a.name.casefold() != wanted, a.name.casefold(), a.number))
        return tuple(card(unit, app) for app in found[:MAX_FOUND])
