"""Every act that ends or narrows rights is told in its transaction: to the app of itself, to the platform of all."""

from datetime import timedelta

import pytest

from beholden.gate.signals import stream as streams
from beholden.gate.signals.callback import CallKind
from beholden.gate.signals.event import Kind
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import MAX_WAITING, Receiver, Status
from beholden.journeys import account, callbacks, consent, enforce, erase, expire, opt_out, review, signal, token
from beholden.journeys.ports import Unit
from beholden.model.act import SYSTEM, Actor, ActorKind
from beholden.model.app import App, Ask
from beholden.model.grant import EndReason
from beholden.model.person import Scope
from tests.conftest import House
from tests.journeys.court import ANNA, BEN, scene
from tests.journeys.test_consent import ASKS, allow
from tests.journeys.test_token import Client, given

PLATFORM = Receiver("api", None)


def listen(house: House, receiver: Receiver) -> str:
    """A stream of everything that a receiver may hear."""
    id_ = house.engines.ids.new("stream")
    made = streams.begun(id_, receiver, streams.wishes({}), house.engines.url, house.clock.now())
    with house.engines.store.write() as unit:
        unit.signals.put_stream(made)
    return id_


def own(app: App) -> Receiver:
    return Receiver(app.client_id, app.number)


def told(house: House, stream: str) -> list[Entry]:
    with house.engines.store.read() as unit:
        return list(unit.signals.waiting(stream, 1000))


def kinds(house: House, stream: str) -> list[Kind]:
    return [entry.kind for entry in told(house, stream)]


@pytest.fixture
def app(house: House) -> App:
    return house.app(asks=(Ask("identity", "p"), Ask("likes", "p"), Ask("likes", "p", through=True)))


def test_removing_an_app_is_told_once_to_it_and_to_the_platform_and_to_no_other_app(house: House, app: App) -> None:
    mine, others, platform = listen(house, own(app)), listen(house, own(house.app())), listen(house, PLATFORM)
    anna = house.person("anna")
    grant = house.grant(anna, app)
    account.remove(house.engines, anna, app.client_id, ask_deletion=False)
    (entry,) = told(house, mine)
    assert (entry.kind, entry.grant, dict(entry.details)) == (Kind.GRANT_REVOKED, grant.id, {"reason": "user"})
    (at_platform,) = told(house, platform)
    assert at_platform.txn == entry.txn and at_platform.jti != entry.jti
    assert told(house, others) == []


def test_an_act_that_is_rolled_back_is_told_to_nobody(house: House, app: App) -> None:
    mine, anna = listen(house, own(app)), house.person("anna")
    grant = house.grant(anna, app)

    class Crash(Exception):
        pass

    with pytest.raises(Crash), house.engines.store.write() as unit:
        consent.end_in(unit, grant, EndReason.PERSON, house.clock.now())
        raise Crash
    assert told(house, mine) == []


def test_the_sweep_of_unused_grants_is_told_with_its_reason(house: House, app: App) -> None:
    mine = listen(house, own(app))
    for name in ("anna", "bert"):
        house.grant(house.person(name), app)
    house.clock.set(house.clock.now() + timedelta(days=91))
    expire.sweep(house.engines)
    assert [dict(e.details) for e in told(house, mine)] == [{"reason": "inactive"}] * 2


def test_law_3_an_erasure_reaches_the_app_as_any_other_end(house: House, app: App) -> None:
    mine, anna = listen(house, own(app)), house.person("anna")
    house.grant(anna, app)
    erase.erase(house.engines, SYSTEM, "anna")
    (entry,) = told(house, mine)
    assert (entry.kind, dict(entry.details)) == (Kind.GRANT_REVOKED, {"reason": "user"})


