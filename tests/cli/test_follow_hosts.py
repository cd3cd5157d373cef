"""Several hosts that follow one PostgreSQL: a server that stops, and hosts that are cut off from it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.model.decision import Reason
from tests import schema
from tests.contracts.server import postgres
from tests.following import follower, until
from tests.hosts import PEOPLE, Region, ban, country, host, opt_out, settle


@pytest.mark.postgres
def test_law_4_a_server_that_stops_leaves_a_gate_that_denies_and_that_is_right_again_after_it(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(postgres())
        url = server.empty()
        schema.make(url)
        one = host(tmp_path / "host", url, b"s" * 32)
        store = SqlStore(url)
        stack.callback(store.close)
        settle(store)
        process = stack.enter_context(follower(one.chosen.data, one.log))
        until(lambda: one.said() is None, [one.log])
        built = one.generation()
        for _ in range(2):
            server.stop()
            until(lambda: one.said() is Reason.GATE_STALE, [one.log])
            server.start()
            until(lambda: one.said() is None, [one.log])
        opt_out(store, 1)
        until(lambda: one.said() is Reason.OPTED_OUT_ALL, [one.log])
        assert process.poll() is None and one.generation() == built
        assert "The gate allows nothing until it answers." in one.log.read_text()


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    """Each host with a follower. Skips where this machine lets us make no network."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(country(tmp_path))
        except OSError as error:
            pytest.skip(str(error))
        store = SqlStore(found.near)
        settle(store)
        store.close()
        for number, one in enumerate(found.hosts, 1):
            stack.enter_context(follower(one.chosen.data, one.log, *found.inside(number)))
        for one in found.hosts:
            until(lambda one=one: one.said() is None, [one.log])
        yield found


@pytest.fixture
def store(region: Region) -> Iterator[SqlStore]:
    """The database, from beside the server."""
    near = SqlStore(region.near)
    yield near
    near.close()


@pytest.mark.evidence
@pytest.mark.postgres
def test_law_5_a_change_is_in_force_on_every_host_within_a_second(region: Region, store: SqlStore) -> None:
    for number in range(1, 21):
        opt_out(store, number)
        for one in region.hosts:
            took = until(
                lambda one=one, who=PEOPLE[number - 1]: one.said("quiz", who) is Reason.OPTED_OUT_ALL, [one.log]
            )
            assert took < 1
    ban(store, 1)
    for one in region.hosts:
        assert until(lambda one=one: one.said("quiz", "p40") is Reason.APP_BANNED, [one.log]) < 1
        assert one.said("game", "p40") is None


@pytest.mark.evidence
@pytest.mark.postgres
def test_law_4_a_host_that_is_cut_off_denies_and_after_its_return_has_missed_nothing(
    region: Region, store: SqlStore
) -> None:
    *near, far = region.hosts
    built = far.generation()
    region.cut(3, off=True)
    until(lambda: far.said() is Reason.GATE_STALE, [far.log])
    for number in range(1, 41):
        opt_out(store, number)
        if number % 2:
            opt_out(store, number, sharing=True)
    ban(store, 2)
    for one in near:
        until(lambda one=one: one.said("game") is Reason.APP_BANNED, [one.log])
    assert {far.said(client, who) for client in ("quiz", "game") for who in PEOPLE} == {Reason.GATE_STALE}
    region.cut(3, off=False)
    until(lambda: far.said() is not Reason.GATE_STALE, [far.log])
    for one in region.hosts:
        answers = [one.said("quiz", who) for who in PEOPLE]
        assert answers == [
            Reason.OPTED_OUT_ALL if number <= 40 and number % 2 == 0 else None for number in range(1, len(PEOPLE) + 1)
        ]
        assert {one.said("game", who) for who in PEOPLE} == {Reason.APP_BANNED}
    assert far.generation() == built, "it went on where it was, and built nothing anew"
