"""Telling everyone impacted: draft, freeze, inbox, self-check, and what a status says."""

import base64
import hashlib
from datetime import timedelta

import pytest
from pyroaring import BitMap

from beholden.journeys import notify
from beholden.journeys.affected import Outcome
from beholden.journeys.post import send
from beholden.model.act import SYSTEM, Actor, ActorKind
from beholden.model.app import App
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, Conflict, NotAllowed, NotFound
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.notices.campaign import Delivery
from beholden.notices.campaign import Outcome as Sent
from beholden.notices.letter import Letter
from tests.conftest import House


class Letterbox:
    """A mailer that keeps what it is handed: for what letters say, not for what a server does."""

    sender = "notices@beholden.example"

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def deliver(self, letters):  # type: ignore[no-untyped-def]
        self.letters.extend(letters)
        return [Delivery(one.person, Sent.DELIVERED) for one in letters]

    def close(self) -> None:
        """Nothing is open."""


def disclose(
    house: House, app: App, person: PersonNumber, through: PersonNumber, fields: tuple[str, ...] = ("name", "likes")
) -> None:
    grant = house.engines.ids.new("grant")
    house.engines.ledger.append(
        [Disclosure(app.number, app.developer, person, through, fields, "quiz", grant, house.clock.now())]  # type: ignore[arg-type]
    )


@pytest.fixture
def quiz(house: House) -> App:
    """Ann connected it; it got Ann's data, and Bob's through Ann. It has nothing of Cy."""
    app = house.app(house.developer("Science Research"), "quiz", name="Quiz")
    ann, bob, _ = (house.person(name, name=f"Some {name.title()}") for name in ("ann", "bob", "cy"))
    house.grant(ann, app)
    disclose(house, app, ann, ann, ("name", "birthday"))
    house.clock.advance(timedelta(days=2))
    disclose(house, app, bob, ann)
    return app


def number(house: House, who: str) -> PersonNumber:
    with house.engines.store.read() as unit:
        return unit.directory.numbers([who])[who]


def started(house: House, app: App) -> str:
    campaign = notify.draft(house.engines, SYSTEM, [app.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, campaign.id)
    send(house.engines, Letterbox(), campaign.id)
    return campaign.id


def test_freezing_logs_counts_and_the_set_and_where_the_ledger_was_and_no_identity(house: House, quiz: App) -> None:
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    before = house.engines.ledger.size()
    view = notify.freeze(house.engines, view.id)
    people = BitMap([number(house, "ann"), number(house, "bob")])
    people.run_optimize()
    (act,) = [act for act in house.engines.ledger.acts() if act.verb == "notice:freeze"]
    assert act.subject == view.id
    assert act.details == {
        "due": 2,
        "direct": 1,
        "indirect": 1,
        "erased": 0,
        "sha256": hashlib.sha256(people.serialize()).hexdigest(),
        "ledger_size": before,
        "root": view.root,
    }
    assert len(base64.b64decode(view.root)) == 32


def test_what_comes_into_the_ledger_after_freezing_is_not_in_the_set(house: House, quiz: App) -> None:
    campaign = started(house, quiz)
    disclose(house, quiz, number(house, "cy"), number(house, "ann"))
    assert notify.inbox(house.engines, number(house, "cy")) == ()
    assert notify.status(house.engines, campaign).campaign.due == 2


def test_an_audience_is_frozen_once(house: House, quiz: App) -> None:
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, view.id)
    with pytest.raises(Conflict):
        notify.freeze(house.engines, view.id)


def test_the_self_check_has_three_answers_with_the_fields(house: House, quiz: App) -> None:
    campaign = started(house, quiz)
    answers = {who: notify.self_check(house.engines, number(house, who), campaign) for who in ("ann", "bob", "cy")}
    assert {who: answer.outcome for who, answer in answers.items()} == {
        "ann": Outcome.YOU_DID,
        "bob": Outcome.THROUGH_SOMEONE,
        "cy": Outcome.NOT_AFFECTED,
    }
    labels = house.catalogue.labels
    assert set(answers["ann"].fields) == {labels["name"], labels["birthday"]}
    assert set(answers["bob"].fields) == {labels["name"], labels["likes"]}
    assert answers["cy"].fields == ()


def test_a_notice_is_in_the_inbox_by_construction_and_stays_after_it_was_seen(house: House, quiz: App) -> None:
    campaign = started(house, quiz)
    bob = number(house, "bob")
    (view,) = notify.inbox(house.engines, bob)
    assert view.seen_at is None and view.apps == ("Quiz",) and view.outcome is Outcome.THROUGH_SOMEONE
    house.clock.advance(timedelta(hours=1))
    assert notify.mark_seen(house.engines, bob, campaign)
    assert not notify.mark_seen(house.engines, bob, campaign)
    assert notify.notice(house.engines, bob, campaign).seen_at == house.clock.now()
    assert len(notify.inbox(house.engines, bob)) == 1


