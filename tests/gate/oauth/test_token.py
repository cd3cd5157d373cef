"""Codes and tokens: what is reuse, what is only wrong, and what a token stands on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

from beholden.gate.oauth import pkce
from beholden.gate.oauth.refusal import Refused
from beholden.gate.oauth.secret import digest_of, written
from beholden.gate.oauth.token import (
    CODE_LIFE,
    Code,
    Kind,
    Redemption,
    Situation,
    Token,
    carries,
    is_live,
    judge_code,
    judge_refresh,
    narrowed,
)
from beholden.model.app import App
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, PersonNumber
from beholden.model.standing import Standing

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VERIFIER = "v" * 43
BACK = "https://app.example/back"
APP, OTHER = AppNumber(1), AppNumber(2)
CODE = Code(
    PersonNumber(1),
    digest_of("code"),
    APP,
    GrantId("grant_1"),
    BACK,
    pkce.challenge_of(VERIFIER),
    "identity",
    "family_1",
    NOW,
    NOW + CODE_LIFE,
)
REFRESH = Token(
    PersonNumber(1), digest_of("r"), Kind.REFRESH, APP, GrantId("grant_1"), "identity likes", "family_1", NOW, None
)
ACCESS = replace(REFRESH, kind=Kind.ACCESS, expires_at=NOW + timedelta(hours=1))
GRANT = Grant(GrantId("grant_1"), PersonNumber(1), APP, frozenset(), frozenset(), frozenset(), NOW, None)
SITUATION = Situation(
    App(APP, ClientId("a"), DeveloperNumber(1), "A", "", "games", (BACK,), (), True, NOW),
    Standing.ACTIVE,
    Standing.ACTIVE,
    GRANT,
    lapsed=False,
)


def test_a_code_is_good_once_for_its_app_address_and_verifier() -> None:
    assert judge_code(CODE, APP, BACK, VERIFIER, NOW) is None
    assert judge_code(None, APP, BACK, VERIFIER, NOW) is Redemption.INVALID
    assert judge_code(CODE, OTHER, BACK, VERIFIER, NOW) is Redemption.INVALID
    assert judge_code(CODE, APP, BACK + "/", VERIFIER, NOW) is Redemption.INVALID
    assert judge_code(CODE, APP, None, VERIFIER, NOW) is Redemption.INVALID
    assert judge_code(CODE, APP, BACK, "w" * 43, NOW) is Redemption.INVALID
    assert judge_code(CODE, APP, BACK, CODE.challenge, NOW) is Redemption.INVALID
    assert judge_code(CODE, APP, BACK, VERIFIER, NOW + CODE_LIFE) is Redemption.INVALID


def test_a_used_code_is_reuse_only_in_the_hands_of_its_own_app() -> None:
    used = replace(CODE, used_at=NOW)
    assert judge_code(used, APP, BACK, "w" * 43, NOW) is Redemption.REUSED
    assert judge_code(used, OTHER, BACK, VERIFIER, NOW) is Redemption.INVALID


def test_a_refresh_token_is_good_once() -> None:
    assert judge_refresh(REFRESH, APP) is None
    assert judge_refresh(replace(REFRESH, used_at=NOW), APP) is Redemption.REUSED
    assert judge_refresh(replace(REFRESH, used_at=NOW), OTHER) is Redemption.INVALID
    assert judge_refresh(replace(REFRESH, used_at=NOW, ended_at=NOW), APP) is Redemption.INVALID
    assert judge_refresh(ACCESS, APP) is Redemption.INVALID
    assert judge_refresh(None, APP) is Redemption.INVALID


def test_a_refreshed_scope_is_never_wider() -> None:
    assert narrowed("identity likes", None) == "identity likes"
    assert narrowed("identity likes", "likes") == "likes"
    assert isinstance(narrowed("identity likes", "likes birthday"), Refused)
    assert isinstance(narrowed("identity", "identity "), Refused)


def test_r2_no_token_of_a_stopped_app_or_developer_is_worth_anything() -> None:
    for own, developers in product(Standing, Standing):
        stopped = {own, developers} & {Standing.SUSPENDED, Standing.BANNED}
        situation = replace(SITUATION, standing=own, developer_standing=developers)
        assert carries(situation) == (not stopped)


def test_a_token_is_worth_no_more_than_its_grant() -> None:
    assert carries(SITUATION)
    assert not carries(replace(SITUATION, grant=None))
    assert not carries(replace(SITUATION, lapsed=True))
    for state in GrantState:
        ended = replace(SITUATION, grant=replace(GRANT, state=state))
        assert carries(ended) == (state is GrantState.ACTIVE)


def test_a_token_is_live_until_its_end() -> None:
    assert is_live(ACCESS, SITUATION, NOW)
    assert is_live(ACCESS, SITUATION, NOW + timedelta(minutes=59, seconds=59))
    assert not is_live(ACCESS, SITUATION, NOW + timedelta(hours=1))
    assert not is_live(replace(ACCESS, ended_at=NOW), SITUATION, NOW)
    assert is_live(REFRESH, SITUATION, NOW + timedelta(days=80))
    assert not is_live(replace(REFRESH, used_at=NOW), SITUATION, NOW)


def test_a_written_secret_has_256_bits_in_43_characters() -> None:
    assert written(bytes(32)) == "A" * 43
    assert len({written(bytes([n]) * 32) for n in range(256)}) == 256
