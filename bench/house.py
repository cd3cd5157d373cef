"""A house to measure in: real engines on a fresh folder, one app, one granting person, many friends."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from beholden import bootstrap, settings
from beholden.gate.grant_id import grant_id
from beholden.journeys import access, enrol, policy
from beholden.journeys.ports import Engines, NewPerson
from beholden.model.app import App, Ask
from beholden.model.grant import Grant
from beholden.model.ids import OutsideId, PersonNumber
from examples.platform.world import world

EXAMPLES = Path(__file__).parents[1] / "examples"
FRIENDS = 340
FIELDS = ("name", "email", "birthday", "city", "likes", "religion", "politics")
PURPOSE = "bench"


@dataclass(frozen=True)
class House:
    """What the measurements need. `records` are a friends list as a platform would hand it over."""

    data: Path
    engines: Engines
    app: App
    granter: str
    people: list[PersonNumber]
    records: list[dict[str, Any]]
    key: str


@contextmanager
def house(people: int) -> Iterator[House]:
    """Build it, under the rules of 2014, so that nothing is refused; it is gone afterwards."""
    with TemporaryDirectory(prefix="beholden-bench-") as folder:
        data = Path(folder)
        shutil.copy(EXAMPLES / "catalogue.yaml", data / "catalogue.yaml")
        # One app asks on one person's word as fast as it can, which the limits are there to stop.
        (data / "beholden.env").write_text("BEHOLDEN_APP_PER_SECOND=0\nBEHOLDEN_GRANT_PER_SECOND=0\n")
        engines = bootstrap.embedded(settings.read({}, data=data))
        try:
            yield _furnished(data, engines, people)
        finally:
            bootstrap.close(engines)


def _furnished(data: Path, engines: Engines, people: int) -> House:
    here, now = world(2018, people), engines.clock.now()
    policy.put_in_force(engines, (EXAMPLES / "policy-2014.yaml").read_text(encoding="utf-8"))
    rows = [NewPerson(OutsideId(o), n, e) for o, n, e in here.directory()]
    with engines.store.write() as unit:
        unit.directory.enrol(rows, now, [engines.ids.secret() for _ in rows])
        numbers = unit.directory.numbers([row.outside_id for row in rows[: FRIENDS + 1]])
    developer = enrol.add_developer(engines, "Bench Ltd", "bench@bench.example").developer
    asks = [Ask(name, PURPOSE, through=through) for name in engines.catalogue.by_name for through in (False, True)]
    app = enrol.add_app(engines, developer.number, "Bench", ["https://bench.example/back"], asks, client_id="bench")
    granter = here.outside_id(0)
    fields = frozenset(engines.catalogue.by_field)
    id_ = grant_id(engines.pairwise, numbers[granter], app.number, 1)
    grant = Grant(id_, numbers[granter], app.number, fields, fields, frozenset({PURPOSE}), now, None)
    with engines.store.write() as unit:
        unit.directory.add_grant(grant)
        unit.directory.record_use(numbers[granter], app.number, now)
    records = [{"id": here.outside_id(n), **here.record(n, FIELDS)} for n in range(1, FRIENDS + 1)]
    key = access.add_platform_key(engines, "bench").secret
    return House(data, engines, app, granter, list(numbers.values()), records, key)
