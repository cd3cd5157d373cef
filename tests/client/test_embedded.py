"""The in-process client: the same gate, in a platform's own process."""

from datetime import timedelta

import pytest

from beholden.client import Gate
from beholden.model.decision import Reason
from beholden.model.errors import BadInput
from beholden.settings import read
from tests.following import follower, until


@pytest.fixture
def quiz(house):
    """Ann connected the quiz."""
    app = house.app(client_id="quiz")
    house.grant(house.person("ann"), app)
    return app


def test_the_client_filters_asks_and_reports_use(house, quiz):
    gate = Gate(house.engines)
    answer = gate.filter("quiz", through="ann", purpose="service", records=[{"id": "ann", "name": "Ann", "likes": []}])
    assert [set(record) for record in answer.records] == [{"id", "name"}]
    assert gate.allowed("quiz", "ann", ["name"], "service").whole
    assert gate.allowed("quiz", "ann", ["name"], "service", through="nobody").denied == {"name": Reason.NO_GRANT}
    house.clock.advance(timedelta(days=89))
    assert gate.use("quiz", "ann") is None
    house.clock.advance(timedelta(days=89))
    assert gate.allowed("quiz", "ann", ["name"], "service", disclose=True).whole
    assert len(list(house.engines.ledger.disclosures())) == 2


def test_made_of_settings_it_opens_and_closes_its_own_engines(house, quiz, tmp_path):
    environment = {"BEHOLDEN_CLOCK": str(tmp_path / "clock"), "BEHOLDEN_CATALOGUE": str(house.settings.catalogue_file)}
    with Gate(read(environment, data=house.data)) as gate:
        assert gate.allowed("quiz", "ann", ["name"], "service").whole


def test_law_4_told_to_answer_from_the_table_it_allows_nothing_until_that_is_followed(house, quiz, tmp_path):
    environment = {"BEHOLDEN_CLOCK": str(tmp_path / "clock"), "BEHOLDEN_CATALOGUE": str(house.settings.catalogue_file)}
    with Gate(read({**environment, "BEHOLDEN_GATE": "table"}, data=house.data)) as gate:
        assert gate.allowed("quiz", "ann", ["name"], "service").denied == {"name": Reason.GATE_STALE}
        with follower(house.data, tmp_path / "log"):
            until(lambda: gate.allowed("quiz", "ann", ["name"], "service").whole, [tmp_path / "log"])


def test_a_mistake_is_told_as_one(house, quiz):
    with pytest.raises(BadInput, match="Record 0"):
        Gate(house.engines).filter("quiz", through="ann", purpose="service", records=[{"name": "whose?"}])
