"""The two strict JavaScript clients drive a really started server; the test is the person's browser.

They refuse what a standard does not allow an answer to be, and know nothing of ours.
"""

import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from joserfc.jwk import ECKey

from beholden import bootstrap, settings
from beholden.backends.sql.directory import standings
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access, client_terms, token
from beholden.journeys.ports import Contract, Engines, NewPerson, Review
from beholden.model.act import SYSTEM, ActorKind
from beholden.model.app import App, Ask
from beholden.model.ids import ClientId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.web.session import COOKIE
from tests.town import free_port, started

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BACK = "https://app.example/back"
PATIENCE = 60
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
ASKS = (Ask("identity", "service", required=True), Ask("location", "service"))


@pytest.fixture(scope="module")
def clients(request: pytest.FixtureRequest) -> Path:
    """The folder with the clients and what they import, installed once for each lock."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the strict OAuth clients need node 20 and npm on the PATH")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    if int(version.strip().lstrip("v").split(".")[0] or 0) < 20:
        pytest.skip(f"the strict OAuth clients need node 20; there is {version.strip()}")
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = request.config.cache.mkdir("oauth_clients") / lock
    if not folder.exists():
        fresh = folder.with_name(f"{lock}.{os.getpid()}")
        fresh.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, fresh)
        done = subprocess.run([npm, "ci"], cwd=fresh, capture_output=True, text=True, timeout=240)
        if done.returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"npm could not install the strict OAuth clients: {done.stderr.strip()[-300:]}")
        try:
            fresh.rename(folder)
        except OSError:  # another worker was quicker
            shutil.rmtree(fresh)
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


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


@pytest.fixture(scope="module")
def place(clients: Path, tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[Place]:
    """One server for both clients."""
    with opened(tmp_path_factory.mktemp("clients"), blank_database) as place:
        yield place


def driven(place: Place, script: Path, world: dict[str, object], acts: dict[str, Callable[[], None]]) -> dict[str, str]:
    """Run a client to its end, as the person's browser; what it found out."""
    process = subprocess.Popen(
        ["node", script.name],
        cwd=script.parent,
        env={**os.environ, "WORLD": json.dumps({"issuer": place.url, "redirect_uri": BACK, **world})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: queue.Queue[str] = queue.Queue()
    complaints: list[str] = []
    readers = [
        threading.Thread(target=lambda: ([said.put(line) for line in process.stdout] and None) or said.put("")),
        threading.Thread(target=lambda: complaints.extend(process.stderr)),
    ]
    for reader in readers:
        reader.start()
    try:
        while line := said.get(timeout=PATIENCE):
            value = json.loads(line)
            if "done" in value:
                return value["done"]
            if "act" in value:
                acts[value["act"]]()
                answer = "done"
            else:
                answer = place.visit(value["visit"], value["answer"], value["ticked"])
            process.stdin.write(answer + "\n")
            process.stdin.flush()
    finally:
        process.kill()
        process.wait(20)
        for reader in readers:
            reader.join(20)
    raise AssertionError("the client gave up:\n" + "".join(complaints))


def test_oauth4webapi_pushes_binds_refreshes_manages_and_revokes(place: Place, clients: Path) -> None:
    app = place.app("quiz")
    client_terms.change(place.engines, "quiz", manages=True, push=True, dpop=True)
    world = {"client_id": "quiz", "secret": token.issue_secret(place.engines, SYSTEM, "quiz"), "person": "u000001"}
    acts = {"opt_out": lambda: place.share(sharing=False), "opt_in": lambda: place.share(sharing=True)}
    found = driven(place, clients / "oauth4webapi.mjs", world, acts)
    assert found == {"sub": place.sub(app)}


def test_openid_client_signs_and_a_public_app_keeps_to_the_rules(place: Place, clients: Path) -> None:
    signing, public = place.app("signing"), place.app("public")
    key = ECKey.generate_key("P-256", {"kid": "one"})
    client_terms.change(place.engines, "signing", keys=json.dumps({"keys": [key.as_dict(private=False)]}))
    world = {"signing_id": "signing", "public_id": "public", "key": key.as_dict(private=True)}
    found = driven(place, clients / "openid-client.mjs", world, {"ban": lambda: place.ban(public)})
    assert found == {"signingSub": place.sub(signing), "publicSub": place.sub(public)}
    assert found["signingSub"] != found["publicSub"]
