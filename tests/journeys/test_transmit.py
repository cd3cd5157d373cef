"""Tokens are pushed and apps are called: at least once, under the same id, whatever the receiver or a crash does."""

import json
import os
import random
import signal as signals
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import jwt
import pytest

from beholden.backends.webhooks import HttpPoster
from beholden.gate.pairwise import scoped_ids
from beholden.gate.signals import stream as streams
from beholden.gate.signals.callback import Call, CallKind, CallState
from beholden.gate.signals.event import Kind
from beholden.gate.signals.stream import Receiver as Owner
from beholden.gate.signals.stream import Status, Stream
from beholden.journeys import account, callbacks, erase, opt_out, transmit
from beholden.journeys.callbacks import Progress
from beholden.journeys.transmit import MAX_REFUSALS, Sent
from beholden.model.act import SYSTEM
from beholden.model.app import App
from beholden.model.errors import Conflict
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.person import Scope
from tests.conftest import House
from tests.receiver import LOOPBACK, Answer, Got, Receiver, receiving

GOOD = {"url": "https://quiz.example/deletion", "confirmation_code": "q-77"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def app(house: House) -> App:
    return house.app(client_id="quiz")


def listen(house: House, owner: Owner, url: str, id_: str = "stream_push") -> str:
    """A stream that is pushed."""
    delivery = {"method": streams.Method.PUSH.value, "endpoint_url": url, "authorization_header": "Bearer theirs"}
    made = streams.begun(id_, owner, streams.wishes({"delivery": delivery}), house.engines.url, house.clock.now())
    with house.engines.store.write() as unit:
        unit.signals.put_stream(made)
    return id_


def own(app: App) -> Owner:
    return Owner(app.client_id, app.number)


def removed(house: House, app: App, *names: str) -> list[PersonNumber]:
    """People who connected the app and removed it."""
    people = house.people(names)
    for person in people:
        house.grant(person, app)
        account.remove(house.engines, person, app.client_id, ask_deletion=False)
    return people


def send(house: House) -> Sent:
    return transmit.send_due(house.engines, HttpPoster(LOOPBACK, seconds=2))


def later(house: House, **much: float) -> None:
    house.clock.set(house.clock.now() + timedelta(**much))


def claims(house: House, token: str, audience: str) -> dict:
    """What a token says, checked with the published keys."""
    keys = {k.key_id: k for k in jwt.PyJWKSet.from_dict(dict(house.engines.signer.jwks())).keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=house.engines.url,
                      options={"verify_iat": False})  # fmt: skip


def stream(house: House, id_: str = "stream_push") -> Stream:
    with house.engines.store.read() as unit:
        found = unit.signals.stream(id_)
    assert found is not None
    return found


def waiting(house: House, id_: str = "stream_push") -> int:
    with house.engines.store.read() as unit:
        return unit.signals.count_waiting(id_, 10_000)


def test_an_app_is_pushed_a_token_about_its_own_person_by_its_own_id_of_them(
    house: House, app: App, receiver: Receiver
) -> None:
    listen(house, own(app), receiver.url + "/sets")
    (anna,) = removed(house, app, "anna")
    assert send(house) == Sent(pushed=1)
    (got,) = receiver.got
    assert got.headers["content-type"] == "application/secevent+jwt"
    assert (got.path, got.headers["authorization"]) == ("/sets", "Bearer theirs")
    said = claims(house, got.body.decode(), "quiz")
    (scoped,) = scoped_ids(house.engines.pairwise, app.number, [anna])
    assert said["sub_id"] == {"format": "iss_sub", "iss": house.engines.url, "sub": scoped}
    assert list(said["events"]) == [Kind.GRANT_REVOKED]
    assert not {"sub", "exp"} & set(said)
    assert "anna" not in str(said)
    assert send(house) == Sent()


def test_the_platform_is_pushed_its_own_id_and_the_apps(house: House, app: App, receiver: Receiver) -> None:
    listen(house, Owner("api", None), receiver.url)
    removed(house, app, "anna")
    send(house)
    said = claims(house, receiver.tokens[0], "api")
    assert said["sub_id"]["user"] == {"format": "opaque", "id": "anna"}
    assert said["sub_id"]["application"] == {"format": "opaque", "id": "quiz"}


def test_law_7_the_platform_is_told_nothing_of_somebody_it_erased_and_the_app_is(
    house: House, app: App, receiver: Receiver
) -> None:
    listen(house, Owner("api", None), receiver.url + "/platform", "stream_a")
    listen(house, own(app), receiver.url + "/app", "stream_b")
    house.grant(house.person("anna"), app)
    erase.erase(house.engines, SYSTEM, "anna")
    send(house)
    assert [got.path for got in receiver.got] == ["/app"]
    assert waiting(house, "stream_a") == waiting(house, "stream_b") == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(200),
        Answer(302, headers={"location": "/elsewhere"}),
        Answer(429),
        Answer(400, b'{"err":"invalid_key","description":"not yours"}'),
        Answer(400, b"{" * 50_000),
        Answer(400, b"\xff\xfe garbage"),
    ],
)
def test_law_8_what_was_not_taken_comes_again_as_the_same_token(
    house: House, app: App, receiver: Receiver, answer: Answer
) -> None:
    listen(house, own(app), receiver.url)
    removed(house, app, "anna")
    receiver.answer = lambda _: answer
    assert send(house) == Sent(refused=1)
    assert send(house) == Sent(), "not before its time"
    assert stream(house).trouble and stream(house).failures == 1
    receiver.answer = lambda _: Answer(202)
    later(house, seconds=16)
    assert send(house) == Sent(pushed=1)
    assert receiver.tokens[0] == receiver.tokens[1]
    assert (stream(house).trouble, stream(house).failures) == ("", 0)


