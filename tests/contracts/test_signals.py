"""Streams, their queues, and calls to apps, on every database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.gate.signals.callback import Addresses, Call, CallKind, CallState
from beholden.gate.signals.event import SUPPORTED, Kind
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import Method, Status, Stream
from beholden.model.ids import AppNumber, GrantId, PersonNumber

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN, BOB = PersonNumber(1), PersonNumber(2)
QUIZ, OTHER = AppNumber(7), AppNumber(8)
STREAM = Stream(
    "stream_a", "app:7", QUIZ, "quiz", Method.PUSH, "https://q.example/", "Bearer x", SUPPORTED, "d",
    Status.ENABLED, "", NOW,
)  # fmt: skip


def entry(jti: str, minutes: int = 0, person: PersonNumber | None = ANN, stream: str = "stream_a") -> Entry:
    at = NOW + timedelta(minutes=minutes)
    return Entry(stream, jti, "txn", Kind.GRANT_REVOKED, QUIZ, person, GrantId("grant_x"), {"reason": "user"}, at)


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    with store.write() as unit:
        unit.signals.put_stream(STREAM)
        unit.signals.add([entry("set_z"), entry("set_a", 1), entry("set_b", 1, BOB), entry("set_z", stream="other")])
    return store


def test_a_stream_is_kept_and_replaced_whole(filled: SqlStore) -> None:
    changed = replace(STREAM, status=Status.PAUSED, failures=3, next_at=NOW, trouble="x" * 900)
    with filled.write() as unit:
        assert unit.signals.stream("stream_a") == STREAM
        unit.signals.put_stream(changed)
    with filled.read() as unit:
        assert unit.signals.streams("app:7") == [replace(changed, trouble="x" * 500)]
        assert unit.signals.streams("app:8") == []


def test_a_queue_is_read_in_the_order_of_what_happened(filled: SqlStore) -> None:
    with filled.read() as unit:
        assert [e.jti for e in unit.signals.waiting("stream_a", 10)] == ["set_z", "set_a", "set_b"]
        assert unit.signals.waiting("stream_a", 1) == [entry("set_z")]
        assert (unit.signals.count_waiting("stream_a", 10), unit.signals.count_waiting("stream_a", 2)) == (3, 2)


def test_law_8_an_entry_that_is_added_again_stays_as_it_is(filled: SqlStore) -> None:
    with filled.write() as unit:
        unit.signals.settle("stream_a", {"set_z": "delivered"}, NOW)
        unit.signals.add([entry("set_z"), entry("set_new", 5)])
    with filled.read() as unit:
        assert [e.jti for e in unit.signals.waiting("stream_a", 10)] == ["set_a", "set_b", "set_new"]


def test_what_is_settled_stays_so_and_only_on_its_stream(filled: SqlStore) -> None:
    with filled.write() as unit:
        assert unit.signals.settle("stream_a", {"set_z": "failed", "set_a": "taken", "nix": "taken"}, NOW) == 2
        assert unit.signals.settle("stream_a", {"set_z": "taken"}, NOW) == 0
        unit.signals.note("stream_a", "set_z", "no good")
    with filled.read() as unit:
        assert [(e.jti, e.settled, e.trouble, e.failures) for e in unit.signals.failed(10)] == [
            ("set_z", "failed", "no good", 1)
        ]
        assert unit.signals.count_waiting("other", 10) == 1


def test_a_stream_goes_with_its_queue_and_a_queue_can_be_cleared(filled: SqlStore) -> None:
    with filled.write() as unit:
        assert unit.signals.clear("other") == 1
        unit.signals.drop_stream("stream_a")
    with filled.read() as unit:
        assert unit.signals.streams() == []
        assert unit.signals.count_waiting("stream_a", 10) == 0


def test_law_7_of_an_erased_person_what_was_told_goes_and_what_an_app_must_yet_hear_stays(filled: SqlStore) -> None:
    with filled.write() as unit:
        unit.signals.settle("stream_a", {"set_z": "delivered", "set_b": "delivered"}, NOW)
        unit.signals.object(ANN, NOW)
        unit.signals.forget(ANN)
    with filled.read() as unit:
        left = unit.signals.entries("stream_a", ["set_z", "set_a", "set_b"])
        assert sorted(e.jti for e in left) == ["set_a", "set_b"]
        assert unit.signals.first_objection(ANN) is None


def test_a_second_objection_does_not_move_the_first(store: SqlStore) -> None:
    with store.write() as unit:
        unit.signals.object(ANN, NOW)
        unit.signals.object(ANN, NOW + timedelta(days=1))
    with store.read() as unit:
        assert unit.signals.first_objection(ANN) == NOW


def test_only_calls_with_an_address_and_a_time_that_has_come_are_due(store: SqlStore) -> None:
    deletion = Call("deletion_a", CallKind.DELETION, QUIZ, ANN, NOW)
    removal = Call("call_a", CallKind.DEAUTHORIZE, QUIZ, ANN, NOW - timedelta(days=1))
    later = Call("deletion_b", CallKind.DELETION, QUIZ, BOB, NOW, next_at=NOW + timedelta(seconds=1))
    nowhere = Call("deletion_c", CallKind.DELETION, OTHER, ANN, NOW)
    with store.write() as unit:
        unit.calls.put_addresses(Addresses(QUIZ, "", "https://q.example/d"))
        unit.calls.add([deletion, removal, later, nowhere, deletion])
    with store.read() as unit:
        assert unit.calls.due(NOW, 10, set()) == [deletion]
        assert unit.calls.due(NOW + timedelta(seconds=1), 10, set()) == [deletion, later]
        assert unit.calls.due(NOW, 10, {QUIZ}) == []
        assert unit.calls.addresses(QUIZ) == Addresses(QUIZ, "", "https://q.example/d")
        assert unit.calls.addresses(OTHER) == Addresses(OTHER)


def test_a_call_that_is_settled_is_not_changed_again_and_is_found_by_person_app_and_state(store: SqlStore) -> None:
    call = Call("deletion_a", CallKind.DELETION, QUIZ, ANN, NOW)
    done = replace(call, state=CallState.DONE, settled_at=NOW, url="https://q.example/", confirmation="c1")
    with store.write() as unit:
        unit.calls.add([call, replace(call, id="deletion_b", person=BOB)])
        unit.calls.save(done)
        unit.calls.save(replace(call, state=CallState.FAILED, settled_at=NOW))
    with store.read() as unit:
        assert unit.calls.of_person(ANN) == [done]
        assert [c.id for c in unit.calls.of_app(QUIZ, 10)] == ["deletion_a", "deletion_b"]
        assert unit.calls.listed(CallState.DONE, 10) == [done]


def test_old_outcomes_are_swept_and_confirmations_are_kept(filled: SqlStore) -> None:
    call = Call("deletion_a", CallKind.DELETION, QUIZ, ANN, NOW)
    with filled.write() as unit:
        unit.calls.add([call, replace(call, id="call_b"), replace(call, id="call_c")])
        unit.calls.save(replace(call, state=CallState.DONE, settled_at=NOW, confirmation="c1"))
        unit.calls.save(replace(call, id="call_b", state=CallState.DONE, settled_at=NOW))
        unit.signals.settle("stream_a", {"set_z": "delivered"}, NOW)
    with filled.write() as unit:
        assert unit.signals.sweep(NOW) == 0
        assert unit.signals.sweep(NOW + timedelta(days=1)) == 2
        assert [c.id for c in unit.calls.of_person(ANN)] == ["call_c", "deletion_a"]


def test_law_7_an_erased_persons_settled_calls_go(store: SqlStore) -> None:
    call = Call("deletion_a", CallKind.DELETION, QUIZ, ANN, NOW)
    with store.write() as unit:
        unit.calls.add([call, replace(call, id="call_b")])
        unit.calls.save(replace(call, state=CallState.DONE, settled_at=NOW))
        unit.calls.forget(ANN)
    with store.read() as unit:
        assert [c.id for c in unit.calls.of_person(ANN)] == ["call_b"]


def test_two_writers_of_one_queue_do_not_conflict(store: SqlStore, database_url: str, open_store) -> None:
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with store.write() as unit:
        unit.signals.put_stream(STREAM)
        unit.signals.add([entry("set_old")])
    with store.write() as one, open_store(database_url).write() as two:
        for unit, jti in ((one, "set_1"), (two, "set_2")):
            assert unit.signals.streams()
            unit.signals.add([entry(jti)])
    with store.read() as unit:
        assert unit.signals.count_waiting("stream_a", 10) == 3
