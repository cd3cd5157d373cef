"""Two operators and a developer in real browsers: from a finding to a ban that is in force, and an RFI answered."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from beholden.journeys import audit, docket
from beholden.model.act import ActorKind
from beholden.model.standing import Standing
from beholden.web import app
from tests.browser import driving
from tests.browser.driving import at_width, complaints, enter, fill, fits, follow, heading, main, press, tab_to
from tests.browser.serving import listen, serving, url_of
from tests.web.misuse import INES, OMAR, Matter, suspicion

pytestmark = pytest.mark.browser
CONSOLE = (
    "", "/findings", "/cases", "/sanctions", "/reviews", "/apps", "/notices", "/examinations", "/signals", "/ledger",
)  # fmt: skip
PORTAL = ("", "/apps/quiz-mill", "/cases", "/certifications", "/certifications/new", "/sanctions")


@pytest.fixture
def town(house) -> Iterator[Matter]:
    """A server, and a finding about an app."""
    listener = listen()
    house.engines = replace(house.engines, url=url_of(listener))
    found = suspicion(house, "It took the friends of everybody.", "Quiz Mill Ltd")
    with serving(app.create(house.engines, house.settings), listener):
        yield found


def standing(town: Matter) -> Standing:
    with town.house.engines.store.read() as unit:
        return unit.directory.standing(town.app)[1]


def sign_in(browser, town: Matter, kind: ActorKind, id_: str) -> None:
    driving.sign_in_by_link(browser, town.house.engines, kind, id_)


def test_one_operator_goes_from_a_finding_to_a_ban_and_another_confirms_it(browser, town):
    sign_in(browser, town, INES.kind, INES.id)
    assert heading(browser) == "What waits"
    follow(browser, "Findings without a verdict")
    follow(browser, "Reads many people who never installed it, through few who did")
    assert "It took the friends of everybody." in main(browser)
    assert "Rows 1 to 2" in main(browser)

    fill(browser, "Reason for the case", "It took the friends of everybody.")
    press(browser, "Open a case")
    assert heading(browser) == "Case on Quiz Mill Ltd"
    fill(browser, "Questions, one a line", "What for?\nWho has it now?")
    press(browser, "Send the request")
    assert "RFI SENT" in main(browser).upper()
    assert "Who has it now?" in main(browser)

    fill(browser, "Sanction on the developer", "Ban")
    fill(browser, "Reason", "It goes on taking.")
    press(browser, "Propose")
    assert heading(browser) == "Sanctions and appeals"
    assert "You proposed this. Another operator must confirm it." in main(browser)
    assert "Confirm the ban" not in main(browser)
    assert standing(town) is Standing.ACTIVE

    # Another operator, in a session of his own; nothing but his keyboard.
    press(browser, "Sign out")
    sign_in(browser, town, OMAR.kind, OMAR.id)
    enter(browser, tab_to(browser, "For a second operator"))
    assert heading(browser) == "Sanctions and appeals"
    tab_to(browser, "Why you agree").send_keys("The evidence is plain.")
    enter(browser, tab_to(browser, "Confirm the ban"))
    assert "in force" in main(browser)
    assert "The evidence is plain." in main(browser)
    assert standing(town) is Standing.BANNED
    assert not complaints(browser)


def test_a_developer_answers_a_request_in_their_portal(browser, town):
    engines = town.house.engines
    case = audit.open_case(engines, INES, town.developer.number, [], [], "harvest").case.id
    audit.send_rfi(engines, INES, case, ["What did you take it for?", "Who has it now?"])
    sign_in(browser, town, ActorKind.DEVELOPER, str(town.developer.number))
    assert heading(browser) == "Quiz Mill Ltd"
    assert "Answer needed before 16 January 2026, 00:00 UTC" in main(browser)
    assert "all its apps lose access at once" in main(browser)
    follow(browser, "Read and answer it")
    fill(browser, "Question 1.", "For a quiz.\nOnly that.")
    fill(browser, "Question 2.", "Nobody.")
    press(browser, "Send the answer")
    assert "Your answer is on record." in main(browser)
    assert "For a quiz." in main(browser)
    kept = docket.case_view(engines, case).case
    assert [a.text for a in kept.rfis[0].answers] == ["For a quiz.\nOnly that.", "Nobody."]
    assert kept.state == "answered"
    assert not complaints(browser)


def test_every_page_of_console_and_portal_fits_at_320_pixels_and_works_without_scripts(browser, town):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    at_width(browser, 320)
    case = audit.open_case(town.house.engines, INES, town.developer.number, [], [town.finding], "harvest").case.id
    sign_in(browser, town, INES.kind, INES.id)
    for path in (*CONSOLE, f"/findings/{town.finding}", f"/cases/{case}", "/apps/quiz-mill"):
        browser.get(f"{town.house.engines.url}/console{path}")
        assert fits(browser), path
    sign_in(browser, town, ActorKind.DEVELOPER, str(town.developer.number))
    for path in (*PORTAL, "/apps/quiz-mill/terms/likes", f"/cases/{case}"):
        browser.get(f"{town.house.engines.url}/developer{path}")
        assert fits(browser), path
