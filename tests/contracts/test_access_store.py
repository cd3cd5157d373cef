"""Operators, links, sessions and keys, kept the same by every database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.journeys.ports import Operator, Pass, PlatformKey
from beholden.model.act import ActorKind
from beholden.model.errors import Conflict
from beholden.model.ids import OperatorId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)
LINK = Pass(ActorKind.OPERATOR, "ines", NOW, LATER)


def test_operators_are_kept_after_they_were_removed(store: SqlStore) -> None:
    ines = Operator(OperatorId("ines"), "Ines", "ines@platform.example", NOW)
    with store.write() as unit:
        unit.access.add_operator(ines)
        assert unit.access.remove_operator(ines.id, LATER)
        assert not unit.access.remove_operator(ines.id, LATER), "once"
        assert not unit.access.remove_operator(OperatorId("nobody"), LATER)
        assert unit.access.operators() == [unit.access.operator("ines")] == [replace(ines, removed_at=LATER)]
    with pytest.raises(Conflict), store.write() as unit:
        unit.access.add_operator(ines)


def test_a_link_works_once_and_until_its_end(store: SqlStore) -> None:
    with store.write() as unit:
        unit.access.add_link("d1", LINK)
        unit.access.add_link("d2", LINK)
        assert unit.access.take_link("unknown", NOW) is None
        assert unit.access.take_link("d1", LATER) is None, "past its end"
        assert unit.access.take_link("d1", LATER - timedelta(microseconds=1)) == LINK
        assert unit.access.take_link("d1", NOW) is None, "used"


def test_of_many_who_use_one_link_at_once_one_gets_in(store: SqlStore) -> None:
    with store.write() as unit:
        unit.access.add_link("d1", LINK)
    got: list[Pass | None] = []
    met = threading.Barrier(6)

    def take() -> None:
        met.wait(30)
        got.append(store.perform(lambda unit: unit.access.take_link("d1", NOW)))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (got.count(LINK), got.count(None)) == (1, 5)


def test_a_session_holds_until_its_end_or_until_it_is_ended(store: SqlStore) -> None:
    with store.write() as unit:
        unit.access.add_session("d1", LINK)
        assert unit.access.session("d1", NOW) == LINK
        assert unit.access.session("d1", LATER) is None
        assert unit.access.end_session("d1")
        assert not unit.access.end_session("d1")
        assert unit.access.session("d1", NOW) is None


def test_ending_somebodys_passes_leaves_everybody_elses(store: SqlStore) -> None:
    person = Pass(ActorKind.PERSON, "ines", NOW, LATER)
    with store.write() as unit:
        unit.access.add_session("d1", LINK)
        unit.access.add_session("d2", person)
        unit.access.add_link("d3", LINK)
        assert unit.access.end_passes(ActorKind.OPERATOR, "ines") == 1
        assert unit.access.session("d1", NOW) is None
        assert unit.access.session("d2", NOW) == person
        assert unit.access.take_link("d3", NOW) is None


def test_a_sweep_takes_what_is_past_its_end_and_nothing_else(store: SqlStore) -> None:
    longer = replace(LINK, expires_at=LATER + timedelta(days=1))
    with store.write() as unit:
        unit.access.add_session("d1", LINK)
        unit.access.add_session("d2", longer)
        unit.access.add_link("d3", longer)
        unit.access.sweep(LATER)
        assert not unit.access.end_session("d1"), "it was removed"
        assert unit.access.session("d2", LATER) == longer
        assert unit.access.take_link("d3", LATER) == longer


def test_a_key_names_its_caller_until_it_is_revoked(store: SqlStore) -> None:
    key = PlatformKey("key_1", "api", NOW)
    with store.write() as unit:
        unit.access.add_platform_key("d1", key)
        assert unit.access.platform_key("d1", NOW) == key
        assert unit.access.platform_key("key_1", NOW) is None
        assert unit.access.revoke_platform_key("key_1", LATER)
        assert not unit.access.revoke_platform_key("key_1", LATER)
        assert unit.access.platform_key("d1", NOW) is None
        assert unit.access.platform_keys() == [replace(key, revoked_at=LATER)]


def test_a_key_ends_by_itself_and_its_use_is_noted(store: SqlStore) -> None:
    key = PlatformKey("key_1", "api", NOW, kind="certificate")
    with store.write() as unit:
        unit.access.add_platform_key("d1", key)
        unit.access.note_platform_key("key_1", NOW)
        unit.access.end_platform_key("key_1", LATER)
        unit.access.end_platform_key("key_1", LATER + timedelta(days=1))
        assert unit.access.platform_keys() == [replace(key, ends_at=LATER, last_used_at=NOW)], "the earlier end counts"
        assert unit.access.platform_key("d1", LATER - timedelta(microseconds=1)) is not None
        assert unit.access.platform_key("d1", LATER) is None
