"""`python -m examples.story`: what `beholden demo` runs."""

import signal
import sys
from datetime import timedelta
from pathlib import Path

import click

from beholden.journeys import access
from beholden.model.act import ActorKind
from examples.platform.world import GraphError
from examples.story import beats_after as after
from examples.story.beats_harvest import Harvest
from examples.story.processes import connections
from examples.story.stage import INES, OMAR, PASSWORD, CannotStart, Plan, Stage, set_up
from examples.story.tell import Teller


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=Path("beholden-data"))
@click.option("--people", type=click.IntRange(10), default=1_000_000, show_default=True)
@click.option("--installers", type=click.IntRange(6), help="Default 270, or 1 % of a graph's people.")
@click.option("--seed", type=click.IntRange(0), default=2018, show_default=True)
@click.option("--graph", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--serve/--no-serve", default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    data: Path,
    people: int,
    installers: int | None,
    seed: int,
    graph: Path | None,
    serve: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Play the 2018 story at 1:1000 with synthetic people."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell that starts us in the background has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    plan = Plan(data, people, installers or (40 if graph else 270), seed, graph)
    teller = Teller()
    try:
        stage = play(plan, teller)
    except (CannotStart, GraphError) as error:
        refusal = click.ClickException(str(error))
        refusal.exit_code = 2
        raise refusal from error
    try:
        if as_json:
            click.echo(after.numbers(stage, teller.seconds))
        if serve:
            _leave_up(stage, teller)
    except KeyboardInterrupt:
        teller.say("Stopped.")
    finally:
        stage.close()


def play(plan: Plan, teller: Teller) -> Stage:
    """All nine beats; the stage as they leave it. Whatever goes wrong, no process is left behind."""
    transport = connections()
    with teller.beat("install", "An app", "A quiz asks for everything; half of the people say no and are asked again."):
        stage = set_up(plan, teller.say)
        try:
            harvest = Harvest(stage, teller, transport)
            harvest.install()
        except BaseException:
            stage.close()
            raise
    try:
        _play_on(stage, teller, harvest, transport)
    except BaseException:
        stage.close()
        raise
    return stage


def _play_on(stage: Stage, teller: Teller, harvest: Harvest, transport: object) -> None:
    beat = teller.beat
    with beat(
        "pull", "The harvest", "Under the rules of 2014 the quiz also gets everybody's friends, through the gate."
    ):
        harvest.pull()
    with beat("detect", "The finding", "Watch reads the ledger; a rule objects; a case is opened."):
        harvest.detect()
    with beat("ban", "The silence", "The developer is asked, and does not answer. That is a refusal."):
        harvest.ban()
    with beat("examine", "The certificate", "The developer certifies deletion; the disk tells what is left."):
        harvest.certify()
        after.examine(stage, teller, harvest)
    with beat("notify", "The letters", "Everyone impacted is told, exactly once, though the sender is killed twice."):
        after.notify_all(stage, teller, harvest)
    with beat(
        "inactivity", "Three months", "Under today's rules an app that polls every night loses a person who left."
    ):
        app = after.go_quiet(stage, teller, transport)
    with beat("opt_out", "The switch", "A person turns all sharing off; it holds at the next request."):
        after.opt_out(stage, teller, app, transport)
    with beat("verify", "The proof", "Every entry of the ledger is checked against its signed checkpoint."):
        after.verify(stage, teller)


def _leave_up(stage: Stage, teller: Teller) -> None:
    """Print where to look, and stay until Ctrl-C."""
    life = timedelta(days=7)  # of simulated time, which stands still from here on
    teller.say("")
    teller.say(
        f"[bold]The pages are up at {stage.beholden}[/bold] (Ctrl-C ends them; the data stays in {stage.plan.data})"
    )
    told = stage.world.outside_id(stage.world.friends(stage.world.sample(stage.plan.installers, "installers")[0])[0])
    teller.say(f"a person:       {stage.beholden}/privacy, user name {told}, password {PASSWORD}")
    links = [(ActorKind.DEVELOPER, "1", "the developer"), (ActorKind.OPERATOR, INES.id, "operator Ines")]
    for kind, id_, who in [*links, (ActorKind.OPERATOR, OMAR.id, "operator Omar")]:
        link = access.issue_link(stage.engines, kind, id_, life=life)
        teller.say(f"{who + ':':15} {link if link.startswith('http') else stage.beholden + link}")
    teller.say("Each link works once; `beholden operator link ID` makes another.")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
