"""A reader that fails makes what it read unreadable, and nothing else."""

import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from beholden.backends.evidence.workers import caged, wire
from beholden.forensics.outcome import encoded
from beholden.forensics.units import Job
from beholden.model.errors import BadInput, Unavailable
from tests.backends.evidence.fuzzing import CRASHES, PARSERS, mutant
from tests.backends.evidence.workers import faulty
from tests.backends.evidence.workers.searching import PEOPLE, Desk
from tests.forensics.people import csv, looking_for, numbers


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.planted()
    return made


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_outcome_is_the_same_whatever_the_number_of_readers(desk: Desk, workers: int) -> None:
    assert encoded(desk.caged(workers).outcome) == encoded(desk.in_process().outcome)


@pytest.mark.parametrize(("fault", "reason"), [("segfault", "CRASHED"), ("fail", "CRASHED"), ("eat", "MEMORY")])
def test_law_9_a_container_whose_reader_fails_is_unread_and_the_others_are_read(
    desk: Desk, fault: str, reason: str
) -> None:
    clean = desk.caged(opener=faulty.opener)
    desk.packed(fault)
    found = desk.caged(opener=faulty.opener, memory=400 << 20)
    assert found.reasons == {f"{fault}.gz": reason}
    assert not found.statement.complete
    assert found.people == clean.people
    assert found.statement.read == clean.statement.read


@pytest.mark.parametrize("form", CRASHES)
def test_law_9_a_file_on_which_the_library_of_its_format_crashes_is_unread_and_the_others_are_read(
    desk: Desk, form: str
) -> None:
    clean = desk.caged()
    parser = next(one for one in PARSERS if one.name == form)
    (desk.folder / "broken").write_bytes(mutant(parser.seeds(), CRASHES[form]))
    found = desk.caged()
    assert found.reasons == {"broken": "CRASHED"}
    assert found.people == clean.people and not found.statement.complete


@pytest.mark.parametrize("fault", ["hang", "spin"])
def test_law_9_a_reader_that_never_ends_is_ended_at_its_deadline(desk: Desk, fault: str) -> None:
    clean = desk.caged(opener=faulty.opener)
    desk.packed(fault)
    found = desk.caged(opener=faulty.opener, seconds=6)
    assert found.reasons == {f"{fault}.gz": "TIME"}
    assert found.people == clean.people