def test_a_notice_is_shown_to_nobody_before_sending_begins_and_never_to_others(house: House, quiz: App) -> None:
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, view.id)
    bob, cy = number(house, "bob"), number(house, "cy")
    assert notify.inbox(house.engines, bob) == ()
    with pytest.raises(NotFound):
        notify.self_check(house.engines, bob, view.id)
    send(house.engines, Letterbox(), view.id)
    assert notify.notice(house.engines, bob, view.id)
    for ask in (notify.notice, notify.mark_seen):
        with pytest.raises(NotFound):
            ask(house.engines, cy, view.id)


def test_a_letter_says_what_the_page_says_and_names_no_friend(house: House, quiz: App) -> None:
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, view.id)
    box = Letterbox()
    send(house.engines, box, view.id)
    by_person = {one.person: one.data.decode() for one in box.letters}
    bob = " ".join(by_person[number(house, "bob")].replace("=\r\n", "").split())
    assert "Hello Some Bob," in bob
    assert "Ann" not in bob and "ann@" not in bob
    assert "3 January 2026" in bob
    for section in notify.notice(house.engines, number(house, "bob"), view.id).sections:
        assert section.title.upper() in bob
    assert house.engines.contact in bob and f"{house.engines.url}/privacy/inbox" in bob


def test_several_apps_of_a_developer_are_one_notice_that_tells_of_each(house: House, quiz: App) -> None:
    with house.engines.store.read() as unit:
        developer = unit.directory.developer(quiz.developer)
    assert developer is not None
    shop = house.app(developer, "shop", name="Shop")
    disclose(house, shop, number(house, "bob"), number(house, "bob"), ("email",))
    apps = notify.apps_named(house.engines, [], developer.number)
    view = notify.draft(house.engines, SYSTEM, apps, "It sold the data.", measures="We stopped it.")
    assert notify.freeze(house.engines, view.id).due == 2
    send(house.engines, Letterbox(), view.id)
    found = notify.self_check(house.engines, number(house, "bob"), view.id)
    assert found.apps == ("Quiz", "Shop") and found.outcome is Outcome.YOU_DID
    assert len(notify.inbox(house.engines, number(house, "bob"))) == 1


def test_an_erased_person_is_not_told_and_is_counted(house: House, quiz: App) -> None:
    bob = number(house, "bob")
    with house.engines.store.write() as unit:
        unit.directory.forget(bob, house.clock.now())
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    view = notify.freeze(house.engines, view.id)
    assert (view.due, view.erased) == (1, 1)
    box = Letterbox()
    send(house.engines, box, view.id)
    assert [one.person for one in box.letters] == [number(house, "ann")]


def test_who_was_erased_after_freezing_is_listed_and_gets_no_letter(house: House, quiz: App) -> None:
    view = notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, view.id)
    bob = number(house, "bob")
    with house.engines.store.write() as unit:
        unit.directory.forget(bob, house.clock.now())
    assert send(house.engines, Letterbox(), view.id).done
    assert notify.status(house.engines, view.id).erased == (bob,)


def test_a_campaign_says_what_was_done_from_the_record_or_must_be_told(house: House, quiz: App) -> None:
    with pytest.raises(BadInput):
        notify.draft(house.engines, SYSTEM, [quiz.number], "It sold the data.")
    for happened in ("", " \n ", "x" * 3000):
        with pytest.raises(BadInput):
            notify.draft(house.engines, SYSTEM, [quiz.number], happened, measures="We stopped it.")
    with pytest.raises(BadInput):
        notify.draft(house.engines, SYSTEM, [], "It sold the data.", measures="We stopped it.")


def test_what_an_operator_writes_is_lines_of_text_and_nothing_else(house: House, quiz: App) -> None:
    said = "One.\r\n\x00\x1b[2J Two.\u202e\n\n\nThree."
    view = notify.draft(house.engines, SYSTEM, [quiz.number], said, measures="We stopped it.")
    assert view.happened == "One.\n[2J Two.\nThree."


def test_only_operators_and_the_system_begin_a_campaign(house: House, quiz: App) -> None:
    for actor in (Actor(ActorKind.PERSON, "1"), Actor(ActorKind.OPERATOR, "made-up")):
        with pytest.raises(NotAllowed):
            notify.draft(house.engines, actor, [quiz.number], "It sold the data.", measures="We stopped it.")


def test_what_does_not_exist_is_one_clear_error(house: House, quiz: App) -> None:
    engines = house.engines
    for ask in (
        lambda: notify.freeze(engines, "campaign_none"),
        lambda: notify.status(engines, "../../etc"),
        lambda: send(engines, Letterbox(), "no such"),
        lambda: notify.self_check(engines, PersonNumber(1), "no such"),
        lambda: notify.draft(engines, SYSTEM, [AppNumber(99)], "It.", measures="We."),
        lambda: notify.apps_named(engines, ["nobody"]),
        lambda: notify.apps_named(engines, [], DeveloperNumber(99)),
    ):
        with pytest.raises(NotFound):
            ask()