@pytest.mark.parametrize(
    ("scope", "target", "fields", "through"),
    [
        (Scope.ALL, "", ["likes", "name"], ["likes"]),
        (Scope.APP, "app-1", ["likes", "name"], ["likes"]),
        (Scope.CLUSTER, "likes", ["likes"], []),
    ],
)
def test_a_switch_turned_off_is_told_with_the_fields_that_it_took_and_not_with_the_switch(
    house: House, app: App, scope: Scope, target: str, fields: list[str], through: list[str]
) -> None:
    mine, anna = listen(house, own(app)), house.person("anna")
    house.grant(anna, app, ("name", "likes"), ("likes",))
    opt_out.choose(house.engines, anna, scope, target, sharing=False)
    (entry,) = told(house, mine)
    assert entry.kind is Kind.FIELDS_NARROWED
    assert dict(entry.details) == {"fields": fields, "through_fields": through}
    house.clock.set(house.clock.now() + timedelta(minutes=1))
    opt_out.choose(house.engines, anna, scope, target, sharing=True)
    assert len(told(house, mine)) == 1


def test_what_another_switch_took_before_is_not_told_again(house: House, app: App) -> None:
    mine, anna = listen(house, own(app)), house.person("anna")
    house.grant(anna, app, ("name", "likes"))
    opt_out.choose(house.engines, anna, Scope.ALL, sharing=False)
    opt_out.choose(house.engines, anna, Scope.CLUSTER, "likes", sharing=False)
    assert len(told(house, mine)) == 1


def test_law_3_what_friends_apps_may_see_is_told_to_no_app(house: House, app: App) -> None:
    mine, anna = listen(house, own(app)), house.person("anna")
    house.grant(house.person("bert"), app, ("name",), ("likes",))
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=True)
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=False)
    assert told(house, mine) == []


def test_a_ban_of_many_grants_is_two_signals_for_each_app_and_its_lifting_one(house: House) -> None:
    court = scene(house)
    mine, platform = listen(house, own(court.apps[0])), listen(house, PLATFORM)
    proposed = enforce.propose(house.engines, ANNA, "ban", "harvest", developer=court.developer.number)
    assert told(house, platform) == []
    enforce.confirm(house.engines, BEN, proposed.sanction.id)
    assert sorted(kinds(house, mine)) == sorted([Kind.CLIENT_DISABLED, Kind.TOKENS_REVOKED])
    assert len(told(house, platform)) == 2 * len(court.apps)
    assert all(entry.person is None for entry in told(house, platform))
    house.clock.set(house.clock.now() + timedelta(days=1))
    enforce.propose_lift(house.engines, ANNA, proposed.sanction.id, "appeal")
    enforce.lift(house.engines, BEN, proposed.sanction.id)
    assert kinds(house, mine)[-1] is Kind.CLIENT_ENABLED


def test_a_restriction_is_told_once_with_the_kinds_of_data_that_it_takes(house: House) -> None:
    court = scene(house)
    mine = listen(house, own(court.apps[0]))
    proposed = enforce.propose(house.engines, ANNA, "restrict", "watch", app=court.apps[0].client_id)
    enforce.confirm(house.engines, BEN, proposed.sanction.id)
    (entry,) = told(house, mine)
    assert entry.kind is Kind.FIELDS_NARROWED
    assert "likes" in entry.details["clusters"] and "identity" not in entry.details["clusters"]  # type: ignore[operator]


def test_ending_all_tokens_of_an_app_is_one_signal(house: House, app: App) -> None:
    mine = listen(house, own(app))
    token.end_tokens_of_app(house.engines, app.number)
    assert kinds(house, mine) == [Kind.TOKENS_REVOKED]


