"""App-scoped ids: they go back to the person, only for the app they were made for, and cannot be made up."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.pairwise import person_of, scoped_ids
from beholden.model.ids import AppNumber, PersonNumber

SECRETS = st.binary(min_size=32, max_size=32)
APPS = st.integers(1, 2**31).map(AppNumber)
PEOPLE = st.integers(1, 2**63 - 1).map(PersonNumber)


@given(SECRETS, APPS, st.lists(PEOPLE, max_size=20))
def test_an_id_goes_back_to_its_person(secret, app, people):
    ids = scoped_ids(secret, app, people)
    assert [person_of(secret, app, one) for one in ids] == people
    assert ids == scoped_ids(secret, app, people)
    assert len(set(ids)) == len(set(people))


@given(SECRETS, APPS, st.lists(PEOPLE, min_size=32, max_size=60))
def test_many_people_at_once_have_the_ids_that_each_has_alone(secret, app, people):
    alone = [one for person in people for one in scoped_ids(secret, app, [person])]
    assert scoped_ids(secret, app, people) == alone


@given(SECRETS, APPS, APPS, PEOPLE)
def test_two_apps_cannot_join_their_records_by_id(secret, one, other, person):
    (mine,), (theirs,) = scoped_ids(secret, one, [person]), scoped_ids(secret, other, [person])
    assert (mine == theirs) is (one == other)
    assert person_of(secret, other, mine) == (person if one == other else None)


@given(SECRETS, SECRETS, APPS, PEOPLE)
def test_another_houses_id_is_nobodys(secret, other, app, person):
    (foreign,) = scoped_ids(other, app, [person])
    assert person_of(secret, app, foreign) == (person if secret == other else None)


@given(SECRETS, APPS, PEOPLE, st.integers(0, 25), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_an_altered_id_is_nobodys(secret, app, person, place, letter):
    (true,) = scoped_ids(secret, app, [person])
    altered = true[:place] + letter + true[place + 1 :]
    assert person_of(secret, app, altered) == (person if altered == true else None)


@given(SECRETS, APPS, PEOPLE)
def test_an_id_has_one_spelling(secret, app, person):
    (true,) = scoped_ids(secret, app, [person])
    for other in (true.upper(), true + "=", " " + true, true[:-1], true + "a"):
        assert person_of(secret, app, other) is None


@given(SECRETS, APPS, st.text(max_size=40) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_a_made_up_id_is_nobodys(secret, app, made_up):
    assert person_of(secret, app, made_up) is None


def test_no_id_holds_the_persons_number():
    ids = scoped_ids(bytes(32), AppNumber(1), [PersonNumber(n) for n in range(1, 200)])
    assert len({one[:8] for one in ids}) == len(ids), "neighbours in number are not neighbours in id"
