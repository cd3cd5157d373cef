"""Expected coincidences: how full the space of each kind of identifier is."""

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from beholden.forensics.density import beside, coincidences, density
from beholden.forensics.kernel import found as kernel_found
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan
from beholden.forensics.kernel.values import Shape
from beholden.forensics.needles import Kind
from beholden.model.ids import PersonNumber
from tests.forensics.people import crowd, looking_for, person

KEY = b"k" * 32


def index_of(kind: Kind, values: Iterable[str]) -> Index:
    return Index.of([(kind, PersonNumber(n), value) for n, value in enumerate(values)], KEY)


def compared(shape: Shape, length: int, count: int) -> kernel_found.Tested:
    tested = kernel_found.Tested()
    tested.counts[shape, length] = count
    return tested


def expected(index: Index, kind: Kind, tested: kernel_found.Tested) -> float:
    return next(one.expected for one in coincidences(index, tested) if one.kind == kind)


def phone(chance: random.Random) -> str:
    """Of numbering plan 1: area and exchange begin with 2 to 9."""
    return f"{chance.randrange(200, 1000)}{chance.randrange(200, 1000)}{chance.randrange(10_000):04d}"


def nine_digits(chance: random.Random) -> str:
    return str(chance.randrange(10**8, 10**9))


@pytest.mark.parametrize(
    ("kind", "sought", "others"),
    [
        (Kind.PHONE, phone, phone),
        (Kind.PHONE, phone, lambda chance: str(chance.randrange(10**9, 10**10))),
        (
            Kind.OUTSIDE_ID,
            lambda chance: str(chance.randrange(10**8, 10**9)),
            lambda chance: str(chance.randrange(10**9)),
        ),
    ],
    ids=["phones among phones", "phones among numbers", "ids among numbers"],
)
def test_in_a_file_with_nobody_in_it_as_many_are_met_as_expected_to_a_factor_of_two(kind, sought, others) -> None:
    """What the report says beside every count."""
    theirs, strangers = random.Random(1), random.Random(2)
    index = index_of(kind, {sought(theirs) for _ in range(60_000)})
    met, tested = 0, kernel_found.Tested()
    for _ in range(20):
        found = scan("\n".join(others(strangers) for _ in range(200_000)).encode(), index, binary=False)
        met += len(found)
        tested.add(found.tested)
    assert expected(index, kind, tested) / 2 < met < 2 * expected(index, kind, tested)
    assert met > 15  # or it would say nothing


def test_a_kind_that_fills_its_space_is_always_hit_and_never_more() -> None:
    index = replace(index_of(Kind.OUTSIDE_ID, ["12345678"]))
    index.counts[Shape.NUMBER, 8] = 10**9
    assert expected(index, Kind.OUTSIDE_ID, compared(Shape.NUMBER, 8, 10)) == 10


def test_ids_of_a_crowded_shape_count_as_crowded_and_no_others() -> None:
    index = index_of(Kind.OUTSIDE_ID, [*(f"{n:08d}" for n in range(1_000)), "1234567890abcdef", "123456789012345678"])
    crowded = expected(index, Kind.OUTSIDE_ID, compared(Shape.NUMBER, 8, 10**6))
    assert crowded == pytest.approx(10**6 * 1_000 / 10**8)
    assert expected(index, Kind.OUTSIDE_ID, compared(Shape.NUMBER, 18, 10**6)) == pytest.approx(1e-12)
    assert expected(index, Kind.OUTSIDE_ID, compared(Shape.TOKEN, 16, 10**6)) == pytest.approx(10**6 / 16**16)


def test_short_local_parts_are_met_by_chance_and_long_ones_are_not() -> None:
    tested = compared(Shape.ADDRESS, 1, 1_000)
    assert expected(index_of(Kind.EMAIL, ["a@post.example"]), Kind.EMAIL, tested) > 1
    assert expected(index_of(Kind.EMAIL, ["anna.meyer.1986@post.example"]), Kind.EMAIL, tested) < 1e-9


def test_addresses_are_met_at_their_own_domains() -> None:
    """A crowd at one domain says little of an address at another."""
    alone = index_of(Kind.EMAIL, [f"{n}@post.example" for n in range(10)])
    spread = index_of(Kind.EMAIL, [f"{n}@post{n}.example" for n in range(10)])
    tested = compared(Shape.ADDRESS, 1, 1_000)
    assert expected(alone, Kind.EMAIL, tested) == pytest.approx(10 * expected(spread, Kind.EMAIL, tested))


def test_digests_and_own_ids_are_nobodys_by_chance() -> None:
    tested = compared(Shape.SCOPED, 26, 10**12)
    tested.counts[Shape.HEX, 32] = 10**12
    made = density(looking_for(crowd(50)), tested)
    by_kind = {one.kind: one for one in made.kinds}
    assert by_kind[Kind.SCOPED_ID].expected < 1e-20 and by_kind[Kind.SCOPED_ID].sought == 50
    assert by_kind[Kind.DIGEST].expected < 1e-20 and by_kind[Kind.DIGEST].tested == 10**12
    assert made.hits == pytest.approx(sum(one.expected for one in made.kinds))
    assert made.people <= made.hits


def test_names_that_many_have_corroborate_by_chance() -> None:
    assert beside(["Anna Meyer"] * 100) == 1.0
    assert beside(f"Name {n}" for n in range(10_000)) < 1e-5
    assert beside(["Only One"]) == 1.0


def test_one_letter_addresses_make_a_single_find_no_evidence() -> None:
    short = [replace(person(n), email=f"{'abcdefghij'[n]}@post.example") for n in range(10)]
    assert density(looking_for(short), compared(Shape.ADDRESS, 1, 1_000)).people > 1
