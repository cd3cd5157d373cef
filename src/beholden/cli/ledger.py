"""`beholden ledger`: what was disclosed, and the proof that the record of it was not changed."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import seal, trace
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.disclosure import Exposure, RecordedDisclosure
from beholden.model.errors import BadInput

_LISTED = 20
_LARGEST_TEXT = 1_000_000

text_file = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def command() -> None:
    """What was disclosed, made tamper-evident: verify, list, prove, export."""


def _engines(data: Path) -> Engines:
    return bootstrap.embedded(settings.read(data=data))


def _text(path: Path | None) -> str | None:
    """A small text file's content; raises BadInput."""
    if path is None:
        return None
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            raise BadInput(f"{path} is too large to be a checkpoint or receipt.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}).") from error


@command.command()
@data_option
@json_option
@click.option("--public", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Verify this copy only.")
@click.option("--key", "key_text", help="The log's public key, with --public; `beholden ledger key` prints it.")
@click.option("--earlier", type=text_file, help="A checkpoint kept from before, which the log must have grown from.")
def verify(data: Path, as_json: bool, public: Path | None, key_text: str | None, earlier: Path | None) -> None:  # noqa: FBT001
    """Verify the log: segments, bundles, tiles, checkpoint, signature, and that every record opens its entry.

    With --public and --key it reads nothing but a copy of the published half. Exit code 1 when it does not verify.
    """
    if (public is None) != (key_text is None):
        raise BadInput("--public and --key belong together.", "Give both, or neither.")
    before = _text(earlier)
    if public is not None and key_text is not None:
        report = seal.verify_published(bootstrap.published(public), key_text, before)
    else:
        report = seal.verify(_engines(data), before)
    click.echo(json.dumps(_report(report)) if as_json else _told(report))
    sys.exit(0 if report.verified else 1)


def _report(report: seal.Report) -> dict[str, Any]:
    return {"verified": report.verified} | asdict(report)


def _told(report: seal.Report) -> str:
    kinds = ", ".join(f"{count:,} {kind}s" for kind, count in report.entries.items())
    lines = [f"log        {report.origin}", f"published  {report.published:,} entries, root {report.root}"]
    if report.size is not None:
        lines.append(f"held       {report.size:,} entries; {report.opened:,} opened, {report.erased:,} erased")
    lines.append(f"entries    {kinds}")
    lines += [f"defect     {defect.where}: {defect.what}" for defect in report.defects]
    if report.defect_count > len(report.defects):
        lines.append(f"defect     and {report.defect_count - len(report.defects):,} more")
    lines.append("It verifies." if report.verified else "It does NOT verify.")
    return "\n".join(lines)


@command.command()
@data_option
@json_option
@click.option("--app", "client_id", required=True, help="Client id of the app.")
@click.option("--with-ids", is_flag=True, help="Add the platform's own ids of the people.")
@click.option("--limit", type=click.IntRange(min=0), default=_LISTED, show_default=True, help="People in the table.")
def impacted(data: Path, as_json: bool, client_id: str, with_ids: bool, limit: int) -> None:  # noqa: FBT001
    """The exact people of whom an app was given anything, directly or through somebody else."""
    engines = _engines(data)
    exposures = trace.impacted(engines, client_id)
    shown = exposures if as_json else exposures[:limit]
    ids = trace.outside_ids(engines, (e.person for e in shown)) if with_ids else None
    people = [_exposure(exposure, ids) for exposure in shown]
    counts = {
        "people": len(exposures),
        "direct": sum(e.direct for e in exposures),
        "indirect": sum(e.indirect for e in exposures),
        "disclosures": sum(e.disclosures for e in exposures),
    }
    if as_json:
        click.echo(json.dumps({"app": client_id} | counts | {"exposures": people}))
        return
    click.echo(
        f"{counts['people']:,} people: {counts['direct']:,} directly, {counts['indirect']:,} through somebody else; "
        f"{counts['disclosures']:,} disclosures."
    )
    for row, exposure in zip(people, shown, strict=True):
        click.echo(_line(row, exposure))
    if len(exposures) > limit:
        click.echo(f"and {len(exposures) - limit:,} more; --json lists them all.")


def _exposure(exposure: Exposure, ids: dict[Any, Any] | None) -> dict[str, Any]:
    row = asdict(exposure) | {"first_at": time.text(exposure.first_at), "last_at": time.text(exposure.last_at)}
    return row if ids is None else row | {"person_id": ids.get(exposure.person)}


def _line(row: dict[str, Any], exposure: Exposure) -> str:
    who = f"{exposure.person:>10}" + (f"  {row['person_id'] or 'erased':20}" if "person_id" in row else "")
    way = "both    " if exposure.direct and exposure.indirect else "direct  " if exposure.direct else "indirect"
    days = f"{exposure.first_at:%Y-%m-%d} to {exposure.last_at:%Y-%m-%d}"
    return f"{who}  {way}  {days}  {exposure.disclosures:>6}x  {', '.join(exposure.fields)}"


@command.command()
@click.argument("outside_id")
@data_option
@json_option
def person(outside_id: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every disclosure of one person's data; OUTSIDE_ID is the platform's own id."""
    engines = _engines(data)
    apps = trace.client_ids(engines)
    rows = [_disclosure(row, apps[row.app]) for row in trace.of_outside_id(engines, outside_id)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{len(rows):,} disclosures.")
    for row in rows:
        way = "directly" if row["direct"] else "through somebody else"
        click.echo(f"{row['seq']:>9}  {row['at']}  {row['app']}  {way}: {', '.join(row['fields'])} ({row['purpose']})")


def _disclosure(row: RecordedDisclosure, client_id: str) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": time.text(row.at),
        "app": client_id,
        "direct": row.direct,
        "through": row.through,
        "fields": list(row.fields),
        "purpose": row.purpose,
    }


@command.command()
@click.argument("seq", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the receipt here.")
@data_option
def prove(seq: int, out: Path | None, data: Path) -> None:
    """The receipt of entry SEQ: a C2SP tlog-proof that verifies offline, with the record opened."""
    receipt = trace.prove(_engines(data), seq)
    if out is None:
        click.echo(receipt, nl=False)
        return
    try:
        out.write_text(receipt, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}).") from error
    click.echo(f"Written to {out}.")


@command.command()
@click.argument("receipt", type=text_file)
@click.option("--key", "key_text", required=True, help="The log's public key, as `beholden ledger key` prints it.")
@json_option
def check(receipt: Path, key_text: str, as_json: bool) -> None:  # noqa: FBT001
    """Check a receipt, offline, with nothing but the log's public key."""
    found = seal.check_receipt(_text(receipt) or "", key_text)
    content = {
        "index": found.index,
        "at": time.text(time.from_micros(found.entry.time)),
        "kind": found.entry.kind.name.lower(),
        "size": found.checkpoint.size,
        "record": found.record,
    }
    if as_json:
        click.echo(json.dumps(content))
        return
    click.echo(f"It holds: entry {found.index} of {found.checkpoint.origin}, recorded {content['at']}.")
    click.echo(json.dumps(found.record, indent=2) if found.record else "Its record cannot be opened any more.")


@command.command()
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The Parquet file.")
@click.option("--with-ids", is_flag=True, help="Add the platform's own ids: person_id, through_id.")
@data_option
@json_option
def export(out: Path, with_ids: bool, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every disclosure as a Parquet file: seq, ts, app, developer, person, through, fields, purpose."""
    rows = trace.export(_engines(data), bootstrap.table_file(out, with_ids=with_ids), with_ids=with_ids)
    click.echo(json.dumps({"rows": rows, "out": str(out)}) if as_json else f"{rows:,} disclosures in {out}.")


@command.command()
@data_option
def key(data: Path) -> None:
    """The public key that checkpoints and receipts verify with."""
    click.echo(seal.key(_engines(data)))


@command.command()
@data_option
def publish(data: Path) -> None:
    """Publish all entries now, and print the signed checkpoint. `beholden work` does it at fixed times."""
    click.echo(seal.publish(_engines(data)), nl=False)
