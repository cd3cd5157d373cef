"""The gateways' doors on real sockets: what passes, what an app learns of a no, and what a forger tries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from beholden.backends.host.limiter import MemoryLimiter, Rate
from beholden.backends.sql.store import SqlStore
from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.token import Kind, Token
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import gateway
from beholden.journeys.access import add_platform_key, revoke_platform_key
from beholden.journeys.consent import end_grant
from beholden.journeys.ports import Engines
from beholden.model.app import App, Ask
from beholden.model.errors import Unavailable
from beholden.model.grant import EndReason, Grant
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice, Scope
from beholden.web import app as web_app
from beholden.web.gateway import AUTH_REQUEST, EXT_AUTHZ
from tests.standing import ban
from tests.web.live import serving

pytestmark = pytest.mark.usefixtures("answered_from")
ROUTES = (Path(__file__).parents[2] / "examples" / "gateways" / "routes.yaml").read_text(encoding="utf-8")
DOORS = ("envoy", "nginx")


def issue(engines: Engines, grant: Grant, text: str = "good-token", kind: Kind = Kind.ACCESS) -> str:
    """A token on this grant."""
    now = engines.clock.now()
    end = now + timedelta(hours=1) if kind is Kind.ACCESS else None
    with engines.store.write() as unit:
        unit.consent.add_tokens(
            [Token(grant.person, digest_of(text), kind, grant.app, grant.id, "identity", text, now, end)]
        )
    return text


@dataclass
class Gate:
    """The server, asked as a gateway asks."""

    house: object
    url: str
    key: str
    quiz: App
    ann: PersonNumber
    grant: Grant

    def ask(self, door: str, target: str, method: str = "GET", token: str | None = "good-token", **headers: str):
        """The answer at one of the doors."""
        sent = [("x-beholden-key", self.key)]
        if token is not None:
            sent.append(("authorization", f"Bearer {token}"))
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        if door == "envoy":
            return self._raw(method, EXT_AUTHZ + target, sent)
        sent += [("x-original-uri", target), ("x-original-method", method)]
        return self._raw("GET", AUTH_REQUEST, sent)

    def _raw(self, method: str, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
        """Without httpx's own normalisation of addresses."""
        url = httpx.URL(self.url)
        request = httpx.Request(method, url, headers=[(name, value.encode("latin-1")) for name, value in headers])
        request.extensions["target"] = path.encode("latin-1")
        with httpx.Client() as client:
            return client.send(request)

    @property
    def disclosed(self) -> list[tuple[str, ...]]:
        """The fields of each disclosure in the ledger."""
        return [entry.fields for entry in self.house.engines.ledger.disclosures()]

    def scoped(self, person: PersonNumber) -> str:
        """What the quiz calls a person."""
        (found,) = scoped_ids(self.house.engines.pairwise, self.quiz.number, [person])
        return found


