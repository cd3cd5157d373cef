"""`beholden signal`: what receivers and apps are told, what does not get through, and the keys that sign it."""

from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.acting import print_json
from beholden.cli.main import data_option, json_option
from beholden.journeys import access, callbacks, streams, transmit
from beholden.journeys.acts import record
from beholden.model.act import SYSTEM, Act


@click.group()
def command() -> None:
    """Signals to receivers, callbacks to apps, and the keys that sign both."""


@command.command()
@data_option
@json_option
def send(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Send what is due; `beholden work` does the same. It may be killed at any moment."""
    chosen = settings.read(data=data)
    sent = transmit.send_due(bootstrap.embedded(chosen), bootstrap.poster(chosen))
    if as_json:
        print_json({"pushed": sent.pushed, "refused": sent.refused, "called": sent.called, "calls_failed": sent.failed})
        return
    click.echo(f"{sent.pushed:,} tokens pushed, {sent.refused:,} not taken; {sent.called:,} calls, {sent.failed:,} not")


@command.command("list")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every stream, and how much waits on it."""
    found = streams.overview(bootstrap.embedded(settings.read(data=data)))
    for one in found:
        stream = one.stream
        if as_json:
            print_json(
                {
                    "stream_id": stream.id,
                    "receiver": stream.owner,
                    "method": stream.method,
                    "status": stream.status,
                    "reason": stream.reason,
                    "waiting": one.waiting,
                    "failures": stream.failures,
                    "trouble": stream.trouble,
                }
            )
            continue
        way = "push" if stream.method is streams.Method.PUSH else "poll"
        click.echo(f"{stream.id}  {stream.audience}  {way}  {stream.status}  {one.waiting:,} wait  {stream.trouble}")


@command.command()
@data_option
@json_option
def trouble(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """What does not get through: streams, tokens that were refused, calls that fail."""
    found = callbacks.troubles(bootstrap.embedded(settings.read(data=data)))
    rows = [{"stream": s.id, "receiver": s.owner, "trouble": s.trouble or s.reason} for s in found.streams]
    rows += [{"token": t.jti, "stream": t.stream, "trouble": f"{t.settled}: {t.trouble}"} for t in found.tokens]
    rows += [{"call": c.id, "app": app, "trouble": f"{c.state}: {c.trouble}"} for app, c in found.calls]
    for row in rows:
        if as_json:
            print_json(row)
        else:
            click.echo("  ".join(row.values()))


@command.command("rotate-key")
@click.option("--by", help="Operator id of whoever does this; left out, it is the host's own hand.")
@data_option
def rotate_key(by: str | None, data: Path) -> None:
    """Make the next signing key. It is published now and signs in an hour; the old one stays published for a month."""
    chosen = settings.read(data=data)
    engines = bootstrap.embedded(chosen)
    actor = access.acting_operator(engines, by) if by else SYSTEM
    kid = bootstrap.signer(chosen).rotate()
    record(engines, Act(actor, "signal-key:rotate", f"key:{kid}", engines.clock.now()))
    click.echo(f"The key {kid} is published and signs in an hour.")
