"""`beholden examine`: search seized evidence for people's data, and hold a claim of deletion against it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys.ports import Engines
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App
from beholden.model.errors import BadInput, NotFound

EXIT = {"not contradicted": 0, "contradicted": 1, "inconclusive": 3}
MAX_CLAIM = 1 << 20
TERMINAL = Actor(ActorKind.PLATFORM, "terminal")
"""Whoever holds the data folder and its keys."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@data_option
@json_option
@click.option("--app", "client_id", required=True, help="The app whose people are looked for (its client id).")
@click.option("--claim", help="The certification of deletion: its id, or a file.")
@click.option("--case", help="The case that the examination is for.")
@click.option(
    "--taken", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the evidence was taken; today if left out."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.json and report.html.")
@click.option("--hashed", is_flag=True, help="Look for digests of addresses too, as advertising audiences hold them.")
@click.option("--seeds/--no-seeds", default=True, help="Plant made-up people beside the evidence; measures the recall.")
@click.option("--operator", help="Who examines: an operator's id. Without it the ledger names the terminal.")
def command(
    paths: tuple[str, ...],
    data: Path,
    as_json: bool,  # noqa: FBT001
    client_id: str,
    claim: str | None,
    case: str | None,
    taken: datetime | None,
    out: Path | None,
    operator: str | None,
    hashed: bool,  # noqa: FBT001
    seeds: bool,  # noqa: FBT001
) -> None:
    """Search PATHS (files, folders) for the people whose data the ledger says the app received.

    Exit code: 0 not contradicted, 1 contradicted, 3 inconclusive. Evidence is only read.
    """
    from beholden.backends.evidence.files import FileEvidence
    from beholden.backends.evidence.report_files import write
    from beholden.backends.evidence.seeds import FormatSeeds
    from beholden.journeys import access
    from beholden.journeys import examine as journey

    engines = bootstrap.embedded(settings.read(data=data))
    app = _app(engines, client_id)
    with progress_bar(quiet=as_json) as progress:
        done = journey.examine(
            engines,
            FileEvidence(),
            paths,
            client_id,
            access.acting_operator(engines, operator) if operator else TERMINAL,
            claim=_claim(engines, app, claim) if claim else None,
            case=case,
            taken_at=taken.replace(tzinfo=UTC) if taken else None,
            hashed=hashed,
            seeds=FormatSeeds() if seeds else None,
            progress=progress,
        )
    if out is not None:
        write(out, done.encoded, done.report, done.record.report_sha256)
    if as_json:
        summary = {key: value for key, value in done.report.items() if key not in {"people", "uncorroborated"}}
        click.echo(json.dumps(summary | {"report_sha256": done.record.report_sha256}))
    else:
        click.echo("\n".join(_summary(done.report, out)))
    bootstrap.close(engines)
    sys.exit(EXIT[done.record.verdict])


def _app(engines: Engines, client_id: str) -> App:
    with engines.store.read() as unit:
        app = unit.directory.app(client_id)
    if app is None:
        raise NotFound(f"There is no app {client_id!r}.", "`beholden app list` names them.")
    return app


def _claim(engines: Engines, app: App, named: str) -> Any:
    """A certification by its id, or from a file."""
    from beholden.journeys.examine import read_claim

    path = Path(named)
    if not path.is_file():
        return read_claim(engines, app, named)
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_CLAIM else None
        text = raw.decode("utf-8") if raw is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The certification {named} cannot be read as UTF-8 text.", "Mend the file.") from error
    if text is None:
        raise BadInput(f"The certification {named} is longer than a megabyte.", "Name the right file.")
    return read_claim(engines, app, path.name, document=text)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Any]:
    """Bytes as they go by, on a terminal; nothing where a script reads."""
    if quiet or not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell


def _summary(report: Mapping[str, Any], out: Path | None) -> Iterator[str]:
    """What a lawyer would ask first: the verdict, who, where, and what was not read."""
    numbers, coverage, about = report["numbers"], report["coverage"], report["examination"]
    yield f"Examination {about['id']} of {about['app_name']} ({about['client_id']})"
    if about["claim"]:
        yield f"Claim: {about['claim']['sentence']}"
    yield f"Verdict: {report['verdict'].upper()}"
    for sentence in report["because"]:
        yield f"  {sentence}"
    yield f"  {report['judgement']['test']['sentence']}"
    yield ""
    yield f"People: {numbers['found']:,} of {numbers['sought']:,} found, by two fields or more each"
    yield f"  {numbers['found_live']:,} live, {numbers['found_deleted_only']:,} in deleted content only"
    yield f"  {numbers['found_attributed']:,} with an id that only this app was given"
    yield f"  {numbers['found_by_own_id']:,} more by that id alone, in a table of its people"
    alone = numbers["found_uncorroborated"] - numbers["found_by_own_id"]
    yield f"  {alone:,} met by one field only (not used for the verdict)"
    yield f"  {report['coincidences']['sentence']}"
    if report["places"]:
        yield "Where:"
        for place in sorted(report["places"], key=lambda p: (-p["people"], p["path"], p["where"]))[:20]:
            yield f"  {place['people']:>8,}  {place['state']:7}  {place['path']}, {place['where']}"
    for table in report["judgement"]["tables"][:20]:
        yield f"  {table['sentence']}"
    yield (
        f"Coverage: {coverage['share']:.2%} of {coverage['exhibit_bytes'] + coverage['unpacked_bytes']:,} bytes read "
        f"({coverage['exhibits']:,} exhibits, {coverage['unpacked']:,} files unpacked)"
    )
    for gap in coverage["gaps"][:20]:
        detail = f": {gap['detail']}" if gap["detail"] else ""
        yield f"  not read: {gap['path']}, {gap['reason']}{detail} ({gap['bytes']:,} bytes)"
    more = sum(coverage["gap_counts"].values()) - min(20, len(coverage["gaps"]))
    if more > 0:
        yield f"  and {more:,} more, listed in the report"
    changed = sum(1 for exhibit in report["exhibits"] if not exhibit["unchanged"])
    yield f"Exhibits: {len(report['exhibits']):,}, {'unchanged' if not changed else f'{changed} CHANGED'}"
    if out is not None:
        yield f"Report: {out / 'report.html'}, {out / 'report.json'}"
