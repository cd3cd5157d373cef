"""What breaks under a running `beholden serve` with the table leaves no wrong allow, and is right again once mended.

While things break, platforms go on asking. An allow is wrong that was asked for after the act against it was answered,
or while the gate could not have known what stands.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from beholden import bootstrap, settings
from beholden.backends.table.files import path_of, pointed
from beholden.gate.table.layout import ALL_OFF, PAGE, Section, identity_of, read_header
from beholden.journeys import access, opt_out
from beholden.model.errors import BeholdenError
from beholden.model.ids import PersonNumber
from beholden.model.person import Scope
from tests import schema
from tests.cli.test_serve_table import question, until
from tests.conftest import House
from tests.contracts.server import postgres

LIMIT_SECONDS = 1.0
PEOPLE = tuple(f"p{n}" for n in range(8))


def evidence(value: object) -> object:
    """One more of a kind, for `make evidence`."""
    return pytest.param(value, marks=pytest.mark.evidence)


@dataclass
class Platform:
    """Asks about everybody all the time, over connections that it opens again when they break."""

    url: str
    key: str
    allowed: list[tuple[str, float, float]] = field(default_factory=list)
    forbidden: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, client: httpx.Client, person: str, *, disclose: bool = False) -> str:
        """The reason; empty where there was no answer."""
        sent = time.monotonic()
        try:
            answer = client.post("/access/v1/evaluation", json=question(person, disclose=disclose))
        except httpx.TransportError:
            return ""
        if answer.status_code != 200:
            return str(answer.status_code)
        said = answer.json()
        if said["decision"]:
            self.allowed.append((person, sent, time.monotonic()))
        return str(said["context"]["reason"])

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=3, verify=False)  # no TLS: spares reading CAs

    def says(self, person: str, *, disclose: bool = False) -> str:
        """The reason, over a connection of its own: any worker may answer."""
        with self.client() as client:
            return self.ask(client, person, disclose=disclose)

    def all_say(self, person: str, reason: str) -> bool:
        """Whether ten connections in a row hear this."""
        return all(self.says(person) == reason for _ in range(10))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """For the length of the block; no allow was wrong at its end."""
        threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        assert len(self.allowed) > 10, "somebody was allowed something, or this shows nothing"
        assert [one for one in self.allowed if one[1] > self.forbidden.get(one[0], one[1])] == []

    def _go_on(self) -> None:
        while not self._stop.is_set():
            with self.client() as client:
                for person in PEOPLE * 4:
                    if self.ask(client, person) == "":
                        break
                    time.sleep(0.001)

    def allowed_between(self, begun: float, ended: float) -> list[tuple[str, float, float]]:
        """Allows that were asked for in this time."""
        return [one for one in self.allowed if begun < one[1] < ended]


@dataclass
class Served:
    """A server, its platform, and the people who granted its app something."""

    house: House
    platform: Platform
    process: "subprocess.Popen[str]"
    people: dict[str, PersonNumber]

    @property
    def table(self) -> Path:
        """The file that counts."""
        folder = self.house.data / bootstrap.TABLE
        generation = pointed(folder)
        assert generation is not None
        return path_of(folder, generation)

    def forbid(self, person: str) -> None:
        """The person opts out; from the answer on, every allow is wrong."""
        opt_out.choose(self.house.engines, self.people[person], Scope.ALL, sharing=False)
        self.platform.forbidden[person] = time.monotonic()

    def children(self, word: str) -> list[int]:
        """Children of the server by a word of their command line."""
        pid = self.process.pid
        found = []
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with suppress(OSError):  # it has just ended
                    if word.encode() in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                        found.append(int(child))
        return found

    def rebuilt(self, before: Path) -> Callable[[], bool]:
        """Whether another file counts than before."""
        return lambda: pointed(self.house.data / bootstrap.TABLE) is not None and self.table != before


def settle(house: House) -> tuple[dict[str, PersonNumber], str]:
    app = house.app(client_id="quiz")
    people = dict(zip(PEOPLE, house.people(PEOPLE), strict=True))
    for number in people.values():
        house.grant(number, app, ["name", "email"])
    return people, access.add_platform_key(house.engines, "platform").secret


@contextmanager
def serving(house: House, people: dict[str, PersonNumber], key: str) -> Iterator[Served]:
    """Two workers, the table and its follower."""
    process = subprocess.Popen(
        [sys.executable, "-m", "beholden", "serve", "--data", str(house.data), "--port", "0", "--workers", "2"],
        env={**os.environ, "BEHOLDEN_GATE": "table"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield Served(house, Platform(found[0], key), process, people)
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    with serving(house, *settle(house)) as here:
        until(lambda: here.platform.all_say("p0", "allowed"))
        yield here


def test_law_5_workers_that_are_killed_forget_no_act(served: Served) -> None:
    with served.platform.asking():
        for person in PEOPLE[:3]:
            until(lambda: len(served.children("--socket")) == 2)
            os.kill(served.children("--socket")[0], signal.SIGKILL)
            served.forbid(person)
            until(partial(served.platform.all_say, person, "opted_out_all"))
        until(lambda: len(served.children("--socket")) == 2)
        until(lambda: served.platform.all_say("p7", "allowed"))
        assert all(served.platform.all_say(person, "opted_out_all") for person in PEOPLE[:3])


def test_law_5_a_follower_that_is_killed_misses_no_act(served: Served) -> None:
    with served.platform.asking():
        for person in PEOPLE[:3]:
            until(lambda: served.children("follow"))
            os.kill(served.children("follow")[0], signal.SIGKILL)
            served.forbid(person)
            until(partial(served.platform.all_say, person, "opted_out_all"))
        until(lambda: served.platform.all_say("p7", "allowed"))


@pytest.mark.evidence
def test_law_4_the_whole_server_killed_leaves_a_table_that_its_successor_trusts_no_further_than_it_may(
    served: Served,
) -> None:
    children = [*served.children("--socket"), *served.children("follow")]
    for pid in (served.process.pid, *children):
        os.kill(pid, signal.SIGKILL)
    served.forbid("p1")
    with serving(served.house, served.people, served.platform.key) as successor:
        successor.platform.forbidden.update(served.platform.forbidden)
        with successor.platform.asking():
            until(lambda: successor.platform.all_say("p1", "opted_out_all"))
            assert successor.platform.all_say("p7", "allowed")


def flip(path: Path, at: int, mask: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def place_of(served: Served, section: Section) -> int:
    page = served.table.read_bytes()[:PAGE]
    identity = identity_of(served.house.catalogue, served.house.engines.pairwise)
    layout = read_header(page, served.table.stat().st_size, identity)
    assert not isinstance(layout, str), layout
    return layout.places[section][0]


def test_bits_that_flip_in_the_table_while_it_is_in_use_are_found_and_it_is_built_anew(served: Served) -> None:
    """The worst bit of all: the one that says that a person opted out."""
    flags = place_of(served, Section.FLAGS)
    with served.platform.asking():
        served.forbid("p1")
        for _ in range(3):
            until(lambda: served.platform.all_say("p1", "opted_out_all"))
            del served.platform.forbidden["p1"]
            before = served.table
            flip(before, flags + 4 * served.people["p1"], ALL_OFF)
            until(served.rebuilt(before))
            until(lambda: served.platform.says("p1") == "opted_out_all")
            served.platform.forbidden["p1"] = time.monotonic()
        until(lambda: served.platform.all_say("p7", "allowed"))


@pytest.mark.parametrize("length", [0, evidence(PAGE), evidence(40 * PAGE + 7)])
def test_a_table_that_is_cut_while_it_is_in_use_allows_nothing_wrong_and_is_built_anew(
    served: Served, length: int
) -> None:
    with served.platform.asking():
        before = served.table
        os.truncate(before, length)
        until(served.rebuilt(before))
        until(lambda: served.platform.all_say("p1", "allowed"))
        served.forbid("p1")
        until(lambda: served.platform.all_say("p1", "opted_out_all"))


@pytest.mark.parametrize("what", ["flipped", *map(evidence, ("cut", "empty", "unnamed", "nonsense"))])
def test_a_torn_table_at_the_start_is_built_anew(house: House, what: str) -> None:
    people, key = settle(house)
    with serving(house, people, key) as first:
        until(lambda: first.platform.says("p0") == "allowed")
        table, flags = first.table, place_of(first, Section.FLAGS)
    opt_out.choose(house.engines, people["p1"], Scope.ALL, sharing=False)
    if what == "flipped":
        flip(table, flags + 4 * people["p2"], ALL_OFF)
    elif what == "unnamed":
        (table.parent / "table.current").write_text("table-x.bht\n")
    elif what == "nonsense":
        table.write_bytes(os.urandom(table.stat().st_size))
    else:
        os.truncate(table, 0 if what == "empty" else 9 * PAGE)
    with serving(house, people, key) as second:
        second.platform.forbidden["p1"] = time.monotonic()
        with second.platform.asking():
            until(lambda: second.platform.all_say("p1", "opted_out_all"))
            assert second.platform.all_say("p2", "allowed")
            assert second.table != table


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """32 MB for all that the house keeps. Skips where we may not mount."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(tmp_path)], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"a small disk needs root and `mount`: {done.stderr.decode().strip()}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for step in (1 << 16, 1 << 9, 1):
            try:
                while file.write(bytes(step)) == step:
                    pass
            except OSError:
                continue
    return filler


