"""`beholden bench`: what the product costs here. It runs the code in `bench/`, so it needs the source checkout."""

import sys
from importlib import import_module
from pathlib import Path

import click

from beholden.model.errors import BadInput


@click.group()
def command() -> None:
    """Measure, each figure beside a baseline or a peer in the same run."""


@command.command()
@click.option("--quick", is_flag=True, help="A smaller form that ends within a minute and writes nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON last.")
def gate(quick: bool, as_json: bool) -> None:  # noqa: FBT001
    """The gate: its table, its HTTP door, its peers, and how long a ban takes to hold everywhere."""
    _run("gate", quick=quick, as_json=as_json)


@command.command()
@click.option("--quick", is_flag=True, help="A smaller form that ends within a minute and writes nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON last.")
def forensics(quick: bool, as_json: bool) -> None:  # noqa: FBT001
    """The scan kernels: how quick beside a memory copy, how complete, how many hits by chance."""
    _run("forensics", quick=quick, as_json=as_json)


def _run(name: str, *, quick: bool, as_json: bool) -> None:
    root = Path(__file__).resolve().parents[3]
    if not (root / "bench" / f"{name}.py").is_file():
        raise BadInput("The benchmarks need the source checkout with its bench/.", f"Run `make bench-{name}` there.")
    sys.path.insert(0, str(root))
    arguments = [flag for flag, given in {"--quick": quick, "--json": as_json}.items() if given]
    import_module(f"bench.{name}").main.main(args=arguments, prog_name=f"beholden bench {name}")
