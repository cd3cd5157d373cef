"""What the benchmark compares: every engine answers as the oracle does, or its figures are of another question."""

from datetime import UTC, datetime

import pytest

from beholden.gate.rows import seconds
from bench import gate_http
from bench.gate_table import NOW, Query, World, expected, moved, questions, world_of
from bench.load import load
from bench.peers import casbin, cedar, cerbos, openfga, spicedb
from bench.peers.fetch import NotHere
from bench.peers.report import peers_report


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(300, 400)


@pytest.fixture(scope="module")
def asked(world: World) -> list[Query]:
    return questions(world, 200)


@pytest.fixture(scope="module")
def right(world: World, asked: list[Query]) -> list[bool]:
    return [set(expected(world, query).values()) == {"allowed"} for query in asked]


@pytest.mark.parametrize("peer", [casbin, cedar])
def test_an_engine_in_process_answers_as_the_oracle_in_every_way_of_asking_it(peer, world, asked, right) -> None:
    with peer.engine(world, seconds(NOW)) as engine:
        for way, answer in engine.ways.items():
            assert answer(asked) == right, way


@pytest.mark.parametrize("peer", [cerbos, openfga, spicedb])
def test_a_server_that_was_fetched_answers_as_the_oracle_in_every_way_of_asking_it(peer, world, asked, right) -> None:
    now = datetime.now(UTC)
    try:
        with peer.server(moved(world, now), seconds(now)) as server:
            for way in server.ways:
                answers = load(server.port, server.pids, [way.request(query) for query in asked], len(asked), 4)
                assert [way.said(body) for body in answers.bodies] == right, way.name
    except NotHere as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("disclose", [False, True])
def test_the_gate_of_a_synthetic_world_answers_as_the_oracle(world, asked, right, disclose) -> None:
    with gate_http.served(world, enrolled=True) as gate:
        requests = [gate_http.evaluation(query, gate.key, disclose=disclose) for query in asked]
        answers = load(gate.port, gate.pids, requests, len(asked), 4)
    assert [b'"decision":true' in body for body in answers.bodies] == right


def test_a_peer_that_is_not_here_is_named_with_the_reason(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("BEHOLDEN_BENCH_PEERS", str(tmp_path))
    report = peers_report(300, 400, asked=40, rounds=1, only=["Cerbos"])
    assert list(report.not_here) == ["Cerbos"]
    assert {row.peer for row in report.rows if row.agreement == 1} == {"Beholden"}