def test_a_member_in_which_readers_fail_is_left_out_and_the_rest_of_its_archive_is_read(desk: Desk) -> None:
    with zipfile.ZipFile(desk.folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("before.csv", csv(PEOPLE[:10]))
        made.writestr("segfault", csv(PEOPLE[10:20]))
        made.writestr("fail", csv(PEOPLE[10:20]))
        made.writestr("after.csv", csv(PEOPLE[20:]))
    for other in desk.folder.iterdir():
        if other.name != "all.zip":
            other.unlink()
    found = desk.caged(opener=faulty.opener)
    assert found.people == numbers(PEOPLE[:10] + PEOPLE[20:])
    assert [(gap.detail, gap.reason.name) for gap in found.statement.gaps] == [
        ("segfault", "CRASHED"),
        ("fail", "CRASHED"),
    ]
    said = found.statement
    assert said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes


def test_an_archive_with_too_many_such_members_is_unreadable_as_a_whole(desk: Desk) -> None:
    with zipfile.ZipFile(desk.folder / "all.zip", "w") as made:
        for number in range(5):
            made.writestr(f"{number}/good.csv", "nothing")
            with pytest.MonkeyPatch.context() as quiet:
                quiet.setattr("warnings.warn", lambda *_args, **_more: None)
                made.writestr("segfault", "x")
    found = desk.caged(opener=faulty.opener)
    assert found.reasons == {"all.zip": "CRASHED"}
    assert found.statement.gaps[0].bytes == (desk.folder / "all.zip").stat().st_size
    assert found.statement.gaps[0].detail == "signal 11, SIGSEGV"


def readers() -> list[int]:
    """The processes that read evidence for this one: the children of its children."""
    return [pid for child in _children(os.getpid()) for pid in _children(child)]


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def killing(whom: Callable[[], list[int]], at: int) -> Callable[[int], None]:
    """Ends somebody the n-th time that progress is told."""
    told = 0

    def progress(_more: int) -> None:
        nonlocal told
        told += 1
        if told == at:
            for pid in whom()[:1]:
                os.kill(pid, signal.SIGKILL)

    return progress


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_a_reader_that_somebody_kills_costs_nothing(desk: Desk, at: int) -> None:
    for name in "abc":
        desk.packed("slow", f"{name}.gz")
    undisturbed = desk.in_process()
    found = desk.caged(2, killing(readers, at), opener=faulty.opener)
    assert encoded(found.outcome) == encoded(undisturbed.outcome)


@pytest.mark.parametrize("at", [1, 3])
def test_the_nursery_may_die_too(desk: Desk, at: int) -> None:
    for name in "abc":
        desk.packed("slow", f"{name}.gz")
    undisturbed = desk.in_process()
    found = desk.caged(2, killing(lambda: _children(os.getpid()), at), opener=faulty.opener)
    assert encoded(found.outcome) == encoded(undisturbed.outcome)


def test_no_process_is_left_behind(desk: Desk) -> None:
    before = set(_children(os.getpid()))
    for fault in ("hang", "segfault"):
        desk.packed(fault)
    evidence, parts = desk.taken()
    search = caged.Caged(evidence.open, 2, opener=faulty.opener).search(parts, desk.job, lambda _more: None)
    next(search)  # type: ignore[call-overload]
    search.close()  # type: ignore[attr-defined]
    assert set(_children(os.getpid())) == before


@pytest.mark.parametrize(
    "said",
    [
        b"garbage that is no answer at all",
        wire._FRAME.pack(wire.OUTCOME, 1 << 40),
        wire._FRAME.pack(wire.OUTCOME, 4) + b"null",
        wire._FRAME.pack(wire.OUTCOME, 10_000) + b"[",
        wire._FRAME.pack(wire.HELLO, 2) + b"no",
        wire._FRAME.pack(wire.ASKED, 3) + b"999",
        wire._FRAME.pack(wire.ASKED, 1) + b"1",
        b"",
    ],
)
def test_law_9_a_reader_that_was_taken_over_makes_its_own_exhibit_unread_and_no_more(desk: Desk, said: bytes) -> None:
    for packed in desk.folder.glob("*.gz"):
        packed.unlink()
    (desk.folder / "liar.gz").write_bytes(b"\x1f\x8b\x08" + said)
    found = desk.caged(opener=faulty.lying)
    assert found.reasons == {"liar.gz": "CRASHED"}
    assert len(found.people) == 30


def test_with_the_cage_required_nothing_is_read_where_a_protection_is_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caged, "probe", lambda: {"process": True, "landlock": 0})
    with pytest.raises(Unavailable, match="cannot cage readers"):
        desk.caged(required=True)


def test_a_reader_that_is_less_protected_than_this_host_allows_is_given_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caged, "probe", lambda: {"process": True, "landlock": 99})
    with pytest.raises(Unavailable, match="protected less"):
        desk.caged()


def test_progress_ends_with_all_bytes_searched(desk: Desk) -> None:
    told: list[int] = []
    found = desk.caged(2, told.append)
    assert sum(told) >= found.statement.exhibit_bytes and all(more >= 0 for more in told)


def test_an_exhibit_that_cannot_be_opened_is_a_gap(desk: Desk) -> None:
    evidence, parts = desk.taken()
    (desk.folder / "0.csv").unlink()
    found = desk.through(caged.Caged(evidence.open, 2), parts)
    assert found.reasons == {"0.csv": "NOT_READABLE"}


def test_what_is_looked_for_has_to_be_something_that_another_process_can_be_told(desk: Desk) -> None:
    evidence, parts = desk.taken()
    sought = looking_for(PEOPLE)
    sought.matches = lambda _person, _field, _value: False
    with pytest.raises(BadInput, match="another process"):
        list(caged.Caged(evidence.open, 1).search(parts, Job(sought, desk.limits), lambda _more: None))


def test_no_evidence_needs_no_reader(tmp_path: Path) -> None:
    assert Desk(tmp_path).caged().parts == {}
