"""Beats 1 to 4: the harvest, the finding, the silence, the ban."""

import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from beholden.journeys import audit, certify, detect, docket, enrol, policy, token, trace
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App as RegisteredApp
from beholden.model.app import Ask, Developer
from beholden.model.time import text
from examples.story.browser import Browser
from examples.story.processes import ROOT
from examples.story.quiz import FRIEND_FIELDS, App, Declined, Hoard, Registration
from examples.story.stage import INES, PASSWORD, Stage
from examples.story.tell import Teller

PURPOSE = "personality quiz"
WIDE = ("identity", "birthday", "location", "likes", "contacts", "religion_politics")
NIGHTS = 3
EXTRA_USERS = 5
AT_ONCE = 4
"""People who sit at their browsers at the same time."""


class Harvest:
    """The quiz, its two sisters, and their developer."""

    def __init__(self, stage: Stage, teller: Teller, transport: httpx.BaseTransport) -> None:
        self.stage, self._teller, self._transport = stage, teller, transport
        self.hoard = Hoard(stage.plan.data / "seized" / "server")
        installers = stage.world.sample(stage.plan.installers, "installers")
        self.installers = [stage.world.outside_id(n) for n in installers]
        (stage.plan.data / "installers.txt").write_text("".join(f"{person}\n" for person in self.installers))
        self.apps: list[App] = []
        self.registered: list[RegisteredApp] = []
        self.developer: Developer | None = None
        self.case = ""
        self.certification = ""

    @property
    def owner(self) -> Developer:
        """The developer, once there is one."""
        assert self.developer is not None
        return self.developer

    def install(self) -> None:
        """People connect the quiz; half of them decline the wide request first and are asked again."""
        stage = self.stage
        rules = (ROOT / "examples" / "policy-2014.yaml").read_text(encoding="utf-8")
        policy.put_in_force(stage.engines, rules, INES)
        self._register()
        quiz = self.apps[0]
        shy = set(random.Random(stage.plan.seed).sample(self.installers, len(self.installers) // 2))
        declined = 0
        with (
            self._teller.progress("people who connect the quiz", len(self.installers)) as bar,
            ThreadPoolExecutor(AT_ONCE) as crowd,
        ):
            asked = crowd.map(lambda person: self._connect(quiz, person, agree=person not in shy), self.installers)
            for done, again in enumerate(asked, 1):
                declined += again
                bar.to(done)
        for sister in self.apps[1:]:
            for person in self.installers[:EXTRA_USERS]:
                self._connect(sister, person, agree=True)
        self._teller.say(
            f"{len(self.installers):,} people connected the quiz, {declined:,} of them at the second asking."
        )

    def _register(self) -> None:
        engines = self.stage.engines
        self.developer = enrol.add_developer(engines, "Global Science (synthetic)", "owner@gsr.example", INES).developer
        asks = [Ask(cluster, PURPOSE, required=cluster == "identity") for cluster in WIDE]
        asks += [Ask(cluster, PURPOSE, through=True) for cluster in WIDE if cluster != "contacts"]
        for client_id, name in (
            ("quiz", "This Is Your Digital Life"),
            ("colours", "Colours Of You"),
            ("pairs", "Pairs"),
        ):
            wanted = asks if client_id == "quiz" else [Ask("identity", PURPOSE, required=True)]
            redirect = f"http://127.0.0.1:9/{client_id}/back"
            app = enrol.add_app(
                engines,
                self.developer.number,
                name,
                [redirect],
                wanted,
                description="A quiz about you. Synthetic.",
                category="quiz",
                client_id=client_id,
                actor=INES,
            )
            self.registered.append(app)
            scope = " ".join(f"through:{a.cluster}" if a.through else a.cluster for a in wanted)
            registration = Registration(client_id, token.issue_secret(engines, INES, client_id), redirect, scope)
            self.apps.append(App(registration, self.stage.beholden, self.stage.platform, self._transport))

    def _connect(self, app: App, person: str, *, agree: bool) -> int:
        """One person's consent; 1 when they declined first and were asked again."""
        for again in (False, True):
            browser = Browser(self._transport)
            try:
                app.ask(person, PASSWORD, browser, agree=agree or again)
            except Declined:
                continue
            return int(again)
        raise RuntimeError(f"{person} declined twice")

    def pull(self) -> None:
        """The quiz reads everybody it can reach, over three nights, and keeps what it gets."""
        stage = self.stage
        share = -(-len(self.installers) // NIGHTS)
        with (
            self._teller.progress("installers whose friends are pulled", len(self.installers)) as bar,
            ThreadPoolExecutor(AT_ONCE) as workers,
        ):
            done = 0
            for night in range(NIGHTS):
                people = self.installers[night * share : (night + 1) * share]
                for person, records in zip(people, workers.map(self._read, people), strict=True):
                    self.hoard.keep(person, records)
                    done += 1
                    bar.to(done)
                stage.later(days=1)
        for sister in self.apps[1:]:
            for person in self.installers[:EXTRA_USERS]:
                sister.refresh(person)
                sister.me(person, ("name", "photo"), PURPOSE)
        self._count()

    def _read(self, person: str) -> list[dict[str, Any]]:
        """A person and their friends. Access tokens live for an hour, so each night begins with a refresh."""
        quiz = self.apps[0]
        quiz.refresh(person)
        return [quiz.me(person, FRIEND_FIELDS, PURPOSE), *quiz.friends(person, FRIEND_FIELDS, PURPOSE)]

    def _count(self) -> None:
        exposures = trace.impacted_by_developer(self.stage.engines, self.owner.number)
        direct = sum(1 for e in exposures if e.direct)
        exposed = {"total": len(exposures), "direct": direct, "indirect": sum(1 for e in exposures if e.indirect)}
        disclosures = sum(e.disclosures for e in exposures)
        self.stage.figures |= {"exposed": exposed, "disclosures": disclosures}
        self._teller.say(
            f"The ledger has {disclosures:,} disclosures: {exposed['total']:,} different people, {direct:,} directly, "
            f"{exposed['indirect']:,} through a friend. None of the latter ever saw a consent page."
        )

    def detect(self) -> None:
        """Watch reads the ledger; what it finds opens a case."""
        engines = self.stage.engines
        found = [f for f in detect.run(engines).findings if f.developer == self.owner.number]
        names = {app.number: str(app.client_id) for app in self.registered}
        self.stage.figures["findings"] = [{"rule": f.rule, "app": names[f.app]} for f in found]
        for finding in found:
            self._teller.say(finding.sentence)
        opened = audit.open_case(
            engines, INES, self.owner.number, list(names.values()), [f.id for f in found], "Harvest of friends."
        )
        self.case = opened.case.id
        questions = ("For what purpose did you read people who never used your app?", "Where are their records now?")
        sent = audit.send_rfi(engines, INES, self.case, questions)
        due = docket.case_view(engines, self.case).case.rfis[-1].due
        self.stage.figures["case"] = {"opened": text(opened.case.history[0].at), "rfi_due": text(due)}
        self._teller.say(f"Case {sent.case.id}; the developer has until {due:%d %B %Y} to answer.")

    def ban(self) -> None:
        """Nobody answers. One sweep past the deadline bans the developer; every app asks again and gets nothing."""
        stage = self.stage
        stage.later(days=15)
        audit.lapse_due(stage.engines)
        view = docket.case_view(stage.engines, self.case)
        allowed = self._knock()
        standings = self._standings()
        stage.figures["case"]["outcome"] = str(view.case.state)
        stage.figures["ban"] = {"apps": sum(1 for s in standings if s == "banned"), "allowed_after": allowed}
        self._teller.say(
            f"No answer by the deadline. {stage.figures['ban']['apps']} apps fell together; "
            f"{allowed} records were released to them afterwards."
        )

    def _standings(self) -> list[str]:
        with self.stage.engines.store.read() as unit:
            return [str(unit.directory.standing(app)[0]) for app in self.registered]

    def _knock(self) -> int:
        """Every token and refresh token of all three apps, once more."""
        allowed = 0
        for app in self.apps:
            for person in list(app.tokens)[:20]:
                renewed = app.refresh(person)
                allowed += int(renewed) + len(app.me(person, ("name",), PURPOSE))
                allowed += len(app.friends(person, ("name",), PURPOSE))
        return allowed

    def certify(self) -> None:
        """The developer says that all is deleted. The certificate is of the kind that was accepted at the time."""
        self.hoard.delete()
        statement = _certificate(self.registered, self.stage.figures["exposed"]["direct"])
        actor = Actor(ActorKind.DEVELOPER, str(self.owner.number))
        kept = certify.submit(
            self.stage.engines, actor, statement, developer=self.owner.number, case=self.case, typed="A. Owner"
        )
        defects = [defect.code for defect in kept.certification.defects]
        self.stage.figures["certification"] = {"defects": [str(code) for code in defects]}
        self.certification = kept.certification.id
        for defect in kept.certification.defects:
            self._teller.say(f"· {defect.sentence}")


def _certificate(registered: Sequence[RegisteredApp], people: int) -> str:
    """Undated, about the raw data and the users only, in the words that such certificates had."""
    return json.dumps(
        {
            "apps": [str(registered[0].client_id)],
            "categories": ["likes", "birthday"],
            "signatory": "A. Owner",
            "role": "Director",
            "statement": "All data under my direct or influential control has been accounted for and destroyed.",
            "raw": "The file of raw data was deleted from active and redundant storage.",
            "people_direct": people,
        }
    )
