"""Expected coincidences: how full the space of each kind of identifier is."""

import random
from dataclasses import replace

import pytest

from beholden.forensics.density import NANP, beside, coincidence, density, of_addresses, of_phones, of_shapes
from beholden.forensics.needles import Kind
from tests.forensics.people import crowd, looking_for, person


def test_phones_of_87_million_people_are_met_by_chance() -> None:
    assert of_phones(Kind.PHONE, 1_000, 87_000_000).expected == pytest.approx(1_000 * 87e6 / NANP)
    assert 0.013 < 87_000_000 / NANP < 0.014


def test_phones_among_random_numbers_are_as_many_as_expected() -> None:
    chance = random.Random(1)
    numbers = [chance.randrange(NANP) for _ in range(400_000)]
    sought = set(random.Random(2).sample(range(NANP), 1_000_000))
    met = sum(number in sought for number in numbers)
    expected = of_phones(Kind.PHONE, len(numbers), len(sought)).expected
    assert expected / 2 < met < 2 * expected


def test_a_kind_that_fills_its_space_is_always_hit_and_never_more() -> None:
    assert coincidence("x", 10, 500, 100.0).expected == 10


def test_ids_of_a_crowded_shape_count_as_crowded() -> None:
    sparse, crowded = of_shapes("id", 100, ["1234567890abcdef"] * 3), of_shapes("id", 100, ["12345", "12346"])
    assert sparse.expected < 1e-15 < crowded.expected


def test_short_local_parts_are_met_by_chance_and_long_ones_are_not() -> None:
    assert of_addresses(1_000, [b"a@post.example"]).expected > 1
    assert of_addresses(1_000, [b"anna.meyer.1986@post.example"]).expected < 1e-9


def test_own_ids_are_nobodys_by_chance() -> None:
    made = density(looking_for(crowd(50)), {Kind.SCOPED_ID: 10**12, Kind.EMAIL: 10**6})
    by_kind = {one.kind: one for one in made.kinds}
    assert by_kind[Kind.SCOPED_ID].expected < 1e-20
    assert made.hits == pytest.approx(sum(one.expected for one in made.kinds))
    assert made.people <= made.hits


def test_names_that_many_have_corroborate_by_chance() -> None:
    assert beside(["Anna Meyer"] * 100) == 1.0
    assert beside(f"Name {n}" for n in range(10_000)) < 1e-5
    assert beside(["Only One"]) == 1.0


def test_one_letter_addresses_make_a_single_find_no_evidence() -> None:
    short = [replace(person(n), email=f"{'abcdefghij'[n]}@post.example") for n in range(10)]
    assert density(looking_for(short), {Kind.EMAIL: 1_000}).people > 1
