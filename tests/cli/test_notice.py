"""`beholden notice` and `beholden work`, as commands, against the real sink."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beholden.cli.main import beholden
from beholden.cli.work import DUTIES
from beholden.journeys import access, notify
from beholden.model.act import SYSTEM
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, Conflict, NotFound
from examples.mail_sink.count import tally
from tests.conftest import START, House
from tests.sinks import Sink, running


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "letters.jsonl") as started:
        yield started


@pytest.fixture
def harvested(house: House) -> House:
    """An app that was given data of three people, one of whom has no address."""
    people = house.people(["ann", "bob", "cy"])
    house.person("cy", email="")
    app = house.app(client_id="quiz", name="Quiz")
    rows = [
        Disclosure(app.number, app.developer, p, people[0], ("name",), "service", "grant_x", house.clock.now())  # type: ignore[arg-type]
        for p in people
    ]
    house.engines.ledger.append(rows)
    return house


def run(house: House, sink: Sink | None, *arguments: str) -> Result:
    """The command in this process; an error of ours is in `exception`."""
    environment = {"BEHOLDEN_SMTP_PORT": str(sink.port if sink else 1), "BEHOLDEN_DATA": str(house.data)}
    return CliRunner().invoke(beholden, list(arguments), env=environment)


def printed(result: Result) -> dict[str, object]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_a_campaign_from_draft_to_the_last_letter(harvested: House, sink: Sink) -> None:
    operator = access.add_operator(harvested.engines, "olga", "Olga", "olga@platform.example").id
    said = ("--happened", "It sold the data.", "--measures", "We stopped it.", "--operator", operator, "--json")
    campaign = str(printed(run(harvested, sink, "notice", "draft", "--app", "quiz", *said))["id"])
    frozen = printed(run(harvested, sink, "notice", "freeze", campaign, "--operator", operator, "--json"))
    assert (frozen["due"], frozen["direct"], frozen["indirect"]) == (3, 1, 2)
    report = printed(run(harvested, sink, "notice", "send", campaign, "--json"))
    assert (report["done"], report["delivered"], report["undeliverable"]) == (True, 2, 1)
    assert tally(sink.out).delivered == {"ann@people.example", "bob@people.example"}
    status = run(harvested, sink, "notice", "status", campaign)
    assert status.exit_code == 0 and "no address" in status.stdout
    assert campaign in run(harvested, sink, "notice", "list").stdout
    with_lists = printed(run(harvested, sink, "notice", "status", campaign, "--json"))
    assert with_lists["delivered"] == 2 and len(with_lists["undeliverable"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("notice", "send", "campaign_none"), NotFound),
        (("notice", "status", "x" * 500), NotFound),
        (("notice", "freeze", "campaign_none", "--operator", "nobody"), NotFound),
        (("notice", "draft", "--app", "quiz", "--happened", "It.", "--operator", "nobody"), NotFound),
    ],
)
def test_what_is_not_there_is_one_clear_error(house: House, arguments: tuple[str, ...], error: type[Exception]) -> None:
    result = run(house, None, *arguments)
    assert isinstance(result.exception, error)


def test_sending_a_draft_is_a_conflict_and_a_bad_sender_bad_input(harvested: House) -> None:
    app = notify.apps_named(harvested.engines, ["quiz"])
    view = notify.draft(harvested.engines, SYSTEM, app, "It sold the data.", measures="We stopped it.")
    assert isinstance(run(harvested, None, "notice", "send", view.id).exception, Conflict)
    environment = {"BEHOLDEN_SMTP_SENDER": "no address", "BEHOLDEN_DATA": str(harvested.data)}
    assert isinstance(CliRunner().invoke(beholden, ["notice", "send", view.id], env=environment).exception, BadInput)


def test_work_does_every_duty_and_says_so(harvested: House, sink: Sink) -> None:
    app = notify.apps_named(harvested.engines, ["quiz"])
    view = notify.draft(harvested.engines, SYSTEM, app, "It sold the data.", measures="We stopped it.")
    notify.freeze(harvested.engines, view.id)
    with pytest.raises(Exception, match="handed over"):
        from beholden import bootstrap

        with_nobody = bootstrap.mailer(harvested.settings.__class__(data=harvested.data, smtp_port=1))
        notify.send(harvested.engines, with_nobody, view.id)
    dan = harvested.person("dan")
    harvested.grant(dan, harvested.app(client_id="other"))
    harvested.clock.set(START + timedelta(days=89, hours=12))
    result = run(harvested, sink, "work", "--once", "--json")
    said = {line["duty"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 0, result.stdout
    assert list(said) == list(DUTIES)
    assert said["warnings"]["said"].startswith("1 sent")
    assert said["notices"]["said"] == "2 letters of 1 campaigns sent"
    assert tally(sink.out).delivered == {f"{name}@people.example" for name in ("ann", "bob", "dan")}
    harvested.clock.set(START + timedelta(days=90))
    again = run(harvested, sink, "work", "--once", "--json")
    said = {line["duty"]: line for line in map(json.loads, again.stdout.splitlines())}
    assert said["expiry"]["said"].startswith("1 grants ended by disuse")
    assert said["notices"]["said"] == "0 letters of 0 campaigns sent"
    assert said["warnings"]["said"] == "0 sent, 0 wait"


def test_a_duty_that_fails_is_said_and_stops_no_other(harvested: House) -> None:
    harvested.grant(harvested.person("dan"), harvested.app(client_id="other"))
    harvested.clock.set(START + timedelta(days=89))
    result = run(harvested, None, "work", "--once", "--json")
    said = {line["duty"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 3
    assert [name for name, line in said.items() if line["failed"]] == ["warnings"]
    assert "no connection to the mail server" in said["warnings"]["said"]
    assert list(said) == list(DUTIES)


def test_the_exit_codes_are_those_of_the_house(house: House) -> None:
    command = [str(Path(sys.executable).parent / "beholden"), "notice", "status", "campaign_none"]
    done = subprocess.run(command, env=os.environ | {"BEHOLDEN_DATA": str(house.data)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "There is no campaign" in done.stderr
