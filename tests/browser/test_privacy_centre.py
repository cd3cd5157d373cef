"""A person in a real browser consents to an app, sees what it got, turns all off, reads the notice and the self-check.

Everything is real: Beholden, the example platform with its sign-in and data API, the app's redirect URI, Chromium.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from beholden.journeys import access, notify
from beholden.journeys.ports import NewPerson
from beholden.model.act import SYSTEM
from beholden.model.app import Ask
from beholden.model.ids import PersonNumber
from beholden.web import app
from examples.platform import app as platform_app
from examples.platform.api import Beholden
from examples.platform.oidc import Client, Provider
from examples.platform.world import world
from tests.browser.driving import heading, press
from tests.browser.serving import called_back, listen, serving, url_of
from tests.web.test_privacy_centre import told

pytestmark = pytest.mark.browser
PASSWORD = "synthetic"
VERIFIER = "v" * 43


@dataclass
class Story:
    """The servers, and who is in the story: person `u000003` of the platform, and an app."""

    house: object
    url: str
    platform: str
    back: str
    calls: list[str]
    person: PersonNumber
    name: str

    def authorize(self) -> str:
        """The link with which the app sends people to consent."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": "life-quiz",
            "redirect_uri": self.back,
            "state": "the-apps-own",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.url}/oauth/authorize?{urlencode(query)}"

    def token(self) -> str:
        """The access token for the code that the app was called back with."""
        (call,) = self.calls
        code = parse_qs(urlsplit(call).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "client_id": "life-quiz",
            "code_verifier": VERIFIER,
        }
        answer = httpx.post(f"{self.url}/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def me(self, token: str) -> httpx.Response:
        """What the app gets when it asks the platform for the person."""
        return httpx.get(f"{self.platform}/api/me", headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def story(house) -> Iterator[Story]:
    here, listener, other = world(2018, 50), listen(), listen()
    url, issuer = url_of(listener), url_of(other)
    engines = replace(house.engines, url=url)
    house.engines = engines
    settings = replace(
        house.settings, oidc_issuer=issuer, oidc_client_id="beholden", oidc_client_secret="a/secret:of+ours"
    )
    with engines.store.write() as unit:
        new = [NewPerson(*entry) for entry in here.directory()]
        unit.directory.enrol(new, engines.clock.now(), [engines.ids.secret() for _ in new])
        person = unit.directory.numbers(["u000003"])["u000003"]
    key = access.add_platform_key(engines, "platform").secret
    client = Client("beholden", "a/secret:of+ours", f"{url}/sign-in/callback")
    provider = Provider(here, issuer, client, PASSWORD, engines.clock.now)
    with ExitStack() as stack:
        back, calls = stack.enter_context(called_back())
        house.app(
            house.developer("Global Science Ltd"),
            "life-quiz",
            [Ask("identity", "service", required=True), Ask("likes", "service"), Ask("likes", "service", through=True)],
            name="This Is Your Life",
            redirect_uris=[back],
        )
        stack.enter_context(serving(app.create(engines, settings), listener))
        stack.enter_context(serving(platform_app.create(here, provider, Beholden(url, key)), other))
        yield Story(house, url, issuer, back, calls, person, here.name(3))


def sign_in(browser: WebDriver) -> None:
    """At the platform's own page, by keyboard alone."""
    browser.find_element(By.ID, "username").send_keys("u000003", Keys.TAB, PASSWORD, Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda b: "/authorize?" not in b.current_url or "/oauth/" in b.current_url)


def test_a_person_consents_sees_opts_out_reads_and_checks(browser, story):
    # The app sends the person here; they are not signed in, so they go on to the platform and come back.
    browser.get(story.authorize())
    assert browser.current_url.startswith(story.platform)
    sign_in(browser)
    assert heading(browser) == "This Is Your Life asks for your data"

    # They leave out what is optional and allow the rest: the browser lets the form lead to the app.
    assert not any(box.is_selected() for box in browser.find_elements(By.CSS_SELECTOR, "input[type=checkbox]"))
    press(browser, "Allow")
    assert browser.current_url.startswith(story.back)
    assert heading(browser) == "Back at the app"

    # The app gets what was allowed, and the person sees that it did.
    token = story.token()
    got = story.me(token)
    assert got.status_code == 200, got.text
    assert story.name in got.text
    browser.get(f"{story.url}/privacy")
    assert heading(browser) == f"Your data, {story.name}"
    browser.find_element(By.LINK_TEXT, "What was shared").click()
    row = browser.find_element(By.CSS_SELECTOR, "tbody tr").text
    assert "This Is Your Life" in row
    assert "You" in row

    # One switch, and the next request gets nothing (law 5).
    browser.find_element(By.LINK_TEXT, "Overview").click()
    press(browser, "Turn all sharing off")
    assert "No app gets anything of yours" in browser.find_element(By.TAG_NAME, "main").text
    refused = story.me(token)
    assert story.name not in refused.text
    assert "email" not in refused.text

    # The app is acted against; the person reads the notice, and may ask again at any time.
    campaign = notify.draft(
        story.house.engines, SYSTEM, [_app(story)], "It sold what it got.", measures="We banned it."
    ).id
    told(story.house, campaign)
    browser.find_element(By.LINK_TEXT, "Inbox").click()
    assert "New" in browser.find_element(By.TAG_NAME, "article").text
    browser.find_element(By.CSS_SELECTOR, "article a").click()
    notice = browser.find_element(By.TAG_NAME, "main").text
    assert "You were affected: you used it" in notice
    assert "It sold what it got." in notice
    browser.find_element(By.LINK_TEXT, "Check this again at any time").click()
    assert "Yes: you used it" in browser.find_element(By.TAG_NAME, "main").text

    # Signed out, the address opens nothing; and in all of this no page asked for what its policy forbids.
    press(browser, "Sign out")
    browser.get(f"{story.url}/privacy")
    assert not browser.current_url.startswith(f"{story.url}/privacy?")
    assert not [line for line in browser.get_log("browser") if "Content Security Policy" in line["message"]]


def test_every_page_can_be_used_by_keyboard_at_320_pixels_without_scripts(browser, story):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(f"{story.url}/sign-in/platform?next=/privacy/choices")
    sign_in(browser)
    assert heading(browser) == "Your choices"
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert skip.rect["y"] >= 0
    for path in ("", "/apps", "/choices", "/disclosures", "/inbox", "/affected"):
        browser.get(f"{story.url}/privacy{path}")
        body = browser.find_element(By.TAG_NAME, "body")
        assert body.size["width"] <= 320
        for element in browser.find_elements(By.CSS_SELECTOR, "main button, main a, main h1"):
            assert element.rect["x"] >= 0
            assert element.rect["x"] + element.rect["width"] <= 320


def _app(story: Story):
    with story.house.engines.store.read() as unit:
        return unit.directory.app("life-quiz").number
