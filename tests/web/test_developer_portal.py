"""The developer portal: every page with everything on it and with nothing, every form, and nothing of another's."""

import re
from datetime import timedelta
from html import unescape

import pytest

from beholden.journeys import audit, certify, docket, enforce, portal, review
from beholden.model.act import ActorKind
from beholden.model.app import Ask
from tests.web.conftest import URL, send
from tests.web.misuse import HOSTILE, INES, LONG, OMAR, UMA, matter, suspicion
from tests.web.test_console import left, whole
from tests.web.test_privacy_centre import Document

LISTS = ["", "/cases", "/certifications", "/certifications/new", "/sanctions"]
THINGS = [
    "/apps/APP",
    "/apps/APP/terms/likes",
    "/cases/CASE",
    "/certifications/CERTIFICATION",
    "/certifications/new?case=CASE",
]
ACTS = [
    "/apps/APP/review",
    "/apps/APP/terms/likes",
    "/apps/APP/secret",
    "/apps/APP/callbacks",
    "/cases/CASE/answer",
    "/cases/CASE/refuse",
    "/sanctions/IN_FORCE/appeal",
]
FORM = {
    "cluster": "likes", "purpose": HOSTILE, "signatory": "A", "terms_sha256": "0" * 64, "sure": "yes", "reason": "x",
    "grounds": "x", "answer-1": "x", "answer-2": "x",
}  # fmt: skip


def browser_of(web, developer):
    """A developer's browser."""
    return web.signed_in(ActorKind.DEVELOPER, str(developer.number))


@pytest.fixture
def court(web, house):
    return matter(house)


@pytest.fixture
def asked(web, house):
    """An RFI of two questions waits for an answer; nothing hostile about it."""
    found = suspicion(house, "service", "Quiz Mill Ltd")
    found.case = audit.open_case(house.engines, INES, found.developer.number, [], [], "secret suspicion").case.id
    audit.send_rfi(house.engines, INES, found.case, ["What for?", "Who has it?"])
    return found


def test_every_page_is_whole_and_escapes_what_others_named(web, court):
    client = browser_of(web, court.developer)
    for path in LISTS + THINGS:
        whole(client.get(court.fill(f"/developer{path}")))
    assert "&lt;script&gt;" in client.get(court.fill("/developer/apps/APP")).text


def test_every_page_is_whole_when_there_is_nothing(web, house):
    client = browser_of(web, house.developer())
    for path in LISTS:
        whole(client.get(f"/developer{path}"))


def test_the_portal_is_for_developers_alone(web, court):
    visitor, person = web.visitor(), web.person(court.person)
    operator = web.signed_in(ActorKind.OPERATOR, "ines")
    before = left(court.house)
    for path in (court.fill(f"/developer{p}") for p in LISTS + THINGS):
        response = visitor.get(path)
        assert response.status_code == 303 and response.headers["location"].startswith("/sign-in?next=")
        assert person.get(path).status_code == operator.get(path).status_code == 403
    for path in (court.fill(f"/developer{p}") for p in [*ACTS, "/certifications/new"]):
        assert visitor.post(path, data=FORM, headers={"origin": URL}).headers["location"] == "/sign-in"
        assert person.post(path, data=FORM, headers={"origin": URL}).status_code == 403
        assert operator.post(path, data=FORM, headers={"origin": URL}).status_code == 403
    assert left(court.house) == before


def test_what_is_another_developers_does_not_exist(web, court):
    stranger = court.house.developer("Stranger Ltd")
    own = court.house.app(stranger, "own-app", [Ask("likes", "service")])
    client = browser_of(web, stranger)
    before = left(court.house)
    for path in THINGS[:-1]:
        theirs = client.get(court.fill(f"/developer{path}"))
        assert theirs.status_code == 404
        assert "Quiz" not in theirs.text
    for path in ACTS:
        answer = send(client, f"/developer/apps/{own.client_id}", court.fill(f"/developer{path}"), **FORM)
        assert answer.status_code == 404, path
    cited = send(client, "/developer/certifications/new", "/developer/certifications/new", case=court.case)
    assert cited.status_code == 404
    assert left(court.house) == before


