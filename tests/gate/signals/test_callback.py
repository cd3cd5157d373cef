"""What an app may answer to a wish of deletion; people are shown it."""

from typing import Any

import pytest

from beholden.gate.signals.callback import Confirmation, confirmation


def test_a_link_and_a_code_are_a_confirmation() -> None:
    answer = {"url": "https://app.example/deletion?id=7", "confirmation_code": "abc123", "more": [1]}
    assert confirmation(answer) == Confirmation("https://app.example/deletion?id=7", "abc123")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://app.example/", "a"),
        ("javascript:alert(1)", "a"),
        ("https://u@app.example/", "a"),
        ('https://app.example/"><b>', "a"),
        ("https://app.example/\n", "a"),
        ("https://" + "a" * 1000, "a"),
        ("https://[x", "a"),
        ("", "a"),
        (None, "a"),
        ("https://app.example/", ""),
        ("https://app.example/", "   "),
        ("https://app.example/", "a\nb"),
        ("https://app.example/", "a" * 201),
        ("https://app.example/", 7),
        ("https://app.example/", None),
    ],
)
def test_what_could_harm_a_page_or_means_nothing_is_no_confirmation(url: Any, code: Any) -> None:
    assert isinstance(confirmation({"url": url, "confirmation_code": code}), str)


@pytest.mark.parametrize("answer", [None, [], "ok", 7, {}])
def test_an_answer_of_another_shape_is_none(answer: Any) -> None:
    assert isinstance(confirmation(answer), str)
