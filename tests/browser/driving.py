"""What tests do with a browser: sign in by a link, press, fill in, walk by keyboard, look at widths."""

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from beholden.journeys import access
from beholden.journeys.ports import Engines
from beholden.model.act import ActorKind

SECONDS = 20
MOST_TABS = 80


def sign_in_by_link(browser: WebDriver, engines: Engines, kind: ActorKind, id_: str) -> None:
    """Open a fresh link in a session of its own, and press its button."""
    browser.delete_all_cookies()
    browser.get(engines.url + access.issue_link(engines, kind, id_))
    press(browser, "Sign in")


def press(browser: WebDriver, words: str) -> None:
    """Press the button with these words, and wait for the page that it leads to."""
    button = browser.find_element(By.XPATH, f"//button[normalize-space()='{words}']")
    button.click()
    WebDriverWait(browser, SECONDS).until(lambda _: gone(button))


def gone(element: WebElement) -> bool:
    """Whether its page has given way to another one."""
    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:  # it went while it was being looked at
        if "does not belong to the document" in (error.msg or ""):
            return True
        raise
    return False


def follow(browser: WebDriver, words: str) -> None:
    """Follow the first link with these words."""
    browser.find_element(By.PARTIAL_LINK_TEXT, words).click()


def fill(browser: WebDriver, label: str, words: str) -> None:
    """Write into the field with this label, in place of what stood there."""
    found = browser.find_element(By.XPATH, f"//label[starts-with(normalize-space(), '{label}')]")
    field = browser.find_element(By.ID, found.get_attribute("for") or "")
    if field.tag_name != "select":
        field.clear()
    field.send_keys(words)


def tab_to(browser: WebDriver, words: str) -> WebElement:
    """Go with Tab alone, from where the focus is, to the thing that is called so; it must show its focus."""
    for _ in range(MOST_TABS):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        found = browser.switch_to.active_element
        if (found.accessible_name or "").startswith(words):
            assert found.value_of_css_property("outline-style") != "none", f"{words!r} does not show its focus"
            return found
    raise AssertionError(f"{words!r} was not reached with {MOST_TABS} tabs")


def enter(browser: WebDriver, element: WebElement) -> None:
    """Press Enter on it, and wait for the page that it leads to."""
    element.send_keys(Keys.ENTER)
    WebDriverWait(browser, SECONDS).until(lambda _: gone(element))


def heading(browser: WebDriver) -> str:
    """The one h1."""
    (found,) = browser.find_elements(By.TAG_NAME, "h1")
    return str(found.text)


def main(browser: WebDriver) -> str:
    """What the page says."""
    return str(browser.find_element(By.TAG_NAME, "main").text)


def at_width(browser: WebDriver, width: int, height: int = 900) -> None:
    """See the page so wide."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def fits(browser: WebDriver) -> bool:
    """Whether nothing makes the page as a whole scroll sideways."""
    page = browser.find_element(By.TAG_NAME, "html")
    return int(page.get_property("scrollWidth")) <= int(page.get_property("clientWidth"))  # type: ignore[arg-type]


def complaints(browser: WebDriver) -> list[str]:
    """What the browser held against our own pages: a thing that their policy forbids."""
    return [line["message"] for line in browser.get_log("browser") if "Content Security Policy" in line["message"]]
