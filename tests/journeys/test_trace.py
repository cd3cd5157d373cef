"""Trace: nobody who was affected is missed, nobody else is named."""

import random
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beholden import bootstrap
from beholden.journeys import seal, trace
from beholden.model.disclosure import Disclosure
from beholden.model.errors import NotFound
from beholden.model.ids import NOBODY, DeveloperNumber, GrantId
from tests.conftest import House
from tests.journeys.shared import numbers, share


def test_the_impacted_are_exactly_those_in_the_ledger_direct_and_indirect(house: House) -> None:
    quiz, other = house.app(client_id="quiz"), house.app(client_id="other")
    people = numbers(house, "ann", "bob", "cara", "dan")
    first = house.clock.now()
    share(house, "ann", app=quiz, fields=("name", "birthday"))
    share(house, "bob", "cara", app=quiz, through="ann", fields=("likes",))
    last = house.clock.advance(timedelta(hours=1))
    share(house, "bob", "ann", app=quiz, through="cara", fields=("city",))
    share(house, "dan", app=other)
    exposures = {e.person: e for e in trace.impacted(house.engines, "quiz")}
    assert set(exposures) == {people["ann"], people["bob"], people["cara"]}
    ann, bob, cara = exposures[people["ann"]], exposures[people["bob"]], exposures[people["cara"]]
    assert (ann.direct, ann.indirect, ann.fields) == (True, True, ("birthday", "city", "name"))
    assert (ann.through, ann.disclosures, ann.first_at, ann.last_at) == ((people["cara"],), 2, first, last)
    assert (bob.direct, bob.indirect, bob.through) == (False, True, tuple(sorted((people["ann"], people["cara"]))))
    assert (cara.fields, cara.first_at, cara.last_at) == (("likes",), first, first)


def test_a_developers_impacted_are_those_of_all_its_apps(house: House) -> None:
    developer = house.developer("Harvest Ltd")
    apps = [house.app(developer, f"harvest-{n}") for n in range(3)]
    people = numbers(house, "ann", "bob", "cara", "dan")
    for app, name in zip(apps, ("ann", "bob", "ann"), strict=True):
        share(house, name, app=app)
    share(house, "dan")
    found = trace.impacted_by_developer(house.engines, developer.number)
    assert [(e.person, e.disclosures) for e in found] == [(people["ann"], 2), (people["bob"], 1)]
    with pytest.raises(NotFound):
        trace.impacted_by_developer(house.engines, DeveloperNumber(99))
    with pytest.raises(NotFound):
        trace.impacted(house.engines, "nobody")


def test_the_impacted_agree_with_a_plain_count_over_random_disclosures(house: House) -> None:
    sample = random.Random(7)
    apps = [house.app(client_id=f"app-{n}") for n in range(3)]
    people = house.people([f"person-{n}" for n in range(60)])
    counted: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for _ in range(40):
        items = []
        for _ in range(25):
            app, person, through = sample.choice(apps), sample.choice(people), sample.choice(people)
            fields = tuple(sample.sample(["name", "photo", "email", "likes"], sample.randrange(1, 4)))
            items.append(
                Disclosure(
                    app.number, app.developer, person, through, fields, "service", GrantId("g"), house.clock.now()
                )
            )
            own = counted[app.client_id].setdefault(
                person, {"fields": set(), "through": set(), "direct": False, "count": 0}
            )
            own["fields"] |= set(fields)
            own["count"] += 1
            own["direct"] |= person == through
            own["through"] |= {through} - {person}
        house.engines.ledger.append(items)
    for app in apps:
        found = trace.impacted(house.engines, app.client_id)
        assert [e.person for e in found] == sorted(counted[app.client_id])
        for exposure in found:
            own = counted[app.client_id][exposure.person]
            assert set(exposure.fields) == own["fields"]
            assert set(exposure.through) == own["through"]
            assert (exposure.direct, exposure.indirect) == (own["direct"], bool(own["through"]))
            assert exposure.disclosures == own["count"]


def test_a_person_sees_their_own_disclosures_and_no_one_elses(house: House) -> None:
    share(house, "ann", "bob")
    share(house, "ann", through="bob")
    people = numbers(house, "ann", "bob")
    rows = trace.of_person(house.engines, people["ann"])
    assert [(row.seq, row.through) for row in rows] == [(0, people["ann"]), (2, people["bob"])]
    assert trace.of_outside_id(house.engines, "ann") == rows
    with pytest.raises(NotFound):
        trace.of_outside_id(house.engines, "nobody")


def test_the_export_has_exactly_the_columns_and_every_row(house: House, tmp_path: Path) -> None:
    developer = house.developer("Åcme, Ltd")
    app = house.app(developer, "quiz")
    people = numbers(house, "ann", "bob")
    share(house, "ann", app=app, fields=("name", "birthday"))
    share(house, "bob", app=app, through="ann")
    out = tmp_path / "ledger.parquet"
    assert trace.export(house.engines, bootstrap.table_file(out, with_ids=False)) == 2
    table = pq.read_table(out)
    assert [(f.name, str(f.type)) for f in table.schema] == [
        ("seq", "int64"),
        ("ts", "timestamp[us, tz=UTC]"),
        ("app", "string"),
        ("developer", "string"),
        ("person", "int64"),
        ("through", "int64"),
        ("fields", "list<element: string>"),
        ("purpose", "string"),
    ]
    first, second = table.to_pylist()
    assert first == {
        "seq": 0,
        "ts": house.clock.now(),
        "app": "quiz",
        "developer": "Åcme, Ltd",
        "person": people["ann"],
        "through": people["ann"],
        "fields": ["name", "birthday"],
        "purpose": "service",
    }
    assert (second["seq"], second["person"], second["through"]) == (1, people["bob"], people["ann"])


def test_the_export_with_ids_names_people_as_the_platform_does(house: House, tmp_path: Path) -> None:
    share(house, "bob", through="ann")
    out = tmp_path / "ledger.parquet"
    trace.export(house.engines, bootstrap.table_file(out, with_ids=True), with_ids=True)
    (row,) = pq.read_table(out).to_pylist()
    assert (row["person_id"], row["through_id"]) == ("bob", "ann")
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_empty_ledger_exports_an_empty_table(house: House, tmp_path: Path) -> None:
    out = tmp_path / "ledger.parquet"
    assert trace.export(house.engines, bootstrap.table_file(out, with_ids=False)) == 0
    assert pq.read_table(out).num_rows == 0


def test_a_receipt_says_what_was_given_and_is_checked_offline(house: House) -> None:
    (seq,) = share(house, "ann", fields=("name",), values={"name": "Ann"})
    found = seal.check_receipt(trace.prove(house.engines, seq), seal.key(house.engines))
    assert found.record is not None
    assert (found.record["fields"], found.record["purpose"]) == (["name"], "service")
    with pytest.raises(NotFound):
        trace.prove(house.engines, 99)


def test_a_granting_person_who_was_erased_is_nobody_but_the_way_stays_indirect(house: House) -> None:
    from beholden.journeys import erase
    from beholden.model.act import SYSTEM

    app = house.app(client_id="quiz")
    share(house, "bob", app=app, through="ann")
    erase.erase(house.engines, SYSTEM, "ann")
    (exposure,) = trace.impacted(house.engines, "quiz")
    assert (exposure.direct, exposure.indirect, exposure.through) == (False, True, ())
    (row,) = house.engines.ledger.disclosures()
    assert row.through == NOBODY
