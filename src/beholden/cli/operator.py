"""`beholden operator`: who works here, their sign-in links, and the platform's keys to the gate."""

import json
from datetime import datetime, timedelta
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
    """Keys with which the platform's servers and gateways call the gate. `rotate` changes one without an outage."""


@platform_key.command("add")
@click.argument("caller")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Let CALLER in by this client certificate (PEM) instead; `serve --client-ca` names who may issue them.",
)
@by_option
@data_option
@json_option
def add_key(caller: str, certificate: Path | None, by: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Make a key for CALLER and print it, this once."""
    engines = _engines(data)
    if certificate is not None:
        added = access.add_platform_certificate(engines, caller, certificate.read_bytes(), _actor(engines, by))
        text = json.dumps({"id": added.id, "caller": caller}) if as_json else f"Added {added.id} for {caller}."
        click.echo(text)
        return
    _show(access.add_platform_key(engines, caller, _actor(engines, by)), as_json)


@platform_key.command("rotate")
@click.argument("caller")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 720),
    default=24,
    show_default=True,
    help="How long the present key goes on.",
)
@by_option
@data_option
@json_option
def rotate_key(caller: str, overlap_hours: int, by: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Make a new key for CALLER and print it; the present one ends by itself after the overlap."""
    engines = _engines(data)
    overlap = timedelta(hours=overlap_hours)
    _show(access.rotate_platform_key(engines, caller, overlap, _actor(engines, by)), as_json)


def _show(key: access.IssuedKey, as_json: bool) -> None:  # noqa: FBT001
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
    engines = _engines(data)
    found, now = access.platform_keys(engines), engines.clock.now()
    if as_json:
        click.echo(json.dumps([_row(key, now) for key in found]))
        return
    for key in found:
        row = _row(key, now)
        ends = "revoked" if key.revoked_at else ("ended" if not row["holds"] else f"until {row['ends']}")
        state = "holds" if row["holds"] and key.ends_at is None else ends
        used = f"last used {row['last_used']}" if key.last_used_at else "never used"
        click.echo(f"{key.id}  {key.caller:20}  {key.kind:11}  since {time.text(key.added_at)}  {state}  {used}")


def _row(key: access.PlatformKey, now: datetime) -> dict[str, object]:
    return {
        "id": key.id,
        "caller": key.caller,
        "kind": key.kind,
        "holds": key.holds(now),
        "revoked": key.revoked_at is not None,
        "ends": None if key.ends_at is None else time.text(key.ends_at),
        "last_used": None if key.last_used_at is None else time.text(key.last_used_at),
    }


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _actor(engines: Engines, by: str | None) -> Actor:
    return SYSTEM if by is None else access.acting_operator(engines, by)