def test_a_strangers_case_and_a_case_that_nobody_has_are_told_in_the_same_words(web, court):
    client = browser_of(web, court.house.developer("Stranger Ltd"))

    def words(path, name):
        sentence = re.search(r"<h1>.*?</p>", client.get(path).text, re.S)
        return sentence[0].replace(name, "X")

    for kind, real in (("cases", court.case), ("apps", court.app.client_id), ("certifications", court.certification)):
        assert words(f"/developer/{kind}/{real}", real) == words(f"/developer/{kind}/nobodys", "nobodys")


def test_what_operators_only_consider_is_not_shown(web, court):
    client = browser_of(web, court.developer)
    page = client.get("/developer/sanctions").text
    assert "Restriction of" in page and "Suspension" not in page
    for path in ("/developer", "/developer/sanctions", court.fill("/developer/cases/CASE")):
        page = client.get(path).text
        assert "ines" not in re.findall(r"operator:\w+", page) and "operator:" not in page
        assert "friend_harvest" not in page and court.finding not in page


def test_a_form_without_its_csrf_value_changes_nothing(web, court):
    client, before = browser_of(web, court.developer), left(court.house)
    for path in [*ACTS, "/certifications/new"]:
        answer = client.post(court.fill(f"/developer{path}"), data=FORM, headers={"origin": URL})
        assert answer.status_code == 403
    assert left(court.house) == before


def test_the_first_page_says_what_must_be_answered_until_when_and_what_silence_means(web, asked):
    client = browser_of(web, asked.developer)
    page = client.get("/developer").text
    assert "Answer needed before" in page and "16 January 2026, 00:00 UTC" in page
    assert "your company is banned, and all its apps lose access at once" in page
    assert f"/developer/cases/{asked.case}" in page
    assert "secret suspicion" not in client.get(f"/developer/cases/{asked.case}").text


def test_a_request_is_answered_question_by_question(web, asked):
    client, at = browser_of(web, asked.developer), f"/developer/cases/{asked.case}"
    answer = send(client, at, f"{at}/answer", **{"answer-1": "For fun.\r\nOnly.", "answer-2": LONG})
    assert answer.headers["location"] == f"{at}?done=answered"
    case = docket.case_view(asked.house.engines, asked.case).case
    assert (case.state, [a.text for a in case.rfis[0].answers]) == ("answered", ["For fun.\nOnly.", LONG])
    page = whole(client.get(f"{at}?done=answered"))
    assert not page.all("textarea")
    assert send(client, "/developer/certifications/new", f"{at}/answer", **{"answer-1": "Or not."}).status_code in (
        400,
        409,
    )


def test_half_an_answer_is_none_and_is_not_lost(web, asked):
    client, at, before = browser_of(web, asked.developer), f"/developer/cases/{asked.case}", left(asked.house)
    for given in ({"answer-1": "We did <b>it</b>."}, {"answer-1": "We did <b>it</b>.", "answer-2": " \r\n"}):
        answer = send(client, at, f"{at}/answer", **given)
        assert answer.status_code == 400
        assert "Question 2 has no answer." in answer.text
        assert "We did &lt;b&gt;it&lt;/b&gt;." in answer.text
    long = send(client, at, f"{at}/answer", **{"answer-1": "ж" * 20_001, "answer-2": "x"})
    assert long.status_code == 400 and "ж" * 20_001 in long.text
    assert left(asked.house) == before


def test_long_answers_to_many_questions_fit(web, house):
    found = suspicion(house, "service", "Quiz Mill Ltd")
    case = audit.open_case(house.engines, INES, found.developer.number, [], [], "x").case.id
    audit.send_rfi(house.engines, INES, case, [f"Question {n}?" for n in range(1, 11)])
    client, at = browser_of(web, found.developer), f"/developer/cases/{case}"
    given = {f"answer-{n}": "ж" * 20_000 for n in range(1, 11)}
    assert send(client, at, f"{at}/answer", **given).status_code == 303


def test_a_refusal_needs_words_and_the_box(web, asked):
    client, at, before = browser_of(web, asked.developer), f"/developer/cases/{asked.case}", left(asked.house)
    for given in ({"reason": "no"}, {"sure": "yes"}, {"reason": "  ", "sure": "yes"}):
        assert send(client, at, f"{at}/refuse", **given).status_code == 400
    assert left(asked.house) == before
    assert send(client, at, f"{at}/refuse", reason="Ask our lawyers.", sure="yes").status_code == 303
    page = client.get(at)
    whole(page)
    assert docket.case_view(asked.house.engines, asked.case).case.state == "refused"
    assert "Send the answer" not in page.text and "Ask our lawyers." in page.text


