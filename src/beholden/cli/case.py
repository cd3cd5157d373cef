"""`beholden case`: hold an app to account, from the first question to the appeal."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli import certification
from beholden.cli.acting import NUMBER, open_as, operator_option, print_json
from beholden.cli.main import data_option, json_option
from beholden.journeys import audit, deliver_rfi, enforce
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.act import Actor, ActorKind
from beholden.model.finding import Level


@click.group()
def command() -> None:
    """Hold a developer to account. Silence past a deadline is a refusal, and a refusal bans."""


def _print_case(view: audit.CaseView, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(view))
        return
    due = f", answer due before {time.text(view.case.due)}" if view.case.due else ""
    click.echo(f"{view.case.id}  {view.case.state}{due}")
    click.echo(f"Developer {view.developer.name} ({view.developer.number})")
    click.echo(f"Apps {', '.join(f'{app.name} ({app.client_id})' for app in view.apps)}")
    for rfi in view.case.rfis:
        click.echo(f"RFI {rfi.number}, sent {time.text(rfi.sent_at)} to {', '.join(rfi.recipients)}")
        for question in rfi.questions:
            click.echo(f"  {question.number}. {question.text}")
            for answer in rfi.answers:
                if answer.question == question.number:
                    click.echo(f"     {'late: ' if answer.late else ''}{answer.text}")
    for item in view.timeline:
        place = f" [{item.entry}]" if item.entry >= 0 else ""
        click.echo(f"{time.text(item.at)}  {item.actor}  {item.what}{place}: {item.reason}")
    if view.recommended:
        click.echo(f"What follows: {view.recommended.kind} of the {view.recommended.target}. {view.recommended.why}")


def _print_forced(forced: enforce.Forced) -> None:
    sanction = forced.sanction
    click.echo(
        f"{sanction.id}  {sanction.kind} of the {sanction.target} in force: {len(forced.apps)} apps, "
        f"{forced.grants:,} grants, {forced.tokens:,} tokens and {forced.reviews} open reviews ended."
    )


@command.command("list")
@click.option("--open", "open_only", is_flag=True, help="Leave out closed cases.")
@data_option
@json_option
def list_(open_only: bool, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """All cases, the one opened last first."""
    found = audit.list_cases(bootstrap.embedded(settings.read(data=data)), open_only=open_only)
    if as_json:
        print_json([asdict(summary) for summary in found])
        return
    for summary in found:
        due = f"  due {time.text(summary.due)}" if summary.due else ""
        click.echo(f"{summary.id}  {summary.outcome or summary.state:10}  {summary.developer.name}{due}")


@command.command()
@click.argument("case")
@data_option
@json_option
def show(case: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """One case with questions, answers and everything that happened, each with its place in the ledger."""
    _print_case(audit.case_view(bootstrap.embedded(settings.read(data=data)), case), as_json=as_json)


@command.command("open")
@click.option("--developer", required=True, type=NUMBER, help="Developer number.")
@click.option("--app", "apps", multiple=True, help="Client id; all of the developer's when none is given.")
@click.option("--finding", "findings", multiple=True, help="Finding that it rests on.")
@click.option("--reason", required=True)
@operator_option
@data_option
@json_option
def open_(
    developer: int,
    apps: Sequence[str],
    findings: Sequence[str],
    reason: str,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Open a case."""
    engines, actor = open_as(data, operator)
    _print_case(audit.open_case(engines, actor, developer, apps, findings, reason), as_json=as_json)


