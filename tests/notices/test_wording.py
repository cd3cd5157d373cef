"""The words, as golden files that a person can review (tests/golden/letters/)."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from beholden.model import catalogue as catalogues
from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.notices import warning, wording
from beholden.notices.audience import Share
from beholden.notices.wording import AppWords, Told, Words

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "golden" / "letters"
CATALOGUE = catalogues.read((ROOT.parent / "examples" / "catalogue.yaml").read_text(encoding="utf-8"))
QUIZ, SHOP = AppNumber(1), AppNumber(2)
APPS = {QUIZ: AppWords("This Is Your Quiz", "Science Research Ltd"), SHOP: AppWords("Shop", "Science Research Ltd")}
FIRST, LAST = date(2014, 6, 3), date(2014, 8, 9)
TOLD = Told(
    "The developer gave the data to a company that used it to influence elections.\nIt did not answer our questions.",
    "We banned it. None of these apps receives anybody's data any more, and all their permissions are ended.",
    "privacy@beholden.example",
    "https://privacy.example/privacy/inbox",
    "campaign_example",
)
GRANT = Grant(
    GrantId("grant_1"),
    PersonNumber(1),
    QUIZ,
    frozenset({"name", "birthday"}),
    frozenset({"likes"}),
    frozenset({"personality quiz"}),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
)


def direct() -> Words:
    return wording.notice(TOLD, [Share(QUIZ, True, False, ("birthday", "name"), FIRST, FIRST)], APPS, CATALOGUE)


def indirect() -> Words:
    return wording.notice(TOLD, [Share(QUIZ, False, True, ("likes", "name"), FIRST, LAST)], APPS, CATALOGUE)


def both_by_two_apps() -> Words:
    shares = [
        Share(QUIZ, True, True, ("email", "messages", "name"), FIRST, LAST),
        Share(SHOP, False, True, ("name",), LAST, LAST),
    ]
    return wording.notice(TOLD, shares, APPS, CATALOGUE)


def hostile_names() -> Words:
    apps = {QUIZ: AppWords("<b>Sign in</b>\r\nBcc: x\u202e http://evil.example/", "Evil\u2028Ltd www.evil.example")}
    share = Share(QUIZ, False, True, ("gone_from_catalogue", "<script>"), FIRST, LAST)
    return wording.notice(TOLD, [share], apps, CATALOGUE)


def warned(reason: EndReason, left: timedelta) -> Words:
    at = datetime(2026, 4, 1, 12, tzinfo=UTC)
    return warning.words(
        GRANT,
        "This Is Your Quiz",
        "Science Research Ltd",
        warning.Ending(at, reason),
        at - left,
        inactivity_days=90,
        catalogue=CATALOGUE,
        page="https://privacy.example/privacy/apps",
        contact="privacy@beholden.example",
    )


LETTERS = {
    "notice_direct": direct(),
    "notice_indirect": indirect(),
    "notice_both_by_two_apps": both_by_two_apps(),
    "notice_hostile_names": hostile_names(),
    "warning_inactive": warned(EndReason.INACTIVE, timedelta(days=6, hours=3)),
    "warning_age": warned(EndReason.AGE, timedelta(hours=20)),
    "warning_ended": warned(EndReason.INACTIVE, timedelta(days=-3)),
}


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_agreed(name: str) -> None:
    text = f"{LETTERS[name].subject}\n\n{wording.plain(LETTERS[name])}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("BEHOLDEN_WRITE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), "if the change is meant, write the new text and review it"


def test_a_notice_has_what_the_law_asks_for() -> None:
    """GDPR Art. 34(2): the nature of the breach, the contact, the consequences, the measures."""
    text = wording.plain(indirect())
    assert TOLD.happened.splitlines()[0].split()[0] in text
    for needed in (TOLD.contact, TOLD.reference, TOLD.inbox, "3 June 2014", "9 August 2014", "We banned it"):
        assert needed in text
    for label in wording.labels(("likes", "name"), CATALOGUE):
        assert label in text


def test_what_can_come_of_it_follows_from_what_was_given() -> None:
    basic = wording.consequences([Share(QUIZ, True, False, ("name",), FIRST, LAST)], CATALOGUE)
    intimate = wording.consequences([Share(QUIZ, True, False, ("name", "messages"), FIRST, LAST)], CATALOGUE)
    unknown = wording.consequences([Share(QUIZ, True, False, ("gone",), FIRST, LAST)], CATALOGUE)
    assert len(basic) == 1
    assert set(intimate) > set(basic)
    assert set(unknown) == set(intimate) - set(basic)
