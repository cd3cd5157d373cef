"""Disclosure on the real store and the real ledger: each law by its name, and what the filter makes of records."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.gate.pairwise import person_of
from beholden.journeys.disclose import (
    MAX_RECORDS,
    FilterAnswer,
    FilterRequest,
    PersonRef,
    Question,
    Stop,
    evaluate,
    evaluate_many,
    filter_records,
)
from beholden.journeys.filter import MAX_DIGESTED
from beholden.model.app import App, Ask
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, Unavailable
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice, Scope

pytestmark = pytest.mark.usefixtures("answered_from")
ASKS = (Ask("identity", "service", required=True), Ask("birthday", "service"), Ask("identity", "service", through=True))
OWN = ("name", "photo", "email", "birthday")


@pytest.fixture
def app(house) -> App:
    """A quiz that may have birthdays."""
    app = house.app(client_id="quiz", asks=ASKS)
    house.approve(app, "birthday")
    return app


@pytest.fixture
def ann(house, app) -> PersonNumber:
    """Ann installed the quiz, for her own data and her friends'."""
    ann = house.person("ann")
    house.grant(ann, app, OWN, OWN)
    return ann


def friend(house, outside_id: str, *, indirect: bool = True) -> PersonNumber:
    """Somebody whose friends' apps may see them."""
    number = house.person(outside_id)
    if indirect:
        choose(house, number, Scope.INDIRECT, sharing=True)
    return number


def choose(house, person: PersonNumber, scope: Scope, target: str = "", *, sharing: bool = False) -> None:
    """A switch, moved."""
    with house.engines.store.write() as unit:
        unit.directory.choose(Choice(person, scope, target, sharing, house.clock.now()))


def ask(house, person: str = "ann", *fields: str, through: str | None = None, disclose: bool = False) -> Decision:
    """One question of the quiz."""
    granter = None if through is None else PersonRef(through)
    return evaluate(house.engines, Question("quiz", PersonRef(person), fields or OWN, "service", granter, disclose))


def send(house, *records: dict, app: str = "quiz", through: str = "ann", **more) -> FilterAnswer:
    """Records on their way to the quiz."""
    return filter_records(house.engines, FilterRequest(app, PersonRef(through), "service", records, **more))


def row(outside_id: str, **fields: object) -> dict:
    """One record."""
    return {"id": outside_id, "name": outside_id.title(), **fields}


@contextmanager
def full_disk(house) -> Iterator[None]:
    """The ledger's longest file may not grow: what a full disk does to an append, done by the kernel."""
    longest = max(file.stat().st_size for file in (house.data / "ledger").rglob("*") if file.is_file())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def receipts(house) -> list:
    """What the ledger says was disclosed."""
    return list(house.engines.ledger.disclosures())


def test_a_question_records_nothing_and_a_disclosure_one_receipt(house, ann):
    assert ask(house).whole
    assert receipts(house) == []
    assert ask(house, disclose=True).whole
    (receipt,) = receipts(house)
    assert (receipt.person, receipt.through, receipt.purpose) == (ann, ann, "service")
    assert set(receipt.fields) == set(OWN)
    assert receipt.at == house.clock.now()


def test_only_what_is_allowed_is_recorded(house, ann):
    decision = ask(house, "ann", "name", "politics", disclose=True)
    assert not decision.whole
    assert decision.allowed == ("name",)
    assert [receipt.fields for receipt in receipts(house)] == [("name",)]


def test_a_person_can_be_named_by_the_apps_own_id(house, app, ann):
    (released,) = send(house, row("ann")).records
    scoped = PersonRef(released["id"], scoped=True)
    question = Question("quiz", scoped, ("name",), "service")
    assert evaluate(house.engines, question).whole
    assert evaluate(house.engines, replace(question, person=PersonRef(released["id"]))).denied == {
        "name": Reason.PERSON_UNKNOWN
    }
    house.grant(ann, house.app(client_id="other"))
    other = evaluate(house.engines, replace(question, app="other"))
    assert other.denied == {"name": Reason.PERSON_UNKNOWN}, "another app's id of a person is nobody's"