@command.command()
@click.argument("case")
@click.option("--question", "questions", multiple=True, required=True, help="One question; repeat it for more.")
@click.option("--to", "recipients", multiple=True, help="Mail address; the developer's when none is given.")
@operator_option
@data_option
@json_option
def rfi(
    case: str,
    questions: Sequence[str],
    recipients: Sequence[str],
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Send a request for information, into the portal and by mail; the deadline runs from now.

    Exit code 3 when a letter could not be handed over: the request stands, `beholden case mail` tries again.
    """
    engines, actor = open_as(data, operator)
    view = audit.send_rfi(engines, actor, case, questions, recipients)
    _print_case(view, as_json=as_json)
    _mail(engines, data, actor, view.case.id)


@command.command()
@click.argument("case")
@operator_option
@data_option
def mail(case: str, operator: str, data: Path) -> None:
    """Hand the open RFI of a case to the mail server, again if need be: the same letter under the same Message-ID."""
    engines, actor = open_as(data, operator)
    _mail(engines, data, actor, case)


def _mail(engines: Engines, data: Path, actor: Actor, case: str) -> None:
    mailer = bootstrap.mailer(settings.read(data=data))
    try:
        delivered = deliver_rfi.deliver_rfi(engines, mailer, actor, case)
    finally:
        mailer.close()
    for one in delivered:
        click.echo(f"letter to {one.recipient}: {'taken' if one.taken else one.reply}", err=True)
    if not all(one.taken for one in delivered):
        click.get_current_context().exit(3)


@command.command()
@click.argument("case")
@click.option("--developer", required=True, type=NUMBER, help="Developer number: whose answer it is.")
@click.option("--answer", "answers", multiple=True, required=True, help="Answers in the order of the questions.")
@operator_option
@data_option
@json_option
def answer(
    case: str,
    developer: int,
    answers: Sequence[str],
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Enter a developer's answers that came by letter, to every question; the ledger says who carried them in."""
    engines, carrier = open_as(data, operator)
    actor = Actor(ActorKind.DEVELOPER, str(developer))
    given = dict(enumerate(answers, 1))
    _print_case(audit.answer_rfi(engines, actor, case, given, carried_by=carrier), as_json=as_json)


@command.command()
@click.argument("case")
@click.option("--reason", required=True, help="Why the answers answer nothing.")
@operator_option
@data_option
@json_option
def evades(case: str, reason: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Put on record that the answers evade, which is a refusal too."""
    engines, actor = open_as(data, operator)
    _print_case(audit.say_answers_evade(engines, actor, case, reason), as_json=as_json)


@command.command()
@data_option
@json_option
def lapse(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """The deadline sweep: silence past a deadline bans, by rule. Safe to run at any time, again and again."""
    done = audit.lapse_due(bootstrap.embedded(settings.read(data=data)))
    if as_json:
        print_json([asdict(forced) for forced in done])
        return
    for forced in done:
        _print_forced(forced)
    if not done:
        click.echo("Nothing is overdue.")


@command.command()
@click.argument("case")
@click.argument("outcome", type=click.Choice([o.value for o in audit.Outcome]))
@click.option("--reason", required=True)
@click.option("--evidence", multiple=True, help="kind:id, such as finding:… or examination:…")
@click.option("--severity", type=click.Choice([level.value for level in Level]), help="Of an upheld one.")
@click.option("--deceit", is_flag=True, help="The developer misled us.")
@operator_option
@data_option
@json_option
def verdict(
    case: str,
    outcome: str,
    reason: str,
    evidence: Sequence[str],
    severity: str | None,
    deceit: bool,  # noqa: FBT001
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Close a case; says what the ladder advises."""
    engines, actor = open_as(data, operator)
    view = audit.decide_verdict(engines, actor, case, outcome, reason, evidence, severity, deceit=deceit)
    _print_case(view, as_json=as_json)


@command.group()
def ban() -> None:
    """Sanctions by hand: proposed by one operator, confirmed by another."""


@ban.command()
@click.option("--developer", type=NUMBER, help="Developer number; all their apps fall with them.")
@click.option("--app", help="Client id, for one app alone.")
@click.option("--kind", type=click.Choice([k.value for k in enforce.SanctionKind]), default="ban", show_default=True)
@click.option("--case", help="The case that it follows from.")
@click.option("--reason", required=True)
@operator_option
@data_option
@json_option
def propose(
    developer: int | None,
    app: str | None,
    kind: str,
    case: str | None,
    reason: str,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Propose a sanction; nothing follows until another operator confirms it."""
    engines, actor = open_as(data, operator)
    view = enforce.propose(engines, actor, kind, reason, developer=developer, app=app, case=case)
    _print_sanction(view, as_json=as_json)


@ban.command()
@click.argument("sanction")
@click.option("--reason", default="agreed", show_default=True)
@operator_option
@data_option
@json_option
def confirm(sanction: str, reason: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Confirm what another operator proposed; it is in force when this ends."""
    engines, actor = open_as(data, operator)
    forced = enforce.confirm(engines, actor, sanction, reason)
    if as_json:
        print_json(asdict(forced))
    else:
        _print_forced(forced)


@ban.command()
@click.argument("sanction")
@click.option("--reason", required=True)
@operator_option
@data_option
@json_option
def withdraw(sanction: str, reason: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Take back a proposal, of a sanction or of its lifting."""
    engines, actor = open_as(data, operator)
    _print_sanction(enforce.withdraw(engines, actor, sanction, reason), as_json=as_json)


@ban.command("list")
@click.option("--developer", type=NUMBER, help="Only this developer's.")
@data_option
@json_option
def list_sanctions(developer: int | None, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Sanctions, past ones too, newest first."""
    found = enforce.list_sanctions(bootstrap.embedded(settings.read(data=data)), developer)
    if as_json:
        print_json([asdict(view) for view in found])
        return
    for view in found:
        _print_sanction(view, as_json=False)


def _print_sanction(view: enforce.SanctionView, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(view))
        return
    s = view.sanction
    whom = view.developer.name if s.app is None else ", ".join(app.client_id for app in view.apps)
    click.echo(f"{s.id}  {s.state:13}  {s.kind} of the {s.target} {whom}: {s.reason}")


@command.group()
def lift() -> None:
    """Lifting a sanction: two operators, like imposing it. What a ban ended stays ended."""


@lift.command("propose")
@click.argument("sanction")
@click.option("--reason", required=True)
@operator_option
@data_option
@json_option
def propose_lift(sanction: str, reason: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Propose to lift a sanction; it stays in force until another operator confirms."""
    engines, actor = open_as(data, operator)
    _print_sanction(enforce.propose_lift(engines, actor, sanction, reason), as_json=as_json)


@lift.command("confirm")
@click.argument("sanction")
@click.option("--reason", default="agreed", show_default=True)
@operator_option
@data_option
@json_option
def confirm_lift(sanction: str, reason: str, operator: str, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Confirm a lifting that another operator proposed."""
    engines, actor = open_as(data, operator)
    _print_sanction(enforce.lift(engines, actor, sanction, reason), as_json=as_json)


@command.group()
def appeal() -> None:
    """Appeals of developers against sanctions."""


@appeal.command("file")
@click.argument("sanction")
@click.option("--developer", required=True, type=NUMBER, help="Developer number: whose appeal it is.")
@click.option("--grounds", required=True)
@operator_option
@data_option
@json_option
def file_appeal(
    sanction: str,
    developer: int,
    grounds: str,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Enter a developer's appeal that came by letter; the ledger says who carried it in."""
    engines, carrier = open_as(data, operator)
    actor = Actor(ActorKind.DEVELOPER, str(developer))
    _print_appeal(enforce.appeal(engines, actor, sanction, grounds, carried_by=carrier), as_json=as_json)


@appeal.command("decide")
@click.argument("appeal_id", metavar="APPEAL")
@click.argument("decision", type=click.Choice(["grant", "dismiss"]))
@click.option("--reason", required=True)
@operator_option
@data_option
@json_option
def decide_appeal(
    appeal_id: str,
    decision: str,
    reason: str,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Decide an appeal, as an operator who took no part. Granted, it proposes the lifting."""
    engines, actor = open_as(data, operator)
    view = enforce.decide_appeal(engines, actor, appeal_id, reason, granted_=decision == "grant")
    _print_appeal(view, as_json=as_json)


@appeal.command("list")
@data_option
@json_option
def list_appeals(data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Appeals, newest first."""
    found = enforce.list_appeals(bootstrap.embedded(settings.read(data=data)))
    if as_json:
        print_json([asdict(view) for view in found])
        return
    for view in found:
        _print_appeal(view, as_json=False)


def _print_appeal(view: enforce.AppealView, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(view))
        return
    click.echo(f"{view.appeal.id}  {view.appeal.state:9}  {view.developer.name} against {view.sanction.id}")


for each in certification.COMMANDS:
    command.add_command(each)
