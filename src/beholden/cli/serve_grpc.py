"""`beholden serve-grpc`: the gateways' door over gRPC, for an Envoy that cannot ask over HTTP."""

import logging
import signal
import threading
from contextlib import nullcontext
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.follow import following
from beholden.cli.main import data_option
from beholden.model.errors import Unavailable

GRACE_SECONDS = 10


@click.command
@data_option
@click.option("--listen", default="127.0.0.1:8401", show_default=True, help="Address and port, without TLS.")
def command(data: Path, listen: str) -> None:
    """Run Envoy's gRPC ext_authz service. Slower than `serve`'s HTTP door; needs the extra `grpc`.

    It speaks without TLS: keep it on this host or inside a mesh. Stops at SIGINT or SIGTERM.
    """
    try:
        from beholden.web import grpc_gateway
    except ModuleNotFoundError as error:
        raise Unavailable(f"gRPC needs {error.name}, which is not here.", "pip install 'beholden[grpc]'") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    chosen = settings.read(data=data)
    engines = bootstrap.doors(chosen)
    try:
        try:
            server, port = grpc_gateway.server(engines, listen)
        except RuntimeError as error:
            raise Unavailable(f"Cannot listen on {listen}.", "Choose another with --listen.") from error
        with following(chosen.data) if chosen.gate == "table" else nullcontext():
            server.start()
            click.echo(f"Beholden listens for gRPC at {listen.rpartition(':')[0]}:{port} (data in {data}).")
            stopped.wait()
            server.stop(GRACE_SECONDS).wait()
    finally:
        bootstrap.close(engines)
    click.echo("Stopped.")
