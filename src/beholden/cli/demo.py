"""`beholden demo`: play the 2018 story. It runs the world in `examples/`, so it needs the source checkout."""

import sys
from pathlib import Path

import click

from beholden.cli.main import data_option, json_option
from beholden.model.errors import BadInput


@click.command()
@data_option
@json_option
@click.option("--people", type=int, help="How many synthetic people the platform has (1,000,000).")
@click.option("--installers", type=int, help="How many of them connect the quiz (270).")
@click.option("--seed", type=int, help="Another seed is another world.")
@click.option(
    "--graph", type=click.Path(exists=True, dir_okay=False), help="Friendships from an edge list, gz allowed."
)
@click.option("--serve/--no-serve", default=True, help="Leave the pages up afterwards.")
def command(
    data: Path,
    as_json: bool,  # noqa: FBT001
    people: int | None,
    installers: int | None,
    seed: int | None,
    graph: str | None,
    serve: bool,  # noqa: FBT001
) -> None:
    """Play the 2018 story at 1:1000 over HTTP, then leave the pages up on localhost. All people in it are made up."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "examples" / "story").is_dir():
        raise BadInput("The demo needs the source checkout with its examples/.", "Run `make demo` there.")
    sys.path.insert(0, str(root))
    from importlib import import_module

    given = {"--people": people, "--installers": installers, "--seed": seed, "--graph": graph}
    arguments = ["--data", str(data), "--serve" if serve else "--no-serve", *(["--json"] if as_json else [])]
    for name, value in given.items():
        arguments += [name, str(value)] if value is not None else []
    import_module("examples.story.__main__").main.main(args=arguments, prog_name="beholden demo")
