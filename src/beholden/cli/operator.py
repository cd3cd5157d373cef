"""`beholden operator`: who works here, their sign-in links, and the platform's keys to the gate."""

import json
from datetime import timedelta
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import access
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.act import SYSTEM, Actor, ActorKind

by_option = click.option("--by", help="Operator id of whoever does this; left out, it is the host's own hand.")


@click.group()
def command() -> None:
    """Operators and their sign-in links, and the keys with which the platform calls the gate."""


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--name", required=True)
@click.option("--email", required=True)
@by_option
@data_option
def add(id_: str, name: str, email: str, by: str | None, data: Path) -> None:
    """Add an operator. A ban needs two of them."""
    engines = _engines(data)
    access.add_operator(engines, id_, name, email, _actor(engines, by))
    click.echo(f"Added {id_}. `beholden operator link {id_}` lets them in.")


@command.command()
@click.argument("id_", metavar="ID")
@by_option
@data_option
def remove(id_: str, by: str | None, data: Path) -> None:
    """End what an operator may do, their sessions included. What they did stays on record."""
    engines = _engines(data)
    access.remove_operator(engines, id_, _actor(engines, by))
    click.echo(f"Removed {id_}.")


@command.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All operators."""
    found = access.operators(_engines(data))
    if as_json:
        rows = [{"id": o.id, "name": o.name, "email": o.email, "removed": o.removed_at is not None} for o in found]
        click.echo(json.dumps(rows))
        return
    for operator in found:
        state = f"  (removed {time.text(operator.removed_at)})" if operator.removed_at else ""
        click.echo(f"{operator.id:20}  {operator.name} <{operator.email}>{state}")


@command.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--kind",
    type=click.Choice(["operator", "developer"]),
    default="operator",
    show_default=True,
    help="Whose link; a developer's ID is their number.",
)
@click.option("--minutes", type=click.IntRange(1, 10_080), default=15, show_default=True, help="How long it works.")
@by_option
@data_option
def link(id_: str, kind: str, minutes: int, by: str | None, data: Path) -> None:
    """Print a link that signs somebody in, once."""
    engines = _engines(data)
    path = access.issue_link(engines, ActorKind(kind), id_, life=timedelta(minutes=minutes), actor=_actor(engines, by))
    click.echo(f"{engines.url}{path}")


@command.group("platform-key")
def platform_key() -> None:
    """Keys with which the platform's servers call the gate. To change one: add, put it in place, revoke the old one."""


@platform_key.command("add")
@click.argument("caller")
@by_option
@data_option
@json_option
def add_key(caller: str, by: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Make a key for CALLER and print it, this once."""
    engines = _engines(data)
    key = access.add_platform_key(engines, caller, _actor(engines, by))
    if as_json:
        click.echo(json.dumps({"id": key.id, "caller": key.caller, "secret": key.secret}))
        return
    click.echo(key.secret)
    click.echo(f"This is {key.id} of {key.caller}. It is not kept: copy it now.", err=True)


@platform_key.command("revoke")
@click.argument("key")
@by_option
@data_option
def revoke_key(key: str, by: str | None, data: Path) -> None:
    """End the key with the id KEY: the gate refuses it from the next request on."""
    engines = _engines(data)
    access.revoke_platform_key(engines, key, _actor(engines, by))
    click.echo(f"Revoked {key}.")


@platform_key.command("list")
@data_option
@json_option
def list_keys(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All keys by id; never the keys themselves."""
    found = access.platform_keys(_engines(data))
    if as_json:
        click.echo(json.dumps([{"id": k.id, "caller": k.caller, "revoked": k.revoked_at is not None} for k in found]))
        return
    for key in found:
        state = f"revoked {time.text(key.revoked_at)}" if key.revoked_at else "holds"
        click.echo(f"{key.id}  {key.caller:20}  since {time.text(key.added_at)}  {state}")


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _actor(engines: Engines, by: str | None) -> Actor:
    return SYSTEM if by is None else access.acting_operator(engines, by)
