"""Who calls: each way of showing it, and each way of failing to."""

import base64

import pytest

from beholden.gate.oauth import client, parameters
from beholden.gate.oauth.client import Credentials
from beholden.gate.oauth.refusal import Refused
from beholden.gate.oauth.secret import digest_of

SECRET = "Zm9v:+/ %&=é"


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def read(header: str | None, **form: str) -> Credentials | Refused:
    return client.credentials_of(header, parameters.of(list(form.items())))


def test_basic_is_decoded_as_rfc_6749_encodes_it() -> None:
    found = read(basic("my%3Aapp:Zm9v%3A%2B%2F+%25%26%3D%C3%A9"))
    assert found == Credentials("my:app", SECRET)


def test_the_form_may_carry_the_secret() -> None:
    assert read(None, client_id="quiz", client_secret=SECRET) == Credentials("quiz", SECRET)


def test_a_public_client_names_itself() -> None:
    assert read(None, client_id="quiz") == Credentials("quiz", None)
    assert read(basic("quiz:")) == Credentials("quiz", None)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic cXVpeg==",
        basic(":secret"),
        "Bearer abc",
        basic("%FF:x"),
        basic("quiz%00:x"),
        "Basic /w==",
    ],
)
def test_a_header_that_says_nothing_is_not_believed(header: str) -> None:
    assert read(header, client_id="quiz") == client.FAILED


def test_no_word_of_who_calls_is_not_believed() -> None:
    assert read(None) == client.FAILED


def test_two_ways_at_once_are_refused() -> None:
    assert isinstance(read(basic("quiz:a"), client_id="quiz", client_secret="a"), Refused)
    assert isinstance(read(basic("quiz:a"), client_id="other"), Refused)
    assert read(basic("quiz:a"), client_id="quiz") == Credentials("quiz", "a")


def test_the_secret_decides() -> None:
    digests = [digest_of("old"), digest_of(SECRET)]
    assert client.is_authentic(Credentials("quiz", SECRET), digests)
    assert client.is_authentic(Credentials("quiz", "old"), digests)
    assert not client.is_authentic(Credentials("quiz", "wrong"), digests)
    assert not client.is_authentic(Credentials("quiz", None), digests), "a confidential client is no public one"


def test_a_public_client_has_no_secret_to_send() -> None:
    assert client.is_authentic(Credentials("quiz", None), [])
    assert not client.is_authentic(Credentials("quiz", "anything"), [])


def test_credentials_do_not_show_their_secret_in_a_log() -> None:
    assert SECRET not in repr(Credentials("quiz", SECRET))
