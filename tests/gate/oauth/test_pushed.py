"""A pushed request: how long it stands, and for whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.gate.oauth.pushed import LIFE, READING, Pushed, may_open, reference, secret_of, stands
from beholden.gate.oauth.secret import digest_of, written
from beholden.model.ids import AppNumber

NOW = datetime(2026, 6, 1, tzinfo=UTC)
QUIZ, OTHER = AppNumber(1), AppNumber(2)
REQUEST = Pushed(digest_of("x"), QUIZ, (), NOW, NOW + LIFE)
OPENED = replace(REQUEST, opened_at=NOW + LIFE / 2)


@pytest.mark.parametrize(
    ("request_", "app", "after", "good"),
    [
        (REQUEST, QUIZ, timedelta(), True),
        (REQUEST, QUIZ, LIFE - timedelta(microseconds=1), True),
        (REQUEST, QUIZ, LIFE, False),
        (REQUEST, OTHER, timedelta(), False),
        (OPENED, QUIZ, LIFE * 2, True),
        (OPENED, QUIZ, LIFE / 2 + READING, False),
        (replace(OPENED, used_at=NOW), QUIZ, timedelta(), False),
        (None, QUIZ, timedelta(), False),
    ],
)
def test_it_stands_until_it_is_used_or_too_old(request_, app, after, good) -> None:
    assert stands(request_, app, NOW + after) is good


def test_it_is_opened_once_and_in_time() -> None:
    assert may_open(REQUEST, NOW)
    for one, at in ((OPENED, NOW), (replace(REQUEST, used_at=NOW), NOW), (REQUEST, NOW + LIFE)):
        assert not may_open(one, at)


def test_only_references_of_ours_have_a_secret_in_them() -> None:
    secret = written(b"s" * 32)
    assert secret_of(reference(secret)) == secret
    for text in ("", secret, reference(secret) + "A", reference("short"), reference("é" * 43), "https://app.example/r"):
        assert secret_of(text) is None
