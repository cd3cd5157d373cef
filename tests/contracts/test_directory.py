"""The directory's promises, kept by every database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beholden.backends.sql.directory import BLOCK
from beholden.backends.sql.store import SqlStore
from beholden.backends.sql.tables import number_blocks
from beholden.journeys.ports import Contract, NewPerson, Review, Unit
from beholden.model.app import App, Ask, Developer
from beholden.model.errors import BadInput, BeholdenError, Conflict, Unavailable
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def new(*outside_ids: str) -> list[NewPerson]:
    return [NewPerson(OutsideId(o), f"Name of {o}", f"{o}@people.example") for o in outside_ids]


def enrol(store: SqlStore, *outside_ids: str) -> list[PersonNumber]:
    with store.write() as unit:
        unit.directory.enrol(new(*outside_ids), NOW, [o.encode().ljust(32, b"k") for o in outside_ids])
        numbers = unit.directory.numbers(outside_ids)
    return [numbers[o] for o in outside_ids]


def an_app(store: SqlStore, client_id: str = "quiz") -> App:
    with store.write() as unit:
        owner = unit.directory.add_developer("Acme", "dev@acme.example", NOW)
        asks = (Ask("identity", "a quiz", required=True), Ask("likes", "a quiz", through=True))
        return unit.directory.add_app(
            ClientId(client_id), owner.number, "Quiz", "What cake are you?", "games", ["https://q.example/b"], asks, NOW
        )


def a_grant(person: PersonNumber, app: App, id_: str = "grant_a", at: datetime = NOW) -> Grant:
    return Grant(
        GrantId(id_), person, app.number, frozenset({"name"}), frozenset({"likes"}), frozenset({"a quiz"}), at, None
    )


def test_people_have_dense_numbers_from_one(store: SqlStore) -> None:
    assert enrol(store, "a", "b", "c") == [1, 2, 3]
    assert enrol(store, "d") == [4]


def test_enrolling_again_adds_nobody_and_takes_over_the_new_name_and_address(store: SqlStore) -> None:
    (number,) = enrol(store, "a")
    with store.write() as unit:
        added = unit.directory.enrol([NewPerson(OutsideId("a"), "Anna", "")], NOW + DAY, [b"x" * 32])
        person = unit.directory.people([number])[number]
        keys = unit.directory.keys([number])
    assert added == 0
    assert (person.name, person.email, person.joined_at) == ("Anna", "", NOW)
    assert keys == {number: b"a".ljust(32, b"k")}, "the key that proofs rest on never changes"


def test_an_id_that_stands_twice_in_one_batch_is_one_person_and_the_later_one_counts(store: SqlStore) -> None:
    with store.write() as unit:
        twice = [NewPerson(OutsideId("a"), "First", ""), NewPerson(OutsideId("a"), "Second", "")]
        assert unit.directory.enrol(twice, NOW, [b"1" * 32, b"2" * 32]) == 1
        assert unit.directory.people([PersonNumber(1)])[PersonNumber(1)].name == "Second"
        assert unit.directory.count_people() == 1


def test_a_batch_may_have_known_unknown_and_changed_people_at_once(store: SqlStore) -> None:
    enrol(store, "same", "changed")
    mixed = [*new("same"), NewPerson(OutsideId("changed"), "Other", "o@x.example"), *new("fresh")]
    with store.write() as unit:
        assert unit.directory.enrol(mixed, NOW + DAY, [b"z" * 32] * 3) == 1
        found = unit.directory.people([PersonNumber(n) for n in (1, 2, 3)])
    assert [p.name for p in found.values()] == ["Name of same", "Other", "Name of fresh"]


def test_numbers_go_on_over_the_end_of_a_block(store: SqlStore) -> None:
    with store.engine.begin() as connection:
        connection.execute(number_blocks.insert().values(first=0, next=BLOCK - 2))
    assert enrol(store, "a", "b", "c") == [65_534, 65_535, 65_536]
    with store.write() as unit:
        unit.directory.enrol(new(*(f"u{n}" for n in range(2_000))), NOW, [b"k" * 32] * 2_000)
        numbers = unit.directory.numbers([f"u{n}" for n in range(2_000)])
    assert sorted(numbers.values()) == list(range(65_537, 67_537))


def test_two_who_enrol_at_once_share_no_number_and_lose_nobody(store: SqlStore) -> None:
    def work(who: str) -> None:
        for n in range(8):
            some = new(*(f"{who}{n}-{i}" for i in range(5)), f"both{n}")
            store.perform(lambda unit, some=some: unit.directory.enrol(some, NOW, [b"k" * 32] * len(some)))

    threads = [threading.Thread(target=work, args=(who,)) for who in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as unit:
        everyone = [f"{who}{n}-{i}" for who in "xy" for n in range(8) for i in range(5)] + [
            f"both{n}" for n in range(8)
        ]
        numbers = unit.directory.numbers(everyone)
        assert len(numbers) == len(set(numbers.values())) == 88 == unit.directory.count_people()


def test_nobody_is_called_by_a_text_that_no_database_holds(store: SqlStore) -> None:
    enrol(store, "a", "日本")
    with store.read() as unit:
        assert unit.directory.numbers(["a\0", "\ud800", "日本", "' OR 1=1 --", ""]) == {"日本": 2}
        assert unit.directory.app("q\0") is None


def test_an_erased_person_has_no_key_no_name_and_no_outside_id_and_the_number_stays_theirs(store: SqlStore) -> None:
    first, second = enrol(store, "a", "b")
    with store.write() as unit:
        unit.directory.forget(first, NOW + DAY)
    with store.write() as unit:
        assert unit.directory.numbers(["a", "b"]) == {"b": second}
        assert unit.directory.people([first, second]).keys() == {second}
        assert unit.directory.keys([first, second]).keys() == {second}
        assert unit.directory.count_people() == 1
        unit.directory.enrol(new("a"), NOW + DAY, [b"n" * 32])
        assert unit.directory.numbers(["a"]) == {"a": 3}, "somebody of the same id is somebody else"


def test_law_7_an_old_choice_is_kept_when_a_new_one_takes_its_place(store: SqlStore) -> None:
    (person,) = enrol(store, "a")
    off = Choice(person, Scope.ALL, "", False, NOW)
    with store.write() as unit:
        unit.directory.choose(off)
        unit.directory.choose(replace(off, sharing=True, since=NOW + DAY))
        unit.directory.choose(Choice(person, Scope.CLUSTER, "likes", False, NOW))
    with store.read() as unit:
        standing = unit.directory.choices(person)
        past = unit.directory.choices(person, ended=True)
    assert {(c.scope, c.target, c.sharing) for c in standing} == {
        (Scope.ALL, "", True),
        (Scope.CLUSTER, "likes", False),
    }
    assert [c.ended_at for c in past if c.scope is Scope.ALL] == [NOW + DAY, None]


def test_of_two_choices_in_one_instant_the_later_counts_and_both_are_kept(store: SqlStore) -> None:
    (person,) = enrol(store, "a")
    with store.write() as unit:
        for sharing in (False, True, False):
            unit.directory.choose(Choice(person, Scope.INDIRECT, "", sharing, NOW))
        (standing,) = unit.directory.choices(person)
        past = unit.directory.choices(person, ended=True)
    assert not standing.sharing
    assert [c.since - NOW for c in past] == [timedelta(), MICROSECOND, 2 * MICROSECOND]


def test_developers_and_apps_come_back_as_they_were_added(store: SqlStore) -> None:
    first, second = an_app(store, "quiz"), an_app(store, "horoscope")
    with store.read() as unit:
        assert unit.directory.app("quiz") == unit.directory.app_by_number(first.number) == first
        assert unit.directory.app("QUIZ") is None, "client ids are exact"
        assert unit.directory.apps() == [first, second]
        assert unit.directory.apps(second.developer) == [second]
        assert unit.directory.developers() == [
            Developer(DeveloperNumber(n), "Acme", "dev@acme.example", NOW) for n in (1, 2)
        ]
        assert unit.directory.developer(DeveloperNumber(99)) is None
        assert unit.directory.standing(first) == (Standing.ACTIVE, Standing.ACTIVE)


def test_a_client_id_is_given_once_and_nothing_of_the_second_try_stays(store: SqlStore) -> None:
    app = an_app(store)
    with pytest.raises(Conflict), store.write() as unit:
        unit.directory.set_verified(app.number, verified=True)
        unit.directory.add_app(ClientId("quiz"), app.developer, "Copy", "", "games", [], (), NOW)
    with store.read() as unit:
        assert unit.directory.apps() == [app]


def test_law_7_an_ended_grant_stays_and_ends_once(store: SqlStore) -> None:
    app, (person,) = an_app(store), enrol(store, "a")
    grant = a_grant(person, app)
    with store.write() as unit:
        unit.directory.add_grant(grant)
        assert unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.PERSON, NOW + DAY)
        assert not unit.directory.end_grant(grant.id, GrantState.EXPIRED, EndReason.INACTIVE, NOW + 2 * DAY)
    with store.read() as unit:
        ended = replace(grant, state=GrantState.REVOKED, reason=EndReason.PERSON, ended_at=NOW + DAY)
        assert unit.directory.grants(person=person) == [ended]
        assert unit.directory.grants(person=person, active=True) == []


def test_grants_are_found_by_person_and_by_app_newest_first(store: SqlStore) -> None:
    app, other, (a, b) = an_app(store), an_app(store, "other"), enrol(store, "a", "b")
    grants = [a_grant(a, app, "grant_1"), a_grant(a, app, "grant_2", NOW + DAY), a_grant(b, app, "grant_3")]
    with store.write() as unit:
        for grant in grants:
            unit.directory.add_grant(grant)
    with store.read() as unit:
        assert [g.id for g in unit.directory.grants(person=a)] == ["grant_2", "grant_1"]
        assert {g.id for g in unit.directory.grants(app=app.number)} == {"grant_1", "grant_2", "grant_3"}
        assert unit.directory.grants(app=other.number) == []
        assert unit.directory.granted_people(app.number) == 2
        assert unit.directory.granted_people(other.number) == 0


def test_uses_keep_each_day_and_the_last_moment_whatever_the_order(store: SqlStore) -> None:
    app, (person,) = an_app(store), enrol(store, "a")
    noon, evening = NOW + timedelta(hours=12), NOW + timedelta(hours=20)
    with store.write() as unit:
        for at in (evening, noon, NOW + 3 * DAY, evening):
            unit.directory.record_use(person, app.number, at)
    with store.read() as unit:
        assert unit.directory.last_uses(person) == {app.number: NOW + 3 * DAY}
        days = [(person, app.number, (NOW + n * DAY).date()) for n in (0, 3)]
        assert sorted(unit.directory.use_days(app.number)) == days
        assert unit.directory.use_days(AppNumber(99)) == []


def test_many_uses_at_one_moment_are_one_statement_and_say_the_same(store: SqlStore) -> None:
    app, people = an_app(store), enrol(store, *(f"u{n}" for n in range(5_000)))
    with store.write() as unit:
        unit.directory.record_uses([(p, app.number) for p in [*people, people[0]]], NOW)
    with store.read() as unit:
        assert len(unit.directory.use_days()) == 5_000
        assert unit.directory.last_uses(people[-1]) == {app.number: NOW}


def test_reviews_are_replaced_by_id_and_only_approved_ones_are_touched(store: SqlStore) -> None:
    app = an_app(store)
    asked = Review("review_1", app.number, "likes", "a quiz", "requested", NOW)
    approved = replace(asked, state="approved", decided_at=NOW + DAY, decided_by="op")
    refused = Review("review_2", app.number, "likes", "a quiz", "refused", NOW - DAY, NOW, "op")
    with store.write() as unit:
        for review in (asked, approved, refused):
            unit.directory.put_review(review)
        unit.directory.touch_reviews(app.number, ["likes"], "a quiz", NOW + 2 * DAY)
        unit.directory.touch_reviews(app.number, ["likes"], "something else", NOW + 9 * DAY)
        unit.directory.touch_reviews(app.number, [], "a quiz", NOW + 9 * DAY)
        assert unit.directory.reviews(app.number) == [replace(approved, last_used_at=NOW + 2 * DAY), refused]


def test_a_contract_is_signed_anew_in_its_place(store: SqlStore) -> None:
    app = an_app(store)
    first = Contract(app.number, "likes", "A. Person", NOW, "1" * 64)
    with store.write() as unit:
        unit.directory.sign(first)
        unit.directory.sign(replace(first, terms_sha256="2" * 64))
        assert unit.directory.contracts(app.number) == [replace(first, terms_sha256="2" * 64)]


def test_todays_policy_holds_until_another_is_put_in_force_and_the_last_one_counts(store: SqlStore) -> None:
    with store.write() as unit:
        assert unit.directory.policy() == Policy()
        unit.directory.set_policy("name: one\nindirect: opt_out", NOW)
        unit.directory.set_policy("name: two\ninactivity_days: 30", NOW)
    with store.read() as unit:
        assert (unit.directory.policy().name, unit.directory.policy().inactivity_days) == ("two", 30)
        assert unit.directory.policy().indirect is Indirect.OPT_IN


def test_a_wrong_policy_is_not_put_in_force(store: SqlStore) -> None:
    with pytest.raises(BadInput), store.write() as unit:
        unit.directory.set_policy("name: one\nmistyped: 1", NOW)
    with store.read() as unit:
        assert unit.directory.policy() == Policy()


def test_a_unit_that_raises_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(RuntimeError, match="half way"), store.write() as unit:
        unit.directory.enrol(new("a"), NOW, [b"k" * 32])
        raise RuntimeError("half way")
    with store.read() as unit:
        assert unit.directory.count_people() == 0


def test_a_unit_that_reads_cannot_write(store: SqlStore) -> None:
    with pytest.raises(BeholdenError), store.read() as unit:
        unit.directory.enrol(new("a"), NOW, [b"k" * 32])
    assert enrol(store, "b") == [1], "and the connection writes again afterwards"


def test_a_reader_sees_one_state_of_the_world(store: SqlStore) -> None:
    enrol(store, "a")
    with store.read() as unit:
        assert unit.directory.count_people() == 1
        enrol(store, "b")
        assert unit.directory.count_people() == 1
    with store.read() as unit:
        assert unit.directory.count_people() == 2


def test_two_writers_of_one_row_lose_no_update(store: SqlStore) -> None:
    """Each adds a day to one approval's end; read, add, write is where updates get lost."""
    app = an_app(store)
    with store.write() as unit:
        unit.directory.put_review(Review("review_1", app.number, "likes", "p", "approved", NOW, NOW, "op", until=NOW))
    met = threading.Barrier(4)

    done: list[int] = []
    gave_up: list[BaseException] = []

    def add_a_day(unit: Unit) -> None:
        review = unit.directory.reviews()[0]
        unit.directory.put_review(replace(review, until=(review.until or NOW) + DAY))

    def work() -> None:
        met.wait(30)
        for n in range(5):
            try:
                store.perform(add_a_day)
                done.append(n)
            except BaseException as error:
                gave_up.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    with store.read() as unit:
        assert unit.directory.reviews()[0].until == NOW + len(done) * DAY
    assert len(done) + len(gave_up) == 20
    assert all(isinstance(error, Unavailable) for error in gave_up), "whoever gives up says so in a word of ours"
    assert len(done) >= 4


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["Null", "NULL", "null", 'a "b" \\ {c,d}', "", " "])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60), max_size=8))
def test_any_text_comes_back_as_it_went_in(
    open_store: Callable[[str], SqlStore], database_url: str, texts: list[str]
) -> None:
    store = open_store(database_url)
    people = [NewPerson(OutsideId(f"{n}-{t}"), t, t) for n, t in enumerate(texts)]
    with store.write() as unit:
        unit.directory.enrol(people, NOW, [b"\x00\xff" * 16] * len(people))
        numbers = unit.directory.numbers([p.outside_id for p in people])
        found = unit.directory.people(list(numbers.values()))
        keys = unit.directory.keys(list(numbers.values()))
    assert {p.outside_id: p.name for p in found.values()} == {p.outside_id: p.name for p in people}
    assert set(keys.values()) <= {b"\x00\xff" * 16}
    store.close()


@pytest.mark.parametrize("name", ["Null", "null", "NULL", "{}", '"', "\\"])
def test_whoever_is_called_like_a_missing_value_is_enrolled_and_found(store: SqlStore, name: str) -> None:
    (number,) = enrol(store, name)
    with store.read() as unit:
        assert unit.directory.numbers([name]) == {name: number}
        assert unit.directory.people([number])[number].outside_id == name