def test_after_the_deadline_an_answer_is_late_and_no_refusal_is_offered(web, asked):
    engines, at = asked.house.engines, f"/developer/cases/{asked.case}"
    asked.house.clock.set(engines.clock.now() + timedelta(days=15))
    audit.lapse_due(engines)
    client = browser_of(web, asked.developer)
    page = client.get(at).text
    assert "it does not turn the clock back" in page and "Refuse to answer" not in page
    assert "Ban in force on you and all your apps" in client.get("/developer").text
    assert send(client, at, f"{at}/answer", **{"answer-1": "x", "answer-2": "y"}).status_code == 303
    assert docket.case_view(engines, asked.case).case.state == "refused"
    whole(client.get(at))
    (held,) = portal.sanctions(engines, asked.developer.number)
    path = f"/developer/sanctions/{held.sanction.id}/appeal"
    long = send(client, "/developer/sanctions", path, grounds="ж" * 20_001)
    assert long.status_code == 400 and "ж" * 20_001 in long.text
    assert send(client, "/developer/sanctions", path, grounds=" ").status_code == 400
    assert send(client, "/developer/sanctions", path, grounds="The letter came late.").status_code == 303
    page = client.get("/developer/sanctions")
    whole(page)
    assert "Your appeal of" in page.text and "Why the sanction is wrong" not in page.text


