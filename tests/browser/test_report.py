"""A report's page in a real browser: pictures to look at, nothing that runs, nothing from elsewhere."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from tests.backends.evidence.test_report_files import reported
from tests.browser.driving import at_width, complaints, fits, heading
from tests.conftest import START
from tests.journeys.test_examine import Scene, planted, scene

__all__ = ["scene"]
pytestmark = pytest.mark.browser

PICTURES = ("people", "timeline", "strips", "matrix", "coverage")


@pytest.fixture
def report(scene: Scene, tmp_path: Path) -> Path:
    """The page of an examination with finds, gaps, and names that would break a page."""
    planted(scene)
    (scene.folder / "vault.bin").write_bytes(os.urandom(60_000))
    (scene.folder / ("<img src=x onerror=alert(1)>\u202e\n" + "long" * 40)).write_text(scene.rows())
    for number, path in enumerate(sorted(scene.folder.iterdir())):
        at = (START + timedelta(days=40 * number - 60)).timestamp()
        os.utime(path, (at, at))
    reported(scene, tmp_path / "out")
    return tmp_path / "out" / "report.html"


def test_pictures_are_seen_and_each_says_what_it_shows(browser: WebDriver, report: Path) -> None:
    browser.get(report.as_uri())
    assert heading(browser) == "Examination of Quiz"
    assert [one.get_attribute("aria-labelledby") for one in browser.find_elements(By.TAG_NAME, "svg")] == [
        f"picture-{name}-title picture-{name}-says" for name in PICTURES
    ]
    for picture in browser.find_elements(By.TAG_NAME, "svg"):
        assert picture.is_displayed() and picture.size["width"] > 500 and picture.size["height"] > 30
        assert picture.accessible_name
    shapes = browser.find_elements(By.CSS_SELECTOR, "svg rect, svg circle")
    assert len(shapes) > 60 and all(one.get_attribute("fill") for one in shapes)


def test_nothing_runs_and_nothing_is_fetched(browser: WebDriver, report: Path) -> None:
    browser.get(report.as_uri())
    assert browser.find_elements(By.CSS_SELECTOR, "script, img, link, iframe, object, embed, a, [onerror], [src]") == []
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert fetched == [] and complaints(browser) == []


@pytest.mark.parametrize("width", [360, 1100])
def test_the_page_fits_a_telephone_and_a_desk(browser: WebDriver, report: Path, width: int) -> None:
    browser.get(report.as_uri())
    at_width(browser, width)
    assert fits(browser)
