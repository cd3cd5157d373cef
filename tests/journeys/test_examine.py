"""An examination from the ledger's people to the verdict, on real engines and real files."""

import gzip
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.seeds import FormatSeeds
from beholden.forensics.ports import Exhibit, Progress
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access, certify, examine
from beholden.journeys.examine import Claim, Examination, Verdict
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, NotAllowed, NotFound
from beholden.model.ids import GrantId, PersonNumber
from tests.conftest import House
from tests.forensics.people import database, person

OPERATOR = Actor(ActorKind.OPERATOR, "olga")
DEAD = "delete from friends"


@dataclass
class Scene:
    """An app that received forty people's data, another that received others', and a folder of evidence."""

    house: House
    app: App
    other: App
    people: list[PersonNumber]
    strangers: list[PersonNumber]
    folder: Path

    def disclose(self, app: App, people: Sequence[PersonNumber], **values: str) -> None:
        """Put disclosures in the ledger, now."""
        fields = ("name", "email", *values)
        now = self.house.clock.now()
        items = [
            Disclosure(app.number, app.developer, p, p, fields, "service", GrantId("g"), now, values) for p in people
        ]
        for start in range(0, len(items), 10_000):
            self.house.engines.ledger.append(items[start : start + 10_000])

    def scoped(self, number: PersonNumber, app: App | None = None) -> str:
        """What the app calls a person."""
        return scoped_ids(self.house.engines.pairwise, (app or self.app).number, [number])[0]

    def rows(self, people: Sequence[PersonNumber] | None = None) -> str:
        """A table of people as the app would export it."""
        chosen = self.people if people is None else people
        with self.house.engines.store.read() as unit:
            known = unit.directory.people(chosen)
        return "".join(f"{self.scoped(n)},{known[n].email},{known[n].name}\n" for n in chosen)

    def examine(self, **options: object) -> Examination:
        """Examine the folder."""
        return examine.examine(
            self.house.engines, FileEvidence(), [str(self.folder)], self.app.client_id, OPERATOR, **options
        )  # type: ignore[arg-type]


@pytest.fixture
def scene(house: House, tmp_path: Path) -> Scene:
    access.add_operator(house.engines, "olga", "Olga", "olga@platform.example")
    folder = tmp_path / "seized"
    folder.mkdir()
    quiz, other = house.app(client_id="quiz"), house.app(client_id="other")
    people = [house.person(f"p{n}", person(n).name, person(n).email) for n in range(1, 41)]
    strangers = [house.person(f"p{n}", person(n).name, person(n).email) for n in range(100, 120)]
    made = Scene(house, quiz, other, people, strangers, folder)
    made.disclose(quiz, people)
    made.disclose(other, strangers)
    return made


def planted(scene: Scene, name: str = "app.db") -> None:
    """A database of the app's people, all deleted, and of strangers, all live."""
    from dataclasses import replace

    known = [replace(person(n), scoped_id=scene.scoped(PersonNumber(n))) for n in range(1, 41)]
    database(scene.folder / name, known, after=[DEAD])


def test_deleted_rows_contradict_the_claim(scene: Scene) -> None:
    planted(scene)
    done = scene.examine()
    assert done.verdict is Verdict.CONTRADICTED
    numbers = done.record.numbers
    assert (numbers["sought"], numbers["found"], numbers["found_deleted_only"]) == (40, 40, 40)
    assert numbers["found_attributed"] == 40


def test_people_of_another_app_are_not_found(scene: Scene) -> None:
    (scene.folder / "theirs.csv").write_text(scene.rows(scene.strangers))
    done = scene.examine()
    assert done.verdict is Verdict.NOT_CONTRADICTED
    assert done.record.numbers["found"] == done.record.numbers["found_uncorroborated"] == 0


def test_law_9_nobody_found_and_everything_read_is_not_contradicted_and_never_more(scene: Scene) -> None:
    (scene.folder / "notes.txt").write_text("nothing of anybody\n" * 100)
    done = scene.examine()
    assert done.verdict is Verdict.NOT_CONTRADICTED
    assert done.report["coverage"]["complete"] is True  # type: ignore[index]
    said = json.dumps(done.report).lower()
    assert "proven" not in said and "was deleted" not in said


def test_law_9_an_encrypted_exhibit_is_inconclusive(scene: Scene) -> None:
    (scene.folder / "notes.txt").write_text("nothing")
    (scene.folder / "vault").write_bytes(os.urandom(100_000))
    done = scene.examine()
    assert done.verdict is Verdict.INCONCLUSIVE
    assert "Not everything could be read" in done.because[0]


