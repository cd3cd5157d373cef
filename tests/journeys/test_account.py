"""What a person sees and does about apps: everything from the ledger and the directory, nothing by name of others."""

from datetime import UTC, datetime, timedelta

import pytest

from beholden.journeys import account, opt_out
from beholden.journeys.account import Tab
from beholden.model.act import ActorKind
from beholden.model.disclosure import Disclosure, RecordedDisclosure
from beholden.model.errors import Conflict, NotFound
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.model.person import Scope


def disclose(house, app, person, through=None, fields=("name",), purpose="service"):
    """One disclosure in the real ledger, now."""
    return house.engines.ledger.append(
        [
            Disclosure(
                app.number,
                app.developer,
                person,
                person if through is None else through,
                tuple(fields),
                purpose,
                "grant_x",
                house.clock.now(),
            )
        ]
    )[0]


def acts(house, verb):
    return [act for act in house.engines.ledger.acts() if act.verb == verb]


def only(house, person):
    (connected,) = account.apps(house.engines, person)
    return connected


def test_an_app_is_shown_with_what_it_may_have_and_until_when(house):
    person = house.person("p1")
    app = house.app(house.developer("Acme Ltd"), "quiz")
    house.grant(person, app, fields=["photo", "name"], through=["likes"])
    connected = only(house, person)
    assert connected.app.developer == "Acme Ltd"
    assert connected.grant.tab is Tab.ACTIVE
    assert connected.grant.fields == ("Name", "Profile picture")
    assert connected.grant.through_fields == ("Liked pages",)
    assert connected.last_use == house.clock.now()
    assert connected.grant.ends_at == house.clock.now() + timedelta(days=90)
    assert connected.grant.ends_by_disuse
    assert not connected.soon


