"""Who is told: exactly the people of the ledger's rows, each in one cohort that says exactly what is true of them."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.notices.audience import Share, assemble, digest, shares

START = datetime(2014, 6, 1, 12, tzinfo=UTC)
FIELDS = ("name", "email", "likes", "birthday")


def row(seq: int, app: int, person: int, through: int, fields: tuple[str, ...], days: int = 0) -> RecordedDisclosure:
    return RecordedDisclosure(
        seq,
        START + timedelta(days=days),
        AppNumber(app),
        DeveloperNumber(1),
        PersonNumber(person),
        PersonNumber(through),
        fields,
        "quiz",
        "grant_1",
    )


rows_strategy = st.lists(
    st.builds(
        row,
        seq=st.integers(0, 999),
        app=st.integers(1, 3),
        person=st.integers(1, 70_000),
        through=st.integers(1, 5),
        fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True).map(tuple),
        days=st.integers(0, 5),
    ),
    max_size=60,
)


@given(rows_strategy, st.sets(st.integers(1, 70_000), max_size=5))
def test_everyone_in_the_rows_is_told_exactly_what_the_rows_say(rows: list[RecordedDisclosure], gone: set[int]) -> None:
    erased = {PersonNumber(p) for p in gone}
    audience = assemble(shares(rows), erased, 1000, "note")
    plain: dict[int, dict[int, list[RecordedDisclosure]]] = defaultdict(lambda: defaultdict(list))
    for one in rows:
        plain[one.person][one.app].append(one)
    assert set(audience.impacted) == plain.keys() - gone
    assert audience.erased == len(plain.keys() & gone)
    for cohort in audience.cohorts:
        for person in cohort.people:
            expected = tuple(
                Share(
                    AppNumber(app),
                    any(r.person == r.through for r in theirs),
                    any(r.person != r.through for r in theirs),
                    tuple(sorted({f for r in theirs for f in r.fields})),
                    min(r.at for r in theirs).date(),
                    max(r.at for r in theirs).date(),
                )
                for app, theirs in sorted(plain[person].items())
            )
            assert cohort.shares == expected
    assert sum(len(c.people) for c in audience.cohorts) == len(audience.impacted)
    assert set(audience.direct) == {r.person for r in rows if r.direct} - gone
    assert set(audience.indirect) == {r.person for r in rows if not r.direct} - gone


def test_people_of_whom_the_same_is_true_share_a_cohort_and_other_days_make_another() -> None:
    rows = [row(n, 1, 10 + n, 1, ("name",)) for n in range(5)] + [row(9, 1, 99, 1, ("name",), days=1)]
    audience = assemble(shares(rows), set(), 10, "note")
    assert [sorted(c.people) for c in audience.cohorts] == [[10, 11, 12, 13, 14], [99]]
    assert audience.cohorts[1].shares[0].first_day == date(2014, 6, 2)


def test_the_digest_names_the_set_and_not_how_it_was_built() -> None:
    one = BitMap(range(1, 100_000))
    other = BitMap()
    for number in reversed(range(1, 100_000)):
        other.add(number)
    assert digest(one) == digest(other)
    assert digest(one - BitMap([5])) != digest(one)


def test_nobody_is_an_audience_too() -> None:
    audience = assemble(shares([]), set(), 0, "note")
    assert len(audience.impacted) == 0 and audience.cohorts == ()
