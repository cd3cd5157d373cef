"""The table's files: seen at once by other processes, right or refused after every crash, and never in the way."""

import os
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from beholden.backends.table import files
from beholden.backends.table.reader import TableReader
from beholden.backends.table.writer import TableWriter
from beholden.gate.grant_id import grant_id
from beholden.gate.rows import PairColumns, Shape, pair_columns, people_columns
from beholden.gate.table.layout import Cell, cells_sum, identity_of
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Decision, Reason
from beholden.model.errors import Conflict, Unavailable
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from beholden.model.time import to_micros
from tests.backends.table.child import PEOPLE, SECRET, app, pair, pairs, person
from tests.gate.inspecting import facts_in
from tests.gate.worlds import CATALOGUE, NOW

ROOT = Path(__file__).parents[3]
ASKED = ("name", "likes")
TODAY = Policy()


def build(writer: TableWriter, epoch: int = 1) -> None:
    people = people_columns([person(n) for n in range(1, PEOPLE + epoch + 1)], SECRET)
    writer.build([people], [pair_columns(list(pairs(epoch)))], [app()], TODAY, epoch, time.monotonic_ns())


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[TableWriter]:
    found = TableWriter(tmp_path, CATALOGUE, SECRET)
    build(found)
    yield found
    found.close()


def again(writer: TableWriter, folder: Path, catalogue: Catalogue = CATALOGUE, secret: bytes = SECRET) -> None:
    """The same name for a writer that is started anew, after the one before let go."""
    TableWriter.__init__(writer, folder, catalogue, secret)


