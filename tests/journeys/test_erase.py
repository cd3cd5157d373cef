"""Erase: one person, wholly, in an order that a crash cannot spoil (law 7)."""

from dataclasses import replace
from typing import Any

import pytest

from beholden.journeys import erase, seal, trace
from beholden.journeys.ports import Engines
from beholden.ledger.record import matches
from beholden.model.act import SYSTEM, Actor, ActorKind
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Conflict, NotFound, Unavailable
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import GrantId, PersonNumber
from tests.conftest import House
from tests.journeys.shared import numbers, share

OPERATOR = Actor(ActorKind.OPERATOR, "operator_a")


def key_of(house: House, person: PersonNumber) -> bytes | None:
    with house.engines.store.read() as unit:
        return unit.directory.keys([person]).get(person)


def test_law_7_erasing_is_an_act_and_proofs_still_verify_after_it(house: House) -> None:
    app = house.app(client_id="quiz")
    share(house, "ann", "bob", app=app, values={"name": "x"})
    share(house, "bob", app=app, through="ann")
    share(house, "ann", app=app, through="bob")
    before = seal.publish(house.engines)
    receipts = [trace.prove(house.engines, seq) for seq in range(4)]
    done = erase.erase(house.engines, OPERATOR, "ann")
    assert done.records == 2
    acts = list(house.engines.ledger.acts())
    assert [(act.actor, act.verb) for act in acts] == [
        ("operator:operator_a", "person:erase"),
        ("operator:operator_a", "person:erased"),
    ]
    assert {act.details["ticket"] for act in acts} == {done.ticket}
    assert acts[-1].seq == done.entry
    seal.publish(house.engines)
    report = seal.verify(house.engines, before)
    assert report.verified, report.defects
    assert (report.erased, report.entries["erasure"]) == (2, 1)
    key = seal.key(house.engines)
    for seq, receipt in enumerate(receipts):
        assert seal.check_receipt(receipt, key).index == seq
        again = seal.check_receipt(trace.prove(house.engines, seq), key)
        assert (again.record is None) == (seq in (0, 3))


def test_nothing_of_the_person_can_be_opened_any_more(house: House) -> None:
    app = house.app(client_id="quiz")
    person = numbers(house, "ann")["ann"]
    grant = house.grant(person, app)
    (seq,) = share(house, "ann", app=app, fields=("birthday",), values={"birthday": "1980-02-01"})
    (row,) = house.engines.ledger.rows([seq])
    key = key_of(house, person)
    assert key is not None
    assert matches(key, seq, "birthday", "1980-02-01", row.digests["birthday"])
    erase.erase(house.engines, SYSTEM, "ann")
    assert key_of(house, person) is None
    assert trace.impacted(house.engines, "quiz") == []
    assert trace.of_person(house.engines, person) == []
    with house.engines.store.read() as unit:
        (ended,) = [g for g in unit.directory.grants(person=person) if g.id == grant.id]
        assert (ended.state, ended.reason) == (GrantState.REVOKED, EndReason.ERASED)
        assert unit.directory.people([person]) == {}
        assert unit.directory.numbers(["ann"]) == {}
    with pytest.raises(NotFound):
        erase.erase(house.engines, SYSTEM, "ann")
    files = [path for path in (house.data / "ledger").rglob("*") if path.is_file()]
    assert all(b"1980-02-01" not in path.read_bytes() for path in files)
    assert all(b'"person":%d,' % person not in path.read_bytes() for path in files)


def test_no_disclosure_of_an_erased_person_enters_the_ledger(house: House) -> None:
    app = house.app()
    people = numbers(house, "ann", "bob")
    erase.erase(house.engines, SYSTEM, "ann")
    for person, through in (("ann", "ann"), ("bob", "ann"), ("ann", "bob")):
        late = Disclosure(
            app.number,
            app.developer,
            people[person],
            people[through],
            ("name",),
            "service",
            GrantId("grant_late"),
            house.clock.now(),
        )
        with pytest.raises(Conflict, match="no key"):
            house.engines.ledger.append([late])
    assert seal.verify(house.engines).verified


class Failing:
    """An engine that fails at one call, as one does that was killed there."""

    def __init__(self, engine: Any, verb: str) -> None:
        self._engine = engine
        self._verb = verb

    def __getattr__(self, name: str) -> Any:
        if name == self._verb:
            raise Unavailable("It went away.")
        return getattr(self._engine, name)


def broken_at(engines: Engines, step: str) -> Engines:
    if step == "store":
        return replace(engines, store=Failing(engines.store, "write"))
    if step == "ledger":
        return replace(engines, ledger=Failing(engines.ledger, "erase"))
    return replace(engines, lake=Failing(engines.lake, "forget"))


@pytest.mark.parametrize("step", ["store", "ledger", "lake"])
def test_an_erasure_that_broke_off_anywhere_is_completed(house: House, step: str) -> None:
    app = house.app(client_id="quiz")
    share(house, "ann", "bob", app=app)
    people = numbers(house, "ann", "bob")
    with pytest.raises(Unavailable):
        erase.erase(broken_at(house.engines, step), OPERATOR, "ann")
    ((person, ticket),) = erase.pending(house.engines)
    assert person == people["ann"]
    share(house, "bob", app=app)
    (done,) = erase.complete(house.engines, SYSTEM)
    assert (done.ticket, done.records) == (ticket, 1)
    assert erase.pending(house.engines) == []
    assert erase.complete(house.engines, SYSTEM) == []
    assert key_of(house, people["ann"]) is None
    assert [e.person for e in trace.impacted(house.engines, "quiz")] == [people["bob"]]
    seal.publish(house.engines)
    report = seal.verify(house.engines)
    assert report.verified, report.defects
    assert report.entries["erasure"] == 1


def test_an_erasure_that_is_not_complete_shows_in_verification(house: House) -> None:
    share(house, "ann")
    with pytest.raises(Unavailable):
        erase.erase(broken_at(house.engines, "ledger"), OPERATOR, "ann")
    report = seal.verify(house.engines)
    assert [d.where for d in report.defects] == ["entry 0"]
    assert "not finished" in report.defects[0].what


def test_law_1_no_receipt_no_release_holds_for_the_real_engines(house: House) -> None:
    """What `append` returned is read by engines that were opened afterwards on the same folder."""
    from beholden import bootstrap

    places = share(house, "ann", "bob")
    others = bootstrap.embedded(house.settings)
    try:
        assert [row.seq for row in others.ledger.rows(places)] == places
    finally:
        bootstrap.close(others)
