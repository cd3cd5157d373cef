"""`beholden follow` as a real process beside writers and readers of the same host."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from beholden import bootstrap
from beholden.backends.table.applied import TableApplied
from beholden.cli.follow import following
from beholden.cli.work import DUTIES
from beholden.journeys import opt_out
from beholden.model.decision import Reason
from beholden.model.grant import EndReason, GrantState
from beholden.model.person import Scope
from tests.following import follower, reader, said, until


@pytest.fixture
def ready(house):
    """A person who granted an app something, and the gate's eye on the host's table."""
    person = house.person("ada")
    app = house.app(client_id="quiz")
    house.grant(person, app, ["name"])
    gate = reader(house.settings, house.engines.pairwise)
    return house, person, app, lambda: said(gate, house.settings, "quiz", "ada")


def fresh(answer):
    """What the table says, once its follower has had its turn: on a busy machine it may be late, which is no answer."""
    until(lambda: answer() is not Reason.GATE_STALE)
    return answer()


def switch(house, person, *, sharing: bool) -> None:
    opt_out.choose(house.engines, person, Scope.ALL, sharing=sharing)


def test_law_5_what_was_committed_is_in_force_at_the_next_request(ready, tmp_path):
    house, person, _, answer = ready
    with follower(house.data, tmp_path / "log") as process:
        until(lambda: answer() is None, [tmp_path / "log"])
        for sharing in [False, True] * 15:
            switch(house, person, sharing=sharing)
            assert fresh(answer) is (None if sharing else Reason.OPTED_OUT_ALL)
        (grant,) = [g for g in _grants(house, person) if g.state is GrantState.ACTIVE]
        with house.engines.store.write() as unit:
            unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.PERSON, house.clock.now())
        assert fresh(answer) is Reason.GRANT_ENDED
        assert process.poll() is None


def _grants(house, person):
    with house.engines.store.read() as unit:
        return unit.directory.grants(person=person)


def test_it_follows_under_a_simulated_clock_that_stands_still_or_leaps(ready, tmp_path):
    house, person, app, answer = ready
    with follower(house.data, tmp_path / "log"):
        until(lambda: answer() is None, [tmp_path / "log"])
        house.clock.advance(timedelta(days=90))
        assert fresh(answer) is Reason.INACTIVE
        house.use(person, app)
        assert fresh(answer) is None


def test_law_4_killed_it_leaves_a_gate_that_soon_allows_nothing_and_its_successor_misses_nothing(ready, tmp_path):
    house, person, _, answer = ready
    with follower(house.data, tmp_path / "log") as process:
        until(lambda: answer() is None, [tmp_path / "log"])
        process.kill()
    switch(house, person, sharing=False)  # waits as long as the gate may go on without a follower, not longer
    assert answer() is Reason.GATE_STALE
    with follower(house.data, tmp_path / "log"):
        until(lambda: answer() is Reason.OPTED_OUT_ALL, [tmp_path / "log"])
        switch(house, person, sharing=True)
        assert answer() is None


def test_killed_again_and_again_while_much_changes_it_comes_to_the_truth(ready, tmp_path):
    house, person, _, answer = ready
    for round_ in range(4):
        with follower(house.data, tmp_path / "log") as process:
            until(lambda: answer() is not Reason.GATE_STALE, [tmp_path / "log"])
            house.people([f"r{round_}-{n}" for n in range(300)])
            process.kill()
        with house.engines.store.write() as unit:
            unit.directory.record_use(person, _grants(house, person)[0].app, house.clock.now())
    switch(house, person, sharing=False)
    with follower(house.data, tmp_path / "log"):
        until(lambda: answer() is Reason.OPTED_OUT_ALL, [tmp_path / "log"])
        gate = reader(house.settings, house.engines.pairwise)
        assert {said(gate, house.settings, "quiz", f"r3-{n}") for n in range(300)} == {Reason.NO_GRANT}


def test_a_host_has_one_follower_and_it_stops_when_told(ready, tmp_path):
    house, _, _, answer = ready
    with follower(house.data, tmp_path / "log") as first:
        until(lambda: answer() is None, [tmp_path / "log"])
        with follower(house.data, tmp_path / "second") as second:
            assert second.wait(20) == 1
        assert "Run one follower a host." in (tmp_path / "second").read_text()
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
    assert (tmp_path / "log").read_text().endswith("Stopped.\n")
    until(lambda: answer() is Reason.GATE_STALE)


def test_a_follower_that_dies_is_started_again_and_goes_with_its_server(ready):
    house, person, _, answer = ready
    with following(house.data):
        until(lambda: answer() is None)
        for process in _followers(house.data):
            os.kill(process, signal.SIGKILL)
        switch(house, person, sharing=False)
        until(lambda: answer() is Reason.OPTED_OUT_ALL)
    until(lambda: answer() is Reason.GATE_STALE)
    assert _followers(house.data) == []


def _followers(data: Path) -> list[int]:
    """Followers of this test's own folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"follow" in words and str(data).encode() in words:
            found.append(int(path.parent.name))
    return found


def test_law_5_a_writer_waits_for_the_table_that_was_built_in_place_of_another(ready, tmp_path):
    house, person, _, answer = ready
    with follower(house.data, tmp_path / "log"):
        until(lambda: answer() is None, [tmp_path / "log"])
        switch(house, person, sharing=False)  # from now on this process has the first file mapped
    (house.data / bootstrap.TABLE / "table.current").unlink()
    with follower(house.data, tmp_path / "log"):
        until(lambda: answer() is Reason.OPTED_OUT_ALL, [tmp_path / "log"])
        for sharing in [True, False] * 5:
            switch(house, person, sharing=sharing)
            assert fresh(answer) is (None if sharing else Reason.OPTED_OUT_ALL)


def test_where_no_table_is_in_use_nobody_is_waited_for(house):
    applied = TableApplied(house.data / bootstrap.TABLE, house.catalogue, house.engines.pairwise)
    assert applied.wait(10) is False
    house.person("ada")
    assert not (house.data / bootstrap.TABLE).exists()


def test_work_forgets_old_changes(house):
    house.person("ada")
    assert DUTIES["changes"](house.engines, house.settings) == "0 old epochs of the change feed forgotten"


def test_help_says_what_it_is_for():
    done = subprocess.run([sys.executable, "-m", "beholden", "follow", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "keep this host's decision table true" in done.stdout
