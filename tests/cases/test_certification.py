"""Certifications: what can be read, what is signed, and by whom."""

import base64
import json
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beholden.cases.certification import (
    Signature,
    SignatureKind,
    SignatureState,
    Statement,
    canonical,
    check,
    digest,
    public_key,
    read,
)
from beholden.model.errors import BadInput
from beholden.model.ids import DeveloperNumber

DEVELOPER = DeveloperNumber(7)
STATEMENT = Statement(apps=("quiz",), signatory="Jane Roe", role="Director", deleted_on=date(2026, 1, 2))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def signed(statement: Statement = STATEMENT, developer: DeveloperNumber = DEVELOPER) -> Signature:
    value = base64.b64encode(KEY.sign(canonical(developer, statement))).decode()
    return Signature(SignatureKind.ED25519, PUBLIC, value)


def test_yaml_and_json_say_the_same() -> None:
    yaml = "apps: [quiz]\nsignatory: Jane Roe\nrole: Director\ndeleted_on: 2026-01-02\n"
    document = {"apps": ["quiz"], "signatory": "Jane Roe", "role": "Director", "deleted_on": "2026-01-02"}
    assert read(yaml) == read(json.dumps(document)) == read(json.dumps(document, indent="\t")) == (STATEMENT, None)


def test_json_with_letters_beyond_the_first_plane_is_read_as_it_was_meant() -> None:
    assert read(json.dumps({"signatory": "Jane 🦉"}))[0].signatory == "Jane 🦉"


def test_what_is_left_out_is_no_error_of_reading() -> None:
    assert read("{}") == (Statement(), None)


@pytest.mark.parametrize(
    "document",
    [
        "- a list",
        "signatory: [a]",
        "signatory: Jane\nsignatory: Joe",
        '{"signatory": "Jane", "signatory": "Joe"}',
        "people_direct: many",
        "people_direct: -1",
        "people_direct: true",
        "people_direct: 1.5",
        "deleted_on: last week",
        "deleted_on: 2026-01-02 10:00:00",
        "deleted_on: 20260102x",
        "apps: quiz",
        "apps: ['']",
        "apps: [1]",
        "misspelt: x",
        "signature: yes",
        "signature: {kind: stamp, value: x}",
        "signature: {kind: typed, value: 5}",
        "signature: {kind: typed, value: x, colour: red}",
        '{"statement": "a\\u0000b"}',
        '{"statement": "a\\ud800b"}',
        "x: &a [1]\ny: *a",
        "statement: " + "x" * 20_000,
        "x" * 50_001,
        "{" * 5_000,
        "[" * 5_000,
    ],
)
def test_malformed_documents_get_one_clear_error(document: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(document)
    assert caught.value.message and len(str(caught.value)) < 500


def test_a_registered_key_signs() -> None:
    assert check(DEVELOPER, STATEMENT, signed(), [PUBLIC], in_session=False) is SignatureState.VALID


def test_a_key_that_is_not_registered_signs_nothing() -> None:
    assert check(DEVELOPER, STATEMENT, signed(), [], in_session=True) is SignatureState.INVALID


def test_the_signature_of_one_developer_is_not_anothers() -> None:
    other = DeveloperNumber(8)
    assert check(other, STATEMENT, signed(), [PUBLIC], in_session=False) is SignatureState.INVALID


@pytest.mark.parametrize("change", [{"people_direct": 1}, {"signed_on": date(2026, 1, 3)}, {"raw": "x"}, {"apps": ()}])
def test_a_changed_word_breaks_the_signature(change: dict[str, object]) -> None:
    import dataclasses

    changed = dataclasses.replace(STATEMENT, **change)  # type: ignore[arg-type]
    assert canonical(DEVELOPER, changed) != canonical(DEVELOPER, STATEMENT)
    assert check(DEVELOPER, changed, signed(), [PUBLIC], in_session=False) is SignatureState.INVALID


@pytest.mark.parametrize("value", ["", "!!!", "AAAA", base64.b64encode(bytes(64)).decode()])
def test_rubbish_is_an_invalid_signature_not_a_crash(value: str) -> None:
    wrong = Signature(SignatureKind.ED25519, PUBLIC, value)
    assert check(DEVELOPER, STATEMENT, wrong, [PUBLIC], in_session=False) is SignatureState.INVALID
    rubbish = Signature(SignatureKind.ED25519, "rubbish", value)
    assert check(DEVELOPER, STATEMENT, rubbish, ["rubbish"], in_session=False) is SignatureState.INVALID


def test_a_typed_name_counts_in_the_developers_session_alone_and_only_the_signatorys() -> None:
    typed = Signature(SignatureKind.TYPED, "", "Jane  Roe")
    assert check(DEVELOPER, STATEMENT, typed, [], in_session=True) is SignatureState.VALID
    assert check(DEVELOPER, STATEMENT, typed, [], in_session=False) is SignatureState.INVALID
    other = Signature(SignatureKind.TYPED, "", "Joe Doe")
    assert check(DEVELOPER, STATEMENT, other, [], in_session=True) is SignatureState.INVALID
    nobody = Signature(SignatureKind.TYPED, "", "")
    assert check(DEVELOPER, Statement(), nobody, [], in_session=True) is SignatureState.INVALID


def test_the_signed_bytes_stay_what_they_are() -> None:
    """Golden: a signature that was given once must verify for ever."""
    assert canonical(DEVELOPER, STATEMENT) == (
        b"beholden certification v1\n"
        b'{"apps":["quiz"],"backups":"","categories":[],"deleted_on":"2026-01-02","derived":"","developer":7,'
        b'"people_direct":null,"people_indirect":null,"raw":"","recipients":"","records":null,"role":"Director",'
        b'"signatory":"Jane Roe","signed_on":null,"statement":""}'
    )
    assert len(digest(DEVELOPER, STATEMENT)) == 64


@pytest.mark.parametrize("key", ["", "x", PUBLIC[:-4], PUBLIC + "\n", base64.b64encode(bytes(33)).decode()])
def test_only_thirty_two_bytes_are_a_key(key: str) -> None:
    with pytest.raises(BadInput):
        public_key(key)
