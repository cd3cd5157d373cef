"""Appending: durable, in order, all or nothing, by many at once."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from beholden.backends.segments import wal
from beholden.model.errors import BadInput, BeholdenError, Conflict, Damaged, Unavailable
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from tests.ledger.logs import Log, act, disclosure, filled

REPOSITORY = Path(__file__).parents[3]
WRITER = "tests.backends.segments.writer"


def subjects(log: Log) -> list[str]:
    return [found.subject for found in log.opened().acts()]


def test_items_of_one_call_have_consecutive_places_and_are_read_back_in_order(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert log.ledger.append([disclosure(1), act("case:a"), disclosure(2, 3)]) == range(3)
    assert log.ledger.append([act("case:b")]) == range(3, 4)
    assert log.ledger.append([]) == range(4, 4)
    again = log.opened()
    assert again.size() == 4
    assert [(row.seq, row.person, row.through, row.direct) for row in again.disclosures()] == [
        (0, 1, 1, True),
        (2, 2, 3, False),
    ]
    assert [(found.seq, found.subject) for found in again.acts()] == [(1, "case:a"), (3, "case:b")]


def test_law_1_what_append_returned_is_there_for_any_other_process(tmp_path: Path) -> None:
    log = Log(tmp_path)
    reader = log.opened()
    for n in range(5):
        log.ledger.append([disclosure(n + 1)])
        assert reader.size() == n + 1
        assert [row.person for row in reader.disclosures()] == list(range(1, n + 2))


def test_filters_pick_exactly_what_they_name(tmp_path: Path) -> None:
    log = Log(tmp_path)
    items = [
        disclosure(person, through, app, developer=1 + app // 2)
        for app in (1, 2, 3, 12)
        for person in (1, 2, 11)
        for through in (1, 2)
    ]
    for first in range(0, len(items), 5):
        log.ledger.append(items[first : first + 5])
    everything = list(log.ledger.disclosures())
    assert [(r.person, r.through, r.app, r.developer) for r in everything] == [
        (i.person, i.through, i.app, i.developer) for i in items
    ]
    for app in (1, 2, 3, 12, 99):
        assert list(log.ledger.disclosures(apps=[AppNumber(app)])) == [r for r in everything if r.app == app]
    for number in (1, 2, 7, 70):
        developer = DeveloperNumber(number)
        assert list(log.ledger.disclosures(developer=developer)) == [r for r in everything if r.developer == number]
        person = PersonNumber(number)
        assert list(log.ledger.disclosures(person=person)) == [r for r in everything if r.person == number]
    assert list(log.ledger.disclosures(start=7)) == everything[7:]
    assert list(log.ledger.disclosures(apps=[])) == []
    picked = log.ledger.disclosures(apps=[AppNumber(1), AppNumber(2)], person=PersonNumber(2), start=3)
    assert list(picked) == [r for r in everything if r.app in (1, 2) and r.person == 2 and r.seq >= 3]


def test_rows_are_found_by_place_and_nothing_else_is_made_up(tmp_path: Path) -> None:
    log = filled(tmp_path, 300, batch=7)
    everything = {row.seq: row for row in log.ledger.disclosures()}
    seqs = [299, 0, 5, 16, 5, 123, 10_000, -1]
    assert log.ledger.rows(seqs) == [everything[s] for s in seqs if s in everything]
    assert log.ledger.rows([]) == []


def test_an_app_name_inside_a_text_is_not_taken_for_the_developer(tmp_path: Path) -> None:
    log = Log(tmp_path)
    item = disclosure(1, developer=3)
    sly = type(item)(**{**{f: getattr(item, f) for f in item.__slots__}, "purpose": '"developer":7,'})
    log.ledger.append([sly])
    assert list(log.ledger.disclosures(developer=DeveloperNumber(7))) == []
    assert len(list(log.ledger.disclosures(developer=DeveloperNumber(3)))) == 1


def test_a_disclosure_of_a_person_without_a_key_is_refused_and_nothing_of_the_call_is_there(tmp_path: Path) -> None:
    log = Log(tmp_path, people=[1])
    with pytest.raises(Conflict, match="Person 2 has no key"):
        log.ledger.append([act("case:a"), disclosure(1), disclosure(1, 2)])
    assert log.ledger.size() == 0
    assert log.ledger.append([disclosure(1)]) == range(1)


def test_a_call_that_is_too_long_or_malformed_is_refused_whole(tmp_path: Path) -> None:
    log = Log(tmp_path)
    with pytest.raises(BadInput):
        log.ledger.append([act()] * 65_537)
    with pytest.raises(BadInput):
        log.ledger.append([act("case:a"), act("case:b", when=object())])
    assert log.ledger.size() == 0


def test_the_time_of_entries_never_goes_backwards(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([act("case:a")])
    log.now -= timedelta(days=3)
    log.ledger.append([act("case:b")])
    log.opened().append([act("case:c")])
    report = log.ledger.verify()
    assert report.verified, report.defects


def test_threads_share_commits_and_each_gets_its_own_places(tmp_path: Path) -> None:
    log = Log(tmp_path)
    got: list[tuple[str, int]] = []

    def work(name: int) -> None:
        for n in range(25):
            subject = f"case:{name}-{n}"
            got.append((subject, log.ledger.append([act(subject)])[0]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [(found.subject, found.seq) for found in log.ledger.acts()]
    assert sorted(got) == sorted(held)
    assert sorted(seq for _, seq in held) == list(range(200))
    for name in range(8):
        own = [s for s, _ in held if s.startswith(f"case:{name}-")]
        assert own == [f"case:{name}-{n}" for n in range(25)]


def test_a_batch_costs_one_sync_and_who_comes_meanwhile_shares_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path, 5)
    syncs, go = threading.Semaphore(0), threading.Event()
    real, count = os.fdatasync, 0

    def slow(handle: int) -> None:
        nonlocal count
        count += 1
        syncs.release()
        go.wait(30)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", slow)
    threads = [threading.Thread(target=log.ledger.append, args=([act(f"case:{n}")],)) for n in range(9)]
    threads[0].start()
    assert syncs.acquire(timeout=30)
    for thread in threads[1:]:
        thread.start()
    while len(log.ledger._waiting) < 8:
        time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(30)
    assert count == 2
    assert log.ledger.size() == 14
    assert log.ledger.verify().verified


def test_one_bad_caller_does_not_spoil_the_commit_of_others(tmp_path: Path) -> None:
    log = Log(tmp_path, people=range(1, 50))
    outcomes: Counter[str] = Counter()

    def work(person: int) -> None:
        for _ in range(20):
            try:
                log.ledger.append([disclosure(person)])
                outcomes["recorded"] += 1
            except Conflict:
                outcomes["refused"] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 1001, 1002)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {"recorded": 60, "refused": 40}
    assert log.ledger.size() == 60
    assert log.ledger.verify().verified


def test_two_processes_append_at_once_to_one_log(tmp_path: Path) -> None:
    log = Log(tmp_path)
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", WRITER, tmp_path, name, "60"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        for name in "ab"
    ]
    acknowledged = [line.split() for writer in writers for line in writer.communicate(timeout=60)[0].splitlines()]
    assert [writer.returncode for writer in writers] == [0, 0]
    held = {str(found.seq): found.subject for found in log.ledger.acts()}
    assert {seq: subject for subject, seq in acknowledged} == held
    assert len(held) == log.ledger.size() == 2 * 60 * 3
    log.ledger.checkpoint()
    assert log.ledger.verify().verified


def test_a_segment_that_is_full_is_followed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SEGMENT_ENTRIES", 50)
    log = filled(tmp_path, 500, batch=20)
    assert [path.stem.lstrip("0") or "0" for path in log.segments()] == [str(n) for n in range(0, 500, 60)]
    assert log.opened().append([act("case:last")]) == range(500, 501)
    assert [row.seq for row in log.ledger.disclosures(start=230)] == [n for n in range(230, 500) if n % 17 != 16]
    log.ledger.checkpoint()
    assert log.ledger.verify().verified


@pytest.mark.parametrize("missing", [0, 3, -1])
def test_a_segment_that_is_gone_is_damage_for_readers_and_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    """People must never silently drop out of an impacted set."""
    monkeypatch.setattr(wal, "SEGMENT_ENTRIES", 50)
    log = filled(tmp_path, 300, batch=20)
    log.segments()[missing].unlink()
    with pytest.raises(Damaged):
        list(log.ledger.disclosures())
    assert not log.ledger.verify().verified
    (tmp_path / "ledger" / "head").unlink()
    if missing != -1:  # without a head nobody can know of a last segment that was never published
        with pytest.raises(Damaged):
            log.ledger.append([act()])


def test_another_process_that_holds_the_lock_for_too_long_makes_appends_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beholden.backends.segments import disk

    log = filled(tmp_path, 3)
    monkeypatch.setattr(disk, "PATIENCE", 0.05)
    with disk.locked(tmp_path / "ledger" / "lock"), pytest.raises(Unavailable, match="held"):
        log.ledger.append([act()])
    assert log.ledger.size() == 3


def test_a_directory_that_does_not_answer_makes_the_append_fail(tmp_path: Path) -> None:
    log = Log(tmp_path)

    def silent(*_: object) -> dict[PersonNumber, bytes]:
        raise Unavailable("The database did not answer.")

    log.ledger._keys = silent
    with pytest.raises(Unavailable):
        log.ledger.append([disclosure(1)])
    assert log.ledger.append([act()]) == range(1)  # acts need no person's key


def test_an_error_names_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BeholdenError) as caught:
        Log(tmp_path / "file")
    assert isinstance(caught.value, Unavailable)
    assert caught.value.remedy
