"""Hosts that follow one PostgreSQL: their data folders, and a country of three in network namespaces."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beholden import bootstrap, settings
from beholden.backends.sql.store import SqlStore
from beholden.backends.table.files import pointed
from beholden.backends.table.reader import TableReader
from beholden.enforcement.sanction import TargetKind
from beholden.journeys.ports import NewPerson
from beholden.model.app import Ask
from beholden.model.decision import Reason
from beholden.model.grant import Grant
from beholden.model.ids import AppNumber, ClientId, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.standing import Standing
from tests import schema
from tests.contracts.server import PostgresServer, postgres
from tests.following import reader, said

EXAMPLES = Path(__file__).parents[1] / "examples"
NET = "10.77.3"
PEOPLE = [f"p{n}" for n in range(60)]
SPACES = ("server", "host1", "host2", "host3")


@dataclass
class Host:
    """One host: a data folder of its own, a follower, a gate's eye on its table."""

    chosen: settings.Settings
    gate: TableReader
    log: Path

    def said(self, client: str = "quiz", outside_id: str = "p0") -> Reason | None:
        return said(self.gate, self.chosen, client, outside_id)

    def generation(self) -> int | None:
        return pointed(self.chosen.data / bootstrap.TABLE)


def host(folder: Path, database: str, pairwise: bytes) -> Host:
    """A data folder whose keys are the same on every host."""
    (folder / "keys").mkdir(mode=0o700, parents=True)
    (folder / "keys" / "pairwise").write_bytes(pairwise)
    (folder / "beholden.env").write_text(
        f"BEHOLDEN_DATABASE={database}\nBEHOLDEN_CATALOGUE={EXAMPLES / 'catalogue.yaml'}\n"
    )
    chosen = settings.read({}, data=folder)
    return Host(chosen, reader(chosen, pairwise), folder / "log")


def settle(store: SqlStore) -> None:
    """People who granted everything to two apps of two developers."""
    now = datetime.now(UTC)
    with store.write() as unit:
        unit.directory.enrol([NewPerson(OutsideId(o), "", "") for o in PEOPLE], now, [b"k" * 32] * len(PEOPLE))
        for client in ("quiz", "game"):
            owner = unit.directory.add_developer(client, "", now)
            app = unit.directory.add_app(
                ClientId(client), owner.number, client, "", "games", [], (Ask("identity", "service"),), now
            )
            for n in range(1, len(PEOPLE) + 1):
                unit.directory.add_grant(grant(n, app.number, f"{client}{n}"))
                unit.directory.record_use(PersonNumber(n), app.number, now)


def grant(person: int, app: AppNumber, id_: str) -> Grant:
    now = datetime.now(UTC)
    fields, purposes = frozenset({"name"}), frozenset({"service"})
    return Grant(GrantId(id_), PersonNumber(person), app, fields, frozenset(), purposes, now, now + timedelta(days=300))


def opt_out(store: SqlStore, person: int, *, sharing: bool = False) -> None:
    choice = Choice(PersonNumber(person), Scope.ALL, "", sharing, datetime.now(UTC))
    store.perform(lambda unit: unit.directory.choose(choice))


def ban(store: SqlStore, app: int) -> None:
    now = datetime.now(UTC)
    store.perform(lambda unit: unit.enforcement.set_standing(TargetKind.APP, app, Standing.BANNED, None, now))


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def network(name: str) -> Iterator[dict[str, str]]:
    """A switch and four hosts on it, each in a namespace of its own: address .1 is the server's."""
    spaces = {place: f"{name}-{place}" for place in ("switch", *SPACES)}
    try:
        for space in spaces.values():
            ip("netns", "add", space)
        switch = spaces["switch"]
        ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", switch, "link", "set", "bridge", "up")
        for number, place in enumerate(SPACES, 1):
            ip("-n", switch, "link", "add", place, "type", "veth", "peer", "name", "eth", "netns", spaces[place])
            ip("-n", switch, "link", "set", place, "master", "bridge", "up")
            ip("-n", spaces[place], "addr", "add", f"{NET}.{number}/24", "dev", "eth")
            ip("-n", spaces[place], "link", "set", "eth", "up")
            ip("-n", spaces[place], "link", "set", "lo", "up")
        yield spaces
    finally:
        for space in spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True, timeout=20)


@dataclass
class Region:
    """A server and three hosts that are to follow it. `near` is the database's address beside the server: a socket in
    a folder, which no cut reaches."""

    near: str
    hosts: list[Host]
    spaces: dict[str, str]

    def inside(self, number: int) -> tuple[str, ...]:
        """What goes before a command that is to run on a host."""
        return ("ip", "netns", "exec", self.spaces[f"host{number}"])

    def cut(self, number: int, *, off: bool) -> None:
        """Pull a host's cable out of the switch, or put it back."""
        ip("-n", self.spaces["switch"], "link", "set", f"host{number}", "down" if off else "up")


@contextmanager
def country(folder: Path) -> Iterator[Region]:
    """A server with the present schema, and three hosts on which nothing runs yet.

    Raises OSError where this machine lets us make no network.
    """
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("setpriv"):
        raise OSError("three hosts need root, `ip` (Debian: iproute2) and `setpriv` (util-linux)")
    with ExitStack() as stack:
        spaces = stack.enter_context(network(f"bh{os.getpid()}"))
        server: PostgresServer = stack.enter_context(postgres(spaces["server"], f"{NET}.1"))
        near = server.empty()
        schema.make(near)
        database = near.partition("?")[0].rpartition("/")[2]
        url = f"postgresql://postgres@{NET}.1:5432/{database}"
        yield Region(near, [host(folder / f"host{n}", url, b"s" * 32) for n in (1, 2, 3)], spaces)
