"""The privacy centre: every page, with everything on it that a hostile app, developer or friend could have named."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from beholden.journeys import notify, opt_out
from beholden.model.act import SYSTEM
from beholden.model.app import Ask
from beholden.model.grant import GrantState
from beholden.model.person import Scope
from tests.journeys.test_account import acts, disclose
from tests.web.conftest import send

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \u202egnp"


class Document(HTMLParser):
    """What a checker of accessibility looks at: headings, labels, tables, landmarks, ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def check(response):
    """One h1, landmarks, labelled inputs, scoped tables, unique ids, nothing that could run."""
    assert response.status_code == 200
    page = Document(response.text)
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert [a["href"] for a in page.all("a") if a.get("class") == "skip"] == ["#main"]
    for tag, attrs in page.tags:
        assert tag not in {"script", "img", "iframe", "style", "object"}
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert not attrs.get("href", "").strip().lower().startswith(("javascript:", "data:", "//"))
    labelled = {label["for"] for label in page.all("label")}
    for field in page.all("input"):
        assert field.get("type") == "hidden" or field["id"] in labelled
    assert all("scope" in cell for cell in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attrs.get(name, "").split()) <= set(ids)
    for form in page.all("form"):
        if form["method"] == "post":
            assert 'name="csrf"' in response.text
    return page


@pytest.fixture
def story(web, house):
    """A person beside a hostile app that got their data directly and through a friend, and was acted against."""
    person = house.person("p1", name=HOSTILE)
    friend = house.person("friend-outside-id", name="Secret Friend")
    app = house.app(house.developer(HOSTILE), "evil-app", [Ask("identity", HOSTILE, required=True)], name=HOSTILE)
    house.grant(person, app, through=["likes"])
    house.grant(friend, app, through=["likes"])
    disclose(house, app, person, purpose=HOSTILE)
    disclose(house, app, person, through=friend, fields=["likes"], purpose=HOSTILE)
    opt_out.choose(house.engines, person, Scope.APP, app.client_id, sharing=False)
    campaign = notify.draft(house.engines, SYSTEM, [app.number], HOSTILE, measures=HOSTILE).id
    return person, app, campaign


PATH = "/privacy/apps/evil-app"


def told(house, campaign):
    """Freeze a campaign and begin its sending, as far as a person's page is concerned."""
    from dataclasses import replace

    from beholden.notices.campaign import CampaignState

    notify.freeze(house.engines, campaign)
    with house.engines.store.write() as unit:
        found = unit.notices.campaign(campaign)
        sending = replace(found, state=CampaignState.SENDING, sending_at=house.clock.now())
        unit.notices.save(sending, held=found.epoch)


@pytest.mark.parametrize(
    "path",
    [
        "/privacy",
        "/privacy/apps",
        "/privacy/apps?tab=expired",
        "/privacy/apps?tab=removed",
        "/privacy/apps?tab=others",
        "/privacy/apps?tab=<script>",
        PATH,
        f"{PATH}/remove",
        "/privacy/choices",
        "/privacy/disclosures",
        "/privacy/disclosures?app=evil-app",
        "/privacy/inbox",
        "/privacy/inbox/CAMPAIGN",
        "/privacy/affected",
        "/privacy/affected?q=script",
        "/privacy/affected?q=nothing-of-that-name",
        "/privacy/affected?app=evil-app",
        "/privacy/affected?campaign=CAMPAIGN",
    ],
)
def test_every_page_is_whole_and_escapes_what_others_named(web, house, story, path):
    person, _, campaign = story
    told(house, campaign)
    client = web.person(person)
    response = client.get(path.replace("CAMPAIGN", campaign))
    check(response)
    assert "<script>" not in response.text
    assert "Secret Friend" not in response.text
    assert "friend-outside-id" not in response.text


