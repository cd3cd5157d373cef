"""`beholden signal` and `beholden app callbacks`: what a script reads, and what the worker does of it."""

import json

import pytest
from click.testing import CliRunner

from beholden.cli.main import beholden, exit_code
from beholden.journeys import account
from beholden.model.errors import BadInput, BeholdenError, NotFound
from tests.conftest import House
from tests.journeys.test_transmit import listen, own
from tests.receiver import LOOPBACK, receiving


def run(house: House, *words: str) -> str:
    result = CliRunner().invoke(beholden, [*words, "--data", str(house.data)])
    if isinstance(result.exception, BeholdenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_due_is_sent_and_listed(house: House) -> None:
    with (house.data / "beholden.env").open("a") as settings:
        settings.write(f"BEHOLDEN_RECEIVER_NETWORKS={LOOPBACK}\n")
    app = house.app(client_id="quiz")
    anna = house.person("anna")
    with receiving() as receiver:
        listen(house, own(app), receiver.url + "/sets")
        shown = json.loads(run(house, "app", "callbacks", "quiz", "--deauthorize", receiver.url + "/gone", "--json"))
        assert shown["deauthorize"] == receiver.url + "/gone"
        house.grant(anna, app)
        account.remove(house.engines, anna, "quiz", ask_deletion=False)
        (stream,) = (json.loads(line) for line in run(house, "signal", "list", "--json").splitlines())
        assert (stream["receiver"], stream["status"], stream["waiting"]) == (f"app:{app.number}", "enabled", 1)
        assert json.loads(run(house, "signal", "send", "--json")) == {
            "pushed": 1, "refused": 0, "called": 1, "calls_failed": 0,
        }  # fmt: skip
        assert {got.path for got in receiver.got} == {"/sets", "/gone"}
    assert run(house, "signal", "trouble") == ""
    assert "deauthorize  done" in run(house, "app", "callbacks", "quiz")


def test_without_a_setting_no_private_network_is_called_and_that_is_said(house: House) -> None:
    app = house.app(client_id="quiz")
    anna = house.person("anna")
    with receiving() as receiver:
        listen(house, own(app), receiver.url)
        house.grant(anna, app)
        account.remove(house.engines, anna, "quiz", ask_deletion=False)
        assert "0 tokens pushed, 1 not taken" in run(house, "signal", "send")
        assert receiver.got == []
    assert "BEHOLDEN_RECEIVER_NETWORKS" in run(house, "signal", "trouble")


def test_law_12_a_rotation_of_the_key_is_in_the_ledger(house: House) -> None:
    said = run(house, "signal", "rotate-key")
    act = list(house.engines.ledger.acts())[-1]
    assert act.verb == "signal-key:rotate"
    assert act.subject.removeprefix("key:") in said
    assert len(house.engines.signer.jwks()["keys"]) == 2  # type: ignore[arg-type]


def test_an_address_that_cannot_be_called_is_wrong_use(house: House) -> None:
    house.app(client_id="quiz")
    with pytest.raises(BadInput) as refused:
        run(house, "app", "callbacks", "quiz", "--deletion", "http://quiz.example/")
    assert exit_code(refused.value) == 2
    with pytest.raises(NotFound):
        run(house, "app", "callbacks", "nobody")
