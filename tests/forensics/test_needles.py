"""What is looked for, and what is left out because it would be met by chance."""

from dataclasses import replace

import pytest

from beholden.forensics.containers import Limits
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.needles import Kind, needles, only_whole
from beholden.forensics.source import Held
from tests.forensics.people import Search, crowd, looking_for, person


def test_short_ids_of_the_platform_find_nobody() -> None:
    crowded = [replace(one, outside_id=str(int(one.person))) for one in crowd(50)]
    assert looking_for(crowded).unusable[Kind.OUTSIDE_ID] == 50
    assert Search(crowded).through(b"1,2,3,4,5,6,7,8,9").found == set()


def test_ids_of_a_crowded_shape_find_nobody() -> None:
    crowded = [replace(one, outside_id=f"{10_000_000 + int(one.person)}") for one in crowd(200)]
    assert looking_for(crowded).unusable[Kind.OUTSIDE_ID] == 200


def test_long_numeric_ids_find() -> None:
    sparse = [replace(one, outside_id=f"{100_000_000_000_000 + 7919 * int(one.person)}") for one in crowd(50)]
    text = "".join(f"{one.outside_id};{one.name}\n" for one in sparse)
    assert Search(sparse).through(text.encode()).found == set(range(1, 51))


def test_people_without_an_address_are_found_by_their_ids() -> None:
    one = replace(person(1), email="")
    assert looking_for([one]).unusable[Kind.EMAIL] == 1
    assert Search([one]).through(f"{one.scoped_id},{one.name}".encode()).found == {1}


@pytest.mark.parametrize(
    ("email", "odd"),
    [
        ("ann.b+c@x.example", 0),
        ("o'brien@x.example", 0),
        ("björn@müller.example", 0),
        ("a(b)@x.example", 1),
        ("ann@[10.0.0.1]", 1),
        ("ann@my_host", 1),
        ("", 0),
    ],
)
def test_addresses_that_no_text_shows_are_counted(email: str, odd: int) -> None:
    """They are found as a value of a table; the report says that they are not found elsewhere."""
    one = replace(person(1), email=email)
    assert only_whole(looking_for([one])) == odd
    if email:
        texts = Search([one]).through(f"sent to {email} ({one.name})\n".encode()).found
        assert (texts == set()) is bool(odd)


def test_disclosed_values_corroborate_by_their_digest() -> None:
    one = replace(person(1), digests=frozenset({"birthday", "email"}))
    sought = needles([one], lambda who, field, value: (who, field, value) == (1, "birthday", "1990-05-17"))
    for text in (
        f"{one.email},1990-05-17\n",
        f'{{"e": "{one.email}", "born": "1990-05-17"}}',
        f"{one.email}\tborn=1990-05-17",
    ):
        examiner = Examiner(sought, Limits(), lambda _form, _source: iter(()), lambda _more: None)
        examiner.examine(Place(1, "x"), Held(text.encode()))
        assert examiner.tally.people[one.person].corroborated, text
    examiner = Examiner(sought, Limits(), lambda _form, _source: iter(()), lambda _more: None)
    examiner.examine(Place(1, "x"), Held(f"{one.email},1990-05-18\n".encode()))
    assert not examiner.tally.people[one.person].corroborated
