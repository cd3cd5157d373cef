"""A dump found in the wild, traced on real engines: which app, who, how sure, since when."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access, detect, leak
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, NotAllowed
from beholden.model.ids import GrantId, PersonNumber
from tests.conftest import House
from tests.forensics.people import person

OPERATOR = Actor(ActorKind.OPERATOR, "olga")


@dataclass
class Wild:
    """Three apps, their people, and a folder for what was found."""

    house: House
    folder: Path
    apps: dict[str, App] = field(default_factory=dict)
    people: list[PersonNumber] = field(default_factory=list)

    def give(self, app: str, people: Sequence[PersonNumber], **values: str) -> None:
        """Disclosures, now."""
        one, now = self.apps[app], self.house.clock.now()
        fields = ("name", "email", *values)
        self.house.engines.ledger.append(
            [Disclosure(one.number, one.developer, p, p, fields, "service", GrantId("g"), now, values) for p in people]
        )

    def rows(self, people: Sequence[PersonNumber], app: str | None = None, more: str = "") -> str:
        """A dump of these people: address and name, with the app's own ids where one is named."""
        with self.house.engines.store.read() as unit:
            known = unit.directory.people(list(people))
        ids = (
            scoped_ids(self.house.engines.pairwise, self.apps[app].number, list(people)) if app else [""] * len(people)
        )
        return "".join(f"{i},{known[p].email},{known[p].name}{more}\n" for i, p in zip(ids, people, strict=True))

    def found(self, text: str, name: str = "dump.csv") -> "Wild":
        """Put a file there."""
        (self.folder / name).write_text(text)
        return self

    def trace(self) -> leak.Trace:
        """Trace it."""
        return leak.trace(self.house.engines, FileEvidence(), [str(self.folder)], OPERATOR)


@pytest.fixture
def wild(house: House, tmp_path: Path) -> Wild:
    access.add_operator(house.engines, "olga", "Olga", "olga@platform.example")
    made = Wild(house, tmp_path / "wild")
    made.folder.mkdir()
    made.apps = {name: house.app(client_id=name) for name in ("quiz", "game", "news")}
    made.people = [house.person(f"p{n}", person(n).name, person(n).email) for n in range(1, 301)]
    made.give("quiz", made.people[:100])
    made.give("game", made.people[80:200])
    made.give("news", made.people[150:250])
    return made


def app_of(report: Any, client_id: str) -> Any:
    return next(app for app in report["apps"] if app["client_id"] == client_id)


def test_an_apps_own_ids_name_it_and_no_other(wild: Wild) -> None:
    done = wild.found(wild.rows(wild.people[80:100], app="game")).trace()
    assert done.named == ("game",) and done.report["certain"] is True
    game, quiz = app_of(done.report, "game"), app_of(done.report, "quiz")
    assert (game["own_ids"], quiz["own_ids"], game["people"], quiz["people"]) == (20, 0, 20, 20)


def test_an_audience_of_digests_is_traced_where_it_is_looked_for(wild: Wild) -> None:
    with wild.house.engines.store.read() as unit:
        known = unit.directory.people(wild.people[:60])
    wild.found("".join(f"{hashlib.sha256(one.email.encode()).hexdigest()}\n" for one in known.values()))
    assert wild.trace().report["people"] == {"found": 0, "certain": 0}
    done = leak.trace(wild.house.engines, FileEvidence(), [str(wild.folder)], OPERATOR, hashed=True)
    assert done.named == ("quiz",) and done.report["people"] == {"found": 60, "certain": 0}


def test_without_own_ids_the_people_name_the_app(wild: Wild) -> None:
    done = wild.found(wild.rows(wild.people[:60])).trace()
    assert done.named == ("quiz",) and done.report["certain"] is False
    assert "nothing in it was given to this app alone" in done.report["sentences"][0]  # type: ignore[index]


def test_people_whom_two_apps_had_alike_name_neither(wild: Wild) -> None:
    wild.give("news", wild.people[:100])
    wild.give("game", wild.people[:80])
    done = wild.found(wild.rows(wild.people[:80])).trace()
    assert done.named == ()
    assert "No app is named" in done.report["sentences"][0]  # type: ignore[index]


def test_people_whom_no_app_had_are_not_found(wild: Wild) -> None:
    done = wild.found(wild.rows(wild.people[250:])).trace()
    assert done.named == () and done.report["people"] == {"found": 0, "certain": 0}


def test_a_few_people_among_many_strangers_name_nobody(wild: Wild) -> None:
    done = wild.found(wild.rows([*wild.people[:6], *wild.people[250:300]])).trace()
    assert done.named == ()


