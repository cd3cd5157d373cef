"""`beholden notice`: tell everyone impacted, once."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.acting import NUMBER, open_as, operator_option, print_json
from beholden.cli.main import data_option, json_option
from beholden.journeys import expire, notify
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.act import SYSTEM
from beholden.model.ids import CaseId, DeveloperNumber

_LISTED = 20


@click.group()
def command() -> None:
    """Tell everyone impacted, once: draft, freeze, send. Sending may be stopped and gone on with at any time."""


@command.command()
@click.option("--app", "clients", multiple=True, help="Client id of an app; may be given several times.")
@click.option("--developer", type=NUMBER, help="Number of a developer: all of its apps.")
@click.option("--happened", required=True, help="What happened, in the words that people will read.")
@click.option("--measures", default="", help="What was done; left out, the ban or suspension on record is told.")
@click.option("--case", "case_id", help="The case that this comes from.")
@operator_option
@data_option
@json_option
def draft(
    clients: tuple[str, ...],
    developer: int | None,
    happened: str,
    measures: str,
    case_id: str | None,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Begin a campaign about one or several apps."""
    engines, actor = open_as(data, operator)
    owner = None if developer is None else DeveloperNumber(developer)
    apps = notify.apps_named(engines, clients, owner)
    case = None if case_id is None else CaseId(case_id)
    view = notify.draft(engines, actor, apps, happened, measures=measures, case=case)
    _show(view, as_json=as_json)


@command.command()
@click.argument("campaign")
@operator_option
@data_option
@json_option
def freeze(campaign: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Fix who is told: everyone whom the ledger names now."""
    engines, actor = open_as(data, operator)
    _show(notify.freeze(engines, campaign, actor=actor), as_json=as_json)


@command.command()
@click.argument("campaign")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many letters, rounded up to a batch.")
@click.option("--operator", help="Operator id; left out, the system itself goes on with it.")
@data_option
@json_option
def send(campaign: str, limit: int | None, operator: str | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Send what is due; go on where an earlier run stopped, however it stopped. Exit code 1: not everyone yet."""
    engines, actor = open_as(data, operator) if operator else (_engines(data), SYSTEM)
    mailer = bootstrap.mailer(settings.read(data=data))
    try:
        with click.progressbar(length=1, label="Letters", file=sys.stderr) as bar:

            def shown(progress: notify.Progress) -> None:
                bar.length = progress.due
                bar.update(progress.settled - bar.pos)

            report = notify.send(engines, mailer, campaign, limit=limit, progress=shown, actor=actor)
    finally:
        mailer.close()
    if as_json:
        print_json(asdict(report) | {"done": report.done})
    else:
        click.echo(
            f"{report.delivered:,} of {report.due:,} delivered, {report.failed:,} refused, "
            f"{report.undeliverable:,} without an address, {report.doubtful:,} in doubt and sent again."
        )
        if report.deferred:
            assert report.next_at is not None
            click.echo(f"{report.deferred:,} wait; the first is due {time.text(report.next_at)}.")
    if not report.done:
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("campaign")
@data_option
@json_option
def status(campaign: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """What became of every letter; with --json the whole lists."""
    found = notify.status(_engines(data), campaign)
    if as_json:
        print_json(asdict(found))
        return
    _show(found.campaign, as_json=False)
    click.echo(f"delivered      {found.delivered:>10,}")
    for name in ("failed", "undeliverable", "deferred"):
        troubles = getattr(found, name)
        click.echo(f"{name:14} {len(troubles):>10,}")
        _list(f"person {t.person}: {t.reply}" for t in troubles)
    for name in ("erased", "doubtful"):
        people = getattr(found, name)
        click.echo(f"{name:14} {len(people):>10,}")
        _list(f"person {person}" for person in people)


@command.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All campaigns, newest first."""
    found = notify.campaigns(_engines(data))
    if as_json:
        print_json([asdict(view) for view in found])
        return
    for view in found:
        click.echo(f"{view.id}  {view.state:8}  {view.due:>10,} people  {', '.join(view.apps)}")


@command.group("expiry")
def expiry() -> None:
    """The 90-day clock. `beholden work` does both by itself."""


@expiry.command()
@data_option
@json_option
def warn(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Send the warnings that are due. Exit code 3: the mail server did not serve."""
    chosen = settings.read(data=data)
    mailer = bootstrap.mailer(chosen)
    try:
        report = expire.warn_due(bootstrap.embedded(chosen), mailer)
    finally:
        mailer.close()
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(f"{report.sent:,} warnings sent, {report.waiting:,} wait, {report.doubtful:,} in doubt, sent again.")
    if report.stalled:
        click.echo(f"beholden: {report.stalled}", err=True)
        raise click.exceptions.Exit(3)


@expiry.command()
@data_option
@json_option
def sweep(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """End on record what the clock has ended."""
    report = expire.sweep(_engines(data))
    if as_json:
        print_json(asdict(report) | {"ended": report.ended})
    else:
        click.echo(f"{report.inactive:,} grants ended by disuse, {report.age:,} by age.")


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _show(view: notify.CampaignView, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(view))
        return
    click.echo(f"{view.id}  {view.state}\napps           {', '.join(view.apps)} by {', '.join(view.developers)}")
    if view.frozen_at is not None:
        click.echo(f"due            {view.due:>10,}  ({view.direct:,} direct, {view.indirect:,} indirect)")
        click.echo(f"erased before  {view.erased:>10,}")
        click.echo(f"set            {view.sha256}\nledger         {view.ledger_size} entries, root {view.root}")


def _list(lines: Iterable[str]) -> None:
    for position, line in enumerate(lines):
        if position == _LISTED:
            click.echo("  ... (all of them with --json)")
            return
        click.echo(f"  {line}")
