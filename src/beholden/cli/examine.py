"""`beholden examine`: search seized evidence for people's data, hold a claim of deletion against it, check a report."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholden import bootstrap, settings
from beholden.cli import readers
from beholden.cli.main import data_option, json_option
from beholden.journeys.ports import Engines
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App
from beholden.model.errors import BadInput, NotFound

if TYPE_CHECKING:
    from beholden.journeys.vouch import Verification

EXIT = {"not contradicted": 0, "contradicted": 1, "inconclusive": 3}
MAX_CLAIM = 1 << 20
MAX_KEYS = 1 << 20
MAX_LINE = 2_000
LONG = frozenset({"people", "uncorroborated", "strips", "matrix", "timeline"})
"""Sections that are for the report's files, not for a summary."""
TERMINAL = Actor(ActorKind.PLATFORM, "terminal")
"""Whoever holds the data folder and its keys."""

operator_option = click.option(
    "--operator", help="Who acts: an operator's id. Without it the ledger names the terminal."
)


class _Examine(click.Group):
    """Commands by name; anything else is evidence to be examined. A folder called `verify` is `./verify`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["run", *args])

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands["run"].format_help(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_Examine)
def command() -> None:
    """Search evidence, and vouch for the report."""


@command.command("run", hidden=True)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@data_option
@json_option
@click.option("--app", "client_id", required=True, help="The app whose people are looked for (its client id).")
@click.option("--claim", help="The certification of deletion: its id, or a file.")
@click.option("--case", help="The case that the examination is for.")
@click.option(
    "--taken", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the evidence was taken; today if left out."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="New folder for the signed report.")
@click.option(
    "--values",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Further values of people (CSV, JSON lines, Parquet; a column `person`, one for each field), used once.",
)
@click.option("--hashed", is_flag=True, help="Look for digests of addresses and phones too, as ad audiences hold them.")
@click.option("--seeds/--no-seeds", default=True, help="Plant made-up people beside the evidence; measures the recall.")
@operator_option
@readers.options
def run(
    paths: tuple[str, ...],
    data: Path,
    as_json: bool,  # noqa: FBT001
    client_id: str,
    claim: str | None,
    case: str | None,
    taken: datetime | None,
    out: Path | None,
    values: Path | None,
    operator: str | None,
    hashed: bool,  # noqa: FBT001
    seeds: bool,  # noqa: FBT001
    **reading: Any,
) -> None:
    """Search PATHS (files, folders) for the people whose data the ledger says the app received.

    Exit code: 0 not contradicted, 1 contradicted, 3 inconclusive. Evidence is only read.
    """
    from beholden.backends.evidence import report_files
    from beholden.backends.evidence.files import FileEvidence
    from beholden.backends.evidence.seeds import FormatSeeds
    from beholden.backends.evidence.values import read_values
    from beholden.journeys import examine as journey
    from beholden.journeys import vouch

    engines = bootstrap.embedded(settings.read(data=data))
    app, actor = _app(engines, client_id), _actor(engines, operator)
    evidence = FileEvidence(hashers=reading["workers"] or readers.cores())
    hits = report_files.prepare(out, paths) if out is not None else None
    searcher = readers.searcher(evidence, out, **reading)
    with progress_bar(quiet=as_json) as progress, hits or nullcontext():
        done = journey.examine(
            engines,
            evidence,
            paths,
            client_id,
            actor,
            claim=_claim(engines, app, claim) if claim else None,
            case=case,
            taken_at=taken.replace(tzinfo=UTC) if taken else None,
            searcher=searcher,
            values=read_values(values) if values else None,
            hits=hits,
            hashed=hashed,
            seeds=FormatSeeds() if seeds else None,
            progress=progress,
        )
    if out is not None:
        report_files.write(out, done, lambda sums: vouch.sign(engines, actor, done.record, sums))
    for warning in readers.ended(searcher):
        click.echo(warning, err=True)
    if as_json:
        summary = {key: value for key, value in done.report.items() if key not in LONG}
        click.echo(json.dumps(summary | {"report_sha256": done.record.report_sha256}))
    else:
        click.echo("\n".join(journey.shown(line, MAX_LINE) for line in _summary(done.report, out)))
    bootstrap.close(engines)
    sys.exit(EXIT[done.record.verdict])


@command.command()
@click.argument("report", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--key", "keys", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Trusted public keys (PEM)."
)
@data_option
@json_option
@operator_option
def verify(report: Path, keys: Path | None, data: Path, as_json: bool, operator: str | None) -> None:  # noqa: FBT001
    """Check REPORT (its folder, or a file in it): signature, every file, and what they say of one another.

    With --key it needs nothing else of ours. Without, it uses the keys of the data folder, and holds the report against
    the examination on record there. With --operator the check itself goes into the ledger.

    Exit code: 0 it verifies, 1 it does not, 2 wrong use, 3 could not.
    """
    from beholden.backends.evidence.report_folder import FileReportFolder
    from beholden.journeys import vouch

    folder = report if report.is_dir() else report.parent
    engines = _house(data) if keys is None or operator is not None else None
    if keys is not None:
        trusted = vouch.read_keys(_read(keys, MAX_KEYS))
    else:
        assert engines is not None
        trusted = tuple(vouch.public_keys(engines))
    found = vouch.verify(FileReportFolder(folder), trusted)
    against = vouch.compare(engines, found) if engines is not None and found.verified else None
    if against is not None:
        found = replace(found, defects=(against,))
    if engines is not None and operator is not None:
        vouch.record_check(engines, _actor(engines, operator), found)
    click.echo(json.dumps(_checked(found)) if as_json else "\n".join(_told(found)))
    sys.exit(0 if found.verified else 1)


def _house(data: Path) -> Engines:
    """The engines of a data folder that is there already: a check makes none."""
    if not data.is_dir():
        raise BadInput(
            "Whose signature should it be?",
            "Name the platform's public key with --key, from elsewhere than the report itself.",
        )
    return bootstrap.embedded(settings.read(data=data))


def _checked(found: "Verification") -> dict[str, Any]:
    return {
        "verified": found.verified,
        "examination": found.examination,
        "verdict": found.verdict,
        "report_sha256": found.report_sha256,
        "key": found.key.fingerprint if found.key else None,
        "files": found.files,
        "defects": list(found.defects),
    }


def _told(found: "Verification") -> Iterator[str]:
    from beholden.journeys.examine import shown

    if found.examination is not None:
        yield f"examination  {shown(found.examination)}, verdict: {shown(found.verdict or '')}"
    if found.key is not None:
        yield f"signed by    {found.key.fingerprint}"
    yield from (f"defect       {shown(defect, MAX_LINE)}" for defect in found.defects)
    yield f"It verifies: {found.files} files." if found.verified else "It does NOT verify."


@command.command()
@data_option
@click.option("--app", "client_id", required=True, help="The app whose people are to be looked for.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="New file for the index.")
@click.option("--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="And its key.")
@click.option("--hashed", is_flag=True, help="With digests of addresses, as ad audiences hold them.")
@operator_option
def prepare(data: Path, client_id: str, out: Path, key_file: Path, hashed: bool, operator: str | None) -> None:  # noqa: FBT001
    """Write what an auditor outside needs to find the app's people without being told who they are: an index of keyed
    digests, and its key, which should go to them another way."""
    from beholden.journeys import outside

    engines = bootstrap.embedded(settings.read(data=data))
    made = outside.prepare(engines, _app(engines, client_id), _actor(engines, operator), hashed=hashed)
    _write_new(out, made.index)
    _write_new(key_file, made.key.hex().encode() + b"\n")
    bootstrap.close(engines)
    click.echo(f"{made.people:,} people, as digests, in {out}; their key in {key_file}.")


def _write_new(path: Path, data: bytes) -> None:
    """A file that was not there, readable by its owner alone; raises BadInput."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise BadInput(f"{path} cannot be made ({error.strerror}).", "Name a new file.") from error


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--sought", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The index."
)
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="Its key."
)
@json_option
@readers.options
def outside(paths: tuple[str, ...], sought: Path, key_file: Path, as_json: bool, **reading: Any) -> None:  # noqa: FBT001
    """Search PATHS as an auditor outside, with what `prepare` wrote. People stand by number; nothing is recorded.

    Exit code: 0 nobody was found and all was read, 1 people were found, 3 nobody was found and not all could be read.
    """
    from beholden.backends.evidence.files import FileEvidence
    from beholden.journeys import outside as journey

    try:
        key = bytes.fromhex(_read(key_file, MAX_LINE))
        index = sought.read_bytes()
    except (ValueError, OSError) as error:
        raise BadInput("The index or its key cannot be read.", "Name the files that `prepare` wrote.") from error
    evidence = FileEvidence(hashers=reading["workers"] or readers.cores())
    searcher = readers.searcher(evidence, None, **reading)
    with progress_bar(quiet=as_json) as progress:
        done = journey.examine(evidence, paths, index, key, searcher=searcher, progress=progress)
    for warning in readers.ended(searcher):
        click.echo(warning, err=True)
    if as_json:
        click.echo(json.dumps(done))
    else:
        for name in ("sought", "found", "found_by_one_value", "expected_hits", "share", "not_read"):
            click.echo(f"{name.replace('_', ' '):20} {done[name]}")
    sys.exit(1 if done["found"] else 0 if done["complete"] else 3)


