"""Tokens that are bound to a key (DPoP): worth nothing to whoever has not the key."""

import pytest
from joserfc.jwk import ECKey

from beholden.journeys import access, client_terms, introspect
from beholden.model.grant import GrantState
from tests.journeys.connecting import AppSide, error, given

TOKEN = "/oauth/token"


@pytest.fixture
def mobile(house) -> AppSide:
    """A public app."""
    return AppSide.made(house, "mobile", public=True)


def bound(house, app: AppSide, **changes: str):
    code = app.code(house.person("u1"), "identity", scope="identity", **changes)
    return given(app.redeems(code, app.proof(TOKEN)))


def test_a_proof_makes_a_bound_token_and_introspection_names_the_key(house, mobile) -> None:
    tokens = bound(house, mobile)
    assert tokens["token_type"] == "DPoP"
    for name in ("access_token", "refresh_token"):
        assert mobile.looks_at(tokens[name])["cnf"] == {"jkt": mobile.key.thumbprint()}
    assert mobile.looks_at(tokens["access_token"])["token_type"] == "DPoP"


def test_a_public_apps_refresh_token_needs_the_key(house, mobile) -> None:
    first, thief = bound(house, mobile), ECKey.generate_key("P-256")
    assert error(mobile.refreshes(first["refresh_token"])) == "invalid_dpop_proof"
    assert error(mobile.refreshes(first["refresh_token"], mobile.proof(TOKEN, key=thief))) == "invalid_dpop_proof"
    second = given(mobile.refreshes(first["refresh_token"], mobile.proof(TOKEN)))
    assert second["token_type"] == "DPoP"


def test_a_thief_without_the_key_ends_nothing_and_a_second_use_with_it_ends_the_grant(house, mobile) -> None:
    first, thief = bound(house, mobile), ECKey.generate_key("P-256")
    second = given(mobile.refreshes(first["refresh_token"], mobile.proof(TOKEN)))
    for stolen in (first, second):
        assert error(mobile.refreshes(stolen["refresh_token"], mobile.proof(TOKEN, key=thief))) == "invalid_dpop_proof"
    assert mobile.looks_at(second["access_token"])["active"]
    assert error(mobile.refreshes(first["refresh_token"], mobile.proof(TOKEN))) == "invalid_grant"
    with house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(app=mobile.app.number)
    assert grant.state is GrantState.REVOKED
    assert mobile.looks_at(second["access_token"]) == {"active": False}


def test_a_proof_comes_once_and_a_replay_uses_nothing_up(house, mobile) -> None:
    first = bound(house, mobile)
    proof = mobile.proof(TOKEN)
    second = given(mobile.refreshes(first["refresh_token"], proof))
    assert error(mobile.refreshes(second["refresh_token"], proof)) == "invalid_dpop_proof"
    assert given(mobile.refreshes(second["refresh_token"], mobile.proof(TOKEN)))["access_token"]


def test_a_proof_that_came_with_one_code_is_none_for_the_next(house, mobile) -> None:
    person, proof = house.person("u1"), mobile.proof(TOKEN)
    assert given(mobile.redeems(mobile.code(person), proof))["access_token"]
    code = mobile.code(person)
    assert error(mobile.redeems(code, proof)) == "invalid_dpop_proof"
    assert given(mobile.redeems(code, mobile.proof(TOKEN)))["access_token"]


def test_the_platform_has_the_proof_of_a_call_to_its_data_checked(house, mobile) -> None:
    text = str(bound(house, mobile)["access_token"])
    url = house.engines.url + "/api/me"  # the helper signs for addresses of ours; any would do
    key = f"Bearer {access.add_platform_key(house.engines, 'platform').secret}"

    def checked(proof: str | None, token: str = text, **changes: str | None) -> bool:
        form = {"token": token, "dpop_proof": proof, "dpop_htm": "GET", "dpop_htu": url, **changes}
        pairs = [(name, value) for name, value in form.items() if value is not None]
        answer = given(introspect.introspect(house.engines, key, pairs))
        assert answer == {"active": False} or answer["proof_checked"] is True
        return bool(answer["active"])

    def fresh(**changes) -> str:
        return mobile.proof("/api/me", **{"method": "GET", "access_token": text, **changes})

    good = fresh()
    assert checked(good) and not checked(good), "once"
    assert not checked(fresh(method="POST")) and not checked(fresh(access_token="another"))
    assert not checked(fresh(access_token=None)) and not checked(fresh(key=ECKey.generate_key("P-256")))
    assert not checked("") and not checked("nonsense") and not checked("x" * 3999)
    assert not checked(fresh(), dpop_htm=None) and not checked(fresh(), dpop_htu=None)
    bearer = str(given(mobile.redeems(mobile.code(house.person("u2"))))["access_token"])
    assert not checked(fresh(access_token=bearer), bearer), "it is bound to no key"
    unchecked = given(introspect.introspect(house.engines, key, [("token", text)]))
    assert unchecked["active"] and "proof_checked" not in unchecked


def test_a_confidential_apps_refresh_token_is_bound_to_the_app_and_takes_a_new_key(house) -> None:
    quiz = AppSide.made(house)
    first = bound(house, quiz)
    assert "cnf" not in quiz.looks_at(first["refresh_token"])
    new = ECKey.generate_key("P-256")
    second = given(quiz.refreshes(first["refresh_token"], quiz.proof(TOKEN, key=new)))
    assert quiz.looks_at(second["access_token"])["cnf"] == {"jkt": new.thumbprint()}


def test_dpop_jkt_in_the_request_binds_the_code(house, mobile) -> None:
    code = mobile.code(house.person("u1"), dpop_jkt=mobile.key.thumbprint())
    assert error(mobile.redeems(code)) == "invalid_dpop_proof"
    other = mobile.proof(TOKEN, key=ECKey.generate_key("P-256"))
    assert error(mobile.redeems(code, other)) == "invalid_dpop_proof"
    assert given(mobile.redeems(code, mobile.proof(TOKEN)))["token_type"] == "DPoP", "the faults used nothing up"


def test_an_app_that_must_prove_a_key_gets_no_bearer_token(house, mobile) -> None:
    client_terms.change(house.engines, "mobile", dpop=True)
    code = mobile.code(house.person("u1"))
    assert error(mobile.redeems(code)) == "invalid_dpop_proof"
    assert given(mobile.redeems(code, mobile.proof(TOKEN)))["token_type"] == "DPoP"


def test_two_proofs_and_nonsense_are_refused(house, mobile) -> None:
    code = mobile.code(house.person("u1"))
    for proofs in ([mobile.proof(TOKEN), mobile.proof(TOKEN)], ["nonsense"], [""], [mobile.proof("/oauth/par")]):
        assert error(mobile.redeems(code, *proofs)) == "invalid_dpop_proof"
    assert given(mobile.redeems(code))["token_type"] == "Bearer"
