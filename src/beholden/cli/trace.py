"""`beholden trace`: which app a dump found in the wild came from, who is in it, and how sure that is."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli import readers
from beholden.cli.examine import TERMINAL, progress_bar
from beholden.cli.main import data_option, json_option

_LISTED = 10


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@data_option
@json_option
@click.option("--hashed", is_flag=True, help="Look for digests of addresses too, as advertising audiences hold them.")
@click.option("--operator", help="Who traces: an operator's id. Without it the ledger names the terminal.")
@readers.options
def command(
    files: tuple[str, ...],
    data: Path,
    as_json: bool,  # noqa: FBT001
    hashed: bool,  # noqa: FBT001
    operator: str | None,
    **reading: Any,
) -> None:
    """Hold FILES (a dump found in the wild) against everything that any app was ever given.

    Exit code: 0 an app is named, 1 none is, 3 none is and not everything could be read. The dump is only read.
    """
    from beholden.backends.evidence.files import FileEvidence
    from beholden.journeys import access
    from beholden.journeys import leak as journey

    engines = bootstrap.embedded(settings.read(data=data))
    actor = access.acting_operator(engines, operator) if operator else TERMINAL
    evidence = FileEvidence(hashers=reading["workers"] or readers.cores())
    searcher = readers.searcher(evidence, None, **reading)
    with progress_bar(quiet=as_json) as progress:
        done = journey.trace(engines, evidence, files, actor, hashed=hashed, searcher=searcher, progress=progress)
    for warning in readers.ended(searcher):
        click.echo(warning, err=True)
    click.echo(done.encoded.decode(), nl=False) if as_json else click.echo("\n".join(_told(done.report)))
    bootstrap.close(engines)
    sys.exit(0 if done.named else 1 if done.complete else 3)


def _told(report: Mapping[str, Any]) -> Iterator[str]:
    people, coverage = report["people"], report["coverage"]
    yield f"Trace {report['leak']['id']}: {', '.join(report['named']) or 'no app is named'}"
    for sentence in report["sentences"]:
        yield f"  {sentence}"
    yield ""
    yield f"People: {people['found']:,} found, {people['certain']:,} of them by two fields or by an app's own id"
    if report["apps"]:
        yield "Apps:"
    for app in report["apps"][:_LISTED]:
        yield f"  {app['posterior']:>7.1%}  {app['client_id']}: {app['people']:,} of its {app['of']:,} people"
        yield from (f"           {line}" for line in _details(app))
    if report["apps"]:
        yield f"  {report['unknown_source']:>7.1%}  a source that is none of them"
    for finding in report["findings"]:
        yield f"Finding: {finding}; `beholden watch show` tells it"
    yield (
        f"Coverage: {coverage['share']:.2%} of {coverage['exhibit_bytes'] + coverage['unpacked_bytes']:,} bytes read"
    )
    for gap in coverage["gaps"][:_LISTED]:
        yield f"  not read: {gap['path']}, {gap['reason']} ({gap['bytes']:,} bytes)"


def _details(app: Mapping[str, Any]) -> Iterator[str]:
    if app["own_ids"] or app["canaries"]:
        yield f"{app['own_ids']:,} ids of its own, {app['canaries']:,} canaries of its own"
    had = sorted(name for name, share in app["fields"].items() if share)
    if had:
        yield f"it was given of these people: {', '.join(had)}"
    if app["not_before"]:
        until = f", probably before {app['likely_before'][:10]}" if app["likely_before"] else ""
        yield f"not before {app['not_before'][:10]}{until}"
