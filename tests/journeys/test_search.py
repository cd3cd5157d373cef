"""Searches say neither more nor less than the evaluation of each candidate, page by page."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.backends.cedar import read_folder
from beholden.backends.sql.store import SqlStore
from beholden.gate.page_token import Place, write
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import search as searches
from beholden.journeys.disclose import PersonRef, Question, evaluate
from beholden.journeys.evaluate import ResourceTypes
from beholden.journeys.search import Found, Page, PersonSearch, ResourceSearch, Sought, search
from beholden.model.app import Ask
from beholden.model.errors import BadInput, Unavailable
from beholden.model.grant import EndReason, GrantState
from beholden.model.person import Choice, Scope
from beholden.model.resource import Action, Entity, ResourceQuestion

pytestmark = pytest.mark.usefixtures("answered_from")
ASKED = b"the same each time"
ANY_EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def wanted(sought: Sought, app: str = "", person: str = "", **more: object) -> PersonSearch:
    given_ = {"fields": ("name",), "purpose": "service", "through": None, "scoped": False, **more}
    ref = PersonRef(person, given_.pop("scoped"))
    return PersonSearch(sought, app, ref, **given_)


def pages(engines: object, what: PersonSearch | ResourceSearch, limit: int) -> list[Found]:
    """All pages of a search, one after the other."""
    found = [search(engines, what, Page(ASKED, None, limit))]
    while found[-1].next_token:
        found.append(search(engines, what, Page(ASKED, found[-1].next_token)))
        assert len(found) < 10_000
    return found


def ids(found: list[Found]) -> list[str]:
    return [id_ for page in found for id_ in page.ids]


@pytest.fixture
def crowd(house):
    """Thirty people who granted the quiz, of whom every third opted out and every fifth revoked; and six others."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    other = house.app(client_id="other", asks=(Ask("identity", "service"),))
    people = house.people([f"u{n}" for n in range(36)])
    grants = [house.grant(person, quiz) for person in people[:30]]
    house.grant(people[31], other)
    now = house.clock.now()
    with house.engines.store.write() as unit:
        for n in range(0, 30, 3):
            unit.directory.choose(Choice(people[n], Scope.ALL, "", False, now))
        for n in range(0, 30, 5):
            unit.directory.end_grant(grants[n].id, GrantState.REVOKED, EndReason.PERSON, now)
    return house


def readable(house, app: str = "quiz", through: PersonRef | None = None) -> list[str]:
    """By asking about everybody, one by one."""
    everybody = [f"u{n}" for n in range(36)]
    asked = (Question(app, PersonRef(p), ("name",), "service", through) for p in everybody)
    return [p for p, q in zip(everybody, asked, strict=True) if evaluate(house.engines, q).whole]


def test_a_resource_search_finds_exactly_those_of_whom_the_app_may_read(crowd):
    expected = readable(crowd)
    assert 10 < len(expected) < 30
    assert ids(pages(crowd.engines, wanted(Sought.RESOURCE, "quiz"), 1000)) == expected
    assert ids(pages(crowd.engines, wanted(Sought.RESOURCE, "other"), 1000)) == ["u31"] == readable(crowd, "other")


@pytest.mark.parametrize("limit", [1, 2, 7, 15, 16, 17, 1000])
def test_pages_together_are_the_whole_list_without_anybody_twice(crowd, limit):
    found = pages(crowd.engines, wanted(Sought.RESOURCE, "quiz"), limit)
    assert ids(found) == readable(crowd)
    assert all(len(page.ids) <= limit for page in found)


@ANY_EXAMPLES
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 9))
def test_pages_hold_whatever_their_size_and_however_few_candidates_are_looked_at(crowd, limit, most, fewest):
    before = searches.MAX_PEOPLE, searches._FEWEST
    searches.MAX_PEOPLE, searches._FEWEST = most, fewest
    try:
        found = pages(crowd.engines, wanted(Sought.RESOURCE, "quiz"), limit)
    finally:
        searches.MAX_PEOPLE, searches._FEWEST = before
    assert ids(found) == readable(crowd)
    assert all(len(page.ids) <= limit for page in found)


def test_scoped_ids_are_those_that_the_app_has(crowd):
    found = ids(pages(crowd.engines, wanted(Sought.RESOURCE, "quiz", scoped=True), 4))
    with crowd.engines.store.read() as unit:
        numbers = unit.directory.numbers(readable(crowd))
        app = unit.directory.app("quiz")
    expected = scoped_ids(crowd.engines.pairwise, app.number, [numbers[p] for p in readable(crowd)])
    assert found == expected


