"""The re-registration guard."""

from datetime import UTC, datetime

import pytest

from beholden.enforcement.registration import essence, resembles
from beholden.model.app import Developer
from beholden.model.ids import DeveloperNumber

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GSR = Developer(DeveloperNumber(3), "Global Science Research Ltd", "legal@gsr.example", NOW)
MILL = Developer(DeveloperNumber(4), "Quiz Mill", "quiz.mill@gmail.com", NOW)


@pytest.mark.parametrize(
    ("name", "email", "developer", "refuse"),
    [
        ("Another Name", "legal@gsr.example", 3, True),
        ("Another Name", "LEGAL+new@GSR.example", 3, True),
        ("Another Name", "someone@gsr.example", 3, True),
        ("Another Name", "someone@apps.gsr.example", 3, True),
        ("Another Name", "someone@gsr.example.", 3, True),
        ("Another Name", "Quiz.Mill+2@gmail.com", 4, True),
        ("global science research", "x@new.example", 3, False),
        ("GLOBAL-SCIENCE RESEARCH, Inc.", "x@new.example", 3, False),
        ("Glоbal Sciеnce Reseаrch", "x@new.example", 3, False),  # Cyrillic о, е, а
        ("Ｑｕｉｚ Míll G.m.b.H.", "x@new.example", 4, False),
        ("Quiz Mill", "x@gsr.example", 3, True),
    ],
)
def test_who_comes_back_is_recognised(name: str, email: str, developer: int, refuse: bool) -> None:
    found = resembles(name, email, [MILL, GSR])
    assert found is not None and (found.developer, found.refuse) == (developer, refuse)
    assert str(developer) in found.sentence


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("Honest Apps", "someone@gmail.com"),  # a public mail domain holds nobody together
        ("Honest Apps", "someone@notgsr.example"),
        ("Honest Apps", "someone@example"),
        ("Honest Apps", "no address"),
        ("Ltd", "x@new.example"),
        ("", ""),
        ("Science Research", "x@new.example"),
    ],
)
def test_who_is_somebody_else_is_let_in(name: str, email: str) -> None:
    assert resembles(name, email, [GSR, MILL]) is None


def test_nobody_resembles_anybody_while_nobody_is_banned() -> None:
    assert resembles(GSR.name, GSR.email, []) is None


def test_a_name_of_nothing_but_its_legal_form_is_still_a_name() -> None:
    assert essence("The Group Ltd") == "thegroupltd"
