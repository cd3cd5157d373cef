"""The console: every page with everything on it and with nothing, every form, and who may send it."""

import pytest

from beholden.journeys import audit, certify, detect, docket, enforce, notify, review
from beholden.model.act import ActorKind
from beholden.model.ids import OperatorId
from beholden.model.standing import Standing
from tests.web.conftest import URL, send
from tests.web.misuse import HOSTILE, INES, OMAR, UMA, matter, operators, suspicion
from tests.web.test_privacy_centre import Document, check

LISTS = [
    "",
    "/findings",
    "/cases",
    "/sanctions",
    "/reviews",
    "/apps",
    "/notices",
    "/examinations",
    "/signals",
    "/ledger",
]
THINGS = [
    "/findings/FINDING",
    "/findings/FINDING?from=1",
    "/cases/CASE",
    "/apps/APP",
    "/notices/CAMPAIGN",
    "/notices?case=CASE",
    "/examinations/EXAMINATION",
    "/ledger?before=3",
    "/ledger?before=<script>",
    "/findings/FINDING?from=99999999999999999999",
]
ACTS = [
    "/findings/FINDING/verdict",
    "/findings/FINDING/case",
    "/cases/CASE/rfi",
    "/cases/CASE/note",
    "/cases/CASE/evades",
    "/cases/CASE/verdict",
    "/cases/CASE/sanction",
    "/sanctions/PROPOSED/confirm",
    "/sanctions/PROPOSED/withdraw",
    "/sanctions/IN_FORCE/propose-lift",
    "/sanctions/IN_FORCE/lift",
    "/appeals/APPEAL/decide",
    "/reviews/REVIEW",
    "/apps/APP/verified",
    "/apps/APP/sanction",
    "/notices",
    "/notices/CAMPAIGN/freeze",
]


def operator(web, who=INES):
    """An operator's browser."""
    return web.signed_in(who.kind, who.id)


def whole(response):
    """The page is well made, everything from outside is escaped, and long texts have labels too."""
    page = check(response)
    assert "<script>" not in response.text
    assert "onerror=alert(1)>" not in response.text.replace("onerror=alert(1)&gt;", "")
    labelled = {label["for"] for label in page.all("label")}
    assert all(field["id"] in labelled for tag in ("select", "textarea") for field in page.all(tag))
    return page


def left(house):
    """Everything that a refused form could have changed: acts on record, and the state of all things."""
    engines = house.engines
    return (
        [act.verb for act in engines.ledger.acts()],
        [(s.sanction.id, s.sanction.state) for s in enforce.list_sanctions(engines)],
        [(c.id, c.state) for c in docket.list_cases(engines)],
        [(r.review.id, r.review.state) for r in review.reviews(engines)],
        [(c.id, c.state) for c in notify.campaigns(engines)],
        [f.verdict for f in detect.list_findings(engines)],
        [a.appeal.state for a in enforce.list_appeals(engines)],
        len(certify.list_certifications(engines)),
    )


@pytest.fixture
def court(web, house):
    return matter(house)


def test_every_page_is_whole_and_escapes_what_others_named(web, court):
    client = operator(web)
    for path in LISTS + THINGS:
        response = client.get(court.fill(f"/console{path}"))
        page = whole(response)
        assert page.all("nav"), path
    assert "&lt;script&gt;" in client.get(court.fill("/console/cases/CASE")).text


def test_every_page_is_whole_when_there_is_nothing(web, house):
    operators(house)
    client = operator(web)
    for path in LISTS:
        whole(client.get(f"/console{path}"))