def test_the_receivers_words_on_a_refusal_are_shown_to_operators(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    removed(house, app, "anna")
    receiver.answer = lambda _: Answer(400, b'{"err":"invalid_key","description":"not yours"}')
    for _ in range(MAX_REFUSALS):
        send(house)
        later(house, hours=7)
    assert waiting(house) == 0
    (entry,) = callbacks.troubles(house.engines).tokens
    assert (entry.settled, entry.trouble) == ("failed", "answered 400 instead of 202: invalid_key not yours")


def test_a_token_that_is_refused_does_not_keep_those_behind_it(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    removed(house, app, "anna", "bert", "cara")
    first: list[str] = []

    def refuse_first(got: Got) -> Answer:
        first.append(got.body.decode())
        return Answer(400 if got.body.decode() == first[0] else 202)

    receiver.answer = refuse_first
    assert send(house) == Sent(pushed=2, refused=1)
    assert waiting(house) == 1


def test_a_receiver_that_is_down_is_asked_once_a_round_and_holds_up_nobody(
    house: House, app: App, receiver: Receiver
) -> None:
    listen(house, own(app), receiver.url + "/down", "stream_a")
    listen(house, Owner("api", None), receiver.url + "/up", "stream_b")
    removed(house, app, *(f"p{n}" for n in range(25)))
    receiver.answer = lambda got: Answer(503 if got.path == "/down" else 202)
    assert send(house) == Sent(pushed=25, refused=1)
    assert waiting(house, "stream_a") == 25


def test_after_a_week_of_silence_what_waited_is_given_up_and_listed(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    removed(house, app, "anna")
    receiver.answer = lambda _: Answer(503)
    send(house)
    later(house, days=8)
    send(house)
    assert waiting(house) == 0
    assert [entry.settled for entry in callbacks.troubles(house.engines).tokens] == ["given up"]


def test_a_paused_stream_keeps_what_comes_and_is_sent_nothing(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    with house.engines.store.write() as unit:
        unit.signals.put_stream(replace(stream(house), status=Status.PAUSED))
    removed(house, app, "anna")
    assert (send(house), waiting(house)) == (Sent(), 1)
    with house.engines.store.write() as unit:
        unit.signals.put_stream(replace(stream(house), status=Status.ENABLED))
    assert send(house) == Sent(pushed=1)


def test_two_senders_of_one_host_do_not_send_at_once(house: House) -> None:
    with house.engines.locks.hold("signals"), pytest.raises(Conflict):
        send(house)


def test_law_8_killed_at_random_moments_the_sender_loses_nothing_and_repeats_only_the_same_tokens(
    house: House, app: App, receiver: Receiver
) -> None:
    with (house.data / "beholden.env").open("a") as settings:
        settings.write(f"BEHOLDEN_RECEIVER_NETWORKS={LOOPBACK}\n")
    listen(house, own(app), receiver.url + "/sets")
    callbacks.register(house.engines, "quiz", deauthorize=receiver.url + "/removed", deletion=None)
    removed(house, app, *(f"p{n}" for n in range(40)))
    with house.engines.store.read() as unit:
        jtis = {entry.jti for entry in unit.signals.waiting("stream_push", 100)}
    dice = random.Random(8)
    running: list[subprocess.Popen[bytes]] = []
    fuse = [0]

    def answer(_: Got) -> Answer:
        fuse[0] -= 1
        if fuse[0] == 0:
            os.kill(running[-1].pid, signals.SIGKILL)
        return Answer(202)

    receiver.answer = answer
    command = [sys.executable, "-m", "beholden", "signal", "send", "--data", str(house.data)]
    for round_ in range(4):
        fuse[0] = dice.randint(2, 18) if round_ < 3 else 0
        running.append(subprocess.Popen(command))
        running[-1].wait(60)
    assert [one.returncode for one in running] == [-signals.SIGKILL] * 3 + [0]
    pushed = [jwt.decode(t.body, options={"verify_signature": False})["jti"]
              for t in receiver.got if t.path == "/sets"]  # fmt: skip
    called = [got.headers["idempotency-key"] for got in receiver.got if got.path == "/removed"]
    assert set(pushed) == jtis and len(set(called)) == 40
    assert len(receiver.got) > 80, "some were sent again"
    assert len({got.body for got in receiver.got}) == 80, "and each time the same"
    assert waiting(house) == 0
    assert send(house) == Sent()


def calls(house: House, app: AppNumber) -> list[Call]:
    with house.engines.store.read() as unit:
        return list(unit.calls.of_app(app, 100))


def wish(house: House, app: App, name: str = "anna") -> PersonNumber:
    """Somebody who removed the app and wishes their data deleted."""
    anna = house.person(name)
    house.grant(anna, app)
    account.remove(house.engines, anna, app.client_id, ask_deletion=True)
    return anna


def test_a_wish_of_deletion_is_called_for_and_its_confirmation_is_kept_for_the_person(
    house: House, app: App, receiver: Receiver
) -> None:
    callbacks.register(house.engines, "quiz", deauthorize=None, deletion=receiver.url + "/delete")
    receiver.answer = lambda _: Answer(200, json.dumps(GOOD).encode())
    anna = wish(house, app)
    assert [w.progress for w in callbacks.wishes(house.engines, anna)] == [Progress.WAITING]
    assert send(house) == Sent(called=1)
    (found,) = callbacks.wishes(house.engines, anna)
    assert (found.progress, found.url, found.confirmation) == (Progress.CONFIRMED, GOOD["url"], "q-77")
    (got,) = receiver.got
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    said = claims(house, parse_qs(got.body.decode())["signed_request"][0], "quiz")
    assert said["jti"] == got.headers["idempotency-key"] == found.code
    assert said["sub_id"]["sub"] == scoped_ids(house.engines.pairwise, app.number, [anna])[0]
    assert list(said["events"]) == [CallKind.DELETION.uri]


def test_a_wish_waits_for_the_app_to_have_an_address(house: House, app: App, receiver: Receiver) -> None:
    anna = wish(house, app)
    assert [w.progress for w in callbacks.wishes(house.engines, anna)] == [Progress.SHOWN]
    assert send(house) == Sent()
    callbacks.register(house.engines, "quiz", deauthorize=None, deletion=receiver.url)
    receiver.answer = lambda _: Answer(200, json.dumps(GOOD).encode())
    assert send(house) == Sent(called=1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"{}"),
        Answer(200, b"[" * 60_000),
        Answer(200, b'{"url":"javascript:alert(1)","confirmation_code":"x"}'),
        Answer(200, b'{"url":"https://q.example/","confirmation_code":"' + b"x" * 100_000 + b'"}'),
        Answer(302, headers={"location": "https://q.example/"}),
        Answer(500, json.dumps(GOOD).encode()),
    ],
)
def test_an_answer_that_is_no_confirmation_is_asked_for_again_for_a_week_and_then_failed(
    house: House, app: App, receiver: Receiver, answer: Answer
) -> None:
    callbacks.register(house.engines, "quiz", deauthorize=None, deletion=receiver.url)
    receiver.answer = lambda _: answer
    anna = wish(house, app)
    assert send(house) == Sent(failed=1)
    assert send(house) == Sent()
    (call,) = calls(house, app.number)
    assert (call.state, call.failures) == (CallState.WAITING, 1) and call.trouble
    assert callbacks.troubles(house.engines).calls == (("quiz", call),)
    later(house, days=8)
    assert send(house) == Sent(failed=1)
    (found,) = callbacks.wishes(house.engines, anna)
    assert (found.progress, found.url) == (Progress.FAILED, "")


def test_an_app_is_not_told_that_somebody_left_who_is_back(house: House, app: App, receiver: Receiver) -> None:
    callbacks.register(house.engines, "quiz", deauthorize=receiver.url, deletion=None)
    (anna,) = removed(house, app, "anna")
    house.grant(anna, app)
    assert send(house) == Sent()
    assert receiver.got == []
    (call,) = calls(house, app.number)
    assert call.state is CallState.DONE and "connected again" in call.trouble


def test_law_7_of_somebody_erased_a_call_is_made_and_then_nothing_is_kept(
    house: House, app: App, receiver: Receiver
) -> None:
    callbacks.register(house.engines, "quiz", deauthorize=receiver.url, deletion=None)
    house.grant(house.person("anna"), app)
    erase.erase(house.engines, SYSTEM, "anna")
    assert send(house) == Sent(called=1)
    assert calls(house, app.number) == []


def test_an_app_that_is_down_is_asked_once_a_round_and_others_are_called(
    house: House, app: App, receiver: Receiver
) -> None:
    other = house.app(client_id="other")
    for one in (app, other):
        callbacks.register(house.engines, one.client_id, deauthorize=f"{receiver.url}/{one.client_id}", deletion=None)
        removed(house, one, *(f"p{n}" for n in range(12)))
    receiver.answer = lambda got: Answer(503 if got.path == "/quiz" else 200)
    assert send(house) == Sent(called=12, failed=1)
    assert [got.path for got in receiver.got].count("/quiz") == 1


def test_an_address_in_a_private_network_is_never_called(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    removed(house, app, "anna")
    assert transmit.send_due(house.engines, HttpPoster()) == Sent(refused=1)
    assert receiver.got == [] and "network" in stream(house).trouble


def test_a_narrowing_by_a_switch_is_pushed_with_its_fields(house: House, app: App, receiver: Receiver) -> None:
    listen(house, own(app), receiver.url)
    anna = house.person("anna")
    house.grant(anna, app, ("name", "email"))
    opt_out.choose(house.engines, anna, Scope.ALL, sharing=False)
    send(house)
    said = claims(house, receiver.tokens[0], "quiz")
    assert said["events"][Kind.FIELDS_NARROWED]["fields"] == ["email", "name"]
