"""A town: Beholden and the example platform as real processes on loopback, and the engines on the same data folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from authlib.integrations.requests_client import OAuth2Session

from beholden import bootstrap, settings
from beholden.backends.host.clock import FileClock
from beholden.backends.sql.directory import standings
from beholden.journeys import access, token
from beholden.journeys.ports import Engines, NewPerson
from beholden.model.act import SYSTEM
from beholden.model.app import App, Ask
from beholden.model.ids import ClientId, DeveloperNumber, OutsideId, PersonNumber
from examples.platform.world import world

ROOT = Path(__file__).resolve().parents[1]
BACK = "https://app.example/back"
PEOPLE = world(seed=7, people=300)
ASKS = (
    Ask("identity", "service", required=True),
    Ask("likes", "service"),
    Ask("contacts", "service"),
    Ask("likes", "service", through=True),
)


@dataclass
class Town:
    """Both servers, and the engines on the same data folder."""

    engines: Engines
    clock: FileClock
    beholden: str
    platform: str
    running: dict[str, subprocess.Popen[bytes]]

    def number(self, outside_id: str) -> PersonNumber:
        """Our number of a person of the platform."""
        with self.engines.store.read() as unit:
            return unit.directory.numbers([outside_id])[outside_id]

    def rules(self, name: str) -> None:
        """Put an example policy in force."""
        text = (ROOT / "examples" / f"policy-{name}.yaml").read_text(encoding="utf-8")
        with self.engines.store.write() as unit:
            unit.directory.set_policy(text, self.clock.now())

    def app(self, client_id: str) -> App:
        """A verified app, registered now."""
        with self.engines.store.write() as unit:
            developer = unit.directory.add_developer(f"Makers of {client_id}", "dev@app.example", self.clock.now())
            app = unit.directory.add_app(
                ClientId(client_id), developer.number, client_id, "", "games", [BACK], ASKS, self.clock.now()
            )
            unit.directory.set_verified(app.number, verified=True)
        return app

    def ban(self, developer: DeveloperNumber) -> None:
        """What enforcement would write."""
        with self.engines.store.engine.begin() as connection:
            connection.execute(
                standings.insert().values(
                    kind="developer",
                    number=developer,
                    standing="banned",
                    since=self.clock.now(),
                    sanction="sanction_test",
                )
            )

    def client(self, client_id: str) -> OAuth2Session:
        """Authlib as this app."""
        return OAuth2Session(
            client_id=client_id,
            client_secret=token.issue_secret(self.engines, SYSTEM, client_id),
            code_challenge_method="S256",
            redirect_uri=BACK,
            token_endpoint=f"{self.beholden}/oauth/token",
        )

    def api(self, path: str, access_token: str, **query: str) -> httpx.Response:
        """Ask the platform's data API."""
        return httpx.get(
            f"{self.platform}{path}", params=query, headers={"authorization": f"Bearer {access_token}"}, timeout=30
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(arguments: list[str], port: int, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"{arguments} did not start:\n{log.read_text()}")


@contextmanager
def opened(folder: Path, blank_database: Path) -> Iterator[Town]:
    """A running town with its files in `folder`; `blank_database` has the present schema."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.copy(blank_database, data / "store.db")
    clock = FileClock(folder / "clock")
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    ports = {"beholden": free_port(), "platform": free_port()}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    environment = {
        "BEHOLDEN_CLOCK": str(folder / "clock"),
        "BEHOLDEN_CATALOGUE": str(ROOT / "examples" / "catalogue.yaml"),
        "BEHOLDEN_PORT": str(ports["beholden"]),
        "BEHOLDEN_OIDC_ISSUER": urls["platform"],
        "BEHOLDEN_OIDC_CLIENT_ID": "beholden",
        "BEHOLDEN_OIDC_CLIENT_SECRET": "between us: 100%",
    }
    engines = bootstrap.embedded(settings.read(environment, data=data))
    with engines.store.write() as unit:
        people = [NewPerson(OutsideId(o), name, email) for o, name, email in PEOPLE.directory()]
        unit.directory.enrol(people, clock.now(), [engines.ids.secret() for _ in people])
    key = access.add_platform_key(engines, "platform").secret
    platform = [
        sys.executable,
        "-m",
        "examples.platform",
        "--port",
        str(ports["platform"]),
        "--beholden",
        urls["beholden"],
    ]
    platform += ["--people", "300", "--seed", "7", "--clock", str(folder / "clock")]
    running = {}
    try:
        running["platform"] = started(
            platform,
            ports["platform"],
            {"PLATFORM_KEY": key, "PLATFORM_CLIENT_SECRET": "between us: 100%"},
            folder / "platform.log",
        )
        running["beholden"] = started(
            [str(Path(sys.executable).parent / "beholden"), "serve", "--data", str(data)],
            ports["beholden"],
            environment,
            folder / "b.log",
        )
        yield Town(engines, clock, urls["beholden"], urls["platform"], running)
    finally:
        for process in running.values():
            process.terminate()
            process.wait(20)
        bootstrap.close(engines)
