"""A receiver's own view over real HTTP: metadata, streams, polling; and what is refused."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt as jose
from joserfc.jwk import KeySet

from beholden.gate.signals.event import Kind
from beholden.gate.signals.stream import MAX_STREAMS
from beholden.journeys import account, enforce, token
from beholden.journeys.access import add_platform_key, revoke_platform_key
from beholden.model.act import SYSTEM
from beholden.model.app import App
from beholden.web import app as web_app
from tests.conftest import House
from tests.journeys.court import ANNA, BEN
from tests.web.live import serving

STREAM, STATUS, VERIFY = "/signals/v1/stream", "/signals/v1/status", "/signals/v1/verify"
PUSH = {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://r.example/in",
                     "authorization_header": "Bearer secret-of-theirs"}}  # fmt: skip


@dataclass
class World:
    """A server, two apps with secrets, a platform key."""

    house: House
    url: str
    quiz: App
    other: App
    secrets: dict[str, str]
    key: str

    def as_app(self, name: str = "quiz") -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=(name, self.secrets[name]))

    def as_platform(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"})

    def removes(self, person: str, app: App | None = None) -> None:
        """Somebody who connected the app removes it."""
        app = app or self.quiz
        number = self.house.person(person)
        self.house.grant(number, app)
        account.remove(self.house.engines, number, app.client_id, ask_deletion=False)


@pytest.fixture
def world(house: House) -> Iterator[World]:
    quiz, other = house.app(client_id="quiz"), house.app(client_id="other")
    secrets = {name: token.issue_secret(house.engines, SYSTEM, name) for name in ("quiz", "other")}
    key = add_platform_key(house.engines, "api").secret
    with serving(web_app.create(house.engines, house.settings)) as url:
        yield World(house, url, quiz, other, secrets, key)


def created(client: httpx.Client, **body: object) -> dict:
    answer = client.post(STREAM, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def poll(client: httpx.Client, stream: dict, **body: object) -> dict:
    path = stream["delivery"]["endpoint_url"].partition("/signals/")[2]
    answer = client.post("/signals/" + path, json={"returnImmediately": True, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def claims(world: World, text: str) -> dict:
    keys = KeySet.import_key_set(httpx.get(world.url + "/signals/v1/jwks").json())
    return jose.decode(text, keys, algorithms=["RS256"]).claims


def test_the_metadata_names_endpoints_that_are_there(world: World) -> None:
    found = httpx.get(world.url + "/.well-known/ssf-configuration").json()
    assert found["spec_version"] == "1_0" and found["issuer"] == world.house.engines.url
    assert found["delivery_methods_supported"] == ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]
    client = world.as_app()
    for name in ("configuration_endpoint", "status_endpoint", "verification_endpoint"):
        path = found[name].removeprefix(found["issuer"])
        assert client.request("POST", path, json={"nonsense": 1}).status_code == 400
    assert httpx.get(world.url + found["jwks_uri"].removeprefix(found["issuer"])).json()["keys"]


def test_the_support_of_global_privacy_control_is_published(world: World) -> None:
    found = httpx.get(world.url + "/.well-known/gpc.json")
    assert found.json()["gpc"] is True and found.json()["lastUpdate"]


def test_a_stream_is_created_read_changed_replaced_and_deleted(world: World) -> None:
    client = world.as_app()
    made = created(client, events_requested=[Kind.GRANT_REVOKED, "https://other.example/x"], description="d")
    assert (made["aud"], made["events_delivered"]) == ("quiz", [Kind.GRANT_REVOKED])
    id_ = made["stream_id"]
    assert client.get(STREAM, params={"stream_id": id_}).json() == made
    assert client.get(STREAM).json() == [made]
    patched = client.patch(STREAM, json={"stream_id": id_, **PUSH}).json()
    assert patched["delivery"] == {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://r.example/in"}
    assert patched["events_requested"] == made["events_requested"]
    replaced = client.put(STREAM, json={"stream_id": id_}).json()
    assert replaced["delivery"] == made["delivery"] and replaced["description"] == ""
    assert len(replaced["events_delivered"]) > 1
    assert client.delete(STREAM, params={"stream_id": id_}).status_code == 204
    assert client.get(STREAM, params={"stream_id": id_}).status_code == 404


def test_the_receivers_own_secret_is_never_given_back(world: World) -> None:
    client = world.as_app()
    made = created(client, **PUSH)
    for answer in (client.get(STREAM), client.patch(STREAM, json={"stream_id": made["stream_id"]})):
        assert "secret-of-theirs" not in answer.text


def test_tokens_come_again_until_they_are_acknowledged_in_the_order_of_what_happened(world: World) -> None:
    client = world.as_app()
    stream = created(client)
    for name in ("anna", "bert", "cara"):
        world.removes(name)
        world.house.clock.set(world.house.clock.now().replace(microsecond=world.house.clock.now().microsecond + 1))
    first = poll(client, stream, maxEvents=2)
    assert (len(first["sets"]), first["moreAvailable"]) == (2, True)
    assert poll(client, stream, maxEvents=2) == first
    one, two = first["sets"]
    errors = {two: {"err": "invalid_key", "description": "no"}}
    rest = poll(client, stream, ack=[one, "unknown"], setErrs=errors)
    assert (len(rest["sets"]), rest["moreAvailable"]) == (1, False)
    assert not set(rest["sets"]) & {one, two}
    assert poll(client, stream, ack=[one, *rest["sets"]], maxEvents=0) == {"sets": {}, "moreAvailable": False}
    assert poll(client, stream)["sets"] == {}
    assert all(claims(world, text)["jti"] == jti for jti, text in (first["sets"] | rest["sets"]).items())


def test_law_3_an_app_hears_of_itself_alone_and_never_by_an_id_of_the_platform(world: World) -> None:
    mine, platform = created(world.as_app()), created(world.as_platform())
    world.removes("anna", world.other)
    world.removes("anna", world.quiz)
    (text,) = poll(world.as_app(), mine)["sets"].values()
    assert "anna" not in json.dumps(claims(world, text))
    heard = [claims(world, t)["sub_id"] for t in poll(world.as_platform(), platform)["sets"].values()]
    assert {s["application"]["id"] for s in heard} == {"quiz", "other"}
    assert {s["user"]["id"] for s in heard} == {"anna"}


def test_to_anybody_else_a_stream_does_not_exist(world: World) -> None:
    id_ = created(world.as_app())["stream_id"]
    for client in (world.as_app("other"), world.as_platform()):
        absent = client.get(STREAM, params={"stream_id": "stream_none"})
        for answer in (
            client.get(STREAM, params={"stream_id": id_}),
            client.get(STATUS, params={"stream_id": id_}),
            client.delete(STREAM, params={"stream_id": id_}),
            client.patch(STREAM, json={"stream_id": id_}),
            client.post(STATUS, json={"stream_id": id_, "status": "disabled"}),
            client.post(VERIFY, json={"stream_id": id_}),
            client.post(f"/signals/v1/poll/{id_}", json={"returnImmediately": True}),
        ):
            assert answer.status_code == 404
            assert answer.json()["description"].replace(id_, "X") == (
                absent.json()["description"].replace("stream_none", "X")
            )
        assert client.get(STREAM).json() == []


def test_whoever_does_not_show_who_they_are_gets_nothing(world: World) -> None:
    public = world.house.app(client_id="public")
    revoked = add_platform_key(world.house.engines, "old")
    revoke_platform_key(world.house.engines, revoked.id)
    given = [
        {},
        {"auth": ("quiz", "wrong")},
        {"auth": (str(public.client_id), "")},
        {"auth": ("nobody", "x")},
        {"headers": {"authorization": f"Bearer {revoked.secret}"}},
        {"headers": {"authorization": "Basic %%%"}},
        {"headers": {"authorization": "Digest x"}},
        {"headers": [("authorization", f"Bearer {world.key}"), ("authorization", "x")]},
    ]
    for options in given:
        answer = httpx.post(world.url + STREAM, json={}, **options)
        assert answer.status_code == 401 and "www-authenticate" in answer.headers


def test_a_verification_comes_with_its_state_and_about_the_stream(world: World) -> None:
    client = world.as_app()
    stream = created(client)
    assert client.post(VERIFY, json={"stream_id": stream["stream_id"], "state": "abc"}).status_code == 204
    (text,) = poll(client, stream)["sets"].values()
    said = claims(world, text)
    assert said["events"][Kind.VERIFICATION]["state"] == "abc"
    assert said["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}


def test_a_stream_is_paused_and_enabled_and_a_disabled_one_takes_nothing_new(world: World) -> None:
    client = world.as_app()
    stream = created(client)
    about = {"stream_id": stream["stream_id"]}
    paused = client.post(STATUS, json={**about, "status": "paused", "reason": "upgrade"}).json()
    assert paused == {**about, "status": "paused", "reason": "upgrade"}
    world.removes("anna")
    assert poll(client, stream)["sets"] == {}
    client.post(STATUS, json={**about, "status": "disabled"})
    world.removes("bert")
    assert client.post(VERIFY, json=about).status_code == 409
    client.post(STATUS, json={**about, "status": "enabled"})
    assert len(poll(client, stream)["sets"]) == 1
    assert client.get(STATUS, params=about).json() == {**about, "status": "enabled"}


def test_a_poll_that_may_wait_is_answered_when_something_happens(world: World) -> None:
    client = world.as_app()
    stream = created(client)
    timer = threading.Timer(0.3, world.removes, ["anna"])
    timer.start()
    begun = time.monotonic()
    found = client.post(f"/signals/v1/poll/{stream['stream_id']}", json={}, timeout=30).json()
    assert len(found["sets"]) == 1
    assert time.monotonic() - begun < 15
    timer.join()


def test_law_5_a_banned_app_is_denied_whether_or_not_it_was_told_and_still_hears_of_it(world: World) -> None:
    from beholden.journeys import access

    for name in ("anna", "ben"):
        access.add_operator(world.house.engines, name, name, f"{name}@p.example")
    client = world.as_app()
    stream = created(client)
    proposed = enforce.propose(world.house.engines, ANNA, "ban", "harvest", app="quiz")
    enforce.confirm(world.house.engines, BEN, proposed.sanction.id)
    said = [claims(world, text) for text in poll(client, stream)["sets"].values()]
    assert {kind for one in said for kind in one["events"]} == {Kind.CLIENT_DISABLED, Kind.TOKENS_REVOKED}
    assert all(one["sub_id"] == {"format": "opaque", "id": "quiz"} for one in said)


def test_a_receiver_has_a_bounded_number_of_streams(world: World) -> None:
    client = world.as_app()
    for _ in range(MAX_STREAMS):
        created(client)
    assert client.post(STREAM, json={}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"delivery": {"method": "urn:ietf:rfc:8935"}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "http://r.example/"}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://u:p@r.example/"}},
        {"delivery": {**PUSH["delivery"], "authorization_header": "a\r\nb: c"}},
        {"delivery": {"method": "smoke"}},
        {"delivery": 7},
        {"events_requested": "all"},
        {"events_requested": [1]},
        {"events_requested": ["x"] * 51},
        {"description": "x" * 501},
        {"unknown": 1},
    ],
)
def test_a_stream_that_cannot_be_is_refused_with_one_sentence(world: World, body: dict) -> None:
    answer = world.as_app().post(STREAM, json=body)
    assert answer.status_code == 400 and answer.json()["description"]


def test_bodies_are_bounded_and_strict(world: World) -> None:
    client = world.as_app()
    post = lambda content, media="application/json": client.post(  # noqa: E731
        STREAM, content=content, headers={"content-type": media}
    )
    assert post(b"{}", "text/plain").status_code == 400
    assert post(b'{"description":"a","description":"b"}').status_code == 400
    assert post(b"[" * 5000).status_code == 400
    assert post(b'{"description":"' + b"x" * 300_000 + b'"}').status_code == 413
    assert client.delete(STREAM).status_code == 400
    assert client.post("/signals/v1/jwks").status_code == 405


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(
        st.sampled_from(["ack", "setErrs", "maxEvents", "returnImmediately", "stream_id", "status", "state", "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=20)
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    ),
    path=st.sampled_from(["poll", STATUS, VERIFY, STREAM]),
)
def test_no_body_is_ever_a_500(world: World, body: dict, path: str) -> None:
    with world.as_app() as client:
        found = client.get(STREAM).json()
        stream = found[0] if found else created(client)
        if body.get("returnImmediately", False) is False:
            body["returnImmediately"] = True
        address = f"/signals/v1/poll/{stream['stream_id']}" if path == "poll" else path
        assert client.post(address, json=body).status_code < 500
