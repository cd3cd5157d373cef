"""Tokens: what an app can do with them, what it cannot, and what becomes of them when their ground is gone."""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck
from hypothesis import given as given_
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from beholden.backends.sql.directory import standings
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access, consent, token
from beholden.journeys.consent import Sent
from beholden.journeys.token import TokenRefusal
from beholden.model.act import SYSTEM
from beholden.model.app import App, Ask
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import PersonNumber
from beholden.model.standing import Standing

BACK = "https://app.example/back"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Client:
    """An app on the other side of the token endpoint. Without a secret it is a public one."""

    def __init__(self, house, client_id: str = "quiz", *, public: bool = False) -> None:
        self.house = house
        asks = [Ask("identity", "service", required=True), Ask("birthday", "service")]
        self.app: App = house.app(client_id=client_id, asks=asks, verified=True)
        house.approve(self.app, "birthday")
        self.secret = None if public else token.issue_secret(house.engines, SYSTEM, client_id)

    def code(self, person: PersonNumber, *, again: bool = False) -> str:
        """The code that the person's yes leads to, on the full page or (`again`) when they come back."""
        pairs = [
            ("response_type", "code"),
            ("client_id", self.app.client_id),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("prompt", "" if again else "consent"),
        ]
        sent = consent.decide(self.house.engines, person, pairs, allow=True, ticked=["birthday"], continuing=again)
        assert isinstance(sent, Sent)
        return parse_qs(urlsplit(sent.redirect).query)["code"][0]

    def pairs(self, **values: str | None) -> list[tuple[str, str]]:
        """A form with this app's credentials in it."""
        given = {"client_id": self.app.client_id, "client_secret": self.secret, **values}
        return [(name, value) for name, value in given.items() if value is not None]

    def redeem(self, text: str, **changes: str | None):
        """Send a code."""
        values = {"grant_type": "authorization_code", "code": text, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return token.redeem(self.house.engines, None, self.pairs(**{**values, **changes}))

    def tokens(self, person: PersonNumber) -> Mapping[str, str]:
        """The tokens after a whole consent."""
        return given(self.redeem(self.code(person)))

    def refresh(self, refresh_token: str, **changes: str | None):
        """Send a refresh token."""
        values = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return token.redeem(self.house.engines, None, self.pairs(**{**values, **changes}))

    def looks_at(self, text: str):
        """Introspect as the app."""
        return token.introspect(self.house.engines, None, self.pairs(token=text))

    def revokes(self, text: str):
        """Give a token back."""
        return token.revoke(self.house.engines, None, self.pairs(token=text))


@pytest.fixture
def quiz(house) -> Client:
    return Client(house)


@pytest.fixture
def platform(house) -> str:
    """The platform's Authorization header."""
    return f"Bearer {access.add_platform_key(house.engines, 'platform').secret}"


def given(answer) -> Mapping[str, str]:
    assert not isinstance(answer, TokenRefusal), answer
    return answer


def error(answer) -> str:
    assert isinstance(answer, TokenRefusal), answer
    return answer.error


def active(house, platform: str, text: str) -> bool:
    return given(token.introspect(house.engines, platform, [("token", text)]))["active"]


def grant_of(house, person: PersonNumber) -> Grant:
    with house.engines.store.read() as unit:
        return unit.directory.grants(person=person)[0]


def put_standing(house, kind: str, number: int, standing: Standing) -> None:
    """What enforcement would write."""
    with house.engines.store.engine.begin() as connection:
        connection.execute(
            standings.insert().values(
                kind=kind, number=number, standing=standing, since=house.clock.now(), sanction="sanction_test"
            )
        )


def test_a_code_becomes_tokens(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    assert tokens["token_type"] == "Bearer" and tokens["expires_in"] == 3600
    assert tokens["scope"] == "birthday identity"
    answer = given(token.introspect(house.engines, platform, [("token", tokens["access_token"])]))
    (details,) = answer["authorization_details"]
    now = int(house.clock.now().timestamp())
    assert answer["active"] is True and answer["client_id"] == "quiz" and answer["person"] == "u1"
    assert answer["sub"] == scoped_ids(house.engines.pairwise, quiz.app.number, [person])[0]
    assert (answer["iat"], answer["exp"], answer["iss"]) == (now, now + 3600, house.engines.url)
    assert details["datatypes"] == ["birthday", "email", "name", "photo"] and details["purposes"] == ["service"]
    assert details["identifier"] == grant_of(house, person).id


def test_only_digests_are_kept(house, quiz) -> None:
    tokens = quiz.tokens(house.person("u1"))
    kept = b"".join(path.read_bytes() for path in house.data.rglob("*") if path.is_file())
    for secret in (tokens["access_token"], tokens["refresh_token"], quiz.secret):
        assert secret.encode() not in kept


def test_an_app_learns_its_own_id_of_a_person_and_not_the_platforms(house, quiz) -> None:
    person = house.person("u1")
    own, others = Client(house, "other"), quiz.tokens(person)
    answer = given(quiz.looks_at(others["access_token"]))
    assert answer["active"] and "person" not in answer and "u1" not in answer.values()
    assert given(own.looks_at(others["access_token"])) == {"active": False}, "another app's token"
    assert given(own.looks_at(own.tokens(person)["access_token"]))["sub"] != answer["sub"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": BACK + "/"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"code": "nonsense"}, "invalid_grant"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
    ],
)
def test_a_code_request_with_one_fault_gets_nothing(house, quiz, changes, expected) -> None:
    code = quiz.code(house.person("u1"))
    assert error(quiz.redeem(code, **changes)) == expected
    assert given(quiz.redeem(code))["access_token"], "the fault did not use the code up"


def test_a_code_lives_a_minute(house, quiz) -> None:
    code = quiz.code(house.person("u1"))
    house.clock.advance(timedelta(seconds=60))
    assert error(quiz.redeem(code)) == "invalid_grant"


def test_another_app_cannot_redeem_a_code(house, quiz) -> None:
    code = quiz.code(house.person("u1"))
    assert error(Client(house, "other").redeem(code)) == "invalid_grant"
    assert given(quiz.redeem(code))["access_token"]


def test_a_code_that_comes_twice_ends_what_came_of_it(house, quiz, platform) -> None:
    person = house.person("u1")
    code = quiz.code(person)
    tokens = given(quiz.redeem(code))
    more = given(quiz.refresh(tokens["refresh_token"]))
    elsewhere = given(quiz.redeem(quiz.code(person, again=True)))
    assert error(quiz.redeem(code)) == "invalid_grant"
    for text in (tokens["access_token"], more["access_token"]):
        assert not active(house, platform, text)
    assert active(house, platform, elsewhere["access_token"]), "it came of another code"
    assert error(quiz.refresh(more["refresh_token"])) == "invalid_grant"
    assert grant_of(house, person).state is GrantState.ACTIVE, "what the person allowed stands; the app may ask again"
    assert [a.verb for a in house.engines.ledger.acts()][-1] == "code:reuse"


def test_a_refresh_token_becomes_the_next(house, quiz, platform) -> None:
    first = quiz.tokens(house.person("u1"))
    second = given(quiz.refresh(first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"] and second["access_token"] != first["access_token"]
    assert active(house, platform, second["access_token"]) and active(house, platform, second["refresh_token"])
    assert not active(house, platform, first["refresh_token"])
    assert given(quiz.refresh(second["refresh_token"]))["scope"] == "birthday identity"


def test_a_refresh_token_that_comes_twice_ends_the_grant(house, quiz, platform) -> None:
    person = house.person("u1")
    first = quiz.tokens(person)
    second = given(quiz.refresh(first["refresh_token"]))
    assert error(quiz.refresh(first["refresh_token"])) == "invalid_grant"
    grant = grant_of(house, person)
    assert (grant.state, grant.reason) == (GrantState.REVOKED, EndReason.REFRESH_REUSE)
    for tokens in (first, second):
        assert not active(house, platform, tokens["access_token"])
    assert error(quiz.refresh(second["refresh_token"])) == "invalid_grant"


def test_a_stolen_refresh_token_is_nothing_in_another_apps_hands(house, quiz) -> None:
    person = house.person("u1")
    first = quiz.tokens(person)
    assert error(Client(house, "other").refresh(first["refresh_token"])) == "invalid_grant"
    assert given(quiz.refresh(first["refresh_token"]))["access_token"]


def test_a_refreshed_scope_may_be_narrower_and_never_wider(house, quiz, platform) -> None:
    first = quiz.tokens(house.person("u1"))
    assert error(quiz.refresh(first["refresh_token"], scope="identity likes")) == "invalid_scope"
    second = given(quiz.refresh(first["refresh_token"], scope="identity"))
    assert second["scope"] == "identity"
    assert given(quiz.refresh(second["refresh_token"]))["scope"] == "birthday identity"


def test_law_6_no_token_business_is_a_use(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = dict(quiz.tokens(person))
    granted_at = house.clock.now()
    for days in (1, 1, 28, 30, 29):
        house.clock.advance(timedelta(days=days))
        tokens = given(quiz.refresh(tokens["refresh_token"]))
        assert active(house, platform, tokens["access_token"])
        given(quiz.looks_at(tokens["access_token"]))
        with house.engines.store.read() as unit:
            assert unit.directory.last_uses(person)[quiz.app.number] == granted_at
    house.clock.advance(timedelta(days=1))
    assert not active(house, platform, tokens["access_token"]), "no sweep was needed"
    assert not active(house, platform, tokens["refresh_token"])
    assert error(quiz.refresh(tokens["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize("kind", ["app", "developer"])
@pytest.mark.parametrize("standing", [Standing.SUSPENDED, Standing.BANNED])
def test_r2_a_stopped_app_has_no_tokens(house, quiz, platform, kind, standing) -> None:
    person = house.person("u1")
    tokens, code = quiz.tokens(person), quiz.code(person)
    put_standing(house, kind, quiz.app.number if kind == "app" else quiz.app.developer, standing)
    assert not active(house, platform, tokens["access_token"])
    assert given(quiz.looks_at(tokens["access_token"])) == {"active": False}
    assert error(quiz.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert error(quiz.redeem(code)) == "invalid_grant"
    refusal = consent.check(house.engines, [("client_id", "quiz"), ("redirect_uri", BACK), ("response_type", "code")])
    assert refusal is not None and refusal.redirect is None


def test_law_5_a_grant_that_ends_takes_its_tokens_along(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    consent.end_grant(house.engines, person, grant_of(house, person).id, EndReason.PERSON)
    assert not active(house, platform, tokens["access_token"])
    assert error(quiz.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_a_grant_past_its_age_is_over_before_any_sweep(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    for _ in range(73):
        house.clock.advance(timedelta(days=5))
        house.use(person, quiz.app)
    assert not active(house, platform, tokens["refresh_token"])
    assert error(quiz.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_an_erased_persons_tokens_are_nothing(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    with house.engines.store.write() as unit:
        unit.directory.forget(person, house.clock.now())
    assert not active(house, platform, tokens["access_token"])
    assert error(quiz.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_an_access_token_is_given_back_alone(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    assert quiz.revokes(tokens["access_token"]) is None
    assert not active(house, platform, tokens["access_token"])
    assert grant_of(house, person).state is GrantState.ACTIVE
    assert given(quiz.refresh(tokens["refresh_token"]))["access_token"]


def test_giving_the_refresh_token_back_ends_the_grant(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens = quiz.tokens(person)
    assert quiz.revokes(tokens["refresh_token"]) is None
    assert grant_of(house, person).reason is EndReason.APP
    assert not active(house, platform, tokens["access_token"])
    assert quiz.revokes(tokens["refresh_token"]) is None, "and again: there is nothing to do"


def test_nobody_gives_back_what_is_not_theirs(house, quiz, platform) -> None:
    person = house.person("u1")
    tokens, other = quiz.tokens(person), Client(house, "other")
    assert error(other.revokes(tokens["refresh_token"])) == "invalid_grant"
    assert error(token.revoke(house.engines, None, [("token", tokens["refresh_token"])])) == "invalid_client"
    assert quiz.revokes("unknown") is None
    assert active(house, platform, tokens["access_token"])


def test_a_public_client_needs_its_verifier_and_no_secret(house, platform) -> None:
    app = Client(house, "mobile", public=True)
    person = house.person("u1")
    code = app.code(person)
    assert error(app.redeem(code, client_secret="anything")) == "invalid_client"
    assert error(app.redeem(code, code_verifier="w" * 43)) == "invalid_grant"
    tokens = given(app.redeem(code))
    assert active(house, platform, given(app.refresh(tokens["refresh_token"]))["access_token"])


def test_a_new_secret_replaces_the_old_one(house, quiz) -> None:
    code, old = quiz.code(house.person("u1")), quiz.secret
    quiz.secret = token.issue_secret(house.engines, SYSTEM, "quiz")
    assert error(quiz.redeem(code, client_secret=old)) == "invalid_client"
    assert given(quiz.redeem(code))["access_token"]
    with pytest.raises(NotFound):
        token.issue_secret(house.engines, SYSTEM, "nobody")


def test_only_a_caller_who_is_known_may_introspect(house, quiz, platform) -> None:
    pairs = [("token", quiz.tokens(house.person("u1"))["access_token"])]
    for header in (None, "", "Bearer ", "Bearer wrong", platform + "x", platform.replace("Bearer", "Basic")):
        assert error(token.introspect(house.engines, header, pairs)) == "invalid_client"
    assert error(token.introspect(house.engines, platform, [])) == "invalid_request"
    assert error(token.introspect(house.engines, platform, [*pairs, *pairs])) == "invalid_request"
    for text in ("unknown", "\x7f", "é", "0" * 2000):
        assert not active(house, platform, text)


NAMES = st.sampled_from(
    ["client_id", "client_secret", "grant_type", "code", "code_verifier", "redirect_uri", "refresh_token", "token", "x"]
)
VALUES = st.text(max_size=60) | st.sampled_from(["quiz", "authorization_code", "refresh_token", BACK, VERIFIER])


@given_(pairs=st.lists(st.tuples(NAMES, VALUES), max_size=8), header=st.none() | st.text(max_size=80))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_without_a_secret_gets_a_refusal(house, quiz, pairs, header) -> None:
    for endpoint in (token.redeem, token.introspect, token.revoke):
        assert error(endpoint(house.engines, header, pairs)) in {"invalid_client", "invalid_request"}


def test_a_ban_ends_all_tokens_of_all_apps_in_one_act(house, platform) -> None:
    developer = house.developer("Harvest Ltd")
    person = house.person("u1")
    clients = []
    for name in ("one", "two"):
        client = Client.__new__(Client)
        client.house, client.app = house, house.app(developer, client_id=name, verified=True)
        client.secret = token.issue_secret(house.engines, SYSTEM, name)
        clients.append(client)
    tokens = [client.tokens(person) for client in clients]
    bystander = Client(house, "bystander").tokens(person)
    assert token.end_tokens_of_developer(house.engines, developer.number) == 4
    assert not any(active(house, platform, t["access_token"]) for t in tokens)
    assert active(house, platform, bystander["access_token"])
    assert token.end_tokens_of_app(house.engines, clients[0].app.number) == 0
    assert len([a for a in house.engines.ledger.acts() if a.verb == "token:end-all"]) == 3


def test_a_sweep_takes_what_is_over_and_keeps_what_tells_of_theft(house, quiz, platform) -> None:
    person = house.person("u1")
    first = quiz.tokens(person)
    second = given(quiz.refresh(first["refresh_token"]))
    house.clock.advance(timedelta(days=2))
    assert token.sweep(house.engines) == 3, "one code and two access tokens"
    assert token.sweep(house.engines) == 0
    third = given(quiz.refresh(second["refresh_token"]))
    assert error(quiz.refresh(first["refresh_token"])) == "invalid_grant"
    assert grant_of(house, person).reason is EndReason.REFRESH_REUSE
    assert not active(house, platform, third["access_token"])
    house.clock.advance(timedelta(days=2))
    assert token.sweep(house.engines) == 4, "three refresh tokens and one access token"
