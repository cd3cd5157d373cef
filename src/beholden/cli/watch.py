"""`beholden watch`: find apps that look suspicious, and open what was found."""

import json
from dataclasses import asdict
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option, json_option
from beholden.journeys import detect
from beholden.model import time
from beholden.model.act import Actor, ActorKind
from beholden.model.finding import Finding


@click.group()
def command() -> None:
    """Find apps that look suspicious. A finding is a suspicion with its rows, never a verdict."""


def _printed(finding: Finding) -> dict[str, Any]:
    row = asdict(finding)
    row["rows"] = {k: str(v) for k, v in row["rows"].items()}
    return {k: time.text(v) if k == "found_at" else str(v) if isinstance(v, date) else v for k, v in row.items()}


@command.command()
@data_option
@json_option
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Judge days from this one on.")
def run(data: Path, as_json: bool, since: Any) -> None:  # noqa: FBT001
    """Take the ledger's new rows and let every rule judge them."""
    report = detect.run(bootstrap.embedded(settings.read(data=data)), since.date() if since else None)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "rows_taken": report.rows_taken,
                    "days_judged": report.days_judged,
                    "findings": [_printed(f) for f in report.findings],
                    "new": report.new,
                    "not_running": report.not_running,
                }
            )
        )
        return
    click.echo(f"{report.rows_taken:,} new rows, {report.days_judged:,} app-days judged.")
    for finding in report.findings:
        click.echo(f"{'new ' if finding.id in report.new else ''}{finding.id}  {finding.rule}  {finding.sentence}")
    for rule, why in report.not_running.items():
        click.echo(f"not running: {rule} ({why})")


@command.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All findings, the most serious first."""
    views = detect.list_findings(bootstrap.embedded(settings.read(data=data)))
    if as_json:
        click.echo(json.dumps([_printed(v.finding) | {"client_id": v.client_id} for v in views]))
        return
    for view in views:
        verdict = view.verdict.verdict if view.verdict else "open"
        click.echo(f"{view.finding.id}  {verdict:6}  {view.finding.rule:16}  {view.finding.sentence}")


@command.command()
@click.argument("finding")
@click.option("--rows", default=20, show_default=True, help="How many ledger rows to print.")
@data_option
@json_option
def show(finding: str, rows: int, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """One finding with its runbook and its exact ledger rows."""
    engines = bootstrap.embedded(settings.read(data=data))
    view = detect.show(engines, finding)
    some = list(islice(detect.rows_of(engines, view.finding), max(rows, 0)))
    if as_json:
        lines = [
            {"seq": r.seq, "at": time.text(r.at), "person": r.person, "through": r.through, "fields": r.fields}
            for r in some
        ]
        click.echo(json.dumps(_printed(view.finding) | {"client_id": view.client_id, "ledger_rows": lines}))
        return
    click.echo(f"{view.rule.title} ({view.finding.level})\n{view.finding.sentence}")
    click.echo(f"App {view.app_name} ({view.client_id}) of {view.developer_name}")
    click.echo(f"Numbers {view.finding.numbers}; compared with {view.finding.baseline or 'nothing yet'}")
    for step in view.rule.runbook:
        click.echo(f"- {step}")
    click.echo(f"Ask the developer: {view.rule.ask_developer}\nKnown gaps: {view.rule.known_gaps}")
    for row in some:
        click.echo(
            f"{row.seq:>9}  {time.text(row.at)}  person {row.person} through {row.through}: {', '.join(row.fields)}"
        )


@command.command()
@click.argument("finding")
@click.argument("word", type=click.Choice(detect.VERDICTS))
@click.option("--reason", required=True)
@click.option("--operator", required=True, help="Operator id.")
@data_option
def verdict(finding: str, word: str, reason: str, operator: str, data: Path) -> None:
    """Say what a finding was: tp (misuse), benign (true but harmless), fp (wrong)."""
    engines = bootstrap.embedded(settings.read(data=data))
    detect.give_verdict(engines, Actor(ActorKind.OPERATOR, operator), finding, word, reason)
    click.echo("Recorded.")


@command.command()
@json_option
def rules(as_json: bool) -> None:  # noqa: FBT001
    """The rules, what they need and what they are known to miss."""
    infos = list(detect.RULE_INFO.values())
    if as_json:
        click.echo(json.dumps([asdict(info) | {"needs": sorted(info.needs)} for info in infos]))
        return
    for info in infos:
        click.echo(f"{info.id} ({info.level}): {info.title}\n  false alarms: {info.false_positives}")
        click.echo(f"  known gaps: {info.known_gaps}")


@command.command()
@data_option
def rebuild(data: Path) -> None:
    """Drop the analytic tables and fill them from the ledger again."""
    click.echo(f"{detect.rebuild(bootstrap.embedded(settings.read(data=data))):,} rows.")


@command.group()
def canary() -> None:
    """Made-up people whom only one app, or none, was ever given."""


@canary.command("plant")
@click.argument("outside_id")
@click.option("--app", "client_id", help="The one app that may have this person.")
@click.option("--note", default="")
@click.option("--operator", required=True, help="Operator id.")
@data_option
def plant(outside_id: str, client_id: str | None, note: str, operator: str, data: Path) -> None:
    """Declare an enrolled person to be made up."""
    engines = bootstrap.embedded(settings.read(data=data))
    detect.plant_canary(engines, Actor(ActorKind.OPERATOR, operator), outside_id, client_id, note)
    click.echo("Planted.")


@canary.command("list")
@data_option
@json_option
def list_canaries(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All canaries by person number."""
    found = detect.canaries(bootstrap.embedded(settings.read(data=data)))
    if as_json:
        click.echo(json.dumps([{"person": c.person, "app": c.app, "note": c.note} for c in found]))
        return
    for c in found:
        click.echo(f"person {c.person}  {'app ' + str(c.app) if c.app else 'no app'}  {c.note}")