def test_a_grant_without_use_for_90_days_is_expired_at_that_moment_with_or_without_a_sweep(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    house.clock.advance(timedelta(days=90) - timedelta(microseconds=1))
    assert only(house, person).grant.tab is Tab.ACTIVE
    assert only(house, person).soon
    end = house.clock.advance(timedelta(microseconds=1))
    assert only(house, person).grant.tab is Tab.EXPIRED
    assert only(house, person).grant.ended_at == end


def test_the_end_by_age_counts_when_it_is_the_earlier(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app, ends_at=house.clock.now() + timedelta(days=10))
    connected = only(house, person)
    assert connected.grant.ends_at == house.clock.now() + timedelta(days=10)
    assert connected.soon
    assert not connected.grant.ends_by_disuse
    house.clock.advance(timedelta(days=10))
    assert only(house, person).grant.tab is Tab.EXPIRED


def test_an_app_that_only_got_data_through_others_is_listed_too(house):
    person, friend = house.people(["p1", "p2"])
    app = house.app()
    disclose(house, app, person, through=friend, fields=["name", "likes"])
    connected = only(house, person)
    assert connected.grant is None
    assert (connected.received.direct, connected.received.indirect) == (0, 1)
    assert connected.received.fields == ("Name", "Liked pages")


def test_nobody_sees_through_whom_their_data_went_nor_what_went_through_them(house):
    person, friend = house.people(["p1", "p2"])
    app = house.app()
    disclose(house, app, person, through=friend)
    (row,) = account.disclosures(house.engines, person).rows
    assert row.direct is False
    assert "2" not in repr(row).replace("2026", "")
    assert account.disclosures(house.engines, friend).total == 0


def test_law_7_ended_grants_stay_on_the_page(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    account.remove(house.engines, person, app.client_id, ask_deletion=False)
    house.clock.advance(timedelta(days=1))
    house.grant(person, app, fields=["name"])
    detail = account.app(house.engines, person, app.client_id)
    assert [g.tab for g in detail.grants] == [Tab.ACTIVE, Tab.REMOVED]
    assert detail.grants[1].reason is EndReason.PERSON
    assert detail.now.grant.tab is Tab.ACTIVE


def test_removing_ends_the_grant_and_is_in_the_ledger(house):
    person, app = house.person("p1"), house.app()
    grant = house.grant(person, app)
    assert account.remove(house.engines, person, app.client_id, ask_deletion=False) == ""
    with house.engines.store.read() as unit:
        (found,) = unit.directory.grants(person=person)
        assert unit.deletions.of_person(person) == []
    assert (found.state, found.reason) == (GrantState.REVOKED, EndReason.PERSON)
    (act,) = acts(house, "grant:remove")
    assert act.actor == f"{ActorKind.PERSON}:{person}"
    assert act.subject == grant.id
    assert only(house, person).grant.tab is Tab.REMOVED


def test_to_be_deleted_is_a_wish_of_its_own(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    code = account.remove(house.engines, person, app.client_id, ask_deletion=True)
    assert code.startswith("deletion_")
    connected = only(house, person)
    assert connected.deletion.code == code
    with house.engines.store.read() as unit:
        assert [r.code for r in unit.deletions.to_app(app.number)] == [code]
    assert acts(house, "deletion:request")[0].subject == code


def test_removing_twice_is_a_conflict_and_changes_nothing_but_asking_later_is_not(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    account.remove(house.engines, person, app.client_id, ask_deletion=False)
    with pytest.raises(Conflict):
        account.remove(house.engines, person, app.client_id, ask_deletion=False)
    assert account.remove(house.engines, person, app.client_id, ask_deletion=True)
    assert len(acts(house, "grant:remove")) == 1


def test_asking_twice_is_a_conflict_not_a_second_request(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    account.remove(house.engines, person, app.client_id, ask_deletion=True)
    with pytest.raises(Conflict):
        account.remove(house.engines, person, app.client_id, ask_deletion=True)
    assert len(acts(house, "deletion:request")) == 1


def test_what_came_after_the_request_can_be_asked_for_again(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    first = account.remove(house.engines, person, app.client_id, ask_deletion=True)
    house.clock.advance(timedelta(days=1))
    house.grant(person, app)
    assert account.remove(house.engines, person, app.client_id, ask_deletion=True) != first


def test_an_app_that_never_had_anything_of_a_person_is_not_asked_to_delete(house):
    person, app = house.person("p1"), house.app()
    with pytest.raises(Conflict):
        account.remove(house.engines, person, app.client_id, ask_deletion=True)
    assert acts(house, "deletion:request") == []


def test_law_6_keeping_an_app_is_the_persons_own_use(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    house.clock.advance(timedelta(days=89))
    account.keep(house.engines, person, app.client_id)
    house.clock.advance(timedelta(days=89))
    assert only(house, person).grant.tab is Tab.ACTIVE
    assert len(acts(house, "app:keep")) == 1


def test_keeping_comes_too_late_when_the_90_days_are_over(house):
    person, app = house.person("p1"), house.app()
    house.grant(person, app)
    house.clock.advance(timedelta(days=90))
    with pytest.raises(Conflict, match="has ended"):
        account.keep(house.engines, person, app.client_id)
    assert only(house, person).grant.tab is Tab.EXPIRED
    assert acts(house, "app:keep") == []


@pytest.mark.parametrize("verb", ["keep", "remove", "app"])
def test_an_app_that_is_not_there_is_not_found(house, verb):
    person = house.person("p1")
    call = {
        "keep": lambda: account.keep(house.engines, person, "nope"),
        "remove": lambda: account.remove(house.engines, person, "nope", ask_deletion=True),
        "app": lambda: account.app(house.engines, person, "nope"),
    }[verb]
    with pytest.raises(NotFound):
        call()


def test_pages_of_disclosures_hold_each_once_newest_first(house):
    person, other = house.people(["p1", "p2"])
    one, two = house.app(), house.app()
    places = []
    for number in range(account.PAGE * 2 + 7):
        house.clock.advance(timedelta(minutes=1))
        places.append(disclose(house, one if number % 2 else two, person))
        disclose(house, one, other)
    seen, before = [], None
    while True:
        page = account.disclosures(house.engines, person, before=before)
        assert page.total == len(places)
        assert page.first == (before is None)
        seen += [row.seq for row in page.rows]
        if page.earlier is None:
            break
        before = page.earlier
    assert seen == places[::-1]
    assert account.disclosures(house.engines, person, client_id=one.client_id).total == len(places) // 2


def test_only_the_persons_own_disclosures_are_theirs(house):
    person, other = house.people(["p1", "p2"])
    app = house.app()
    mine, theirs = disclose(house, app, person), disclose(house, app, other, through=person)
    assert account.owns(house.engines, person, mine)
    assert not account.owns(house.engines, person, theirs)
    assert not account.owns(house.engines, person, 10**6)


def test_months_count_by_calendar_month_and_leave_out_older_ones():
    def row(at, direct):
        return RecordedDisclosure(
            0,
            at,
            AppNumber(1),
            DeveloperNumber(1),
            PersonNumber(1),
            PersonNumber(1 if direct else 2),
            ("name",),
            "",
            "",
        )

    now = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    rows = [
        row(datetime(2026, 3, 1, tzinfo=UTC), True),
        row(datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), False),
        row(datetime(2025, 4, 1, tzinfo=UTC), True),
        row(datetime(2025, 3, 31, tzinfo=UTC), True),
    ]
    months = account.months(rows, now)
    assert len(months) == account.MONTHS
    assert [(m.first_day.year, m.first_day.month) for m in (months[0], months[-1])] == [(2025, 4), (2026, 3)]
    assert (months[-1].direct, months[-1].indirect) == (1, 0)
    assert (months[-2].direct, months[-2].indirect) == (0, 1)
    assert sum(m.direct + m.indirect for m in months) == 3


def test_the_overview_counts_what_the_pages_list(house):
    person, friend = house.people(["p1", "p2"], name="Ada")
    mine, theirs = house.app(), house.app()
    house.grant(person, mine)
    disclose(house, mine, person)
    disclose(house, theirs, person, through=friend)
    opt_out.choose(house.engines, person, Scope.ALL, sharing=False)
    found = account.overview(house.engines, person)
    assert (found.name, found.active, found.disclosures, found.apps_that_received) == ("Ada", 1, 2, 2)
    assert found.all_off_since == house.clock.now()
    assert sum(m.direct for m in found.months) == 1
    assert sum(m.indirect for m in found.months) == 1


def test_somebody_who_is_not_there_any_more_is_not_found(house):
    person = house.person("p1")
    with house.engines.store.write() as unit:
        unit.directory.forget(person, house.clock.now())
    assert account.person_known_as(house.engines, "p1") is None
    with pytest.raises(NotFound):
        account.overview(house.engines, person)