def test_a_full_disk_takes_no_act_discloses_nothing_and_forgets_nothing(
    small_disk: Path, request: pytest.FixtureRequest
) -> None:
    house: House = request.getfixturevalue("house")
    people, key = settle(house)
    with serving(house, people, key) as here:
        until(lambda: here.platform.all_say("p0", "allowed"))
        with here.platform.asking():
            here.forbid("p1")
            filler = fill(small_disk)
            with pytest.raises(BeholdenError):
                here.forbid("p2")  # it was not done, and says so
            released = 0
            while here.platform.says("p3", disclose=True) == "allowed":  # the last page on disk may have room
                released += 1
            assert len(list(house.engines.ledger.disclosures(start=0))) == released  # law 1
            os.kill(here.children("follow")[0], signal.SIGKILL)
            until(lambda: here.platform.all_say("p1", "opted_out_all"))
            flip(here.table, 8 * PAGE, 1)  # and now it must be built anew, for which there is no room
            until(lambda: here.platform.all_say("p0", "gate_stale"))
            filler.unlink()
            until(lambda: here.platform.all_say("p0", "allowed"))
            here.forbid("p2")
            assert here.platform.all_say("p2", "opted_out_all")
            until(lambda: here.platform.says("p3", disclose=True) == "allowed")


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["stopped", evidence("killed")])
def test_law_4_a_store_that_is_gone_leaves_a_gate_that_denies_and_forgets_nothing(
    house: House, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(postgres(durable=True))
        url = server.empty()
        schema.make(url)
        monkeypatch.setenv("BEHOLDEN_DATABASE", url)
        engines = bootstrap.embedded(settings.read(data=house.data))
        stack.callback(bootstrap.close, engines)
        there = House(house.data, house.settings, engines, house.clock)
        here = stack.enter_context(serving(there, *settle(there)))
        until(lambda: here.platform.all_say("p0", "allowed"))
        with here.platform.asking():
            here.forbid("p1")
            (server.stop if how == "stopped" else server.kill)()
            gone = time.monotonic()
            until(lambda: here.platform.says("p0") == "gate_stale")
            with pytest.raises(BeholdenError):
                here.forbid("p2")
            time.sleep(LIMIT_SECONDS)
            begun = time.monotonic()
            server.start()
            until(lambda: here.platform.all_say("p0", "allowed"))
            assert here.platform.all_say("p1", "opted_out_all")
            here.forbid("p3")
            until(lambda: here.platform.all_say("p3", "opted_out_all"))
        assert here.platform.allowed_between(gone + LIMIT_SECONDS, begun) == []
