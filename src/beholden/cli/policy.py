"""`beholden policy`: the numbers and switches in force, and the catalogue of data."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import access, gateway
from beholden.journeys import policy as journey
from beholden.journeys.ports import Engines
from beholden.model import catalogue as catalogues
from beholden.model import policy as policies
from beholden.model.catalogue import Catalogue
from beholden.model.documents import MAX_CHARACTERS
from beholden.model.errors import BadInput
from beholden.model.policy import Policy

_EXAMPLES = {"catalogue": "catalogue.yaml", "policy": "policy-today.yaml", "policy-2014": "policy-2014.yaml"}
document = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def command() -> None:
    """Show the policy and the catalogue, put another policy in force."""


@command.command()
@data_option
@json_option
def show(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """The policy in force."""
    _print(journey.in_force(_engines(data)), as_json=as_json)


@command.command()
@document
@click.option("--operator", required=True, help="Operator id.")
@data_option
def use(file: Path, operator: str, data: Path) -> None:
    """Put the policy of FILE in force, at the next request."""
    text = _text(file)
    engines = _engines(data)
    before = journey.in_force(engines)
    now = journey.put_in_force(engines, text, access.acting_operator(engines, operator))
    click.echo(f"In force: {now.name}.")
    for key, (old, new) in journey.differences(before, now).items():
        click.echo(f"  {key}: {_written(old)} -> {_written(new)}")


@command.command()
@document
@json_option
def check(file: Path, as_json: bool) -> None:  # noqa: FBT001
    """Say whether FILE can be put in force, and what it then says."""
    _print(policies.read(_text(file)), as_json=as_json)


@command.command()
@click.argument("which", type=click.Choice(list(_EXAMPLES)), default="catalogue")
def example(which: str) -> None:
    """Print an example to start from."""
    click.echo((files("beholden") / "examples" / _EXAMPLES[which]).read_text(encoding="utf-8"), nl=False)


@command.group()
def catalogue() -> None:
    """The catalogue: which data the platform holds, in which clusters, of which class."""


@catalogue.command("show")
@data_option
@json_option
def show_catalogue(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """The catalogue of this installation."""
    _print_catalogue(_engines(data).catalogue, as_json=as_json)


@catalogue.command("check")
@document
@json_option
def check_catalogue(file: Path, as_json: bool) -> None:  # noqa: FBT001
    """Say whether FILE can be the catalogue."""
    _print_catalogue(catalogues.read(_text(file)), as_json=as_json)


@command.command("routes")
@document
@data_option
def check_routes(file: Path, data: Path) -> None:
    """Say whether FILE can be the route catalogue for gateways, beside the data catalogue of this installation."""
    found = gateway.read_routes(_text(file), bootstrap.catalogue(settings.read(data=data)))
    for route in sorted((r for routes in found.by_length.values() for r in routes), key=lambda r: r.path):
        methods = ",".join(sorted(route.methods))
        what = "open" if route.open else f"{', '.join(route.fields)} for {route.purpose}"
        click.echo(f"{methods:12}  {route.path:40}  {what}{' (in part)' if route.partial else ''}")


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", "Name a file that is there.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8.", "Save it as UTF-8.") from error


def _print(policy: Policy, *, as_json: bool) -> None:
    values = {key: getattr(policy, key) for key in Policy.__dataclass_fields__}
    if as_json:
        click.echo(json.dumps(values))
        return
    for key, value in values.items():
        click.echo(f"{key}: {_written(value)}")


def _written(value: Any) -> str:
    """As the document would have it."""
    return json.dumps(value, ensure_ascii=False)


def _print_catalogue(found: Catalogue, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"name": c.name, "class": c.field_class, "label": c.label, "fields": [f.name for f in c.fields]}
            for c in found.clusters
        ]
        click.echo(json.dumps({"clusters": rows}))
        return
    for cluster in found.clusters:
        fields = ", ".join(field.name for field in cluster.fields)
        click.echo(f"{cluster.name:20}  {cluster.field_class:10}  {cluster.label}: {fields}")
