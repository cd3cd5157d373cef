"""A matter with everything in it, each word of it as hostile as a stranger could make it: for every page of a face."""

from dataclasses import dataclass
from datetime import date

from beholden.forensics.ports import ExaminationRecord
from beholden.journeys import access, account, audit, certify, enforce, notify, review
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask, Developer
from beholden.model.finding import Finding, Level, RowQuery
from beholden.model.ids import ExaminationId, FindingId, PersonNumber
from tests.conftest import House
from tests.journeys.test_account import disclose
from tests.web.test_privacy_centre import HOSTILE

LONG = (HOSTILE * 4)[:200]
INES, OMAR, UMA = (Actor(ActorKind.OPERATOR, name) for name in ("ines", "omar", "uma"))
ASKS = (
    Ask("identity", HOSTILE, required=True),
    Ask("likes", HOSTILE),
    Ask("likes", HOSTILE, through=True),
    Ask("birthday", HOSTILE),
)


@dataclass
class Matter:
    """The developer, their app, and the ids of what is about them."""

    house: House
    developer: Developer
    app: App
    person: PersonNumber
    finding: str
    case: str = ""
    certification: str = ""
    proposed: str = ""
    in_force: str = ""
    appeal: str = ""
    review: str = ""
    campaign: str = ""
    examination: str = "examination_1"

    @property
    def actor(self) -> Actor:
        """The developer as the ledger names them."""
        return Actor(ActorKind.DEVELOPER, str(self.developer.number))

    def fill(self, path: str) -> str:
        """A path with CASE, FINDING and so on in it."""
        for name in ("finding", "case", "certification", "proposed", "in_force", "appeal", "review", "campaign"):
            path = path.replace(name.upper(), getattr(self, name))
        return path.replace("EXAMINATION", self.examination).replace("APP", self.app.client_id)


def operators(house: House) -> None:
    """Three of them."""
    for actor in (INES, OMAR, UMA):
        access.add_operator(house.engines, actor.id, actor.id.title(), f"{actor.id}@platform.example")


def suspicion(house: House, words: str = HOSTILE, name: str = LONG) -> Matter:
    """A finding about an app that got somebody's likes through a friend; nothing has followed yet."""
    operators(house)
    developer = house.developer(name, "legal@quizmill.example")
    asks = ASKS if words == HOSTILE else (Ask("identity", words, required=True), Ask("likes", words))
    app = house.app(developer, "quiz-mill", asks, name=name)
    person, friend = house.people(["p1", "p2"], name=words)
    house.grant(person, app)
    disclose(house, app, person, purpose=words)
    disclose(house, app, friend, through=person, fields=["likes"], purpose=words)
    day = date(2026, 1, 1)
    found = Finding(
        FindingId("finding_1"), "friend_harvest", Level.HIGH, app.number, developer.number, day, day, 3.0,
        words, {"people": 9.0, "ratio": 0.25}, {"people": 1.5}, RowQuery(app.number, day, day), house.clock.now(), 9,
    )  # fmt: skip
    with house.engines.store.write() as unit:
        unit.watch.put([found])
    return Matter(house, developer, app, person, found.id)


def matter(house: House) -> Matter:
    """The whole of it: asked and answered, certified, one sanction proposed, one in force and appealed against."""
    found = suspicion(house)
    engines, developer, app = house.engines, found.developer, found.app
    found.case = audit.open_case(engines, INES, developer.number, [], [found.finding], HOSTILE).case.id
    audit.send_rfi(engines, INES, found.case, [HOSTILE, LONG])
    audit.answer_rfi(engines, found.actor, found.case, {1: HOSTILE, 2: LONG})
    said = {"statement": "we deleted it", "signatory": "A. B."}
    document = "\n".join(f"{key}: {value}" for key, value in said.items()) + f"\nraw: '{HOSTILE.replace(chr(39), '')}'"
    kept = certify.submit(engines, found.actor, document.replace("\u202e", ""), case=found.case, typed="A. B.")
    found.certification = kept.certification.id
    held = enforce.propose(engines, INES, "restrict", HOSTILE, app=app.client_id)
    enforce.confirm(engines, OMAR, held.sanction.id, HOSTILE)
    found.in_force = held.sanction.id
    found.appeal = enforce.appeal(engines, found.actor, held.sanction.id, HOSTILE).appeal.id
    found.review = review.request(engines, found.actor, app.client_id, "likes", HOSTILE).id
    proposed = enforce.propose(engines, INES, "suspend", HOSTILE, developer=developer.number, case=found.case)
    found.proposed = proposed.sanction.id
    words = HOSTILE.replace("\u202e", "")
    found.campaign = notify.draft(engines, INES, [app.number], words, measures=words).id
    account.remove(engines, found.person, app.client_id, ask_deletion=True)
    record = ExaminationRecord(
        ExaminationId(found.examination), app.number, found.case, found.certification, HOSTILE, (HOSTILE,),
        "contradicted", {"found": 3, "exhibits": 2}, "0" * 64, "1" * 64, house.clock.now(), house.clock.now(),
    )  # fmt: skip
    with engines.store.write() as unit:
        unit.examinations.add(record)
    return found
