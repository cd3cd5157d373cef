"""The journeys from import to opt-out on each database: what one accepts, the other does."""

import io
from pathlib import Path

import pytest

from beholden import bootstrap, settings
from beholden.backends.host.clock import FileClock
from beholden.journeys import access, enrol, opt_out, policy, review
from beholden.journeys.disclose import FilterRequest, PersonRef, filter_records
from beholden.model.act import Actor, ActorKind
from beholden.model.app import Ask
from beholden.model.decision import Reason
from beholden.model.errors import Damaged
from beholden.model.person import Scope
from tests.conftest import EXAMPLES, START, House

PEOPLE = b"outside_id,name,email\n" + b"".join(b"u%d,Person %d,\n" % (n, n) for n in range(50))


def configured(database_url: str, folder: Path) -> settings.Settings:
    FileClock(folder / "clock").set(START)
    variables = {
        "BEHOLDEN_DATABASE": database_url,
        "BEHOLDEN_CLOCK": str(folder / "clock"),
        "BEHOLDEN_CATALOGUE": str(EXAMPLES / "catalogue.yaml"),
    }
    return settings.read(variables, data=folder / "data")


def test_from_import_to_opt_out(database_url: str, tmp_path: Path) -> None:
    chosen = configured(database_url, tmp_path)
    engines = bootstrap.embedded(chosen)
    house = House(tmp_path / "data", chosen, engines, FileClock(tmp_path / "clock"))
    access.add_operator(engines, "ines", "Ines", "ines@platform.example")
    ines = Actor(ActorKind.OPERATOR, "ines")
    enrol.import_people(engines, io.BytesIO(PEOPLE), "csv", ines)
    developer = enrol.add_developer(engines, "Acme", "dev@acme.example", ines).developer
    asks = [Ask("identity", "p", required=True), Ask("likes", "p"), Ask("likes", "p", through=True)]
    app = enrol.add_app(engines, developer.number, "Quiz", ["https://a.example/b"], asks, client_id="quiz", actor=ines)
    owner = Actor(ActorKind.DEVELOPER, str(developer.number))
    asked = review.request(engines, owner, "quiz", "likes", "p")
    review.decide(engines, ines, asked.id, approve=True, reason="fine")
    review.sign(engines, owner, "quiz", "likes", "A. Person", "Terms.")
    policy.put_in_force(engines, "name: open\nindirect: opt_out", ines)
    me = opt_out.person_called(engines, "u0").number
    house.grant(me, app, ("name", "likes"), ("likes",))
    records = [{"id": f"u{n}", "likes": ["cake"]} for n in range(60)]
    request = FilterRequest("quiz", PersonRef("u0"), "p", records)

    assert filter_records(engines, request).report.released == 50
    for n in (3, 4):
        opt_out.choose(engines, opt_out.person_called(engines, f"u{n}").number, Scope.ALL, sharing=False)
    report = filter_records(engines, request).report
    assert report.released == 48
    assert report.reasons[Reason.OPTED_OUT_ALL] == 2
    assert review.lapse_unused(engines) == []
    token = access.open_session(engines, ActorKind.PERSON, str(me))
    assert access.session(engines, token) is not None
    bootstrap.close(engines)


def test_an_empty_database_beside_a_ledger_with_entries_is_refused_at_every_start(
    empty_url: str, tmp_path: Path
) -> None:
    """It would number new people from 1 again, and the ledger would take them for the old ones."""
    here = configured(f"sqlite:///{tmp_path / 'first.db'}", tmp_path)
    engines = bootstrap.embedded(here)
    access.add_operator(engines, "ines", "Ines", "ines@platform.example")
    bootstrap.close(engines)
    for _ in range(2):
        with pytest.raises(Damaged, match="its database has nothing"):
            bootstrap.embedded(configured(empty_url, tmp_path))
