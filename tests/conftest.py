"""What all tests share: a house, which is the real engines on a fresh data folder, and makers of who lives in it."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from beholden import bootstrap, settings
from beholden.backends.host.clock import FileClock
from beholden.gate.grant_id import next_grant_id
from beholden.journeys.ports import Contract, Engines, NewPerson, Review
from beholden.model import policy as policies
from beholden.model.app import App, Ask, Developer
from beholden.model.catalogue import Catalogue
from beholden.model.grant import Grant
from beholden.model.ids import AppNumber, ClientId, OutsideId, PersonNumber
from tests import schema
from tests.tables import followed

hypothesis.settings.register_profile("suite", deadline=None)  # a pause of the machine says nothing of the product
hypothesis.settings.load_profile("suite")

EXAMPLES = Path(__file__).parent.parent / "examples"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class House:
    """Engines on a data folder of their own. The CLI finds the same folder, clock and catalogue under `data`."""

    data: Path
    settings: settings.Settings
    engines: Engines
    clock: FileClock
    _made: int = field(default=0, repr=False)

    @property
    def catalogue(self) -> Catalogue:
        """The example catalogue."""
        return self.engines.catalogue

    def person(self, outside_id: str, name: str | None = None, email: str | None = None) -> PersonNumber:
        """Enrol one person."""
        return self.people([outside_id], name, email)[0]

    def people(
        self, outside_ids: Sequence[str], name: str | None = None, email: str | None = None
    ) -> list[PersonNumber]:
        """Enrol many people in one unit; numbers in the order of the ids."""
        new = [
            NewPerson(OutsideId(o), name or f"Person {o}", email if email is not None else f"{o}@people.example")
            for o in outside_ids
        ]
        with self.engines.store.write() as unit:
            unit.directory.enrol(new, self.clock.now(), [self.engines.ids.secret() for _ in new])
            numbers = unit.directory.numbers(outside_ids)
        return [numbers[o] for o in outside_ids]

    def developer(self, name: str = "Acme Ltd", email: str | None = None) -> Developer:
        """A developer."""
        with self.engines.store.write() as unit:
            return unit.directory.add_developer(name, email or "dev@acme.example", self.clock.now())

    def app(
        self,
        developer: Developer | None = None,
        client_id: str | None = None,
        asks: Collection[Ask] = (),
        *,
        name: str | None = None,
        redirect_uris: Sequence[str] = ("https://app.example/back",),
        verified: bool = False,
    ) -> App:
        """An app, of a new developer when none is given; it asks for `identity` when nothing else is said."""
        self._made += 1
        developer = developer or self.developer(f"Developer {self._made}")
        client_id = client_id or f"app-{self._made}"
        with self.engines.store.write() as unit:
            app = unit.directory.add_app(
                ClientId(client_id),
                developer.number,
                name or client_id.replace("-", " ").title(),
                "A test of nothing but the house.",
                "games",
                redirect_uris,
                tuple(asks) or (Ask("identity", "service", required=True),),
                self.clock.now(),
            )
            if verified:
                unit.directory.set_verified(app.number, verified=True)
            found = unit.directory.app_by_number(app.number)
        assert found is not None
        return found

    def approve(self, app: App, *clusters: str, purpose: str = "service", contract: bool = True) -> None:
        """An approved purpose, and a signed contract, for clusters beyond basic."""
        now = self.clock.now()
        with self.engines.store.write() as unit:
            for cluster in clusters:
                self._made += 1
                unit.directory.put_review(
                    Review(f"review_test{self._made}", app.number, cluster, purpose, "approved", now, now, "test", now)
                )
                if contract:
                    unit.directory.sign(Contract(app.number, cluster, "A. Signatory", now, "0" * 64))

    def grant(
        self,
        person: PersonNumber,
        app: App,
        fields: Collection[str] = ("name", "photo", "email"),
        through: Collection[str] = (),
        *,
        purposes: Collection[str] = (),
        ends_at: datetime | None = None,
    ) -> Grant:
        """An active grant with the use that granting is. Purposes are those of the app's asks when none are given."""
        now = self.clock.now()
        with self.engines.store.read() as unit:
            given = [one.id for one in unit.directory.grants(person=person, app=app.number)]
        grant = Grant(
            next_grant_id(self.engines.pairwise, person, app.number, len(given), given)[0],
            person,
            app.number,
            frozenset(fields),
            frozenset(through),
            frozenset(purposes or {ask.purpose for ask in app.asks}),
            now,
            ends_at,
        )
        with self.engines.store.write() as unit:
            unit.directory.add_grant(grant)
            unit.directory.record_use(person, app.number, now)
        return grant

    def use(self, person: PersonNumber, app: App | AppNumber) -> None:
        """The person uses the app themself, now."""
        number = app.number if isinstance(app, App) else app
        with self.engines.store.write() as unit:
            unit.directory.record_use(person, number, self.clock.now())

    def policy(self, name: str) -> policies.Policy:
        """Put an example policy in force: `today` or `2014`."""
        text = (EXAMPLES / f"policy-{name}.yaml").read_text(encoding="utf-8")
        with self.engines.store.write() as unit:
            unit.directory.set_policy(text, self.clock.now())
        return policies.read(text)


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the present schema, made once and copied for each test."""
    path = tmp_path_factory.mktemp("blank") / "store.db"
    schema.make(f"sqlite:///{path}")
    return path


@pytest.fixture
def house(tmp_path: Path, blank_database: Path) -> Iterator[House]:
    """The real engines: a fresh SQLite file, a real ledger, simulated time that starts on 2026-01-01."""
    with built(tmp_path, blank_database) as made:
        yield made


@contextmanager
def built(folder: Path, blank_database: Path) -> Iterator[House]:
    """A house in a folder of its own."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.copy(blank_database, data / "store.db")
    clock = FileClock(folder / "clock")
    clock.set(START)
    (data / "beholden.env").write_text(
        f"BEHOLDEN_CLOCK={folder / 'clock'}\nBEHOLDEN_CATALOGUE={EXAMPLES / 'catalogue.yaml'}\n"
    )
    chosen = settings.read({}, data=data)
    engines = bootstrap.embedded(chosen)
    try:
        yield House(data, chosen, engines, clock)
    finally:
        bootstrap.close(engines)


@pytest.fixture(params=["store", "table"])
def answered_from(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Iterator[str]:
    """What the gate of the house answers from; whoever uses this is run with either."""
    if request.param == "store":
        yield "store"
        return
    folder = tmp_path / "followed"
    folder.mkdir()
    with followed(house.engines, house.settings.database_url, folder) as table:
        house.engines = replace(house.engines, table=table)
        yield "table"