def test_through_a_granter_it_finds_everybody_who_lets_friends_apps_see(crowd):
    with crowd.engines.store.write() as unit:
        quiz = unit.directory.app("quiz")
        numbers = unit.directory.numbers([f"u{n}" for n in range(36)])
        for n in (2, 3, 34, 35):
            unit.directory.choose(Choice(numbers[f"u{n}"], Scope.INDIRECT, "", True, crowd.clock.now()))
    granter = crowd.person("granter")
    crowd.grant(granter, quiz, ("name",), ("name",))
    through = PersonRef("granter")
    found = ids(pages(crowd.engines, wanted(Sought.RESOURCE, "quiz", through=through), 3))
    assert found == [*readable(crowd, through=through), "granter"]
    assert set(found) == {"u2", "u34", "u35", "granter"}, "u3 opted out of everything"


def test_a_subject_search_finds_the_apps_that_may_read_a_person(crowd):
    person = crowd.person("ann")
    for n in range(7):
        crowd.grant(person, crowd.app(client_id=f"app{n}", asks=(Ask("identity", "service"),)))
    with crowd.engines.store.write() as unit:
        unit.directory.choose(Choice(person, Scope.APP, "app3", False, crowd.clock.now()))
    expected = [f"app{n}" for n in (0, 1, 2, 4, 5, 6)]
    for limit in (1, 2, 6, 100):
        assert ids(pages(crowd.engines, wanted(Sought.SUBJECT, person="ann"), limit)) == expected
    assert ids(pages(crowd.engines, wanted(Sought.SUBJECT, person="ann", fields=("politics",)), 9)) == []
    assert ids(pages(crowd.engines, wanted(Sought.SUBJECT, person="ann", purpose="ads"), 9)) == []


def test_an_action_search_says_read_or_nothing(crowd):
    assert ids(pages(crowd.engines, wanted(Sought.ACTION, "quiz", "u1"), 9)) == ["read"]
    for app, person in (("quiz", "u0"), ("quiz", "u31"), ("quiz", "nobody"), ("nix", "u1"), ("", "")):
        assert ids(pages(crowd.engines, wanted(Sought.ACTION, app, person), 9)) == []


def test_law_3_a_search_finds_as_little_of_the_unknown_as_of_those_who_opted_out(crowd):
    opted_out, unknown = "u3", "nobody"
    for sought in (Sought.SUBJECT, Sought.ACTION):
        answers = [search(crowd.engines, wanted(sought, "quiz", who), Page(ASKED)) for who in (opted_out, unknown)]
        assert answers == [Found((), ""), Found((), "")]


def test_law_5_a_ban_or_an_opt_out_between_two_pages_holds_for_the_second(crowd):
    from beholden.backends.sql.directory import standings

    what = wanted(Sought.RESOURCE, "quiz")
    expected = readable(crowd)
    first = search(crowd.engines, what, Page(ASKED, None, 3))
    with crowd.engines.store.write() as unit:
        numbers = unit.directory.numbers([expected[4]])
        unit.directory.choose(Choice(numbers[expected[4]], Scope.ALL, "", False, crowd.clock.now()))
    second = search(crowd.engines, what, Page(ASKED, first.next_token))
    assert list(second.ids) == [expected[3], expected[5], expected[6]]
    with crowd.engines.store.engine.begin() as connection:
        banned = {"kind": "app", "number": 1, "standing": "banned", "sanction": "sanction_test"}
        connection.execute(standings.insert().values(**banned, since=crowd.clock.now()))
    assert ids(pages(crowd.engines, what, 100)) == []
    assert search(crowd.engines, what, Page(ASKED, second.next_token)).ids == ()


def test_law_6_a_search_is_no_use_and_no_disclosure(crowd):
    before = crowd.engines.ledger.size()
    assert ids(pages(crowd.engines, wanted(Sought.RESOURCE, "quiz"), 5))
    assert crowd.engines.ledger.size() == before
    with crowd.engines.store.read() as unit:
        used = unit.directory.use_days()
    assert {day for _, _, day in used} == {crowd.clock.now().date()}
    crowd.clock.set(crowd.clock.now().replace(month=6))
    assert ids(pages(crowd.engines, wanted(Sought.RESOURCE, "quiz"), 5)) == [], "all are inactive by now"