def test_law_9_an_empty_folder_is_inconclusive(scene: Scene) -> None:
    assert scene.examine().verdict is Verdict.INCONCLUSIVE


def test_law_9_an_unreadable_file_is_inconclusive(scene: Scene) -> None:
    (scene.folder / "link").symlink_to("/nowhere/else")
    (scene.folder / "notes.txt").write_text("nothing")
    assert scene.examine().verdict is Verdict.INCONCLUSIVE


def test_the_evidence_is_the_same_afterwards(scene: Scene) -> None:
    planted(scene)
    (scene.folder / "b.csv.gz").write_bytes(gzip.compress(scene.rows().encode()))
    before = {
        p.name: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in scene.folder.iterdir()
    }
    done = scene.examine()
    after = {p.name: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in scene.folder.iterdir()}
    assert after == before
    exhibits = done.report["exhibits"]
    assert all(e["sha256"] == e["after"] == before[Path(e["name"]).name][0] for e in exhibits)  # type: ignore[index,union-attr]


class Meddled(FileEvidence):
    """Evidence that somebody changes while it is examined."""

    def digest(self, exhibit: Exhibit, progress: Progress) -> str | None:
        with Path(exhibit.path).open("ab") as file:
            file.write(b"!")
        return super().digest(exhibit, progress)


def test_law_9_an_exhibit_that_changes_meanwhile_is_inconclusive(scene: Scene) -> None:
    (scene.folder / "rows.csv").write_text(scene.rows())
    engines = scene.house.engines
    done = examine.examine(engines, Meddled(), [str(scene.folder)], "quiz", OPERATOR)
    assert done.verdict is Verdict.INCONCLUSIVE and done.record.numbers["against_claim"] == 0
    assert "changed during the examination" in done.because[0]


def test_law_12_intake_and_conclusion_are_in_the_ledger_without_anybodys_data(scene: Scene) -> None:
    planted(scene)
    mark = scene.house.engines.ledger.size()
    done = scene.examine()
    begun, ended = scene.house.engines.ledger.acts(start=mark)
    assert (begun.verb, ended.verb) == ("examination:begin", "examination:end")
    assert begun.details["sha256"] == [hashlib.sha256((scene.folder / "app.db").read_bytes()).hexdigest()]
    assert ended.details["verdict"] == "contradicted"
    assert ended.details["report_sha256"] == hashlib.sha256(done.encoded).hexdigest()
    with scene.house.engines.store.read() as unit:
        names = [p.name for p in unit.directory.people(scene.people).values()]
    said = json.dumps([begun.details, ended.details])
    assert not any(name in said for name in names) and "@" not in said


def test_the_examination_is_kept(scene: Scene) -> None:
    planted(scene)
    done = scene.examine()
    engines = scene.house.engines
    assert examine.examination(engines, done.record.id) == done.record
    assert list(examine.examinations(engines, scene.app.number)) == [done.record]
    assert list(examine.examinations(engines, scene.other.number)) == []
    with pytest.raises(NotFound):
        examine.examination(engines, "examination_none")


