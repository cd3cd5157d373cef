"""`beholden app`: developers, their apps, reviews and contracts."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import access, callbacks, client_terms, enrol, review
from beholden.journeys.enrol import AppView
from beholden.journeys.ports import Engines
from beholden.journeys.review import ReviewView
from beholden.model import time
from beholden.model.act import SYSTEM, Actor
from beholden.model.app import Ask
from beholden.model.errors import BadInput

by_option = click.option("--by", help="Operator id of whoever does this; left out, it is the host's own hand.")
operator_option = click.option("--operator", required=True, help="Operator id.")


@click.group()
def command() -> None:
    """Developers, apps, reviews and contracts."""


@command.group()
def developer() -> None:
    """The legal entities that own apps."""


@developer.command("add")
@click.argument("name")
@click.argument("email")
@by_option
@data_option
@json_option
def add_developer(name: str, email: str, by: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Add a developer. One that was banned is not let in again under another name."""
    engines = _engines(data)
    made = enrol.add_developer(engines, name, email, _by(engines, by))
    if as_json:
        click.echo(json.dumps({"number": made.developer.number, "name": name, "warning": made.warning}))
        return
    click.echo(f"Developer {made.developer.number}: {made.developer.name}.")
    if made.warning:
        click.echo(f"Look at this: {made.warning}", err=True)


