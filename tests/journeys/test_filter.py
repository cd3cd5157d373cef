"""Documents through the filter: people at many places and within each other, each judged, recorded and renamed."""

import json
from datetime import timedelta

import pytest

from beholden.gate.pairwise import person_of
from beholden.journeys.filter import DocumentAnswer, DocumentRequest, RecordSet, Shape, filter_document
from beholden.journeys.ruling import PersonRef
from beholden.model.app import Ask
from beholden.model.decision import Reason
from beholden.model.errors import BadInput
from beholden.model.person import Choice, Scope

pytestmark = pytest.mark.usefixtures("answered_from")
MUTUAL = RecordSet("/mutual", ("/user/id",), {"name": "/user/name"}, field="friends")
FRIENDS = RecordSet("/data/friends", ("/user/id",), {"name": "/user/name", "birthday": "/dob"}, ("/since",), (MUTUAL,))
SHAPE = Shape((RecordSet("/data/me", ("/uid",), single=True), FRIENDS), keep=("/cursor",))


@pytest.fixture
def house(house):
    """Ann gave the quiz everything of hers and of her friends'; all of those named here may be seen but Zoe."""
    asks = tuple(Ask(name, "service", through=True) for name in ("identity", "birthday", "contacts"))
    quiz = house.app(client_id="quiz", asks=asks)
    house.approve(quiz, "birthday", "contacts")
    fields = ("name", "birthday", "friends")
    house.grant(house.person("ann"), quiz, fields, fields)
    for name in ("bea", "cas", "dan", "zoe"):
        choose(house, name, Scope.INDIRECT, sharing=name != "zoe")
    return house


def choose(house, name: str, scope: Scope, target: str = "", *, sharing: bool = False) -> None:
    """A switch, moved; the person is enrolled where they are not yet."""
    with house.engines.store.read() as unit:
        known = unit.directory.numbers([name])
    person = known.get(name) or house.person(name)
    with house.engines.store.write() as unit:
        unit.directory.choose(Choice(person, scope, target, sharing, house.clock.now()))


def friend(name: str, *mutual: str) -> dict:
    """One friend, and whom they know."""
    within = [{"user": {"id": one, "name": one.title()}} for one in mutual]
    return {"user": {"id": name, "name": name.title()}, "dob": "1990", "since": 2010, "x": "y", "mutual": within}


def send(house, *friends: dict, shape: Shape = SHAPE, **more: object) -> DocumentAnswer:
    """A document on its way to the quiz."""
    document = {"data": {"me": {"uid": "ann", "name": "Ann"}, "friends": list(friends), "total": 9}, **more}
    return filter_document(house.engines, DocumentRequest("quiz", PersonRef("ann"), "service", document, shape))


def names(answer: DocumentAnswer) -> list:
    """Who is in it."""
    return [
        (one["user"]["name"], [m["user"]["name"] for m in one.get("mutual", ())])
        for one in answer.document["data"]["friends"]
    ]


def receipts(house) -> list:
    """What the ledger says was disclosed."""
    return list(house.engines.ledger.disclosures())


def test_several_sets_in_one_document_are_one_call_and_one_batch(house):
    answer = send(house, friend("bea", "cas"), friend("dan"), cursor="next")
    assert names(answer) == [("Bea", ["Cas"]), ("Dan", [])]
    assert answer.document["cursor"] == "next"
    assert set(answer.document["data"]) == {"me", "friends"}
    assert set(answer.document["data"]["friends"][0]) == {"user", "dob", "since", "mutual"}
    assert [set(receipt.fields) for receipt in receipts(house)] == [
        {"name"},
        {"name", "birthday", "friends"},
        {"name"},
        {"name", "birthday", "friends"},
    ]
    assert (answer.report.received, answer.report.released) == (4, 4)


