"""What pictures are drawn from: bounded, and the same whoever was found first."""

import json
import random
from datetime import UTC, date, datetime, timedelta

from beholden.forensics import sections
from beholden.forensics.match import Match
from beholden.forensics.needles import Kind
from beholden.forensics.region import Region, State
from beholden.forensics.spot import Strips, whole
from beholden.forensics.tally import Site, Tally
from beholden.model.ids import PersonNumber

BOTH = frozenset({Kind.EMAIL.value, Kind.NAME.value})
CLAIMED = datetime(2026, 1, 1, tzinfo=UTC)


def tallied(seed: int, people: int = 90, files: int = 20) -> Tally:
    """People in files, live and deleted, in an order that the seed chooses."""
    finds = [(file, person) for file in range(1, files + 1) for person in range(1, people + 1) if person % file == 0]
    random.Random(seed).shuffle(finds)
    tally = Tally()
    for file, person in finds:
        spot = whole(file, 10_000, modified=CLAIMED + timedelta(days=file - 10))
        state = State.DELETED if person % 2 else State.LIVE
        tally.strips.sized(file, 10_000)
        with tally.within(spot):
            tally.add(Site(file, f"/f{file}", "file", state), Match(PersonNumber(person), BOTH, True), person * 7)
    return tally


def test_the_order_of_finds_does_not_change_the_sections() -> None:
    days = {date(2025, 1, 1) + timedelta(days=n): n for n in range(400)}

    def made(seed: int) -> str:
        tally = tallied(seed)
        exhibits = [(number, f"/f{number}", 10_000) for number in range(1, 21)]
        found = {
            "strips": sections.strips(exhibits, Strips(), tally.strips),
            "matrix": sections.matrix(tally),
            "timeline": sections.timeline(days, CLAIMED, CLAIMED, tally),
        }
        return json.dumps(found)

    assert made(1) == made(2) == made(3)


def test_a_crowd_is_bounded_and_what_is_left_out_is_said() -> None:
    section = sections.matrix(tallied(1))
    assert len(section["people"]) == sections.MAX_DRAWN  # type: ignore[arg-type]
    assert section["people_not_drawn"] == 90 - sections.MAX_DRAWN
    assert len(section["places"]) == sections.MAX_PLACES  # type: ignore[arg-type]
    strips = sections.strips([(n, f"/f{n}", 10_000) for n in range(1, 41)], Strips(), tallied(1).strips)
    assert len(strips["exhibits"]) == sections.MAX_STRIPS  # type: ignore[arg-type]
    assert (strips["not_drawn"], strips["unmarked"]) == (20 - sections.MAX_STRIPS, 20)


def test_the_matrix_says_live_deleted_and_nowhere() -> None:
    section = sections.matrix(tallied(1, people=3, files=1))
    assert [place["state"] for place in section["places"]] == ["deleted", "live"]  # type: ignore[attr-defined]
    assert [one["cells"] for one in section["people"]] == ["D.", ".L", "D."]  # type: ignore[attr-defined]


def test_files_that_were_written_after_the_claimed_deletion_stand_out() -> None:
    section = sections.timeline({}, CLAIMED, CLAIMED, tallied(1))
    assert section["written_after_claim"] == 10
    assert sections.timeline({}, None, CLAIMED, tallied(1))["written_after_claim"] == 0


def test_disclosures_of_years_become_a_bounded_number_of_bins_and_none_is_lost() -> None:
    days = {date(2010, 1, 1) + timedelta(days=n * 3): n for n in range(2_000)}
    section = sections.timeline(days, None, CLAIMED, Tally())
    bins = section["disclosed"]
    assert len(bins) <= sections.MAX_BINS  # type: ignore[arg-type]
    assert sum(one["count"] for one in bins) == sum(days.values()) == section["disclosures"]  # type: ignore[attr-defined]


def test_a_find_in_a_log_is_not_drawn_on_the_database() -> None:
    tally = Tally()
    tally.strips.sized(1, 1_000)
    with tally.within(whole(1, 1_000, Region.FILE)):
        tally.add(Site(1, "/a.db", "table t, write-ahead log", State.DELETED), Match(PersonNumber(1), BOTH, True), 5)
    assert tally.strips.cells == {}
