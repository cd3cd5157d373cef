"""`beholden person`: enrol people, see and turn their switches, erase one."""

import json
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import access, account, enrol, erase, opt_out
from beholden.journeys.account import Connected
from beholden.journeys.enrol import BadLines
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.act import SYSTEM
from beholden.model.errors import BadInput
from beholden.model.person import Choice, Scope

operator_option = click.option("--operator", required=True, help="Operator id.")


@click.group()
def command() -> None:
    """Enrol people, what they chose, erase one. OUTSIDE_ID is the platform's own id of a person."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Left out, the file's ending tells.")
@click.option("--by", help="Operator id of whoever does this; left out, it is the host's own hand.")
@data_option
@json_option
def import_(file: Path, form: str | None, by: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Enrol everybody in FILE: CSV with the header outside_id,name,email, or JSON lines with these keys.

    When a line is wrong, all wrong lines are named and nothing is written. Importing again updates names and addresses.
    """
    form = form or {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(file.suffix.lower())
    if form is None:
        raise BadInput(f"The ending of {file.name} does not tell what it is.", "Say --format csv or jsonl.")
    engines = _engines(data)
    actor = SYSTEM if by is None else access.acting_operator(engines, by)
    try:
        with file.open("rb") as opened:
            report = enrol.import_people(engines, opened, form, actor, _progress)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", "Name a file that is there.") from error
    except BadLines as error:
        for number, why in error.lines:
            click.echo(f"line {number}: {why}", err=True)
        raise
    if as_json:
        click.echo(json.dumps({"people": report.people, "added": report.added}))
        return
    click.echo(f"{report.people:,} people read, {report.added:,} of them new.")


@command.command()
@click.argument("outside_id")
@data_option
@json_option
def show(outside_id: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """One person: their number, the apps beside them, the switches that they touched."""
    engines = _engines(data)
    person = opt_out.person_called(engines, outside_id)
    apps = account.apps(engines, person.number)
    choices = opt_out.choices(engines, person.number)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "number": person.number,
                    "joined_at": time.text(person.joined_at),
                    "apps": [_app_row(app) for app in apps],
                    "choices": [_choice_row(choice) for choice in choices],
                }
            )
        )
        return
    click.echo(f"Person {person.number}: {person.name}, since {time.text(person.joined_at)}")
    for app in apps:
        got = app.received
        state = app.grant.tab if app.grant else "through others"
        click.echo(f"{app.app.client_id:30}  {state:14}  {got.direct} direct and {got.indirect} indirect disclosures")
    for choice in choices:
        click.echo(_sentence(choice))


@command.command()
@click.argument("outside_id")
@click.argument("scope", type=click.Choice([scope.value for scope in Scope]))
@click.argument("target", default="")
@click.option("--on/--off", "sharing", required=True, help="Sharing on, or off.")
@operator_option
@data_option
def choose(outside_id: str, scope: str, target: str, sharing: bool, operator: str, data: Path) -> None:  # noqa: FBT001
    """Turn a switch for a person who asked for it: all, app CLIENT_ID, cluster NAME, or indirect (friends' apps)."""
    engines = _engines(data)
    person = opt_out.person_called(engines, outside_id)
    actor = access.acting_operator(engines, operator)
    click.echo(_sentence(opt_out.choose(engines, person.number, Scope(scope), target, sharing=sharing, actor=actor)))


@command.command()
@click.argument("outside_id")
@data_option
@json_option
def choices(outside_id: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every position of every switch that a person ever touched, oldest first."""
    engines = _engines(data)
    found = opt_out.history(engines, opt_out.person_called(engines, outside_id).number)
    if as_json:
        click.echo(json.dumps([_choice_row(choice) for choice in found]))
        return
    for choice in found:
        click.echo(_sentence(choice))


@command.command("erase")
@click.argument("outside_id", required=False)
@click.option("--finish", is_flag=True, help="End the erasures that were begun and did not get through.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@operator_option
@data_option
@json_option
def erase_(
    outside_id: str | None,
    finish: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Erase a person. The ledger's proofs still verify afterwards; nothing brings the person back."""
    if (outside_id is None) is not finish:
        raise BadInput("Name one person to erase, or say --finish.", "See --help.")
    engines = _engines(data)
    actor = access.acting_operator(engines, operator)
    if outside_id is None:
        done = erase.complete(engines, actor)
    else:
        opt_out.person_called(engines, outside_id)
        if not yes:
            click.confirm(f"Erase {outside_id}? This cannot be undone.", abort=True)
        done = [erase.erase(engines, actor, outside_id)]
    if as_json:
        click.echo(json.dumps([{"ticket": one.ticket, "records": one.records} for one in done]))
        return
    for one in done:
        click.echo(f"Erased: {one.records:,} records blanked, ticket {one.ticket}.")


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _progress(written: int) -> None:
    click.echo(f"{written:,} people written", err=True)


def _sentence(choice: Choice) -> str:
    about = f"{choice.scope} {choice.target}".strip()
    end = f" until {time.text(choice.ended_at)}" if choice.ended_at else ""
    state = "on " if choice.sharing else "off"
    return f"sharing {state}  {about:30}  since {time.text(choice.since)}{end} ({choice.origin})"


def _choice_row(choice: Choice) -> dict[str, Any]:
    return {
        "scope": choice.scope,
        "target": choice.target,
        "sharing": choice.sharing,
        "since": time.text(choice.since),
        "ended_at": time.text(choice.ended_at) if choice.ended_at else None,
        "origin": choice.origin,
    }


def _app_row(view: Connected) -> dict[str, Any]:
    return {
        "client_id": view.app.client_id,
        "standing": view.app.standing,
        "grant": view.grant.tab if view.grant else None,
        "last_use": time.text(view.last_use) if view.last_use else None,
        "direct": view.received.direct,
        "indirect": view.received.indirect,
    }
