"""Run the example platform: `python -m examples.platform --help`, from the root of the checkout."""

from datetime import UTC, datetime
from pathlib import Path

import click
import uvicorn

from beholden.backends.host.clock import FileClock
from examples.platform.api import Beholden
from examples.platform.app import create
from examples.platform.oidc import Client, Provider
from examples.platform.world import world, world_of_graph


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8500, show_default=True)
@click.option("--beholden", "beholden_url", default="http://127.0.0.1:8400", show_default=True, help="Its address.")
@click.option("--key", envvar="PLATFORM_KEY", required=True, help="The platform's key at Beholden.")
@click.option("--people", type=click.IntRange(1), default=1_000_000, show_default=True, help="Without a graph.")
@click.option("--seed", type=click.IntRange(0), default=2018, show_default=True)
@click.option("--graph", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Edge list, gzip or not.")
@click.option("--client-id", default="beholden", show_default=True, help="Beholden's client id here.")
@click.option("--client-secret", envvar="PLATFORM_CLIENT_SECRET", default="", help="Its secret; none: PKCE alone.")
@click.option("--password", default="synthetic", show_default=True, help="Everybody's: they are made up.")
@click.option("--clock", type=click.Path(path_type=Path), help="A file with simulated time, as Beholden's.")
def main(
    port: int,
    beholden_url: str,
    key: str,
    people: int,
    seed: int,
    graph: Path | None,
    client_id: str,
    client_secret: str,
    password: str,
    clock: Path | None,
) -> None:
    """A platform of made-up people on 127.0.0.1: it signs them in, and serves their data through Beholden."""
    try:
        here = world_of_graph(seed, graph) if graph else world(seed, people)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    beholden_url = beholden_url.rstrip("/")
    client = Client(client_id, client_secret, f"{beholden_url}/sign-in/callback")
    now = FileClock(clock).now if clock else _system_now
    provider = Provider(here, f"http://127.0.0.1:{port}", client, password, now)
    app = create(here, provider, Beholden(beholden_url, key))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _system_now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