@contextmanager
def child(what: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.backends.table.child", what, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()


def asked(process: subprocess.Popen[str], client: str, who: str, through: str) -> str:
    process.stdin.write(f"{client} {who} {through}\n")
    process.stdin.flush()
    return process.stdout.readline()


def reader_of(folder: Path) -> TableReader:
    return TableReader(folder, CATALOGUE, SECRET)


def decided(reader: TableReader, number: int = 2, through: int | None = None) -> Decision:
    return reader.decide("quiz", f"person-{number}", f"person-{through or number}", ASKED, "service", to_micros(NOW))


def apply(writer: TableWriter, **rows) -> None:
    writer.apply(**rows, epoch=writer.epoch + 1, as_of_ns=time.monotonic_ns())


def test_law_5_what_was_stored_is_seen_by_another_process_at_its_next_request(writer, tmp_path):
    with child("read", tmp_path) as other:
        asked(other, "quiz", "person-1", "person-1")  # whatever it says: it is there, and the lag is ours from here on
        apply(writer)
        assert "allowed=('name',)" in asked(other, "quiz", "person-1", "person-1")
        apply(writer, pairs=[pair(1, 2)])
        assert "grant_ended" in asked(other, "quiz", "person-1", "person-1")
        apply(writer, pairs=[pair(1, 3)])
        assert "allowed=('name',)" in asked(other, "quiz", "person-1", "person-1")
        apply(writer, persons=[replace(person(1), all_off=True)])
        assert "opted_out_all" in asked(other, "quiz", "person-1", "person-1")
        apply(writer, persons=[person(1), person(900)], pairs=[pair(900, 1)])
        assert "allowed=('name',)" in asked(other, "quiz", "person-900", "person-900")
        writer.compact()
        apply(writer)
        assert "allowed=('name',)" in asked(other, "quiz", "person-900", "person-900")
        apply(writer, persons=[replace(person(900), erased=True)])
        assert "person_unknown" in asked(other, "quiz", "person-900", "person-900")
        apply(writer, apps=[app(Standing.BANNED)])
        assert "app_banned" in asked(other, "quiz", "person-1", "person-1")


def test_no_reader_ever_sees_half_a_row(writer, tmp_path):
    """The two states differ in fields and end; a decision is the one or the other, and never of both."""
    reader = reader_of(tmp_path)
    right = []
    for epoch in (1, 2):
        apply(writer, pairs=[replace(pair(4, epoch), person=PersonNumber(4))])
        right.append(replace(pair(1, epoch)).grant)
    writer.close()
    seen = set()
    with child("flip", tmp_path) as other:
        assert other.stdout.readline() == "open\n"
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for _ in range(500):
                found = reader.decide("quiz", "person-1", "person-1", ("name", "birthday"), "service", to_micros(NOW))
                seen.add((found.allowed, tuple(found.denied.values()), found.until))
    ended, active = (((), (Reason.GRANT_ENDED,) * 2, None), right[0])
    allowed = ("name",), (Reason.FIELD_NOT_GRANTED,), active.ends_at
    assert seen - {((), (Reason.GATE_STALE,) * 2, None)} == {ended, allowed}
    again(writer, tmp_path)


@pytest.mark.parametrize("what", ["write", "compact"])
def test_a_writer_killed_at_any_moment_leaves_a_file_that_is_right_or_refused(writer, tmp_path, what):
    opened = 0
    for round_ in range(6):
        writer.close()
        with child(what, tmp_path) as other:
            assert other.stdout.readline() == "open\n"
            other.stdout.readline()
            time.sleep(0.013 * round_)
            other.kill()
            other.wait(30)
        again(writer, tmp_path)
        refusal = writer.open()
        if refusal is not None:
            assert "batch" in refusal or "damaged" in refusal
            build(writer, 1)
            continue
        opened += 1
        epoch = writer.epoch
        writer.apply(epoch=epoch, as_of_ns=time.monotonic_ns())
        reader = reader_of(tmp_path)
        for number in range(1, PEOPLE + 1):
            facts = facts_in(reader.gate(), "quiz", PersonNumber(number), [PersonNumber(number)])
            told = (facts.grant.state, facts.grant.fields, facts.grant.ends_at)
            may_be = [pair(number, e).grant for e in (epoch, epoch + 1)]
            assert told in [(one.state, one.fields, one.ends_at) for one in may_be]
        rows = list(pairs(epoch + 1))
        apply(writer, persons=[person(row.person) for row in rows], pairs=rows)
        for row in rows:
            facts = facts_in(reader.gate(), "quiz", row.person, [row.person])
            assert (facts.grant.fields, facts.grant.ends_at) == (row.grant.fields, row.grant.ends_at)
    assert opened or what == "write"


def test_a_second_writer_on_the_host_is_refused(writer, tmp_path):
    with pytest.raises(Conflict):
        TableWriter(tmp_path, CATALOGUE, SECRET)


def test_a_file_that_was_closed_goes_on_where_it_stood(writer, tmp_path):
    apply(writer, pairs=[pair(2, 2)])
    epoch = writer.epoch
    writer.close()
    again(writer, tmp_path)
    assert writer.open() is None
    assert writer.epoch == epoch
    late = TableReader(tmp_path, CATALOGUE, SECRET, clock=lambda: time.monotonic_ns() + 2 * 10**9)
    assert set(decided(late).denied.values()) == {Reason.GATE_STALE}, "nobody vouches for it yet"
    assert decided(reader_of(tmp_path)).allowed == ("name",)


def _current(folder: Path) -> Path:
    return files.path_of(folder, files.pointed(folder))


def test_a_flipped_bit_anywhere_is_noticed(writer, tmp_path):
    layout = writer._mapped.view.layout
    spots = [3, 9, 30, 60, 1022, 8 * Cell.EPOCH, 8 * Cell.POLICY, 8 * Cell.STATE, 8 * Cell.SUM]
    spots += [at + min(9, length - 1) for at, length in layout.places.values() if length]
    spots += [at + length - 1 for at, length in layout.places.values() if length]
    writer.close()
    path = _current(tmp_path)
    for spot in spots:
        with path.open("r+b") as file:
            file.seek(spot)
            (byte,) = file.read(1)
            file.seek(spot)
            file.write(bytes([byte ^ 4]))
        again(writer, tmp_path)
        assert writer.open() is not None, spot
        writer.close()
        with path.open("r+b") as file:
            file.seek(spot)
            file.write(bytes([byte]))
    again(writer, tmp_path)
    assert writer.open() is None


def test_law_4_what_is_damaged_while_it_is_in_use_is_found_and_allows_nothing(writer, tmp_path):
    layout, reader = writer._mapped.view.layout, reader_of(tmp_path)
    spots = [3, 60, 8 * Cell.EPOCH, 8 * Cell.SUM, *(at for at, length in layout.places.values() if length)]
    for spot in spots:
        apply(writer, pairs=[pair(1, 3)])
        assert {writer.check() for _ in range(20)} == {None}
        assert decided(reader, 1).allowed == ("name",)
        with _current(tmp_path).open("r+b") as file:
            file.seek(spot)
            (byte,) = file.read(1)
            file.seek(spot)
            file.write(bytes([byte ^ 4]))
        assert any(writer.check() for _ in range(20)), spot
        assert set(decided(reader_of(tmp_path), 1).denied.values()) == {Reason.GATE_STALE}
        build(writer, 3)


@pytest.mark.parametrize("what", ["cut", "removed", "unnamed"])
def test_a_file_that_is_taken_away_while_it_is_in_use_is_found(writer, tmp_path, what):
    path = _current(tmp_path)
    if what == "cut":
        os.truncate(path, 4096)
    else:
        (path if what == "removed" else tmp_path / "table.current").unlink()
    assert any(writer.check() for _ in range(20))
    build(writer)
    assert writer.check() is None and decided(reader_of(tmp_path), 1).allowed == ("name",)


def test_a_file_that_was_cut_or_is_of_another_world_is_refused(writer, tmp_path):
    writer.close()
    path, whole = _current(tmp_path), _current(tmp_path).read_bytes()
    for length in (0, 100, 4096, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        again(writer, tmp_path)
        assert isinstance(writer.open(), str)
        writer.close()
        assert set(decided(reader_of(tmp_path)).denied.values()) == {Reason.GATE_STALE}
    path.write_bytes(whole)
    others = [(Catalogue(CATALOGUE.clusters[:2]), SECRET, "catalogue"), (CATALOGUE, bytes(32), "secret")]
    for catalogue, secret, word in others:
        again(writer, tmp_path, catalogue, secret)
        assert word in writer.open()
        writer.close()
    path.write_bytes(whole[:8] + struct.pack("<I", 2) + whole[12:])
    again(writer, tmp_path)
    assert "version 2" in writer.open()


def test_a_file_that_was_open_when_the_host_went_down_is_refused(writer, tmp_path):
    mapped = writer._mapped
    mapped.view.cells[Cell.BOOT] ^= 1
    mapped.view.cells[Cell.SUM] = cells_sum(mapped.view.cells)
    identity = identity_of(CATALOGUE, SECRET)
    assert "restarted" in files.map_file(tmp_path, mapped.generation, identity, writable=True)
    assert "restarted" in files.map_file(tmp_path, mapped.generation, identity)
    assert set(decided(reader_of(tmp_path), 1).denied.values()) == {Reason.GATE_STALE}
    mapped.view.cells[Cell.BOOT] ^= 1


def test_what_was_vouched_for_before_the_host_went_down_counts_no_more(writer, tmp_path, monkeypatch):
    """The monotonic clock begins anew, and may stand where it stood."""
    assert decided(reader_of(tmp_path), 1).allowed == ("name",)
    writer.close()
    monkeypatch.setattr(files, "boot", lambda: b"another run 1234")
    assert set(decided(reader_of(tmp_path), 1).denied.values()) == {Reason.GATE_STALE}
    again(writer, tmp_path)
    assert writer.open() is None
    assert set(decided(reader_of(tmp_path), 1).denied.values()) == {Reason.GATE_STALE}
    apply(writer)
    assert decided(reader_of(tmp_path), 1).allowed == ("name",)


def test_law_4_a_table_nobody_vouches_for_any_more_allows_nothing(writer, tmp_path):
    clock = [10**12]
    reader = TableReader(tmp_path, CATALOGUE, SECRET, clock=lambda: clock[0])
    writer.apply(epoch=5, as_of_ns=clock[0])
    assert decided(reader, 1).allowed == ("name",)
    clock[0] += TODAY.gate_lag_limit_ms * 1_000_000
    assert decided(reader, 1).allowed == ("name",)
    clock[0] += 1
    assert set(decided(reader, 1).denied.values()) == {Reason.GATE_STALE}
    writer.apply(epoch=5, as_of_ns=clock[0])
    assert decided(reader, 1).allowed == ("name",)


def test_a_full_disk_leaves_the_old_table_in_force(writer, tmp_path):
    reader = reader_of(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be written"):
            writer.compact()
        apply(writer, pairs=[pair(1, 3)])
        assert decided(reader, 1).allowed == ("name",)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.compact()
    apply(writer)
    assert decided(reader, 1).allowed == ("name",)


def test_people_may_come_and_go_while_the_table_is_compacted(writer, tmp_path):
    """Whoever makes the file anew looks at flags that change under its eyes."""
    reader, changed = reader_of(tmp_path), 0
    for _ in range(60):
        writer.compact_at, before = -1, files.pointed(tmp_path)
        while files.pointed(tmp_path) == before:
            apply(writer, persons=[replace(person(n), erased=changed % 2 == 0) for n in range(1, PEOPLE)])
            changed += 1
        assert decided(reader, 1).allowed == (() if changed % 2 else ("name",))
    assert changed > 120


def test_terms_that_nobody_holds_any_more_make_room_for_others(writer, tmp_path):
    """Records fill the file, so it is made anew, beside a reader that notices nothing."""
    reader, first = reader_of(tmp_path), files.pointed(tmp_path)
    for n in range(9_000):
        grant = replace(pair(1, 1).grant, purposes=frozenset({"service", f"purpose {n} {'x' * 200}"}))
        apply(writer, pairs=[replace(pair(1, 1), grant=grant)])
        if n % 100 == 0:
            assert decided(reader, 1).allowed == ("name",)
    assert files.pointed(tmp_path) > first
    assert len(list(tmp_path.glob("table-*"))) <= 2


def test_more_terms_or_apps_than_16_bits_hold_are_refused_in_one_sentence(writer):
    count = 65_600
    numbers = np.arange(count, dtype=np.uint32)
    one = np.arange(1, count + 1, dtype=np.uint32)
    none = np.zeros(count, np.uint32)
    shapes = [Shape(purposes=frozenset({str(n)})) for n in range(count)]
    apps = np.ones(count, np.int64)
    with pytest.raises(Unavailable, match="different terms"):
        writer.build(
            [],
            [PairColumns(one, apps, numbers, none, none, none, shapes)],
            [],
            TODAY,
            1,
        )
    with pytest.raises(Unavailable, match="apps"):
        writer.build([], [PairColumns(one, one.astype(np.int64), none, none, none, none, [Shape()])], [], TODAY, 1)


@pytest.mark.parametrize("nth", [1, 255, 256, 70_000])
def test_a_disclosure_can_name_its_grant_without_a_look_into_the_store(writer, tmp_path, nth):
    apply(writer, pairs=[replace(pair(1, 1), nth=nth)])
    writer.compact()
    gate = reader_of(tmp_path).gate()
    expected = grant_id(SECRET, PersonNumber(1), AppNumber(1), nth)
    assert gate.grant_of("quiz", "person-1") == expected
    assert facts_in(gate, "quiz", PersonNumber(1), []).grant.id == expected


def test_times_that_are_finer_or_further_than_the_table_are_put_down_never_up(writer, tmp_path):
    reader = reader_of(tmp_path)
    for ends, told in [
        (NOW + timedelta(seconds=5, microseconds=999_999), NOW + timedelta(seconds=5)),
        (NOW.replace(year=1970), None),
        (NOW.replace(year=9000), NOW + timedelta(days=90)),
    ]:
        row = pair(1, 1)
        apply(writer, pairs=[replace(row, grant=replace(row.grant, ends_at=ends))])
        assert decided(reader, 1).until == told