@developer.command("list")
@data_option
@json_option
def list_developers(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All developers."""
    found = enrol.developers(_engines(data))
    if as_json:
        click.echo(json.dumps([{"number": d.number, "name": d.name, "email": d.email} for d in found]))
        return
    for one in found:
        click.echo(f"{one.number:>6}  {one.name} <{one.email}>")


@command.command()
@click.argument("name")
@click.option("--developer", "owner", type=int, required=True, help="The developer's number.")
@click.option("--redirect", "redirects", multiple=True, required=True, help="Redirect URI, exact; several times.")
@click.option("--ask", "asks", multiple=True, help="CLUSTER=PURPOSE that a person may leave out.")
@click.option("--need", "needs", multiple=True, help="CLUSTER=PURPOSE without which the app does not work.")
@click.option("--ask-through", "throughs", multiple=True, help="CLUSTER=PURPOSE of the person's contacts.")
@click.option("--client-id", help="What the outside calls it; left out, one is made.")
@click.option("--description", default="")
@click.option("--category", default="other", show_default=True)
@by_option
@data_option
@json_option
def add(
    name: str,
    owner: int,
    redirects: tuple[str, ...],
    asks: tuple[str, ...],
    needs: tuple[str, ...],
    throughs: tuple[str, ...],
    client_id: str | None,
    description: str,
    category: str,
    by: str | None,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Register an app. Data beyond basic needs a review and a contract before the app gets any."""
    wishes = [_ask(text, required=True) for text in needs] + [_ask(text) for text in asks]
    wishes += [_ask(text, through=True) for text in throughs]
    engines = _engines(data)
    app = enrol.add_app(
        engines,
        owner,
        name,
        redirects,
        wishes,
        description=description,
        category=category,
        client_id=client_id,
        actor=_by(engines, by),
    )
    _print(enrol.show_app(engines, app.client_id), as_json=as_json)


@command.command("list")
@click.option("--developer", "owner", type=int, help="Only this developer's.")
@data_option
@json_option
def list_(owner: int | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All apps."""
    found = enrol.apps(_engines(data), owner)
    if as_json:
        click.echo(json.dumps([_row(view) for view in found]))
        return
    for view in found:
        standing = max(view.standing, view.developer_standing, key=list(type(view.standing)).index)
        click.echo(f"{view.app.client_id:30}  {standing:10}  {view.people:>8,} people  {view.app.name}")


@command.command()
@click.argument("client_id")
@data_option
@json_option
def show(client_id: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """One app: what it asks for, what it was approved for, what is signed."""
    _print(enrol.show_app(_engines(data), client_id), as_json=as_json)


@command.command()
@click.argument("client_id")
@click.option("--off", is_flag=True, help="Take it back.")
@operator_option
@data_option
def verify(client_id: str, off: bool, operator: str, data: Path) -> None:  # noqa: FBT001
    """Lift the limit on how many people may connect an app."""
    engines = _engines(data)
    review.set_verified(engines, access.acting_operator(engines, operator), client_id, verified=not off)
    click.echo("No longer verified." if off else "Verified.")


@command.command("oauth")
@click.argument("client_id")
@click.option("--push/--no-push", default=None, help="Take its authorization requests only pushed (RFC 9126).")
@click.option("--dpop/--no-dpop", default=None, help="Give it only tokens that are bound to a key (RFC 9449).")
@click.option("--grants/--no-grants", default=None, help="Let it look at grants and end them by their id.")
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False), help="JWK Set by which it signs.")
@click.option("--no-keys", is_flag=True, help="Remove its keys.")
@by_option
@data_option
@json_option
def oauth(
    client_id: str,
    push: bool | None,  # noqa: FBT001
    dpop: bool | None,  # noqa: FBT001
    grants: bool | None,  # noqa: FBT001
    keys: Path | None,
    no_keys: bool,  # noqa: FBT001
    by: str | None,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """What the OAuth endpoints hold an app to; without options, what they hold it to now."""
    engines = _engines(data)
    if keys is not None and no_keys:
        raise BadInput("--keys and --no-keys say the opposite.", "Give one of them.")
    text = "" if no_keys else None if keys is None else _text(keys)
    if (push, dpop, grants, text) == (None, None, None, None):
        terms = client_terms.show(engines, client_id)
    else:
        actor = _by(engines, by)
        terms = client_terms.change(engines, client_id, push=push, dpop=dpop, manages=grants, keys=text, actor=actor)
    if as_json:
        click.echo(json.dumps(asdict(terms)))
        return
    click.echo("Requests must be pushed." if terms.push else "Requests may be pushed.")
    click.echo("Tokens must be bound to a key." if terms.dpop else "Tokens may be bound to a key.")
    click.echo("It may manage grants." if terms.manages else "It may not manage grants.")
    click.echo(f"It signs with one of {terms.keys} keys." if terms.keys else "It has no keys.")


@command.group("review")
def reviews() -> None:
    """Permissions for data beyond basic: one cluster of one app for one purpose."""


@reviews.command("list")
@click.option("--state", type=click.Choice(["requested", "approved", "refused", "lapsed"]))
@click.option("--app", "client_id", help="Only this app's.")
@data_option
@json_option
def list_reviews(state: str | None, client_id: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Reviews, newest first."""
    found = review.reviews(_engines(data), state=state, client_id=client_id)
    if as_json:
        click.echo(json.dumps([_review_row(view) for view in found]))
        return
    for view in found:
        one, signed = view.review, "signed" if view.signed else "not signed"
        click.echo(f"{one.id}  {one.state:9}  {view.app.client_id}  {one.cluster} for {one.purpose!r}  {signed}")


@reviews.command()
@click.argument("client_id")
@click.argument("cluster")
@click.argument("purpose")
@operator_option
@data_option
def request(client_id: str, cluster: str, purpose: str, operator: str, data: Path) -> None:
    """Write down an app's wish that came by other ways than the developer portal."""
    engines = _engines(data)
    made = review.request(engines, access.acting_operator(engines, operator), client_id, cluster, purpose)
    click.echo(made.id)


@reviews.command()
@click.argument("id_", metavar="REVIEW")
@click.option("--reason", required=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Ends the permission on this day (UTC).")
@operator_option
@data_option
def approve(id_: str, reason: str, until: datetime | None, operator: str, data: Path) -> None:
    """Approve a review. The developer's signature is needed as well."""
    engines = _engines(data)
    end = None if until is None else until.replace(tzinfo=UTC)
    actor = access.acting_operator(engines, operator)
    review.decide(engines, actor, id_, approve=True, reason=reason, until=end)
    click.echo("Approved.")


@reviews.command()
@click.argument("id_", metavar="REVIEW")
@click.option("--reason", required=True)
@operator_option
@data_option
def refuse(id_: str, reason: str, operator: str, data: Path) -> None:
    """Refuse a review, or take an approved permission away."""
    engines = _engines(data)
    review.decide(engines, access.acting_operator(engines, operator), id_, approve=False, reason=reason)
    click.echo("Refused.")


@reviews.command()
@data_option
@json_option
def lapse(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Write down which permissions have lapsed. The gate has not honoured them since."""
    gone = review.lapse_unused(_engines(data))
    if as_json:
        click.echo(json.dumps([one.id for one in gone]))
        return
    click.echo(f"{len(gone)} lapsed.")


@command.group()
def contract() -> None:
    """Terms for data beyond basic, signed by the developer."""


@contract.command()
@click.argument("client_id")
@click.argument("cluster")
@click.option("--signatory", required=True, help="Who signed, for the developer.")
@click.option(
    "--terms", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The text that is signed."
)
@operator_option
@data_option
def sign(client_id: str, cluster: str, signatory: str, terms: Path, operator: str, data: Path) -> None:
    """Write down a signature; of the terms the SHA-256 is kept."""
    engines = _engines(data)
    actor = access.acting_operator(engines, operator)
    signed = review.sign(engines, actor, client_id, cluster, signatory, _text(terms))
    click.echo(f"Signed; the terms have the SHA-256 {signed.terms_sha256}.")


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _by(engines: Engines, by: str | None) -> Actor:
    return SYSTEM if by is None else access.acting_operator(engines, by)


@command.command("callbacks")
@click.argument("client_id")
@click.option("--deauthorize", help="Where to call when a person removes the app; empty ends that.")
@click.option("--deletion", help="Where to call when a person wishes their data deleted; empty ends that.")
@by_option
@data_option
@json_option
def callbacks_(
    client_id: str,
    deauthorize: str | None,
    deletion: str | None,
    by: str | None,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Set where an app is called, and show its latest calls."""
    engines = _engines(data)
    if deauthorize is not None or deletion is not None:
        callbacks.register(engines, client_id, deauthorize=deauthorize, deletion=deletion, actor=_by(engines, by))
    found = callbacks.of_app(engines, client_id)
    if as_json:
        calls = [{"id": c.id, "kind": c.kind, "state": c.state, "trouble": c.trouble} for c in found.calls]
        addresses = {"deauthorize": found.addresses.deauthorize, "deletion": found.addresses.deletion}
        click.echo(json.dumps({"client_id": client_id, **addresses, "calls": calls}))
        return
    click.echo(f"removals to {found.addresses.deauthorize or 'nowhere'}")
    click.echo(f"deletions to {found.addresses.deletion or 'nowhere'}")
    for one in found.calls:
        click.echo(f"{one.id}  {one.kind}  {one.state}  {time.text(one.at)}  {one.trouble}")


def _ask(text: str, *, required: bool = False, through: bool = False) -> Ask:
    cluster, equals, purpose = text.partition("=")
    if not equals:
        raise BadInput(f"{text!r} is not CLUSTER=PURPOSE.", "For example likes=recommendations.")
    return Ask(cluster.strip(), purpose.strip(), required, through)


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(review.MAX_TERMS + 1)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", "Name a file that is there.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8.", "Save it as UTF-8.") from error


def _print(view: AppView, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_row(view)))
        return
    app = view.app
    click.echo(f"{app.name} ({app.client_id}), app {app.number} of {view.developer.name} ({app.developer})")
    click.echo(
        f"standing {view.standing}, developer {view.developer_standing}; {view.people:,} people ever connected it"
    )
    click.echo("verified" if app.verified else "not verified")
    for uri in app.redirect_uris:
        click.echo(f"redirects to {uri}")
    for ask in app.asks:
        whose = "of contacts " if ask.through else ""
        click.echo(f"asks for {ask.cluster} {whose}for {ask.purpose!r}{' (needed)' if ask.required else ''}")
    for one in view.reviews:
        click.echo(f"review {one.id} of {one.cluster} for {one.purpose!r}: {one.state}")
    for signed in view.contracts:
        click.echo(f"contract for {signed.cluster}: {signed.signatory}, {time.text(signed.signed_at)}")


def _row(view: AppView) -> dict[str, Any]:
    app = view.app
    return {
        "client_id": app.client_id,
        "number": app.number,
        "name": app.name,
        "developer": app.developer,
        "developer_name": view.developer.name,
        "standing": view.standing,
        "developer_standing": view.developer_standing,
        "verified": app.verified,
        "people": view.people,
        "redirect_uris": list(app.redirect_uris),
        "asks": [
            {"cluster": a.cluster, "purpose": a.purpose, "required": a.required, "through": a.through} for a in app.asks
        ],
        "reviews": [{"id": r.id, "cluster": r.cluster, "purpose": r.purpose, "state": r.state} for r in view.reviews],
        "contracts": [{"cluster": c.cluster, "terms_sha256": c.terms_sha256} for c in view.contracts],
    }


def _review_row(view: ReviewView) -> dict[str, Any]:
    one = view.review
    return {
        "id": one.id,
        "state": one.state,
        "client_id": view.app.client_id,
        "developer_name": view.developer_name,
        "cluster": one.cluster,
        "purpose": one.purpose,
        "signed": view.signed,
        "requested_at": time.text(one.requested_at),
        "decided_at": time.text(one.decided_at) if one.decided_at else None,
        "decided_by": one.decided_by,
        "lapses_at": time.text(view.lapses_at) if view.lapses_at else None,
    }
