"""`beholden serve`: the server, until it is told to stop."""

import gc
import logging
import signal
import socket
import ssl
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.cli import supervise
from beholden.cli.follow import following
from beholden.cli.main import data_option
from beholden.journeys.ports import Engines
from beholden.model.errors import BadInput, Unavailable

_COLLECTED = (20_000, 20, 20)
"""Objects that are made before the collector looks for cycles. Nearly all that a request makes goes without it; by
Python's own number it would walk through every crowd of disclosures while they wait for their receipts."""
GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 30
BACKLOG = 2048


@click.command
@data_option
@click.option("--host", help="Address to listen on (BEHOLDEN_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (BEHOLDEN_PORT); 0 takes a free one.")
@click.option("--tls-cert", help="Speak TLS with this certificate chain, PEM (BEHOLDEN_TLS_CERT).")
@click.option("--tls-key", help="Its private key, PEM (BEHOLDEN_TLS_KEY).")
@click.option("--client-ca", help="CA certificates of callers that show a certificate, PEM (BEHOLDEN_CLIENT_CA).")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
@click.option("--socket", "inherited", type=int, hidden=True)
@click.option("--leash", type=int, hidden=True)
def command(
    data: Path,
    host: str | None,
    port: int | None,
    workers: int,
    tls_cert: str | None,
    tls_key: str | None,
    client_ca: str | None,
    inherited: int | None,
    leash: int | None,
) -> None:
    """Run the server: gate, OAuth, pages, the log's tiles.

    Stops at SIGINT or SIGTERM, after the requests in hand were answered.
    """
    chosen = settings.read(data=data)
    named = {"host": host, "port": port, "tls_cert": tls_cert, "tls_key": tls_key, "client_ca": client_ca}
    chosen = replace(chosen, **{name: value for name, value in named.items() if value is not None})  # type: ignore[arg-type]
    tls = _tls(chosen)
    if leash is not None:
        supervise.hold(leash)
    with closing(
        _listen(chosen.host, chosen.port) if inherited is None else socket.socket(fileno=inherited)
    ) as listener:
        chosen = replace(chosen, port=listener.getsockname()[1])
        followed = following(chosen.data) if chosen.gate == "table" and inherited is None else nullcontext()
        engines = bootstrap.gate(chosen)
        try:
            if workers == 1:
                with followed:
                    _run(engines, chosen, listener, tls, quiet=inherited is not None)
        finally:
            bootstrap.close(engines)
        if workers > 1:  # opened once before, so that what is wrong is said once
            with followed:
                _run_workers(chosen, listener, workers)


def _run_workers(chosen: settings.Settings, listener: socket.socket, workers: int) -> None:
    """Several processes on one socket; each is a whole server, they share the data folder."""
    place = ["--data", str(chosen.data), "--host", chosen.host, "--port", str(chosen.port)]
    tls = {"--tls-cert": chosen.tls_cert, "--tls-key": chosen.tls_key, "--client-ca": chosen.client_ca}
    place += [word for option, path in tls.items() if path for word in (option, path)]
    one = ["serve", *place, "--socket", str(listener.fileno())]
    supervisor = supervise.Supervisor({f"worker {n}": one for n in range(1, workers + 1)}, [listener.fileno()])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.stop)
    _announce(chosen)
    supervisor.run()
    click.echo("Stopped.")


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is one clear error before anything is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unavailable(f"Cannot listen on {host} port {port} ({reason}).", "Choose another with --port.") from error


def _tls(chosen: settings.Settings) -> dict[str, Any]:
    """What uvicorn needs for TLS; nothing where none is wanted. A file that is no good is one clear error here."""
    if not chosen.tls_cert:
        if chosen.tls_key or chosen.client_ca:
            raise BadInput("A TLS key or client CA is given without a certificate.", "Give --tls-cert as well.")
        return {}
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chosen.tls_cert, chosen.tls_key or None, password="")  # an encrypted key asks nobody
        if chosen.client_ca:
            context.load_verify_locations(chosen.client_ca)
    except (OSError, ValueError) as error:
        raise BadInput(f"The TLS files cannot be used ({error}).", "Give PEM files that belong together.") from error
    # Optional, since people's browsers come by the same port: who must show a certificate is the doors' to say.
    verify = ssl.CERT_OPTIONAL if chosen.client_ca else ssl.CERT_NONE
    return {
        "ssl_certfile": chosen.tls_cert,
        "ssl_keyfile": chosen.tls_key or None,
        "ssl_ca_certs": chosen.client_ca or None,
        "ssl_cert_reqs": verify,
    }


def _run(
    engines: Engines, chosen: settings.Settings, listener: socket.socket, tls: dict[str, Any], *, quiet: bool
) -> None:
    import uvicorn

    from beholden.web import app
    from beholden.web.hot import HotPath
    from beholden.web.protocol import BoundedProtocol, with_quick_path

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines would tell who signs in when
    gate = bootstrap.quick_gate(chosen, engines)
    config = uvicorn.Config(
        app.create(engines, chosen),
        loop="uvloop",
        http=BoundedProtocol if gate is None else with_quick_path(HotPath(engines, gate)),
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        **tls,
    )
    # uvicorn stops at these signals and then raises them again for whoever listened before: nobody, so that we end
    # with 0 after a stop that was asked for.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if not quiet:
        _announce(chosen)
    gc.collect()
    gc.freeze()  # what was made by now stays: the collector need not walk through it again and again
    gc.set_threshold(*_COLLECTED)
    uvicorn.Server(config).run(sockets=[listener])
    if not quiet:
        click.echo("Stopped.")


def _announce(chosen: settings.Settings) -> None:
    click.echo(f"Beholden listens at {chosen.public_url} (data in {chosen.data}).")
    if chosen.clock:
        click.echo("Time is simulated: BEHOLDEN_CLOCK is set.")
