"""A started server by the real time of day, for clients that sign with it, and one person's browser."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx

from beholden import bootstrap, settings
from beholden.backends.sql.directory import standings
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access
from beholden.journeys.ports import Contract, Engines, NewPerson, Review
from beholden.model.act import ActorKind
from beholden.model.app import App, Ask
from beholden.model.ids import ClientId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.web.session import COOKIE
from tests.town import free_port, started

ROOT = Path(__file__).resolve().parents[2]
BACK = "https://app.example/back"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
ASKS = (Ask("identity", "service", required=True), Ask("location", "service"))


@dataclass
class Place:
    """A running server, the engines on its data, one person, and their browser."""

    engines: Engines
    url: str
    person: PersonNumber
    browser: httpx.Client

    def app(self, client_id: str) -> App:
        """A verified app that may ask for the city."""
        now = self.engines.clock.now()
        with self.engines.store.write() as unit:
            developer = unit.directory.add_developer(f"Makers of {client_id}", "dev@app.example", now)
            app = unit.directory.add_app(
                ClientId(client_id), developer.number, client_id, "", "games", [BACK], ASKS, now
            )
            unit.directory.set_verified(app.number, verified=True)
            approved = Review(f"review_{client_id}", app.number, "location", "service", "approved", now, now, "test")
            unit.directory.put_review(approved)
            unit.directory.sign(Contract(app.number, "location", "A. Signatory", now, "0" * 64))
        return app

    def visit(self, address: str, answer: str, ticked: list[str]) -> str:
        """Open the address, answer on the page, and tell where the app is called back."""
        page = self.browser.get(address)
        assert page.status_code == 200, (page.status_code, page.headers.get("location"), page.text)
        form = page.text[page.text.rindex('<form method="post" action="/oauth/authorize"') :]
        pairs = [(unescape(name), unescape(value)) for name, value in HIDDEN.findall(form)]
        pairs += [("allowed", one) for one in ticked] + [("answer", answer)]
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": self.url}
        sent = self.browser.post(f"{self.url}/oauth/authorize", content=urlencode(pairs), headers=headers)
        assert sent.status_code == 303 and sent.headers["location"].startswith(BACK + "?"), sent.text
        return sent.headers["location"]

    def share(self, *, sharing: bool) -> None:
        """The person turns all sharing off or on."""
        with self.engines.store.write() as unit:
            unit.directory.choose(Choice(self.person, Scope.ALL, "", sharing, self.engines.clock.now()))

    def ban(self, app: App) -> None:
        """What enforcement would write."""
        row = {"kind": "app", "number": app.number, "standing": "banned", "sanction": "sanction_test"}
        with self.engines.store.engine.begin() as connection:
            connection.execute(standings.insert().values(since=self.engines.clock.now(), **row))

    def sub(self, app: App) -> str:
        """What the app calls the person."""
        return scoped_ids(self.engines.pairwise, app.number, [self.person])[0]


@contextmanager
def opened(folder: Path, blank_database: Path) -> Iterator[Place]:
    """A server by the real time of day: the clients sign with it."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.copy(blank_database, data / "store.db")
    port = free_port()
    environment = {"BEHOLDEN_CATALOGUE": str(ROOT / "examples" / "catalogue.yaml"), "BEHOLDEN_PORT": str(port)}
    engines = bootstrap.embedded(settings.read(environment, data=data))
    with engines.store.write() as unit:
        someone = NewPerson(OutsideId("u000001"), "Ann", "ann@people.example")
        unit.directory.enrol([someone], engines.clock.now(), [engines.ids.secret()])
        person = unit.directory.numbers(["u000001"])["u000001"]
    cookie = access.open_session(engines, ActorKind.PERSON, str(person))
    command = [str(Path(sys.executable).parent / "beholden"), "serve", "--data", str(data)]
    process = started(command, port, environment, folder / "beholden.log")
    try:
        with httpx.Client(timeout=30, headers={"accept": "text/html"}, cookies={COOKIE: cookie}) as browser:
            yield Place(engines, f"http://127.0.0.1:{port}", person, browser)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        bootstrap.close(engines)