def test_law_1_no_receipt_no_release(house, ann):
    ask(house, disclose=True)
    with full_disk(house):
        denied = ask(house, disclose=True)
        with pytest.raises(Unavailable):
            send(house, row("ann"))
        without_receipt = ask(house)
    assert set(denied.denied.values()) == {Reason.NO_RECEIPT}
    assert not denied.allowed
    assert without_receipt.whole, "a question needs no receipt"
    assert len(receipts(house)) == 1
    assert send(house, row("ann")).records, "and the ledger goes on when there is room again"
    assert len(receipts(house)) == 2


def test_law_1_every_released_record_has_its_receipt(house, app, ann):
    friends = [friend(house, f"f{n}") for n in range(20)]
    answer = send(house, *(row(f"f{n}", birthday="1990-01-01", politics="none") for n in range(20)))
    found = receipts(house)
    assert [receipt.person for receipt in found] == friends
    assert {receipt.through for receipt in found} == {ann}
    assert {receipt.fields for receipt in found} == {("name", "birthday")}
    assert all(set(record) == {"id", "name", "birthday"} for record in answer.records)


def test_law_2_each_person_in_each_record_is_judged(house, app, ann):
    for name in ("bea", "cas", "dan"):
        friend(house, name, indirect=name != "cas")
    choose(house, friend(house, "eve"), Scope.CLUSTER, "birthday")
    answer = send(house, *(row(name, birthday="1990") for name in ("ann", "bea", "cas", "dan", "eve")))
    assert [record["name"] for record in answer.records] == ["Ann", "Bea", "Dan", "Eve"]
    assert "birthday" not in answer.records[3]
    assert answer.report.withheld[0].index == 2
    assert set(answer.report.withheld[0].denied.values()) == {Reason.INDIRECT_OFF}
    assert answer.report.withheld[1].denied == {"birthday": Reason.OPTED_OUT_CLUSTER}


def test_law_2_a_friend_who_let_the_app_lapse_is_not_shown_through_others(house, app, ann):
    house.grant(friend(house, "bea"), app)
    house.clock.advance(timedelta(days=60))
    house.use(ann, app)
    house.clock.advance(timedelta(days=30))
    assert send(house, row("bea")).records == []
    assert ask(house, "bea", "name", through="ann").denied == {"name": Reason.INACTIVE}


def as_the_app_sees(answer: FilterAnswer) -> bytes:
    """What the platform hands on."""
    return json.dumps(answer.records).encode()


def test_law_3_an_unknown_person_and_an_opted_out_one_look_the_same(house, app, ann):
    choose(house, friend(house, "bea"), Scope.ALL)
    choose(house, friend(house, "cas"), Scope.APP, "quiz")
    friend(house, "dan", indirect=False)
    seen = [as_the_app_sees(send(house, row("ann"), row(name), row("ann"))) for name in ("nobody", "bea", "cas", "dan")]
    assert len(set(seen)) == 1
    assert b"nobody" not in seen[0]
    alone = {as_the_app_sees(send(house, row(name))) for name in ("nobody", "bea", "cas", "dan", "x\0y", "é" * 300)}
    assert alone == {b"[]"}


def test_law_3_the_platforms_own_ids_never_leave(house, app, ann):
    friend(house, "bea-outside")
    answer = send(house, row("ann"), {"uid": "x", "id": "bea-outside", "name": "B"})
    assert b"bea-outside" not in as_the_app_sees(answer)
    scoped = [record["id"] for record in answer.records]
    assert person_of(house.engines.pairwise, app.number, scoped[0]) == ann
    assert len({len(one) for one in scoped}) == 1


@pytest.mark.parametrize("answered_from", ["store"], indirect=True)
def test_law_4_without_its_store_the_gate_allows_nothing(house, ann, tmp_path):
    gone = SqlStore(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'store.db'}")
    house.engines = replace(house.engines, store=gone)
    assert set(ask(house).denied.values()) == {Reason.GATE_STALE}
    assert set(ask(house, disclose=True).denied.values()) == {Reason.GATE_STALE}
    with pytest.raises(Unavailable):
        send(house, row("ann"))
    gone.close()