def test_the_console_is_for_operators_alone(web, court):
    visitor, person = web.visitor(), web.person(court.person)
    developer = web.signed_in(ActorKind.DEVELOPER, str(court.developer.number))
    before = left(court.house)
    for path in (court.fill(f"/console{p}") for p in LISTS + THINGS):
        response = visitor.get(path)
        assert response.status_code == 303 and response.headers["location"].startswith("/sign-in?next=")
        assert person.get(path).status_code == developer.get(path).status_code == 403
    for path in (court.fill(f"/console{p}") for p in ACTS):
        form = {"reason": "x", "decision": "approve", "kind": "ban"}
        assert visitor.post(path, data=form, headers={"origin": URL}).headers["location"] == "/sign-in"
        assert person.post(path, data=form, headers={"origin": URL}).status_code == 403
        assert developer.post(path, data=form, headers={"origin": URL}).status_code == 403
    assert left(court.house) == before


def test_an_operator_who_was_removed_is_out(web, court):
    from beholden.journeys import access

    client = operator(web, UMA)
    access.remove_operator(court.house.engines, OperatorId("uma"))
    assert client.get("/console").status_code == 303


def test_a_form_without_its_csrf_value_or_from_elsewhere_changes_nothing(web, court):
    client = operator(web, OMAR)
    before = left(court.house)
    for path in (court.fill(f"/console{p}") for p in ACTS):
        form = {"reason": "x", "decision": "approve", "kind": "ban", "note": "x", "questions": "x", "case": court.case}
        assert client.post(path, data=form, headers={"origin": URL}).status_code == 403
        page = client.get("/console/sanctions").text
        csrf = page.split('name="csrf" value="')[1].split('"')[0]
        foreign = client.post(path, data={**form, "csrf": csrf}, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
    assert left(court.house) == before


BAD = [
    ("/findings/FINDING", "verdict", {"verdict": "guilty", "reason": "x"}),
    ("/findings/FINDING", "verdict", {"verdict": "tp", "reason": " "}),
    ("/findings/FINDING", "case", {}),
    ("/findings/FINDING", "case", {"reason": "x" * 5_001}),
    ("/cases/CASE", "rfi", {"questions": "\n \n"}),
    ("/cases/CASE", "rfi", {"questions": "\n".join("why?" for _ in range(51))}),
    ("/cases/CASE", "rfi", {"questions": "x" * 2_001}),
    ("/cases/CASE", "note", {"note": ""}),
    ("/cases/CASE", "evades", {"reason": ""}),
    ("/cases/CASE", "verdict", {"outcome": "perhaps", "reason": "x"}),
    ("/cases/CASE", "verdict", {"outcome": "upheld", "reason": "x", "evidence": "finding:finding_1"}),
    ("/cases/CASE", "verdict", {"outcome": "upheld", "reason": "x", "severity": "high"}),
    ("/cases/CASE", "verdict", {"outcome": "upheld", "reason": "x", "severity": "high", "evidence": "rumour"}),
    ("/cases/CASE", "verdict", {"outcome": "benign", "reason": "x", "severity": "low"}),
    ("/cases/CASE", "sanction", {"kind": "flog", "reason": "x"}),
    ("/cases/CASE", "sanction", {"kind": "ban", "reason": ""}),
    ("/sanctions", "PROPOSED/confirm", {"reason": ""}),
    ("/sanctions", "IN_FORCE/propose-lift", {}),
    ("/apps/APP", "sanction", {"kind": "", "reason": "x"}),
    ("/apps/APP", "verified", {"verified": "perhaps"}),
]


def test_bad_input_is_one_clear_error_and_changes_nothing(web, court):
    client, before = operator(web, OMAR), left(court.house)
    for page, act, form in BAD:
        at = court.fill(f"/console{page}")
        answer = send(client, at, court.fill(f"{at}/{act}"), **form)
        assert answer.status_code == 400, (act, form)
        assert len(Document(answer.text).all("h1")) == 1
        assert left(court.house) == before, (act, form)


def test_a_decision_that_is_not_said_is_not_made(web, court):
    client, before = operator(web, UMA), left(court.house)
    for page, path in (("reviews", "reviews/REVIEW"), ("sanctions", "appeals/APPEAL/decide")):
        for word in ({}, {"decision": ""}, {"decision": "yes"}):
            answer = send(client, f"/console/{page}", court.fill(f"/console/{path}"), reason="x", **word)
            assert answer.status_code == 400
            assert "It is not said what was decided." in answer.text
    assert left(court.house) == before


def test_what_is_not_there_is_404(web, house):
    found = suspicion(house)
    client = operator(web)
    for path in ("findings/nope", "cases/nope", "apps/nope", "notices/nope", "examinations/nope", "nope"):
        assert client.get(f"/console/{path}").status_code == 404
    for path in (
        "findings/nope/case",
        "cases/nope/note",
        "sanctions/nope/confirm",
        "reviews/nope",
        "apps/nope/sanction",
    ):
        form = {"reason": "x", "note": "x", "kind": "ban", "decision": "approve"}
        page = f"/console/findings/{found.finding}"
        assert send(client, page, f"/console/{path}", **form).status_code == 404


def test_law_10_no_operator_confirms_their_own_ban_and_none_lifts_what_they_proposed_to_lift(web, house):
    found = suspicion(house)
    ines, omar = operator(web, INES), operator(web, OMAR)
    case = send(ines, f"/console/findings/{found.finding}", f"/console/findings/{found.finding}/case", reason="harvest")
    at = case.headers["location"]
    assert send(ines, at, f"{at}/sanction", kind="ban", reason="harvest").status_code == 303
    (view,) = enforce.list_sanctions(house.engines)
    path = f"/console/sanctions/{view.sanction.id}"

    def standing():
        with house.engines.store.read() as unit:
            return unit.directory.standing(found.app)[1]

    own = ines.get("/console/sanctions").text
    assert "You proposed this. Another operator must confirm it." in own and "Confirm the ban" not in own
    before = left(house)
    refused = send(ines, "/console/sanctions", f"{path}/confirm", reason="me too")
    assert refused.status_code == 403 and "law 10" in refused.text
    assert left(house) == before and standing() is Standing.ACTIVE

    assert "Confirm the ban" in omar.get("/console/sanctions").text
    assert send(omar, "/console/sanctions", f"{path}/confirm", reason="agreed").status_code == 303
    assert standing() is Standing.BANNED
    assert "in force" in omar.get("/console/sanctions").text

    send(omar, "/console/sanctions", f"{path}/propose-lift", reason="they changed")
    before = left(house)
    assert send(omar, "/console/sanctions", f"{path}/lift", reason="me too").status_code == 403
    assert left(house) == before and standing() is Standing.BANNED
    assert send(ines, "/console/sanctions", f"{path}/lift", reason="agreed").status_code == 303
    assert standing() is Standing.ACTIVE


def test_law_12_what_was_done_here_stands_in_the_ledger_under_its_operator(web, house):
    found = suspicion(house)
    at = f"/console/findings/{found.finding}"
    client = operator(web)
    send(client, at, f"{at}/verdict", verdict="tp", reason="seen")
    case = send(client, at, f"{at}/case", reason="harvest").headers["location"]
    send(client, case, f"{case}/note", note="called them")
    send(client, case, f"{case}/rfi", questions="What for?\r\nWho has it now?")
    page = client.get("/console/ledger").text
    for verb in ("finding:verdict", "case:open", "case:note", "case:send"):
        assert f"<code>{verb}</code>" in page
    verbs = [(a.verb, str(a.actor)) for a in house.engines.ledger.acts()]
    assert [v for v in verbs if v[1] == "operator:ines"] == [
        (verb, "operator:ines") for verb in ("finding:verdict", "case:open", "case:note", "case:send")
    ]


def test_a_request_is_drafted_from_the_rules_questions_and_the_page_says_that_its_letter_waits(web, house):
    found = suspicion(house)
    at = f"/console/findings/{found.finding}"
    client = operator(web)
    case = send(client, at, f"{at}/case", reason="harvest").headers["location"]
    question = detect.show(house.engines, found.finding).rule.ask_developer
    assert question[:40] in client.get(case).text
    send(client, case, f"{case}/rfi", questions="What for?\r\n\r\nWho has it now?")
    (rfi,) = docket.case_view(house.engines, case.rpartition("/")[2]).case.rfis
    assert [q.text for q in rfi.questions] == ["What for?", "Who has it now?"]
    page = client.get(case).text
    assert "Its letter has not left yet" in page
    assert f"beholden case mail {case.rpartition('/')[2]}" in page
    assert "Send the request" not in page  # none can be sent while this one waits


def test_the_whole_verdict_and_the_ladders_advice(web, court):
    client = operator(web)
    at = court.fill("/console/cases/CASE")
    evidence = f"finding:{court.finding} certification:{court.certification}"
    form = {"outcome": "upheld", "severity": "high", "deceit": "yes", "evidence": evidence, "reason": "proven " * 60}
    assert send(client, at, f"{at}/verdict", **form).status_code == 303
    verdict = docket.case_view(court.house.engines, court.case).case.verdict
    assert (verdict.outcome, verdict.severity, verdict.deceit) == (audit.Outcome.UPHELD, "high", True)
    page = client.get(at)
    whole(page)
    assert "ban of the developer. A suspicion of high severity was upheld, with deceit." in page.text
    assert "Next step" not in page.text


def test_a_review_an_appeal_and_a_campaign_are_decided(web, court):
    engines, client = court.house.engines, operator(web, UMA)
    send(client, "/console/reviews", court.fill("/console/reviews/REVIEW"), decision="approve", reason="useful")
    assert review.show(engines, court.review).review.state == "approved"
    path = court.fill("/console/appeals/APPEAL/decide")
    send(client, "/console/sanctions", path, decision="grant", reason="right")
    assert enforce.sanction_view(engines, court.in_force).sanction.state == "lift_proposed"
    at = court.fill("/console/notices/CAMPAIGN")
    assert "Not counted yet" in client.get(at).text  # never "0 people" before anybody was counted
    assert send(client, at, f"{at}/freeze").status_code == 303
    page = client.get(at)
    whole(page)
    assert "2 people" in page.text
    form = {"case": court.case, "happened": "It took data.\r\nA lot."}
    unsaid = send(client, "/console/notices", "/console/notices", **form)
    assert unsaid.status_code == 400 and "Say what was done." in unsaid.text
    answer = send(client, "/console/notices", "/console/notices", measures="We asked them.", **form)
    assert notify.status(engines, answer.headers["location"].rpartition("/")[2]).campaign.happened.startswith("It took")


def test_whoever_took_part_does_not_decide_the_appeal(web, court):
    client, before = operator(web, OMAR), left(court.house)
    assert "You took part in the matter" in client.get("/console/sanctions").text
    path = court.fill("/console/appeals/APPEAL/decide")
    assert send(client, "/console/sanctions", path, decision="dismiss", reason="no").status_code == 403
    assert left(court.house) == before


def test_a_findings_rows_go_page_by_page_in_the_order_of_the_log(web, house):
    from tests.journeys.test_account import disclose
    from tests.web.test_privacy_centre import re

    found = suspicion(house, "plain", "Plain Ltd")
    for _ in range(60):
        disclose(house, found.app, found.person)
    client, at = operator(web), f"/console/findings/{found.finding}"

    def rows(page):
        return [int(n) for n in re.findall(r'<th scope="row" class="number">(\d+)</th>', page)]

    first, second = client.get(at).text, client.get(f"{at}?from=50").text
    assert len(rows(first)) == 50 and rows(first) + rows(second) == sorted({*rows(first), *rows(second)})
    assert re.search(r'from=50" rel="prev">Later', first) and re.search(r'from=0" rel="next">Earlier', second)
    assert HOSTILE not in first
