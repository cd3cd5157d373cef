"""The feed's keys: at least what was named, and never too many."""

from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.gate.feed import Change, ChangeKind, Named, covers, keys
from beholden.model.ids import AppNumber, PersonNumber

NUMBERS = st.integers(1, 400)


@given(
    people=st.sets(NUMBERS, max_size=60),
    pairs=st.sets(st.tuples(NUMBERS, st.integers(1, 5)), max_size=60),
    apps=st.sets(st.integers(1, 5)),
    ended=st.sets(st.integers(1, 5)),
    policy=st.booleans(),
    everything=st.booleans(),
    most=st.integers(1, 40),
)
@settings(max_examples=300, deadline=None)
def test_whatever_was_named_is_said_in_few_keys(people, pairs, apps, ended, policy, everything, most):
    said = keys(Named(people, pairs, apps, ended, policy, everything), most)
    assert all(covers(said, PersonNumber(person), None) for person in people)
    assert all(covers(said, PersonNumber(person), AppNumber(app)) for person, app in pairs)
    assert all(covers(said, None, AppNumber(app)) for app in apps)
    assert all(covers(said, PersonNumber(399), AppNumber(app)) for app in ended)
    assert len([c for c in said if c.kind in {ChangeKind.PEOPLE, ChangeKind.PAIR}]) <= most


def test_an_import_is_a_range_and_a_person_alone_is_one_of_one():
    assert keys(Named(people={*range(10, 1_000_010), 7})) == [
        Change(ChangeKind.PEOPLE, PersonNumber(7), PersonNumber(7)),
        Change(ChangeKind.PEOPLE, PersonNumber(10), PersonNumber(1_000_009)),
    ]


def test_a_pair_of_a_named_person_is_not_said_twice():
    assert keys(Named(people={3}, pairs={(3, 1), (4, 1)})) == [
        Change(ChangeKind.PEOPLE, PersonNumber(3), PersonNumber(3)),
        Change(ChangeKind.PAIR, PersonNumber(4), PersonNumber(4), AppNumber(1)),
    ]


def test_nothing_named_is_nothing_said():
    assert keys(Named()) == []
    assert not covers([], PersonNumber(1), None)