def test_law_4_without_its_clock_the_gate_allows_nothing(house, ann, tmp_path):
    (tmp_path / "clock").unlink()
    assert set(ask(house).denied.values()) == {Reason.GATE_STALE}


@pytest.mark.parametrize("answered_from", ["store"], indirect=True)
def test_law_4_a_gate_that_reads_slower_than_its_limit_allows_nothing(house, app, ann):
    house.people([f"f{n}" for n in range(600)])
    with house.engines.store.write() as unit:
        unit.directory.set_policy("name: hasty\ngate_lag_limit_ms: 1\n", house.clock.now())
    before = house.engines.ledger.size()
    with pytest.raises(Unavailable, match="latest standing"):
        send(house, row("ann"), *(row(f"f{n}") for n in range(600)))
    assert house.engines.ledger.size() == before
    questions = [Question("quiz", PersonRef("ann"), ("name",), "service", disclose=True)] * 60
    answers = evaluate_many(house.engines, questions)
    assert answers[-1] is not None
    assert answers[-1].denied["name"] is Reason.GATE_STALE


OTHER_PROCESS = """
import sys
from pathlib import Path
from beholden import bootstrap, settings
from beholden.backends.sql.tables import standings
from beholden.model.grant import EndReason, GrantState
from beholden.model.person import Choice, Scope

engines = bootstrap.embedded(settings.read({"BEHOLDEN_CLOCK": sys.argv[2], "BEHOLDEN_CATALOGUE": sys.argv[3]},
                                           data=Path(sys.argv[1])))
print("ready", flush=True)
for line in sys.stdin:
    verb, name = line.split()
    now = engines.clock.now()
    with engines.store.write() as unit:
        app = unit.directory.app("quiz")
        if verb == "ban":
            unit._connection.execute(standings.insert().values(
                kind="developer", number=app.developer, standing="banned", since=now, sanction="sanction_test"))
        else:
            person = unit.directory.numbers([name])[name]
            if verb == "opt-out":
                unit.directory.choose(Choice(person, Scope.ALL, "", False, now))
            for grant in unit.directory.grants(person=person) if verb == "revoke" else ():
                unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.PERSON, now)
    print("done", flush=True)
"""


def test_law_5_what_another_process_committed_is_in_force_at_the_next_request(house, app, ann, tmp_path):
    for name in ("bob", "cat"):
        house.grant(house.person(name), app, OWN)
    files = [str(house.data), str(tmp_path / "clock"), str(house.settings.catalogue_file)]
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "ready\n"
        for order, reason in (
            ("opt-out ann", Reason.OPTED_OUT_ALL),
            ("revoke bob", Reason.GRANT_ENDED),
            ("ban everybody", Reason.DEVELOPER_BANNED),
        ):
            name = order.split()[1] if "ban" not in order else "cat"
            assert ask(house, name, disclose=True).whole
            other.stdin.write(order + "\n")
            other.stdin.flush()
            assert other.stdout.readline() == "done\n"
            assert set(ask(house, name, disclose=True).denied.values()) == {reason}
            assert send(house, row(name), through=name).records == []
        other.stdin.close()
    assert other.returncode == 0
    assert len(receipts(house)) == 3


def test_law_6_an_app_that_polls_every_day_loses_the_person_after_90(house, app, ann):
    for _ in range(89):
        house.clock.advance(timedelta(days=1))
        assert ask(house, disclose=True).whole
        assert send(house, row("ann")).records
    house.clock.advance(timedelta(days=1))
    assert set(ask(house, disclose=True).denied.values()) == {Reason.INACTIVE}
    assert send(house, row("ann")).records == []
    with house.engines.store.read() as unit:
        assert unit.directory.last_uses(ann)[app.number] == house.clock.now() - timedelta(days=90)