def test_two_apps_with_own_ids_are_both_named(wild: Wild) -> None:
    wild.found(wild.rows(wild.people[:20], app="quiz"), "a.csv").found(wild.rows(wild.people[150:170], "news"), "b.csv")
    done = wild.trace()
    assert set(done.named) == {"quiz", "news"}
    assert any("several apps" in sentence for sentence in done.report["sentences"])  # type: ignore[attr-defined]


def test_a_value_that_changed_tells_two_apps_apart(wild: Wild) -> None:
    both = wild.people[250:290]
    wild.give("quiz", both, town="Rome", born="1990-01-01")
    wild.give("news", both, town="Oslo", born="1990-01-01")
    done = wild.found(wild.rows(both, more=",Oslo,1990-01-01")).trace()
    quiz, news = app_of(done.report, "quiz"), app_of(done.report, "news")
    assert (news["versions"], quiz["versions"]) == ({"agree": 40, "differ": 0}, {"agree": 0, "differ": 40})
    assert news["posterior"] > 10 * quiz["posterior"]


def test_a_dump_is_not_older_than_the_last_person_in_it(wild: Wild) -> None:
    start = wild.house.clock.now()
    wild.house.clock.advance(timedelta(days=10))
    wild.give("quiz", wild.people[200:220])
    wild.house.clock.advance(timedelta(days=10))
    wild.give("quiz", wild.people[220:300])
    done = wild.found(wild.rows(wild.people[190:220], app="quiz")).trace()
    quiz = app_of(done.report, "quiz")
    assert quiz["not_before"][:10] == f"{start + timedelta(days=10):%Y-%m-%d}"
    assert quiz["likely_before"][:10] == f"{start + timedelta(days=20):%Y-%m-%d}"


def test_a_canary_in_the_dump_is_a_finding_against_its_app(wild: Wild) -> None:
    made_up = wild.house.person("canary", "Cora Canary", "cora.canary@post.example")
    detect.plant_canary(wild.house.engines, OPERATOR, "canary", "game")
    wild.give("game", [made_up])
    wild.found(wild.rows([made_up]))
    done = wild.trace()
    assert done.named == ("game",)
    (finding,) = detect.list_findings(wild.house.engines)
    assert (finding.client_id, finding.finding.rule, finding.finding.numbers["canaries"]) == ("game", "leak", 1)
    assert [row.person for row in detect.rows_of(wild.house.engines, finding.finding)] == [made_up]
    assert wild.trace().report["findings"] == [str(finding.finding.id)]
    assert len(detect.list_findings(wild.house.engines)) == 1  # the same dump is found once


def test_a_canary_that_two_apps_were_given_names_neither(wild: Wild) -> None:
    made_up = wild.house.person("canary", "Cora Canary", "cora.canary@post.example")
    detect.plant_canary(wild.house.engines, OPERATOR, "canary", "game")
    wild.give("game", [made_up])
    wild.give("news", [made_up])
    done = wild.found(wild.rows([made_up])).trace()
    assert done.named == () and detect.list_findings(wild.house.engines) == []
    assert any("no single app" in sentence for sentence in done.report["sentences"])  # type: ignore[attr-defined]


def test_law_9_what_could_not_be_read_is_said(wild: Wild) -> None:
    (wild.folder / "vault").write_bytes(os.urandom(50_000))
    done = wild.trace()
    assert not done.complete and done.named == ()
    assert any("Not everything could be read" in sentence for sentence in done.report["sentences"])  # type: ignore[attr-defined]


def test_law_12_both_acts_are_in_the_ledger_without_anybodys_data(wild: Wild) -> None:
    mark = wild.house.engines.ledger.size()
    done = wild.found(wild.rows(wild.people[:20], app="quiz")).trace()
    acts = list(wild.house.engines.ledger.acts(start=mark))
    assert [act.verb for act in acts] == ["leak:begin", "finding:found", "leak:end"]
    assert acts[2].details["named"] == ["quiz"] and acts[2].details["people"] == 20
    said = json.dumps([act.details for act in acts])
    assert "@" not in said and "Meyer" not in said
    assert done.encoded.decode().count("@") == 0


def test_only_operators_and_the_terminal_may_trace(wild: Wild) -> None:
    engines = wild.house.engines
    for actor in (Actor(ActorKind.DEVELOPER, "1"), Actor(ActorKind.OPERATOR, "nobody")):
        with pytest.raises(NotAllowed):
            leak.trace(engines, FileEvidence(), [str(wild.folder)], actor)
    with pytest.raises(BadInput):
        leak.trace(engines, FileEvidence(), ["/nowhere/at/all"], OPERATOR)