def test_law_2_every_person_at_every_place_is_judged_and_renamed(house):
    choose(house, "dan", Scope.CLUSTER, "birthday")
    answer = send(house, friend("bea", "zoe", "cas", "nobody"), friend("dan", "bea"))
    assert names(answer) == [("Bea", ["Cas"]), ("Dan", ["Bea"])]
    first, second = answer.document["data"]["friends"]
    assert "dob" not in second
    assert first["user"]["id"] == second["mutual"][0]["user"]["id"], "one person has one id, wherever they stand"
    with house.engines.store.read() as unit:
        app, numbers = unit.directory.app("quiz"), unit.directory.numbers(["bea"])
    assert person_of(house.engines.pairwise, app.number, first["user"]["id"]) == numbers["bea"]
    text = json.dumps(answer.document)
    assert not [name for name in ("ann", "bea", "cas", "dan", "zoe", "nobody") if f'"{name}"' in text]
    assert len(receipts(house)) == 5


def test_law_2_people_within_a_record_go_only_with_the_list_that_they_are_in(house):
    choose(house, "bea", Scope.CLUSTER, "contacts")
    answer = send(house, friend("bea", "cas"), friend("zoe", "dan"))
    assert names(answer) == [("Bea", [])]
    assert "mutual" not in answer.document["data"]["friends"][0]
    assert len(receipts(house)) == 2, "whoever was not shown was not disclosed"
    at = {one.at: set(one.denied.values()) for one in answer.report.withheld}
    assert at["/data/friends/0/mutual/0"] == {Reason.OPTED_OUT_CLUSTER}
    assert at["/data/friends/1"] == at["/data/friends/1/mutual/0"] == {Reason.INDIRECT_OFF}


def test_law_3_unknown_and_opted_out_look_the_same_at_every_place(house):
    choose(house, "bea", Scope.ALL)
    choose(house, "cas", Scope.APP, "quiz")
    house.grant(house.person("ida"), house.app(client_id="else"))

    def seen(build) -> set[bytes]:
        hidden = ("bea", "cas", "zoe", "nobody", "ida", "x\0y", "é" * 300)
        return {json.dumps(send(house, *build(name)).document).encode() for name in hidden}

    for build in (
        lambda name: [friend(name)],
        lambda name: [friend("dan", name)],
        lambda name: [friend(name, "dan"), friend("dan", name, "dan", name)],
    ):
        assert len(seen(build)) == 1
    single = Shape((RecordSet("/data/friends", ("/user/id",), {"name": "/user/name"}),))
    lone = Shape((RecordSet("/one", ("/id",), single=True),))
    assert send(house, friend("bea"), shape=single).document == {"data": {"friends": []}}
    documents = [send(house, one={"id": name, "name": "N"}, shape=lone).document for name in ("bea", "nobody", "zoe")]
    assert documents == [{}, {}, {}]


def test_law_6_a_lapsed_person_is_not_shown_within_another_record(house):
    with house.engines.store.read() as unit:
        app, numbers = unit.directory.app("quiz"), unit.directory.numbers(["ann", "cas"])
    house.grant(numbers["cas"], app, ("name",))
    house.clock.advance(timedelta(days=60))
    house.use(numbers["ann"], app)
    assert names(send(house, friend("bea", "cas", "dan"))) == [("Bea", ["Cas", "Dan"])]
    house.clock.advance(timedelta(days=30))
    assert names(send(house, friend("bea", "cas", "dan"))) == [("Bea", ["Dan"])]


def test_one_malformed_record_refuses_the_whole_document(house):
    with pytest.raises(BadInput, match="'/data/friends/1/mutual' has no text at '/user/id'"):
        send(house, friend("bea"), {**friend("dan"), "mutual": [{"user": {}}]})
    assert receipts(house) == []


def test_a_document_has_at_most_so_many_people(house):
    crowd = friend("bea", *["cas"] * 4_000)
    with pytest.raises(BadInput, match="more than 10000"):
        send(house, crowd, crowd, crowd)
    assert receipts(house) == []


def test_a_list_of_5000_friends_is_one_call(house):
    house.people([f"f{n}" for n in range(5_000)])
    answer = send(house, friend("bea", *(f"f{n}" for n in range(5_000))), friend("dan", "cas"))
    assert names(answer) == [("Bea", []), ("Dan", ["Cas"])]
    assert answer.report.reasons == {Reason.INDIRECT_OFF: 5_000}