def test_r8_use_keeps_a_permission_and_disuse_lets_it_lapse(house, app, ann):
    for _ in range(4):
        house.clock.advance(timedelta(days=60))
        house.use(ann, app)
        assert ask(house, disclose=True).whole, "a disclosure each two months keeps the permission"
    house.clock.advance(timedelta(days=89))
    house.use(ann, app)
    assert ask(house, "ann", "birthday").whole, "a question does not keep it"
    house.clock.advance(timedelta(days=1))
    assert ask(house, "ann", "name", "birthday").denied == {"birthday": Reason.NOT_APPROVED}


def test_r8_a_permission_in_use_is_written_down_once_a_day(house, app, ann):
    def noted():
        with house.engines.store.read() as unit:
            return unit.directory.reviews(app.number)[0].last_used_at

    first = noted()
    house.clock.advance(timedelta(hours=23))
    send(house, row("ann", birthday="1990"))
    assert noted() == first
    house.clock.advance(timedelta(hours=1))
    send(house, row("ann", name="only basic"))
    assert noted() == first, "basic fields use no permission"
    send(house, row("ann", birthday="1990"))
    assert noted() == house.clock.now()


def test_r8_the_platforms_later_no_outweighs_its_earlier_yes(house, app, ann):
    with house.engines.store.write() as unit:
        yes = unit.directory.reviews(app.number)[0]
        later = house.clock.now() + timedelta(hours=1)
        unit.directory.put_review(replace(yes, id="review_later", state="refused", decided_at=later))
    assert ask(house, "ann", "birthday").denied == {"birthday": Reason.NOT_APPROVED}


def test_two_standing_positions_of_one_switch_are_a_no(house, ann):
    choose(house, ann, Scope.ALL)
    house.clock.advance(timedelta(seconds=1))
    choose(house, ann, Scope.ALL, sharing=True)
    assert ask(house).whole
    from beholden.backends.sql.tables import choices

    with house.engines.store.engine.begin() as connection:  # what two writers at once can leave on some databases
        connection.execute(choices.update().values(ended_at=None))
    assert set(ask(house).denied.values()) == {Reason.OPTED_OUT_ALL}


def test_the_filter_keeps_order_nests_and_types(house, ann):
    birthday = {"day": 1, "month": None, "notes": ["é", 1.5, True], "big": 2**70}
    (record,) = send(house, row("ann", birthday=birthday)).records
    assert record["birthday"] == birthday
    assert list(record)[1:] == ["name", "birthday"]


def test_the_filter_considers_only_the_fields_it_is_told_to(house, ann):
    (record,) = send(house, row("ann", birthday="1990"), fields=("birthday", "photo", "id")).records
    assert set(record) == {"id", "birthday"}


def test_the_person_key_can_have_another_name(house, ann):
    (record,) = send(house, {"uid": "ann", "id": "ann", "name": "Ann"}, person="uid").records
    assert set(record) == {"uid", "name"}, "a key that no catalogue knows does not leave, whatever it is called"
    assert record["uid"] != "ann"


def test_the_report_counts_what_was_withheld_and_why(house, ann):
    choose(house, friend(house, "bea"), Scope.ALL)
    answer = send(house, row("ann", politics="x"), row("bea"), row("nobody"), {"id": "ann"})
    assert (answer.report.received, answer.report.released) == (4, 1)
    assert answer.report.reasons == {Reason.FIELD_NOT_GRANTED: 1, Reason.OPTED_OUT_ALL: 1, Reason.PERSON_UNKNOWN: 1}
    assert [one.index for one in answer.report.withheld] == [0, 1, 2, 3]


def test_an_unknown_app_gets_nothing(house, ann):
    for app in ("nobody", "", "a\0b", "\ud800", "x" * 500):
        answer = send(house, row("ann"), app=app)
        assert answer.records == []
        assert set(answer.report.reasons) == {Reason.APP_UNKNOWN}