def test_a_name_that_turns_text_around_is_kept_to_its_place(web, story):
    person, _, _ = story
    text = web.person(person).get(PATH).text
    for found in re.finditer("\u202e", text):
        before = text[: found.start()]
        assert before.rfind("<bdi>") > before.rfind("</bdi>") or before.rfind("<title>") > before.rfind("</title>")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/privacy/apps/nope", 404),
        ("/privacy/apps/nope/remove", 404),
        ("/privacy/inbox/nope", 404),
        ("/privacy/affected?app=nope", 404),
        ("/privacy/affected?campaign=nope", 404),
        ("/privacy/affected?q=" + "x" * 300, 400),
        ("/privacy/affected?q=%00", 400),
        ("/privacy/disclosures?before=x", 400),
        ("/privacy/disclosures?before=-1", 400),
        ("/privacy/disclosures?before=" + "9" * 400, 400),
        ("/privacy/disclosures?app=nope", 404),
        ("/privacy/disclosures/x/receipt", 400),
        ("/privacy/disclosures/999999/receipt", 404),
        ("/privacy/nope", 404),
    ],
)
def test_what_is_not_there_is_one_clear_page(web, house, path, status):
    response = web.person(house.person("p1")).get(path)
    assert response.status_code == status
    assert response.text.count("<h1") == 1
    assert response.headers["x-request-id"] in response.text


def test_the_big_switch_turns_everything_off_and_says_so(web, house):
    person = house.person("p1")
    client = web.person(person)
    response = send(client, "/privacy", "/privacy/choices", scope="all", target="", sharing="off", back="/privacy")
    assert response.headers["location"] == "/privacy?done=chosen"
    page = client.get("/privacy?done=chosen").text
    assert "No app gets anything of yours" in page
    assert "Your choice is in force." in page
    send(client, "/privacy", "/privacy/choices", scope="all", target="", sharing="on")
    assert "Turn all sharing off" in client.get("/privacy").text


@pytest.mark.parametrize(("scope", "target"), [("app", "quiz"), ("cluster", "likes"), ("indirect", "")])
def test_each_of_the_other_switches_turns_and_its_history_stays(web, house, scope, target):
    person, app = house.person("p1"), house.app(client_id="quiz")
    house.grant(person, app)
    client = web.person(person)
    for sharing in ("off", "on", "off"):
        house.clock.advance(timedelta(minutes=1))
        assert (
            send(
                client, "/privacy/choices", "/privacy/choices", scope=scope, target=target, sharing=sharing
            ).status_code
            == 303
        )
    with house.engines.store.read() as unit:
        (choice,) = unit.directory.choices(person)
    assert (choice.scope, choice.target, choice.sharing) == (scope, target, False)
    assert client.get("/privacy/choices").text.count("turned off") >= 1


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "nope", "target": "", "sharing": "off"},
        {"scope": "all", "target": "", "sharing": "maybe"},
        {"scope": "all", "target": ""},
        {"scope": "cluster", "target": "nope", "sharing": "off"},
        {"scope": "app", "target": "nope", "sharing": "off"},
        {"scope": "all", "target": "x", "sharing": "off"},
    ],
)
def test_a_switch_that_is_not_there_changes_nothing(web, house, fields):
    person = house.person("p1")
    assert send(web.person(person), "/privacy", "/privacy/choices", **fields).status_code in {400, 404}
    with house.engines.store.read() as unit:
        assert unit.directory.choices(person) == []


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/privacy/../..//evil",
        "/privacy/apps/../x",
        "/console",
        "/privacy/x\r\ny: z",
        "",
    ],
)
def test_after_a_choice_nobody_is_led_out_of_the_privacy_centre(web, house, back):
    response = send(
        web.person(house.person("p1")), "/privacy", "/privacy/choices", scope="all", target="", sharing="off", back=back
    )
    assert response.headers["location"].startswith("/privacy/choices?done=chosen")


def test_removing_an_app_asks_first_and_does_not_ask_the_app_to_delete_by_itself(web, house):
    person, app = house.person("p1"), house.app(client_id="quiz")
    house.grant(person, app)
    client = web.person(person)
    page = check(client.get("/privacy/apps/quiz/remove"))
    (box,) = [f for f in page.all("input") if f.get("type") == "checkbox"]
    assert "checked" not in box
    assert send(client, "/privacy/apps/quiz/remove", "/privacy/apps/quiz/remove").status_code == 303
    with house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=person)
        assert unit.deletions.of_person(person) == []
    assert grant.state is GrantState.REVOKED
    assert "Removed" in client.get("/privacy/apps/quiz?done=removed").text


