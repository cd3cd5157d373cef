"""`beholden follow`: keep this host's decision table true. One process a host."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.main import data_option
from beholden.journeys import follow

AGAIN_SECONDS = 0.2
STOP_SECONDS = 10


@click.command()
@data_option
def command(data: Path) -> None:
    """Follow the store's change feed and keep this host's decision table true.

    One process a host: a second one ends with exit code 1. Stops at SIGINT or SIGTERM, the table whole and on disk;
    once the limit of the lag is over no gate of this host allows anything by it.
    """
    chosen = settings.read(data=data)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with bootstrap.follower(chosen, click.echo) as (follower, every):
        click.echo(f"Following {data}.")
        follow.follow(follower, every=every, stopped=stop.is_set, nap=stop.wait, say=click.echo)
    click.echo("Stopped.")


@contextmanager
def following(data: Path) -> Iterator[None]:
    """A follower beside this process for the length of the block, started again whenever it ends by itself.

    Where another one holds the host's table, ours keeps trying, and takes over when that one is gone.
    """
    arguments = [sys.executable, "-m", "beholden", "follow", "--data", str(data)]
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
                while not stop.is_set() and process.poll() is None:
                    stop.wait(AGAIN_SECONDS)
                _end(process)
            stop.wait(AGAIN_SECONDS)

    watcher = threading.Thread(target=watch, name="follower", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