@command.command("list")
@data_option
@json_option
def listed(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Examinations that were done, the newest first."""
    from beholden.journeys import examine as journey

    engines = bootstrap.embedded(settings.read(data=data))
    done = journey.examinations(engines)
    with engines.store.read() as unit:
        apps = {app.number: app.client_id for app in unit.directory.apps()}
    rows = [
        {
            "id": str(one.id),
            "app": apps[one.app],
            "verdict": one.verdict,
            "case": one.case,
            "found": one.numbers["found"],
        }
        for one in done
    ]
    bootstrap.close(engines)
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            click.echo(f"{row['id']}  {row['app']}  {row['verdict']}, {row['found']:,} people found")


@command.command()
@data_option
def key(data: Path) -> None:
    """The public keys that reports verify with, the present one first, in PEM. Give them out before they are needed."""
    from beholden.journeys import vouch

    for one in vouch.public_keys(bootstrap.embedded(settings.read(data=data))):
        click.echo(f"{one.fingerprint}\n{one.pem}", nl=False)


@command.command()
@data_option
@operator_option
def rotate(data: Path, operator: str | None) -> None:
    """Sign reports with a new key from now on. What was signed before still verifies; the old private key is gone."""
    from beholden.journeys import vouch

    engines = bootstrap.embedded(settings.read(data=data))
    click.echo(f"From now on {vouch.rotate(engines, _actor(engines, operator)).fingerprint} signs.")


def _actor(engines: Engines, operator: str | None) -> Actor:
    from beholden.journeys import access

    return access.acting_operator(engines, operator) if operator else TERMINAL


def _read(path: Path, most: int) -> str:
    """A small text file; raises BadInput."""
    try:
        raw = path.read_bytes() if path.stat().st_size <= most else b""
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as UTF-8 text.", "Name the right file.") from error


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
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
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
        yield f"Report: {out / 'report.html'}, and the same signed for others to check: beholden examine verify {out}"