@pytest.fixture
def gate(house) -> Iterator[Gate]:
    """Ann gave the quiz her name and e-mail, and her friends'."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    ann = house.person("ann")
    grant = house.grant(ann, quiz, ("name", "email"), ("name", "email"))
    house.engines = replace(house.engines, routes=gateway.read_routes(ROUTES, house.engines.catalogue))
    issue(house.engines, grant)
    key = add_platform_key(house.engines, "gateway").secret
    with serving(web_app.create(house.engines, house.settings)) as url:
        yield Gate(house, url, key, quiz, ann, grant)


@pytest.mark.parametrize("door", DOORS)
def test_law_1_a_yes_hands_on_the_fields_and_is_in_the_ledger_before(gate: Gate, door: str) -> None:
    answer = gate.ask(door, f"/people/{gate.scoped(gate.ann)}?x=1")
    assert answer.status_code == 200
    assert answer.content == b""
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-beholden-")}
    assert told == {
        "x-beholden-fields": "name,email",
        "x-beholden-app": "quiz",
        "x-beholden-person": "ann",
        "x-beholden-scoped-person": gate.scoped(gate.ann),
        "x-beholden-grant": gate.grant.id,
        "x-beholden-purpose": "service",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert gate.disclosed == [("name", "email")]


@pytest.mark.parametrize("door", DOORS)
def test_part_of_a_route_goes_only_where_the_route_says_so(gate: Gate, door: str) -> None:
    answer = gate.ask(door, "/profile")
    assert (answer.status_code, answer.headers["x-beholden-fields"]) == (200, "name,email")
    assert gate.disclosed == [("name", "email")], "the birthday is not recorded: it does not leave"
    bea = gate.house.person("bea")
    with gate.house.engines.store.write() as unit:
        unit.directory.choose(Choice(bea, Scope.INDIRECT, "", True, gate.house.clock.now()))
    assert gate.ask(door, f"/people/{gate.scoped(bea)}").headers["x-beholden-person"] == "bea"
    gate.house.clock.advance(timedelta(seconds=1))
    narrower = gate.house.grant(gate.ann, gate.quiz, ("name",), ("name",))
    issue(gate.house.engines, narrower, "narrow-token")
    answer = gate.ask(door, f"/people/{gate.scoped(bea)}", token="narrow-token", x_beholden_explain="yes")
    assert (answer.status_code, answer.headers["x-beholden-reason"]) == (403, "field_not_granted")
    assert len(gate.disclosed) == 2, "what is refused as a whole is not recorded in part"


@pytest.mark.parametrize("door", DOORS)
def test_law_3_an_app_cannot_tell_why_a_person_is_withheld(gate: Gate, door: str) -> None:
    hidden, lonely, erased = gate.house.people(["hidden", "lonely", "erased"])
    with gate.house.engines.store.write() as unit:
        unit.directory.choose(Choice(hidden, Scope.ALL, "", False, gate.house.clock.now()))
        unit.directory.forget(erased, gate.house.clock.now())
    asked = [f"/people/{gate.scoped(number)}" for number in (hidden, lonely, erased)]
    asked += ["/people/nobody", "/people/hidden", f"/people/{'a' * 26}", "/search?user=hidden", "/search?user=nobody"]
    seen = set()
    for target in [*asked, "/search?user=lonely", "/search?user=", "/search"]:
        answer = gate.ask(door, target)
        kept = {k: v for k, v in answer.headers.items() if k not in {"date", "x-request-id"}}
        seen.add((answer.status_code, answer.content, tuple(sorted(kept.items()))))
    assert len(seen) == 1
    ((status, _, headers),) = seen
    assert status == 403
    assert ("x-beholden-reason", "denied") in headers
    reasons = {gate.ask(door, target, x_beholden_explain="yes").headers["x-beholden-reason"] for target in asked}
    assert reasons == {"opted_out_all", "indirect_off", "person_unknown"}
    assert gate.disclosed == []


@pytest.mark.parametrize("door", DOORS)
def test_law_5_a_ban_and_a_removal_are_in_force_at_the_next_request(gate: Gate, door: str) -> None:
    assert gate.ask(door, "/profile").status_code == 200
    ban(gate.house, "app", gate.quiz.number)
    assert gate.ask(door, "/profile").status_code in {401, 403}
    other = gate.house.app(client_id="other", asks=(Ask("identity", "service"),))
    grant = gate.house.grant(gate.ann, other)
    issue(gate.house.engines, grant, "other-token")
    assert gate.ask(door, "/profile", token="other-token").status_code == 200
    end_grant(gate.house.engines, gate.ann, grant.id, EndReason.PERSON)
    assert gate.ask(door, "/profile", token="other-token").status_code == 401
    assert len(gate.disclosed) == 2


@pytest.mark.parametrize("door", DOORS)
def test_a_token_that_is_worth_nothing_is_a_401(gate: Gate, door: str) -> None:
    refresh = issue(gate.house.engines, gate.grant, "refresh-token", Kind.REFRESH)
    for token in (None, "=", "bad", refresh, gate.key, "good-token x", "é", "x" * 10_000):
        answer = gate.ask(door, "/profile", token=None if token is None else token.encode("utf-8").decode("latin-1"))
        assert answer.status_code == 401, token
        assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = gate.ask(door, "/profile", authorization="Bearer good-token")
    assert answer.status_code == 401, "two tokens are one too many"
    assert gate.ask(door, "/profile?access_token=good-token", token=None).status_code == 401
    gate.house.clock.advance(timedelta(hours=1))
    assert gate.ask(door, "/profile").status_code == 401
    assert gate.disclosed == []


@pytest.mark.parametrize("door", DOORS)
def test_law_6_what_an_app_does_here_is_no_use_of_the_person(gate: Gate, door: str) -> None:
    gate.house.clock.advance(timedelta(days=89))
    issue(gate.house.engines, gate.grant, "late-token")
    assert gate.ask(door, "/profile", token="late-token").status_code == 200
    gate.house.clock.advance(timedelta(days=1))
    issue(gate.house.engines, gate.grant, "later-token")
    assert gate.ask(door, "/profile", token="later-token").status_code in {401, 403}


AMBIGUOUS = [
    "/status/..%2fprofile",
    "/status/../profile",
    "/./profile",
    "//profile",
    "/%70rofile",
    "/PROFILE",
    "/profile;x=1",
    "/profile/",
    "/profile%2F",
    "/search?user=ann&user=bea",
    "/search?user=ann&USER=bea",
    "/profile%00",
    "/profile%0Ax",
    "/profile#x",
    "/nothing",
    "",
    "*",
]


@pytest.mark.parametrize("door", DOORS)
def test_a_path_that_the_server_behind_may_read_otherwise_is_refused(gate: Gate, door: str) -> None:
    for target in AMBIGUOUS:
        answer = gate.ask(door, target)
        assert answer.status_code in {400, 403, 404}, target
        assert "x-beholden-fields" not in answer.headers
        expected = {None, "no_route"}  # where our server refused it before the door was reached, there is no reason
        assert answer.headers.get("x-beholden-reason") in expected
    assert gate.disclosed == []


@pytest.mark.parametrize("door", DOORS)
def test_a_method_that_the_route_does_not_name_is_refused(gate: Gate, door: str) -> None:
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert gate.ask(door, "/profile", method).status_code == 403
    assert gate.ask(door, "/search?user=ann", "POST").status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_an_open_route_needs_no_token_and_overwrites_what_an_app_made_up(gate: Gate, door: str) -> None:
    answer = gate.ask(door, "/status", token=None)
    assert answer.status_code == 200
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-beholden-")}
    assert len(told) == 6
    assert set(told.values()) == {""}
    assert gate.disclosed == []


@pytest.mark.parametrize("door", DOORS)
def test_who_is_no_gateway_of_ours_is_refused_and_so_is_a_revoked_one(gate: Gate, door: str) -> None:
    good = gate.key
    for key in ("", "bhk_" + "A" * 43, good + "x"):
        gate.key = key
        assert gate.ask(door, "/profile").status_code == 403, key
        assert gate.ask(door, "/status").status_code == 403
    gate.key = good
    assert gate.ask(door, "/profile", X_Beholden_Key=good).status_code == 403, "two keys: one may be the app's"
    with gate.house.engines.store.read() as unit:
        (key,) = unit.access.platform_keys()
    revoke_platform_key(gate.house.engines, key.id)
    assert gate.ask(door, "/profile").status_code == 403
    assert gate.disclosed == []


def test_two_originals_are_one_too_many(gate: Gate) -> None:
    assert gate.ask("nginx", "/profile", x_original_uri="/status").status_code == 403
    assert gate.ask("nginx", "/profile", x_original_method="GET").status_code == 403


class Mute:
    """A ledger that cannot write."""

    def __init__(self, ledger: object) -> None:
        self._ledger = ledger

    def append(self, items: object) -> range:
        raise Unavailable("The disk is full.")

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)


@pytest.mark.parametrize("door", DOORS)
def test_law_4_and_1_without_store_or_ledger_nothing_passes_and_nothing_is_a_500(gate, tmp_path, door) -> None:
    gone = SqlStore(f"sqlite:///{tmp_path / 'gone' / 'store.db'}")
    engines = gate.house.engines
    for broken, reason in (
        (replace(engines, store=gone), "gate_stale"),
        (replace(engines, ledger=Mute(engines.ledger)), "no_receipt"),
        (replace(engines, routes=None), "fault"),
    ):
        with serving(web_app.create(broken, gate.house.settings)) as url:
            answer = replace(gate, url=url).ask(door, "/profile", x_beholden_explain="yes")
        assert (answer.status_code, answer.headers["x-beholden-reason"]) == (403, reason)
    gone.close()


def test_too_many_questions_are_refused_alike_for_everybody(gate: Gate) -> None:
    engines = replace(gate.house.engines, limiter=MemoryLimiter(Rate(0, 0), Rate(1, 3), lambda: 0.0))
    with serving(web_app.create(engines, gate.house.settings)) as url:
        limited = replace(gate, url=url)
        people = [gate.scoped(gate.ann), "nobody", gate.scoped(gate.house.person("bea"))]
        first = [limited.ask("envoy", f"/people/{person}").status_code for person in people]
        assert first == [200, 403, 403]
        again = [limited.ask("envoy", f"/people/{person}") for person in people]
        assert {(a.status_code, a.content, a.headers["retry-after"]) for a in again} == {
            (429, b'{"error":"too_many_requests"}', "1")
        }
        nginx = limited.ask("nginx", "/profile")
        assert (nginx.status_code, nginx.headers["x-beholden-reason"]) == (403, "rate_limited")
        assert limited.ask("nginx", "/status").status_code == 200
    assert gate.disclosed == [("name", "email")]
