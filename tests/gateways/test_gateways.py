"""The example configurations, run by the real Envoy and the real nginx before a real API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from beholden.backends.sql.directory import standings
from tests.gateways.street import GATEWAYS, Street, heard, opened, stop
from tests.standing import ban

SPOOFED = ("X-Beholden-Fields", "X-Beholden-Person", "x-beholden-grant", "X-Beholden-Key", "X-Beholden-Explain")


@pytest.fixture(scope="module", params=sorted(GATEWAYS))
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator:
    """One gateway with what is behind it, for all tests of this file."""
    with opened(request.param, tmp_path_factory.mktemp(request.param), blank_database) as opened_street:
        yield opened_street


def test_a_gateway_passes_what_is_allowed_with_its_fields_and_records_it(street: Street) -> None:
    app, ann = street.app("allowed"), street.person("ann")
    token = street.connect(ann, app, ("name", "email"))
    before = street.engines.ledger.size()
    answer = street.call(f"/people/{street.scoped(app, ann)}?x=1", token)
    told = heard(answer)
    assert told["x-beholden-fields"] == "name,email"
    assert told["x-beholden-app"] == "allowed"
    assert told["x-beholden-person"] == "ann"
    assert told["x-beholden-scoped-person"] == street.scoped(app, ann)
    assert told["x-beholden-grant"].startswith("grant_")
    assert told["x-beholden-purpose"] == "service"
    assert not {"x-beholden-key", "x-beholden-reason", "x-beholden-explain"} & set(told)
    assert answer.json()["path"] == f"/people/{street.scoped(app, ann)}?x=1"
    assert not [name for name in answer.headers if "beholden" in name], "the app hears nothing of it"
    (recorded,) = street.engines.ledger.disclosures(start=before)
    assert (recorded.person, recorded.fields) == (ann, ("name", "email"))


def test_part_of_a_route_goes_with_the_narrower_list(street: Street) -> None:
    token = street.connect(street.person("bea"), street.app("partial"), ("name",))
    assert heard(street.call("/profile", token))["x-beholden-fields"] == "name"
    whole = street.call("/search?user=bea", token)
    assert heard(whole)["x-beholden-fields"] == "name"


def test_law_3_a_denied_person_and_an_unknown_one_are_one_answer(street: Street) -> None:
    app, cem = street.app("denied"), street.person("cem")
    token = street.connect(cem, app, ("photo",))
    seen = set()
    for target in (f"/people/{street.scoped(app, cem)}", "/people/nobody", "/search?user=ann", "/search?user=nobody"):
        answer = street.call(target, token)
        assert not [name for name in answer.headers if "beholden" in name]
        kept = {k: v for k, v in answer.headers.items() if k not in {"date", "x-envoy-upstream-service-time"}}
        seen.add((answer.status_code, answer.content, tuple(sorted(kept.items()))))
    assert len(seen) == 1
    assert seen.pop()[:2] == (403, b'{"error":"access_denied"}')


def test_without_a_good_token_it_is_a_401_and_without_a_route_a_403(street: Street) -> None:
    for token in (None, "made-up"):
        answer = street.call("/profile", token)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.content == b'{"error":"invalid_token"}'
    assert street.call("/admin", None).status_code == 403
    assert heard(street.call("/status", None)).get("x-beholden-fields", "") == ""


def test_law_5_a_banned_app_is_out_at_the_next_request(street: Street) -> None:
    app = street.app("banned")
    token = street.connect(street.person("dan"), app, ("name", "email"))
    assert street.call("/profile", token).status_code == 200
    ban(street, "app", app.number)
    assert street.call("/profile", token).status_code in {401, 403}
    with street.engines.store.engine.begin() as connection:
        connection.execute(standings.delete())
    assert street.call("/profile", token).status_code == 200


def test_what_an_app_makes_up_under_our_names_does_not_get_through(street: Street) -> None:
    token = street.connect(street.person("eve"), street.app("spoofing"), ("name",))
    made_up = [(name, "religion,messages") for name in SPOOFED]
    made_up += [("X-Original-URI", "/status"), ("X-Original-Method", "GET"), ("X_Beholden_Fields", "religion")]
    made_up += [("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/admin")]
    for target in ("/profile", "/status"):
        answer = street.call(target, token, headers=made_up)
        told = heard(answer)
        assert "religion,messages" not in told.values()
        assert told.get("x-beholden-fields", "") == ("name" if target == "/profile" else "")
        assert "x_beholden_fields" not in told
        names = {name for name, _ in answer.json()["headers"]}
        assert not names & {"x-http-method-override", "x-original-url"}
    twice = [("authorization", "Bearer another")]
    assert street.call("/profile", token, headers=twice).status_code in {400, 401, 403}


@pytest.mark.parametrize(
    "target",
    ["/status/../profile", "/status/..%2fprofile", "/%70rofile", "//profile", "/PROFILE", "/profile;x", "/profile/"],
)
def test_a_path_that_could_be_read_otherwise_does_not_get_through(street: Street, target: str) -> None:
    assert street.call(target, None).status_code in {400, 403}


def test_the_body_and_the_method_go_on_as_they_came(street: Street) -> None:
    token = street.connect(street.person("fay"), street.app("posting"), ("name",))
    body = "x" * 300_000
    answer = street.call("/search?user=fay", token, "POST", content=body)
    assert heard(answer)["x-beholden-fields"] == "name"
    assert (answer.json()["method"], answer.json()["body"]) == ("POST", body)


def test_an_app_that_asks_too_often_is_told_when_to_come_again(street: Street) -> None:
    token = street.connect(street.person("gil"), street.app("often"), ("name",))
    assert street.call("/profile", token).status_code == 200
    answers = (street.call("/profile", token) for _ in range(500))
    last = next(answer for answer in answers if answer.status_code != 200)
    assert last.status_code == 429
    assert last.headers["retry-after"] == "1"
    assert last.content == b'{"error":"too_many_requests"}'


def test_law_4_with_the_gate_down_nothing_passes(street: Street) -> None:
    """The last one: Beholden does not come back."""
    token = street.connect(street.person("hal"), street.app("last"), ("name", "email"))
    assert street.call("/profile", token).status_code == 200
    stop(street.running["beholden"])
    for target in ("/profile", "/status"):
        answer = street.call(target, token)
        assert answer.status_code == 403
        assert b"headers" not in answer.content
