"""`python -m bench.peers [--quick]`: the gate and its peers on the same questions, as a table and a line of JSON."""

import json
from dataclasses import asdict

import click

from bench.peers.report import PEERS, Report, Row, peers_report


@click.command()
@click.option("--quick", is_flag=True, help="10,000 grants and one round, to see that everything runs.")
@click.option(
    "--only", multiple=True, type=click.Choice(PEERS, case_sensitive=False), help="This peer; may be repeated."
)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Each is asked in turn.")
def main(quick: bool, only: tuple[str, ...], rounds: int) -> None:  # noqa: FBT001
    """Measure everyone who is here; `python -m bench.peers.fetch` fetches the servers first."""
    size = {"people": 500, "asked": 300} if quick else {}
    report = peers_report(**size, rounds=1 if quick else rounds, only=only)
    click.echo(table(report))
    click.echo(json.dumps(asdict(report)))


def table(report: Report) -> str:
    """The report as Markdown."""
    head = (
        "| engine | way of asking | where | agrees | answers a CPU second | ours over it | p50 ms | p99 ms "
        "| load s | MB | fetch us |"
    )
    lines = [f"{report.grants:,} grants; {report.machine}", "", head, "|---|---|---|---|---|---|---|---|---|---|---|"]
    lines += [_line(row) for row in report.rows]
    lines += ["", *(f"- {name} is not here: {why}" for name, why in report.not_here.items())]
    return "\n".join(lines)


def _line(row: Row) -> str:
    wrong = ", ".join(f"{count} {label}" for label, count in sorted(row.wrong.items()))
    agrees = f"{row.agreement:.2%} of {row.cases:,}" + (f" (wrong: {wrong})" if wrong else "")
    rate = f"{row.per_cpu_s:,.0f}"
    if row.with_database is not None:
        rate += f" ({row.with_database:,.0f} with its database)"
    cells = [f"{row.peer} {row.version}".strip(), row.way, row.where, agrees, rate, _number(row.ratio, 1)]
    cells += [_number(row.p50_ms, 3), _number(row.p99_ms, 3), _number(row.load_s, 1), _number(row.memory_mb, 0)]
    return f"| {' | '.join([*cells, _number(row.fetch_us, 1)])} |"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


if __name__ == "__main__":
    main()