@pytest.mark.parametrize(
    ("records", "more"),
    [
        ([{"name": "nobody's"}], {}),
        ([{"id": 17, "name": "x"}], {}),
        ([{"id": None}], {}),
        ([["id", "ann"]], {}),
        ([{"id": "ann", "name": {1, 2}}], {}),
        ([{"id": "ann", "name": float("nan")}], {}),
        ([{"id": "ann"}] * (MAX_RECORDS + 1), {}),
        ([{"id": "ann"}], {"fields": ("x",) * 1001}),
    ],
    ids=["no id", "a number", "null", "a list", "a set", "NaN", "too many", "too many fields"],
)
def test_a_malformed_record_refuses_the_whole_call_and_records_nothing(house, ann, records, more):
    before = house.engines.ledger.size()
    with pytest.raises(BadInput):
        send(house, row("ann"), *records, **more)
    assert house.engines.ledger.size() == before


def test_values_are_digested_and_long_ones_are_not(house, ann):
    send(house, row("ann", name="Ann", birthday={"b": 1, "a": [True, None]}, photo="x" * (MAX_DIGESTED + 1)))
    (receipt,) = receipts(house)
    assert set(receipt.digests) == {"name", "birthday"}
    assert set(receipt.fields) == {"name", "birthday", "photo"}


def test_no_records_are_no_disclosure(house, ann):
    before = house.engines.ledger.size()
    answer = send(house)
    assert (answer.records, answer.report.received) == ([], 0)
    assert house.engines.ledger.size() == before


def test_many_questions_keep_their_order_and_stop_where_they_are_told(house, ann):
    yes, no = (Question("quiz", PersonRef(who), ("name",), "service") for who in ("ann", "nobody"))

    def answered(stop: Stop, *questions: Question | None) -> list[bool | None]:
        found = evaluate_many(house.engines, questions, stop)
        return [None if answer is None else answer.whole for answer in found]

    assert answered(Stop.NEVER, yes, no, None, yes) == [True, False, None, True]
    assert answered(Stop.FIRST_DENY, yes, no, yes) == [True, False]
    assert answered(Stop.FIRST_DENY, yes, None, yes) == [True, None]
    assert answered(Stop.FIRST_PERMIT, no, None, yes, no) == [False, None, True]
    assert answered(Stop.NEVER) == []


def test_what_comes_after_the_end_of_a_row_is_not_recorded(house, ann):
    yes = Question("quiz", PersonRef("ann"), ("name",), "service", disclose=True)
    evaluate_many(house.engines, [yes, yes], Stop.FIRST_PERMIT)
    assert len(receipts(house)) == 1


def test_a_disclosure_must_name_its_fields(house):
    with pytest.raises(BadInput, match="name its fields"):
        Question("quiz", PersonRef("ann"), None, "service", disclose=True)


def test_a_question_without_fields_asks_about_all(house, ann):
    decision = evaluate(house.engines, Question("quiz", PersonRef("ann"), None, "service"))
    assert set(decision.allowed) == set(OWN)
    assert {*decision.allowed, *decision.denied} == set(house.catalogue.by_field)


def test_an_answer_that_waited_for_the_ledger_past_the_limit_is_decided_anew(house, app, ann):
    """The ban falls while the receipt is being written, and the disk was slow: the answer is a no."""
    engines = house.engines

    class Slow:
        """The real ledger, on a disk on which an append takes longer than the limit, and a ban has time to land."""

        def append(self, items):
            with engines.store.write() as unit:
                for grant in unit.directory.grants(person=ann):
                    unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.PERSON, house.clock.now())
            places = engines.ledger.append(items)
            subprocess.run(["sleep", "1.1"], check=True)
            return places

    house.engines = replace(engines, ledger=Slow())
    assert set(ask(house, disclose=True).denied.values()) == {Reason.GRANT_ENDED}
    house.grant(ann, app, OWN)
    assert send(house, row("ann")).records == []
    house.engines = engines
    assert len(receipts(house)) == 2, "the receipts stay: rather one too many than one too few"
