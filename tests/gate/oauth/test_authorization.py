"""The authorization request, judged before and after its sender is known."""

from datetime import UTC, datetime

import pytest

from beholden.gate.oauth import authorization, parameters
from beholden.gate.oauth.refusal import Refused
from beholden.model.app import App
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber

APP = App(
    AppNumber(1),
    ClientId("quiz"),
    DeveloperNumber(1),
    "Quiz",
    "",
    "games",
    ("https://app.example/back",),
    (),
    verified=True,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
GOOD = {
    "response_type": "code",
    "client_id": "quiz",
    "redirect_uri": "https://app.example/back",
    "state": "xyz",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


def given(**changes: str | None) -> parameters.Parameters:
    values = {**GOOD, **changes}
    return parameters.of([(key, value) for key, value in values.items() if value is not None])


def test_a_good_request_is_read_whole() -> None:
    read = authorization.read(given(scope="identity likes"))
    assert isinstance(read, authorization.AuthorizationRequest)
    assert (read.client_id, read.redirect_uri, read.state) == ("quiz", "https://app.example/back", "xyz")
    assert (read.scope, read.challenge, read.afresh) == ("identity likes", GOOD["code_challenge"], False)
    assert authorization.refuse_sender(given(), APP) is None


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_sender_who_is_not_named_once_gets_no_redirect(name: str) -> None:
    assert authorization.refuse_sender(given(**{name: None}), APP)
    assert authorization.refuse_sender(given(**{name: ""}), APP)
    assert authorization.refuse_sender(parameters.of([*given().pairs, (name, GOOD[name])]), APP)


def test_a_value_that_cannot_be_one_names_nobody() -> None:
    assert authorization.refuse_sender(given(client_id="quiz\0"), APP)
    assert authorization.refuse_sender(given(redirect_uri=GOOD["redirect_uri"] + "\0"), APP)


def test_an_unknown_client_and_a_foreign_address_get_no_redirect() -> None:
    assert authorization.refuse_sender(given(), None)
    assert authorization.refuse_sender(given(redirect_uri="https://evil.example/"), APP)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30.e30."}, "invalid_request"),
        ({"request_uri": "https://app.example/r"}, "invalid_request"),
        ({"prompt": "none"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"state": "s" * 2001}, "invalid_request"),
        ({"state": "s\0"}, "invalid_request"),
    ],
)
def test_every_other_fault_is_named_to_the_app(changes: dict[str, str | None], error: str) -> None:
    read = authorization.read(given(**changes))
    assert isinstance(read, Refused) and read.error == error


def test_a_parameter_that_stands_twice_is_refused_even_when_both_agree() -> None:
    state = authorization.read(parameters.of([*given().pairs, ("state", GOOD["state"])]))
    assert isinstance(state, Refused) and "state" in state.description
    repeated = parameters.of([*given().pairs, ("scope", "a"), ("scope", "a")])
    assert isinstance(authorization.read(repeated), Refused)