def test_a_full_queue_ends_the_stream_and_says_so_and_the_act_takes_hold_all_the_same(
    house: House, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_WAITING == 10_000
    monkeypatch.setattr(signal, "MAX_WAITING", 2)
    mine = listen(house, own(app))
    people = house.people(["a", "b", "c", "d"])
    for person in people:
        house.grant(person, app)
    for number, person in enumerate(people):
        account.remove(house.engines, person, app.client_id, ask_deletion=False)
        assert signal.bound_queues(house.engines) == ([mine] if number == 2 else [])
    assert sorted(kinds(house, mine)) == sorted([Kind.GRANT_REVOKED] * 3 + [Kind.STREAM_UPDATED])
    with house.engines.store.read() as unit:
        found = unit.signals.stream(mine)
        assert found is not None and found.status is Status.DISABLED and "waited" in found.reason
        assert not any(unit.directory.grants(person=person, active=True) for person in people)


def _calls(house: House, app: App) -> list[CallKind]:
    with house.engines.store.read() as unit:
        return [call.kind for call in unit.calls.of_app(app.number, 10)]


def test_an_app_with_an_address_is_called_for_a_removal_and_one_without_is_not(house: House, app: App) -> None:
    other = house.app()
    callbacks.register(house.engines, app.client_id, deauthorize="https://q.example/x", deletion=None)
    anna = house.person("anna")
    for one in (app, other):
        house.grant(anna, one)
        account.remove(house.engines, anna, one.client_id, ask_deletion=False)
    assert _calls(house, app) == [CallKind.DEAUTHORIZE]
    assert _calls(house, other) == []


def test_an_app_that_ends_a_grant_itself_is_not_called(house: House, app: App) -> None:
    callbacks.register(house.engines, app.client_id, deauthorize="https://q.example/x", deletion=None)
    grant = house.grant(house.person("anna"), app)

    def work(unit: Unit) -> None:
        consent.end_in(unit, grant, EndReason.APP, house.clock.now())

    house.engines.store.perform(work)
    assert _calls(house, app) == []


def test_law_12_setting_where_an_app_is_called_is_in_the_ledger(house: House, app: App) -> None:
    who = Actor(ActorKind.DEVELOPER, "1")
    callbacks.register(house.engines, app.client_id, deauthorize="", deletion="https://q.example/d", actor=who)
    act = list(house.engines.ledger.acts())[-1]
    assert (act.verb, act.actor, act.details["deletion"]) == ("app:callbacks", "developer:1", "https://q.example/d")


def test_a_narrower_grant_in_the_place_of_a_wider_one_is_told_with_what_is_gone(house: House) -> None:
    quiz = house.app(client_id="quiz", asks=ASKS, verified=True)
    house.approve(quiz, "likes", "birthday")
    mine, anna = listen(house, own(quiz)), house.person("anna")
    allow(house, anna, quiz, ["likes", "birthday", "through:likes"])
    allow(house, anna, quiz, ["likes", "birthday", "through:likes"], prompt="consent")
    assert told(house, mine) == [], "the same again takes nothing"
    allow(house, anna, quiz, ["birthday"], prompt="consent")
    (entry,) = told(house, mine)
    assert entry.kind is Kind.FIELDS_NARROWED
    likes = sorted(house.catalogue.fields_of("likes"))
    assert dict(entry.details) == {"fields": likes, "through_fields": likes}


def test_a_permission_that_lapsed_is_told_once_for_everybody(house: House, app: App) -> None:
    house.approve(app, "likes", purpose="p")
    mine = listen(house, own(app))
    house.clock.set(house.clock.now() + timedelta(days=91))
    review.lapse_unused(house.engines)
    assert [dict(e.details) for e in told(house, mine)] == [{"clusters": ["likes"], "purpose": "p"}]


def test_tokens_given_back_or_used_twice_are_told(house: House) -> None:
    client = Client(house)
    mine, anna = listen(house, own(client.app)), house.person("anna")
    code = client.code(anna)
    got = given(client.redeem(code))
    token.revoke(house.engines, None, client.pairs(token=got["access_token"]))
    assert kinds(house, mine) == [Kind.TOKEN_REVOKED]
    house.clock.set(house.clock.now() + timedelta(seconds=1))
    client.redeem(code)
    assert kinds(house, mine)[1:] == [Kind.TOKENS_REVOKED]
    house.clock.set(house.clock.now() + timedelta(seconds=1))
    fresh = client.tokens(anna)
    client.refresh(fresh["refresh_token"])
    client.refresh(fresh["refresh_token"])
    last = told(house, mine)[-1]
    assert (last.kind, dict(last.details)) == (Kind.GRANT_REVOKED, {"reason": "issuer"})