def test_the_same_evidence_gives_the_same_report(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(scene)
    (scene.folder / "c.csv").write_text(scene.rows())
    one, two = scene.examine().report, scene.examine().report
    assert {k: v for k, v in one.items() if k != "examination"} == {k: v for k, v in two.items() if k != "examination"}


def test_a_database_beside_its_log_is_read_with_it(scene: Scene) -> None:
    import sqlite3
    from contextlib import closing

    planted(scene, "live.db")
    live = scene.folder / "live.db"
    away = scene.folder.parent / "away.db"
    shutil.move(live, away)
    with closing(sqlite3.connect(away, isolation_level=None)) as connection:
        for statement in ("pragma secure_delete=off", "pragma journal_mode=wal", "pragma wal_autocheckpoint=0"):
            connection.execute(statement)
        for line in scene.rows().splitlines():
            connection.execute("insert into friends (uid, email, name) values (?, ?, ?)", line.split(",", 2))
        for end in ("", "-wal"):
            shutil.copy(f"{away}{end}", f"{live}{end}")
    done = scene.examine()
    assert done.record.numbers["found_live"] == 40
    assert done.report["coverage"]["exhibits"] == 2  # type: ignore[index]


def test_disclosed_values_corroborate_without_a_name(scene: Scene) -> None:
    one = scene.house.person("extra", "Unnamed Person", "lonely@post.example")
    scene.disclose(scene.app, [one], birthday="1990-05-17")
    (scene.folder / "a.csv").write_text("lonely@post.example,1990-05-17\n")
    done = scene.examine()
    assert done.verdict is Verdict.CONTRADICTED
    assert done.report["people"][0]["fields"] == ["birthday", "e-mail"]  # type: ignore[index]


def test_values_that_the_platform_hands_in_are_sought_where_the_app_received_them(scene: Scene) -> None:
    """A phone finds and corroborates; a field that the app never received is not looked for."""
    people = [scene.house.person(f"extra{n}", f"Extra Person {n}", f"extra{n}@post.example") for n in (1, 2)]
    scene.disclose(scene.app, people[:1], phone="+1 212 555 0199", city="Lisbon")
    scene.disclose(scene.app, people[1:], city="Porto")
    values = {f"extra{n}": {"phone": f"+1 212 555 019{n}", "city": "Lisbon"} for n in (1, 2)}
    rows = ["212-555-0191,Extra Person 1", "212-555-0192,Extra Person 2", "212-555-0191,Lisbon"]
    (scene.folder / "phones.csv").write_text("\n".join(rows) + "\n")
    assert scene.examine().record.numbers["found"] == 0
    done = scene.examine(values=values)
    assert done.record.numbers["found"] == 1
    assert done.report["people"][0]["fields"] == ["city", "name", "phone"]  # type: ignore[index]


# Judgement


def test_a_table_of_scores_under_the_apps_own_ids_contradicts_the_claim(scene: Scene) -> None:
    rows = "".join(f"{scene.scoped(number)},0.73\n" for number in scene.people)
    (scene.folder / "scores.csv").write_text("id,score\n" + rows)
    done = scene.examine()
    assert done.verdict is Verdict.CONTRADICTED
    (table,) = done.report["judgement"]["tables"]  # type: ignore[index]
    assert (table["people"], table["own_ids"], table["link"]) == (40, 40, "derived")
    numbers = done.record.numbers
    assert (numbers["found"], numbers["found_by_own_id"], numbers["against_claim"]) == (0, 40, 40)


def test_one_own_id_alone_is_no_table_and_does_not_contradict(scene: Scene) -> None:
    (scene.folder / "mail.txt").write_text(f"please look at {scene.scoped(scene.people[0])} again\n")
    assert scene.examine().verdict is Verdict.NOT_CONTRADICTED


def test_law_9_a_hashed_audience_of_the_apps_people_is_never_clean(scene: Scene) -> None:
    for number in range(400):  # most of the platform's people are not the app's
        scene.house.person(f"more{number}", "Some Body", f"more{number}@post.example")
    with scene.house.engines.store.read() as unit:
        known = unit.directory.people(scene.people)
    rows = "".join(f"{hashlib.sha256(one.email.encode()).hexdigest()},0.7\n" for one in known.values())
    (scene.folder / "audience.csv").write_text(rows)
    assert scene.examine().verdict is Verdict.NOT_CONTRADICTED
    done = scene.examine(hashed=True)
    assert done.verdict is Verdict.INCONCLUSIVE
    (table,) = done.report["judgement"]["tables"]  # type: ignore[index]
    assert (table["people"], table["link"]) == (40, "derived")
    assert "40 of its 4" in table["sentence"]


def test_planted_people_say_what_would_have_been_noticed(scene: Scene) -> None:
    (scene.folder / "notes.txt").write_text("nothing")
    judgement = scene.examine(seeds=FormatSeeds()).report["judgement"]
    assert judgement["test"]["smallest_noticed"] == 1 and len(judgement["recall"]) == 32  # type: ignore[index]
    assert "95% probability" in judgement["test"]["sentence"]  # type: ignore[index]


# Claims


def certified(scene: Scene, **said: object) -> Claim:
    document = {"signatory": "A. Signer", "signed_on": "2026-01-01", **said}
    actor = Actor(ActorKind.DEVELOPER, str(scene.app.developer))
    kept = certify.submit(scene.house.engines, actor, json.dumps(document), developer=scene.app.developer)
    return examine.read_claim(scene.house.engines, scene.app, kept.certification.id)


def test_a_claim_is_held_against_what_was_received_before_it(scene: Scene) -> None:
    scene.house.clock.advance(timedelta(days=10))
    claim = certified(scene, deleted_on="2026-01-05", people_direct=12, apps=["quiz"])
    (scene.folder / "rows.csv").write_text(scene.rows())
    scene.house.clock.advance(timedelta(days=1))
    done = scene.examine(claim=claim)
    assert done.verdict is Verdict.CONTRADICTED
    assert done.report["examination"]["claim"]["people"] == 12  # type: ignore[index]
    assert done.report["examination"]["claim"]["ledger_people"] == 40  # type: ignore[index]


def test_what_was_received_again_after_the_claim_does_not_contradict_it(scene: Scene) -> None:
    scene.house.clock.advance(timedelta(days=10))
    claim = certified(scene, deleted_on="2026-01-05")
    scene.disclose(scene.app, scene.people)
    (scene.folder / "rows.csv").write_text(scene.rows())
    done = scene.examine(claim=claim)
    assert done.verdict is Verdict.INCONCLUSIVE
    assert done.record.numbers["received_again_since"] == 40


def test_evidence_older_than_the_claim_is_inconclusive(scene: Scene) -> None:
    (scene.folder / "rows.csv").write_text(scene.rows())
    start = scene.house.clock.now()
    scene.house.clock.advance(timedelta(days=10))
    claim = certified(scene, deleted_on="2026-01-08")
    assert scene.examine(claim=claim, taken_at=start + timedelta(days=2)).verdict is Verdict.INCONCLUSIVE
    assert scene.examine(claim=claim).verdict is Verdict.CONTRADICTED


def test_an_undated_claim_is_held_against_the_present(scene: Scene) -> None:
    claim = examine.read_claim(scene.house.engines, scene.app, "letter.yaml", document="signatory: A. Signer\n")
    assert claim == Claim("letter.yaml", None, None)
    (scene.folder / "rows.csv").write_text(scene.rows())
    assert scene.examine(claim=claim).verdict is Verdict.CONTRADICTED


def test_a_certification_of_somebody_else_is_refused(scene: Scene) -> None:
    actor = Actor(ActorKind.DEVELOPER, str(scene.other.developer))
    kept = certify.submit(scene.house.engines, actor, '{"signatory": "B"}', developer=scene.other.developer)
    with pytest.raises(BadInput, match="another developer"):
        examine.read_claim(scene.house.engines, scene.app, kept.certification.id)
    with pytest.raises(BadInput, match="does not name the app"):
        examine.read_claim(scene.house.engines, scene.app, "x", document='{"apps": ["other"]}')
    with pytest.raises(NotFound):
        examine.read_claim(scene.house.engines, scene.app, "certification_none")


def test_only_operators_and_the_terminal_may_examine(scene: Scene) -> None:
    engines = scene.house.engines
    for actor in (Actor(ActorKind.DEVELOPER, "1"), Actor(ActorKind.OPERATOR, "nobody"), Actor(ActorKind.PERSON, "1")):
        with pytest.raises(NotAllowed):
            examine.examine(engines, FileEvidence(), [str(scene.folder)], "quiz", actor)
    with pytest.raises(NotFound, match="no app"):
        examine.examine(engines, FileEvidence(), [str(scene.folder)], "none", OPERATOR)
    with pytest.raises(NotFound, match="no case"):
        scene.examine(case="case_none")


def test_progress_tells_the_bytes_searched(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("x" * 5000)
    told: list[tuple[str, int, int]] = []
    scene.examine(progress=lambda stage, done, total: told.append((stage, done, total)))
    assert ("searching", 5000, 5000) in told
    assert {stage for stage, _, _ in told} == {"hashing", "searching", "hashing again"}


@pytest.mark.evidence
def test_eighty_seven_thousand_people_are_looked_for_in_under_25_seconds(house: House, tmp_path: Path) -> None:
    access.add_operator(house.engines, "olga", "Olga", "olga@platform.example")
    quiz = house.app(client_id="quiz")
    everyone = [person(n) for n in range(1, 87_001)]
    from beholden.journeys.ports import NewPerson

    with house.engines.store.write() as unit:
        new = [NewPerson(p.outside_id, p.name, p.email) for p in everyone]  # type: ignore[arg-type]
        unit.directory.enrol(new, house.clock.now(), [house.engines.ids.secret() for _ in new])
        known = unit.directory.numbers([p.outside_id for p in everyone])
    numbers = [known[p.outside_id] for p in everyone]
    made = Scene(house, quiz, quiz, numbers, [], tmp_path / "seized")
    made.folder.mkdir()
    made.disclose(quiz, numbers)
    database(made.folder / "app.db", everyone, after=["delete from friends where id % 50 <> 0"])
    (made.folder / "people.csv").write_text(made.rows())
    (made.folder / "people.utf16").write_text(made.rows(), encoding="utf-16")
    (made.folder / "people.gz").write_bytes(gzip.compress(made.rows().encode()))
    began = time.process_time()
    done = made.examine()
    assert done.record.numbers["found"] == 87_000
    assert time.process_time() - began < 25