def test_a_review_is_asked_for_once(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/apps/quiz-mill"
    before = left(asked.house)
    assert send(client, at, f"{at}/review", cluster="likes").status_code == 400
    assert send(client, at, f"{at}/review", cluster="likes", purpose="another").status_code == 400
    assert send(client, at, f"{at}/review", cluster="identity", purpose="service").status_code == 400
    assert left(asked.house) == before
    assert send(client, at, f"{at}/review", cluster="likes", purpose="service").status_code == 303
    assert [r.review.state for r in review.reviews(asked.house.engines)] == ["requested"]
    assert "Ask for a review" not in client.get(at).text
    assert send(client, at, f"{at}/review", cluster="likes", purpose="service").status_code == 409


def test_the_terms_are_signed_as_they_were_shown(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/apps/quiz-mill/terms/likes"
    shown = unescape(re.search(r'name="terms_sha256" value="(\w+)"', client.get(at).text)[1])
    before = left(asked.house)
    assert send(client, at, at, signatory=" ", terms_sha256=shown).status_code == 400
    assert send(client, at, at, signatory="A. Signatory").status_code == 400
    assert send(client, at, at, signatory="A. Signatory", terms_sha256="0" * 64).status_code == 409
    assert left(asked.house) == before
    assert send(client, at, at, signatory="A. Signatory", terms_sha256=shown).status_code == 303
    own = portal.app(asked.house.engines, asked.developer.number, "quiz-mill")
    (contract,) = own.view.contracts
    assert (contract.cluster, contract.signatory, contract.terms_sha256) == ("likes", "A. Signatory", shown)
    again = client.get(at).text
    assert "this very text" in again and "Sign the terms" not in again
    assert client.get("/developer/apps/quiz-mill/terms/identity").status_code == 400
    assert client.get("/developer/apps/quiz-mill/terms/messages").status_code == 400


def test_terms_that_changed_meanwhile_are_not_signed(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/apps/quiz-mill/terms/likes"
    shown = re.search(r'name="terms_sha256" value="(\w+)"', client.get(at).text)[1]
    asked.house.policy("2014")
    assert send(client, at, at, signatory="A. Signatory", terms_sha256=shown).status_code == 409


def test_a_secret_is_shown_once_and_replaces_the_old(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/apps/quiz-mill"
    before = left(asked.house)
    assert send(client, at, f"{at}/secret").status_code == 400
    assert left(asked.house) == before
    secrets = []
    for _ in range(2):
        page = send(client, at, f"{at}/secret", sure="yes")
        whole(page)
        assert page.headers["cache-control"] == "no-store"
        secrets.append(re.search(r'id="the-secret">([^<]+)<', page.text)[1])
    one, two = secrets
    assert one != two and two not in client.get(at).text

    def token(secret):
        form = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://app.example/back"}
        return web.visitor().post("/oauth/token", data=form, auth=("quiz-mill", secret)).json()["error"]

    assert (token(one), token(two)) == ("invalid_client", "invalid_request")


def test_people_who_asked_for_deletion_are_named_as_the_app_knows_them(web, court):
    page = browser_of(web, court.developer).get("/developer/apps/quiz-mill").text
    own = portal.app(court.house.engines, court.developer.number, "quiz-mill")
    (wish,) = own.deletions
    assert wish.code in page and wish.person in page
    assert "p1" not in (wish.person, wish.code)


STATEMENT = {
    "statement": "We deleted it all.", "apps": "quiz-mill", "raw": "wiped\r\ntwice", "derived": "scores wiped",
    "backups": "none kept", "recipients": "nobody", "people_direct": "1", "people_indirect": "7", "records": "2",
    "deleted_on": "2026-01-01", "signed_on": "2026-01-01", "signatory": "A. B.", "role": "Director", "typed": "A. B.",
}  # fmt: skip


def test_a_certification_is_kept_and_its_defects_never_tell_the_ledgers_numbers(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/certifications/new"
    answer = send(client, at, at, case=asked.case, **STATEMENT)
    assert answer.status_code == 303
    (kept,) = certify.list_certifications(asked.house.engines)
    said = kept.certification
    assert (said.case, said.signature_state, said.statement.raw) == (asked.case, "valid", "wiped\ntwice")
    assert (said.statement.people_indirect, said.statement.apps) == (7, ("quiz-mill",))
    assert {"category_left_out"} < {d.code for d in said.defects}
    page = client.get(answer.headers["location"])
    whole(page)
    for defect in said.defects:
        assert defect.ask in unescape(page.text)
        assert defect.sentence not in unescape(page.text)
    case = client.get(f"/developer/cases/{asked.case}").text
    assert answer.headers["location"] in case and "defects" not in case


def test_a_document_is_taken_as_it_is(web, asked):
    client, at = browser_of(web, asked.developer), "/developer/certifications/new"
    assert send(client, at, at, document="statement: gone\r\napps: [quiz-mill]\r\n").status_code == 303
    (kept,) = certify.list_certifications(asked.house.engines)
    assert (kept.certification.statement.statement, kept.certification.signature_state) == ("gone", "unsigned")


UNREADABLE = [
    {"people_direct": "many"},
    {"people_direct": "-1"},
    {"records": "９"},
    {"records": "1" * 14},
    {"deleted_on": "yesterday"},
    {"raw": "x" * 10_001},
    {"document": "a: [b"},
    {"document": "unknown: 1"},
    {"document": '{"raw": 1, "raw": 2}'},
    {"document": "x" * 50_001},
    {"typed": "x" * 501},
    {"apps": "x" * 201},
]


def test_a_certification_that_cannot_be_read_is_not_kept_and_not_lost(web, asked):
    client, at, before = browser_of(web, asked.developer), "/developer/certifications/new", left(asked.house)
    for bad in UNREADABLE:
        answer = send(client, at, at, **{**STATEMENT, "role": "Chief <b>", **bad})
        assert answer.status_code == 400, bad
        page = Document(answer.text)
        assert len([a for a in page.all("p") if a.get("role") == "alert"]) == 1
        assert "Chief &lt;b&gt;" in answer.text and "scores wiped" in answer.text
        assert left(asked.house) == before, bad


def test_an_appeal_waits_for_its_decision_and_the_decision_is_shown(web, court):
    client = browser_of(web, court.developer)
    path = court.fill("/developer/sanctions/IN_FORCE/appeal")
    before = left(court.house)
    again = send(client, "/developer/apps/quiz-mill", path, grounds="Once more.")
    assert again.status_code == 409 and left(court.house) == before
    enforce.decide_appeal(court.house.engines, UMA, court.appeal, "It was right.", granted_=False)
    page = client.get("/developer/sanctions").text
    assert "It was right." in page and "uma" not in page
    assert OMAR.id not in page
