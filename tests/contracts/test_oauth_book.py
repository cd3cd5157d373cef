"""The OAuth book's promises, kept by every database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from beholden.backends.sql.store import SqlStore, SqlUnit
from beholden.gate.oauth.client import ClientTerms
from beholden.gate.oauth.pushed import LIFE, READING, Pushed
from beholden.gate.oauth.secret import digest_of
from beholden.model.ids import AppNumber

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIZ, OTHER = AppNumber(1), AppNumber(2)
REQUEST = Pushed(
    digest_of("reference"), QUIZ, (("client_id", "quiz"), ("state", 'é"\n'), ("scope", "a b")), NOW, NOW + LIFE
)
KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def write(store: SqlStore, work: Callable[[SqlUnit], object]) -> object:
    with store.write() as unit:
        return work(unit)


def raced(open_store, database_url: str, work: Callable[[SqlUnit], bool], many: int = 5) -> list[bool]:
    """What those are told who do the same work at once, each on a connection of their own."""
    told: list[bool] = []
    gate = threading.Barrier(many)

    def race(own: SqlStore) -> None:
        gate.wait(10)
        told.append(own.perform(work))

    threads = [threading.Thread(target=race, args=(open_store(database_url),)) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(told)


def test_an_app_of_which_nothing_was_said_has_the_default_terms(store: SqlStore) -> None:
    new = ClientTerms(push=True, dpop=True, manages=True, keys=(KEY,))
    write(store, lambda unit: unit.oauth.put_terms(QUIZ, ClientTerms(push=True), NOW))
    write(store, lambda unit: unit.oauth.put_terms(QUIZ, new, NOW))
    with store.read() as unit:
        assert unit.oauth.terms(QUIZ) == new
        assert unit.oauth.terms(OTHER) == ClientTerms()


def test_a_pushed_request_comes_out_as_it_went_in_and_is_opened_and_used_once(store: SqlStore) -> None:
    write(store, lambda unit: unit.oauth.add_pushed(REQUEST))
    with store.read() as unit:
        assert unit.oauth.pushed(REQUEST.digest) == REQUEST
        assert unit.oauth.pushed(digest_of("other")) is None
    assert [write(store, lambda unit: unit.oauth.open_pushed(REQUEST, NOW)) for _ in range(2)] == [True, False]
    assert [write(store, lambda unit: unit.oauth.use_pushed(REQUEST, NOW)) for _ in range(2)] == [True, False]
    with store.read() as unit:
        assert unit.oauth.pushed(REQUEST.digest) == replace(REQUEST, opened_at=NOW, used_at=NOW)


def test_of_many_who_answer_one_request_one_is_told_that_it_counts(store, open_store, database_url) -> None:
    write(store, lambda unit: unit.oauth.add_pushed(REQUEST))
    assert raced(open_store, database_url, lambda unit: unit.oauth.use_pushed(REQUEST, NOW)) == [False] * 4 + [True]


def test_what_may_come_once_is_new_to_one_of_many(store, open_store, database_url) -> None:
    once = digest_of("proof")
    assert raced(open_store, database_url, lambda unit: unit.oauth.remember(once, NOW)) == [False] * 4 + [True]
    assert write(store, lambda unit: unit.oauth.remember(digest_of("another"), NOW)) is True


def test_a_sweep_takes_only_what_cannot_come_any_more(store: SqlStore) -> None:
    def fill(unit: SqlUnit) -> None:
        unit.oauth.add_pushed(REQUEST)
        unit.oauth.remember(digest_of("old"), NOW)
        unit.oauth.remember(digest_of("young"), NOW + READING * 9)

    write(store, fill)
    assert write(store, lambda unit: unit.oauth.sweep(NOW)) == 0
    assert write(store, lambda unit: unit.oauth.sweep(NOW + LIFE)) == 1, "the proof; the request may be open still"
    assert write(store, lambda unit: unit.oauth.sweep(NOW + LIFE + READING * 2)) == 1
    assert write(store, lambda unit: unit.oauth.remember(digest_of("young"), NOW)) is False
