"""Proof keys: the RFC's own example, and everything that is not one."""

import string

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.oauth import pkce

VERIFIERS = st.text(string.ascii_letters + string.digits + "-._~", min_size=43, max_size=128)


def test_the_example_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert pkce.proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@given(VERIFIERS)
def test_challenges_are_those_that_another_implementation_makes(verifier: str) -> None:
    assert pkce.challenge_of(verifier) == create_s256_code_challenge(verifier)
    assert pkce.is_challenge(pkce.challenge_of(verifier))


@given(VERIFIERS, VERIFIERS)
def test_only_the_verifier_itself_proves(one: str, other: str) -> None:
    assert pkce.proves(one, pkce.challenge_of(other)) == (one == other)


@given(VERIFIERS)
def test_a_challenge_does_not_prove_itself_as_plain_would_have_it(verifier: str) -> None:
    challenge = pkce.challenge_of(verifier)
    assert not pkce.proves(challenge, challenge)


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 129, "a" * 42 + "/", "a" * 42 + "é", "a" * 43 + "\n"])
def test_what_is_no_verifier_proves_nothing(text: str) -> None:
    assert not pkce.is_verifier(text)
    assert not pkce.proves(text, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "~", "a" * 43 + "\n"])
def test_what_is_no_challenge(text: str) -> None:
    assert not pkce.is_challenge(text)