def test_asking_to_delete_is_recorded_when_it_is_ticked(web, house):
    person, app = house.person("p1"), house.app(client_id="quiz")
    house.grant(person, app)
    client = web.person(person)
    send(client, "/privacy/apps/quiz/remove", "/privacy/apps/quiz/remove", ask_deletion="yes")
    with house.engines.store.read() as unit:
        (request,) = unit.deletions.of_person(person)
    assert request.code in client.get("/privacy/apps/quiz").text
    again = send(client, "/privacy", "/privacy/apps/quiz/remove", ask_deletion="yes")
    assert again.status_code == 409


def test_keeping_an_app_is_a_button_not_a_link(web, house):
    person, app = house.person("p1"), house.app(client_id="quiz")
    house.grant(person, app)
    house.clock.advance(timedelta(days=80))
    client = web.person(person)
    assert "loses access on" in client.get("/privacy").text
    assert client.get("/privacy/apps/quiz/keep").status_code == 405
    assert send(client, "/privacy/apps/quiz", "/privacy/apps/quiz/keep").status_code == 303
    assert "loses access on" not in client.get("/privacy").text
    assert len(acts(house, "app:keep")) == 1


def test_disclosures_are_paged_and_each_has_a_receipt(web, house):
    person, app = house.person("p1"), house.app(client_id="quiz")
    for _ in range(60):
        disclose(house, app, person)
    client = web.person(person)
    first = client.get("/privacy/disclosures")
    (earlier,) = [a["href"] for a in Document(first.text).all("a") if a.get("rel") == "next"]
    second = client.get(f"/privacy/disclosures{earlier}")
    assert len(re.findall(r"/receipt", first.text)) == 50
    assert len(re.findall(r"/receipt", second.text)) == 10


def test_a_receipt_is_for_its_owner_alone(web, house):
    person, other = house.people(["p1", "p2"])
    seq = disclose(house, house.app(), person)
    receipt = web.person(person).get(f"/privacy/disclosures/{seq}/receipt")
    assert receipt.status_code == 200
    assert receipt.headers["content-type"] == "text/plain; charset=utf-8"
    assert receipt.headers["content-disposition"] == f'attachment; filename="beholden-receipt-{seq}.txt"'
    assert receipt.text.startswith("c2sp.org/tlog-proof@v1")
    assert web.person(other).get(f"/privacy/disclosures/{seq}/receipt").status_code == 404


def test_a_notice_is_new_once_and_stays(web, house, story):
    person, _, campaign = story
    told(house, campaign)
    client = web.person(person)
    assert "New" in client.get("/privacy/inbox").text
    assert client.get(f"/privacy/inbox/{campaign}").status_code == 200
    assert "Read" in client.get("/privacy/inbox").text
    assert client.get(f"/privacy/inbox/{campaign}").status_code == 200


def test_a_notice_is_for_those_whom_it_concerns(web, house, story):
    _, _, campaign = story
    stranger = web.person(house.person("stranger"))
    told(house, campaign)
    assert stranger.get(f"/privacy/inbox/{campaign}").status_code == 404
    assert "not affected" in stranger.get(f"/privacy/affected?campaign={campaign}").text
    assert "Nothing." in stranger.get("/privacy/inbox").text


def test_a_campaign_that_is_not_sent_yet_tells_nobody(web, house, story):
    person, _, campaign = story
    assert web.person(person).get(f"/privacy/affected?campaign={campaign}").status_code == 404
    assert campaign not in web.person(person).get("/privacy/affected").text


def test_the_self_check_has_three_answers(web, house, story):
    _, app, _ = story
    indirect = house.person("indirect")
    disclose(house, app, indirect, through=house.person("via"), fields=["likes"])
    address = "/privacy/affected?app=evil-app"
    assert "Yes: through someone" in web.person(indirect).get(address).text
    assert "Yes: you used it" in web.person(story[0]).get(address).text
    assert "No: you were not affected" in web.person(house.person("nobody")).get(address).text


def test_an_erased_persons_session_opens_nothing(web, house):
    person = house.person("p1")
    client = web.person(person)
    with house.engines.store.write() as unit:
        unit.directory.forget(person, house.clock.now())
    assert client.get("/privacy").status_code == 303