@pytest.mark.parametrize("answered_from", ["store"], indirect=True)
def test_law_4_a_gate_that_does_not_know_the_standing_is_an_error_and_not_an_empty_list(crowd, tmp_path):
    gone = SqlStore(f"sqlite:///{tmp_path / 'gone' / 'store.db'}")
    for sought in Sought:
        with pytest.raises(Unavailable):
            search(replace(crowd.engines, store=gone), wanted(sought, "quiz", "u1"), Page(ASKED))
    gone.close()


@pytest.mark.parametrize("answered_from", ["store"], indirect=True)
def test_law_4_a_gate_that_reads_slower_than_its_limit_is_an_error_too(crowd):
    quiz = crowd.app(client_id="slow", asks=(Ask("identity", "service"),))
    for person in crowd.people([f"f{n}" for n in range(600)]):
        crowd.grant(person, quiz)
    with crowd.engines.store.write() as unit:
        unit.directory.set_policy("name: hasty\ngate_lag_limit_ms: 1\n", crowd.clock.now())
    with pytest.raises(Unavailable, match="latest standing"):
        search(crowd.engines, wanted(Sought.RESOURCE, "slow"), Page(ASKED, None, 1000))


def test_a_token_is_good_for_its_search_alone(crowd):
    what = wanted(Sought.RESOURCE, "quiz")
    token = search(crowd.engines, what, Page(ASKED, None, 3)).next_token
    assert search(crowd.engines, what, Page(ASKED, token, 3)) == search(crowd.engines, what, Page(ASKED, token))
    for page in (Page(b"something else", token), Page(ASKED, token[:-1]), Page(ASKED, "AAAA"), Page(ASKED, token, 4)):
        with pytest.raises(BadInput, match="page:"):
            search(crowd.engines, what, page)
    forged = write(b"x" * 32, ASKED, Place(0, 1000))
    with pytest.raises(BadInput):
        search(crowd.engines, what, Page(ASKED, forged))


def test_a_page_is_never_larger_than_the_gate_allows(crowd, monkeypatch):
    monkeypatch.setattr(searches, "MAX_RESULTS", 4)
    monkeypatch.setattr(searches, "USUAL_RESULTS", 2)
    what = wanted(Sought.RESOURCE, "quiz")
    assert len(search(crowd.engines, what, Page(ASKED, None, 10**30)).ids) == 4
    assert len(search(crowd.engines, what, Page(ASKED)).ids) == 2


def test_a_search_is_no_larger_than_a_question():
    for more in ({"fields": ("name",) * 1001}, {"purpose": "x" * 201}):
        with pytest.raises(BadInput):
            wanted(Sought.RESOURCE, "quiz", **more)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Policies by which Ann may read every record whose number is not a multiple of three."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    folder = tmp_path_factory.mktemp("library")
    (folder / "types.yaml").write_text("subjects: {user: User}\nresources: {record: Record}\nactions: [a, b, c, d]\n")
    (folder / "policies.cedar").write_text(
        'permit (principal == User::"ann", action in [Action::"a", Action::"c", Action::"d"], resource is Record)'
        " when { resource.open };"
    )
    entities = [{"uid": {"type": "User", "id": name}, "attrs": {}, "parents": []} for name in ("ann", "bob")]
    for n in range(60):
        entities.append({"uid": {"type": "Record", "id": f"é{n}"}, "attrs": {"open": n % 3 != 0}, "parents": []})
    (folder / "entities.json").write_text(json.dumps(entities))
    return ResourceTypes([read_folder(folder)])


@ANY_EXAMPLES
@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 9))
def test_pages_of_the_platforms_own_types_together_are_the_whole_list(house, library, limit, most, fewest):
    engines = replace(house.engines, resource_types=library)
    before = searches.MAX_ENTITIES, searches._FEWEST
    searches.MAX_ENTITIES, searches._FEWEST = most, fewest
    ann, read, record = Entity("user", "ann"), Action("a"), Entity("record", "é1")
    try:
        for sought, expected in (
            (Sought.RESOURCE, sorted(f"é{n}" for n in range(60) if n % 3)),
            (Sought.SUBJECT, ["ann"]),
            (Sought.ACTION, ["a", "c", "d"]),
        ):
            what = ResourceSearch(sought, ResourceQuestion(ann, read, record))
            found = pages(engines, what, limit)
            assert ids(found) == expected
            assert all(len(page.ids) <= limit for page in found)
    finally:
        searches.MAX_ENTITIES, searches._FEWEST = before
