"""The parts of an examination make the same whole in whatever order they come, and survive being written down."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics import coverage as coverages
from beholden.forensics import tally as tallies
from beholden.forensics.coverage import Coverage, Reason
from beholden.forensics.kernel import found
from beholden.forensics.kernel.values import Shape
from beholden.forensics.match import Match
from beholden.forensics.outcome import Outcome, _reader, decoded, encoded, merge, written
from beholden.forensics.region import State
from beholden.forensics.tally import PersonFound, Site, SiteCount, Tally
from beholden.model.errors import Damaged
from beholden.model.ids import PersonNumber

FIELDS = st.frozensets(st.sampled_from(["e-mail", "name", "app-scoped id"]), min_size=1)
MATCHES = st.builds(Match, st.integers(1, 5).map(PersonNumber), FIELDS, st.booleans())
PLACES = st.tuples(st.sampled_from(["a", "b > c"]), st.sampled_from(["file", "table t"]), st.sampled_from(State))
GAPS = st.tuples(st.sampled_from(Reason), st.integers(0, 9))


@st.composite
def exhibits(draw: st.DrawFn) -> tuple[list[tuple[tuple[str, str, State], Match, int]], list[tuple[Reason, int]]]:
    """What one exhibit holds: finds and gaps."""
    finds = draw(st.lists(st.tuples(PLACES, MATCHES, st.integers(0, 99)), max_size=6))
    return finds, draw(st.lists(GAPS, max_size=4))


def collect(number: int, exhibit: tuple[list, list], outcome: Outcome) -> Outcome:  # type: ignore[type-arg]
    finds, gaps = exhibit
    for (path, where, state), match, offset in finds:
        outcome.tally.add(Site(number, path, where, state), match, offset)
    outcome.coverage.file(100, unpacked=number % 2 == 0)
    for reason, size in gaps:
        outcome.coverage.gap(f"exhibit {number}", reason, size)
    outcome.tested.counts[Shape.SCOPED, 26] += number
    return outcome


def candidates(addresses: int, leading: int) -> found.Tested:
    made = found.Tested()
    made.counts[Shape.ADDRESS, 5], made.leading[10, 555] = addresses, leading
    return made


@given(st.lists(exhibits(), min_size=1, max_size=5), st.randoms(use_true_random=False), st.integers(0, 3))
def test_parts_in_any_order_are_what_one_collector_would_have_seen(
    evidence: list[tuple[list, list]],  # type: ignore[type-arg]
    chance: object,
    sites: int,
) -> None:
    whole = Outcome()
    numbered = list(enumerate(evidence, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "MAX_SITES", sites * 2 + 1)
        patch.setattr(coverages, "MAX_GAPS", 3)
        for number, exhibit in numbered:
            collect(number, exhibit, whole)
        parts = {number: collect(number, exhibit, Outcome()) for number, exhibit in numbered}
        chance.shuffle(numbered)  # type: ignore[attr-defined]
        merged = merge({number: parts[number] for number, _ in numbered})
    assert merged == whole


@given(exhibits())
def test_an_outcome_survives_being_written_down(exhibit: tuple[list, list]) -> None:  # type: ignore[type-arg]
    outcome = collect(3, exhibit, Outcome())
    assert decoded(encoded(outcome)) == outcome
    assert encoded(decoded(encoded(outcome))) == encoded(outcome)


@given(exhibits(), st.data())
def test_what_is_no_outcome_is_refused(exhibit: tuple[list, list], data: st.DataObject) -> None:  # type: ignore[type-arg]
    raw = bytearray(encoded(collect(1, exhibit, Outcome())))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        made = decoded(bytes(raw))
    except Damaged:
        return
    assert isinstance(made.tally, Tally) and isinstance(made.coverage, Coverage)
    merge({1: made}).coverage.statement()


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"[[],[],[]]", b"[" * 100_000, b'{"tally": 1}', b"\xff"])
def test_nonsense_is_refused(raw: bytes) -> None:
    with pytest.raises(Damaged):
        decoded(raw)


def test_a_number_is_no_yes_and_a_text_no_number() -> None:
    whole = json.loads(encoded(Outcome()))
    for wrong in ("1", True, 1.5, None):
        whole[2][0] = wrong
        with pytest.raises(Damaged):
            decoded(json.dumps(whole).encode())


def test_every_field_of_a_tally_is_merged() -> None:
    """Whoever adds a field has to say how two parts of it make one."""
    assert {one.name for one in fields(Tally)} == {"people", "sites", "strips"}
    assert {one.name for one in fields(SiteCount)} == {"corroborated", "alone", "modified", "records"}
    assert {one.name for one in fields(PersonFound)} == {
        "fields", "first", "offset", "corroborated", "attributed", "live", "exhibits",
    }  # fmt: skip


def test_counts_of_what_was_tested_add_up() -> None:
    parts = {2: Outcome(tested=candidates(1, 2)), 1: Outcome(tested=candidates(10, 20))}
    assert merge(parts).tested == candidates(11, 22)


def test_the_same_value_is_the_same_bytes() -> None:
    assert written([{"b", "a"}, datetime(2026, 1, 1, tzinfo=UTC)]) == b'[["a","b"],"2026-01-01T00:00:00+00:00"]'


@dataclass
class Noted:
    """A value with a part that is somebody's own business."""

    text: str
    told: Callable[[str], None] | None = field(default=None, compare=False)
    at: datetime | None = None
    spans: tuple[tuple[int, int], ...] = ()
    cells: dict[int, dict[str, list[float]]] = field(default_factory=dict)


def test_all_kinds_of_fields_survive_but_those_that_do_not_count() -> None:
    one = Noted("a", print, datetime(2026, 1, 1, tzinfo=UTC), ((1, 2), (3, 4)), {7: {"x": [0.5]}})
    assert written(one) == b'["a","2026-01-01T00:00:00+00:00",[[1,2],[3,4]],[[7,[["x",[0.5]]]]]]'
    again = _reader(Noted)(json.loads(written(one)))
    assert again == one and again.told is None
