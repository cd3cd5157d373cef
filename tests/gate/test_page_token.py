"""A page token opens for the search that it was given for, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate import page_token
from beholden.gate.page_token import Place
from beholden.model.errors import BadInput

SECRET = b"s" * 32
IDS = st.text(max_size=40) | st.just("𝄞" * 1000)
PLACES = st.builds(Place, st.integers(0, 2**62) | IDS, st.integers(1, 1000))


@given(PLACES, st.binary(max_size=40))
def test_a_token_brings_back_its_place(place: Place, parameters: bytes) -> None:
    token = page_token.write(SECRET, parameters, place)
    assert page_token.read(SECRET, parameters, token) == place
    assert token.isascii()
    assert "=" not in token


@given(PLACES, st.binary(max_size=8), st.binary(max_size=8), st.sampled_from([SECRET, b"t" * 32]))
def test_under_other_parameters_or_another_secret_it_does_not_open(
    place: Place, asked: bytes, now: bytes, secret: bytes
) -> None:
    token = page_token.write(SECRET, asked, place)
    if (asked, SECRET) != (now, secret):
        with pytest.raises(BadInput):
            page_token.read(secret, now, token)


@given(PLACES, st.data())
def test_a_token_with_any_character_changed_does_not_open(place: Place, data: st.DataObject) -> None:
    token = page_token.write(SECRET, b"p", place)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != token[at]))
    with pytest.raises(BadInput):
        page_token.read(SECRET, b"p", token[:at] + other + token[at + 1 :])


@given(st.text(max_size=60) | st.just("A" * 10_000))
def test_whatever_somebody_makes_up_is_no_token(text: str) -> None:
    with pytest.raises(BadInput):
        page_token.read(SECRET, b"p", text)


@given(st.integers(0, 2**40), st.integers(1, 1000))
def test_a_token_does_not_show_whom_it_stands_behind(after: int, limit: int) -> None:
    import base64

    token = page_token.write(SECRET, b"p", Place(after, limit))
    sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert f",{after}]".encode() not in sealed
