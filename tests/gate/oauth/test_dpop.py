"""Proofs of possession: which one holds, and every way in which one does not."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from beholden.gate.oauth import dpop
from beholden.gate.oauth.dpop import Proof
from beholden.gate.oauth.refusal import OAuthError, Refused

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = "https://beholden.example/oauth/token"
KEY = ECKey.generate_key("P-256")
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"


def signed(key=KEY, *, header=None, alg: str = "ES256", **claims: object) -> str:
    """A proof for a POST to the token endpoint, changed; a claim that is None is left out."""
    values = {"jti": "id-1", "htm": "POST", "htu": URL, "iat": int(NOW.timestamp()), **claims}
    head = {"alg": alg, "typ": "dpop+jwt", "jwk": key.as_dict(private=False), **(header or {})}
    body = json.dumps({name: value for name, value in values.items() if value is not None})
    given = {name: value for name, value in head.items() if value is not None}
    unsigned = f"{coded(json.dumps(given).encode())}.{coded(body.encode())}"
    model = jws.JWSRegistry.algorithms["Ed25519" if alg == "EdDSA" else alg]
    return f"{unsigned}.{coded(model.sign(unsigned.encode(), key))}"


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def judged(*texts: str, access_token: str | None = None, now: datetime = NOW, method: str = "POST"):
    return dpop.read(texts, method=method, url=URL, now=now, access_token=access_token)


def refused(outcome: object) -> bool:
    return isinstance(outcome, Refused) and outcome.error is OAuthError.INVALID_DPOP_PROOF


def test_no_header_is_no_proof_and_no_fault() -> None:
    assert judged() is None


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (KEY, "ES256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
        (RSAKey.generate_key(2048), "RS256"),
    ],
)
def test_each_algorithm_that_we_name_is_taken_and_the_thumbprint_is_the_keys(key, alg) -> None:
    proof = judged(signed(key, alg=alg))
    assert isinstance(proof, Proof) and proof.jkt == key.thumbprint() and dpop.is_thumbprint(proof.jkt)
    assert alg in dpop.ALGORITHMS


def test_the_example_of_the_standard_has_the_thumbprint_that_the_standard_says() -> None:
    """RFC 9449, 4.1 and 6.1."""
    text = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRj"
        "QyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOi"
        "ItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2"
        "fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    at = datetime.fromtimestamp(1562262616, UTC)
    proof = dpop.read([text], method="POST", url="https://server.example.com/token", now=at)
    assert isinstance(proof, Proof) and proof.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.mark.parametrize(
    "claims",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": "https://evil.example/oauth/token"},
        {"htu": "https://beholden.example/oauth/token/"},
        {"htu": "http://beholden.example/oauth/token"},
        {"htu": "https://user@beholden.example/oauth/token"},
        {"htu": "https://beholden.example:99999/oauth/token"},
        {"htu": ["https://beholden.example/oauth/token"]},
        {"htu": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 257},
        {"iat": None},
        {"iat": str(int(NOW.timestamp()))},
        {"iat": True},
        {"iat": int(NOW.timestamp()) - 61},
        {"iat": int(NOW.timestamp()) + 31},
    ],
)
def test_a_proof_with_one_wrong_claim_proves_nothing(claims) -> None:
    assert refused(judged(signed(**claims)))


@pytest.mark.parametrize("htu", [URL + "?a=b", URL + "#x", "HTTPS://Beholden.Example:443/oauth/token"])
def test_query_fragment_case_and_the_usual_port_make_no_difference(htu) -> None:
    assert isinstance(judged(signed(htu=htu)), Proof)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"jwk": None},
        {"jwk": "x"},
        {"jwk": {"kty": "EC"}},
        {"jwk": {"kty": ["EC"]}},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
        {"jwk": KEY.as_dict(private=True)},
        {"jwk": ECKey.generate_key("P-521").as_dict(private=False)},
        {"jwk": RSAKey.generate_key(2048).as_dict(private=False)},
        {"crit": ["exp"], "exp": 1},
    ],
)
def test_a_proof_with_one_wrong_header_proves_nothing(header) -> None:
    assert refused(judged(signed(header=header)))


@pytest.mark.filterwarnings("ignore:Key size")
def test_shared_secrets_weak_keys_and_no_signature_are_none() -> None:
    octets = OctKey.import_key("s" * 32)
    assert refused(judged(signed(octets, alg="HS256", header={"jwk": {"kty": "oct", "k": "cw"}})))
    assert refused(judged(signed(RSAKey.generate_key(1024), alg="RS256")))
    head, body, _ = signed().split(".")
    none = coded(json.dumps({"alg": "none", "typ": "dpop+jwt", "jwk": KEY.as_dict(private=False)}).encode())
    for text in (f"{head}.{body}.", f"{none}.{body}.", f"{head}.{body}.{'A' * 86}", f"{head}.{body}"):
        assert refused(judged(text))


def test_two_headers_are_refused_and_so_is_a_key_that_stands_twice() -> None:
    assert refused(judged(signed(), signed()))
    head, body, rest = signed().split(".")
    twice = base64.urlsafe_b64decode(body + "==").replace(b'"htm"', b'"htm":"GET","htm"')
    assert refused(judged(f"{head}.{base64.urlsafe_b64encode(twice).decode().rstrip('=')}.{rest}"))


def test_beside_an_access_token_the_proof_names_it() -> None:
    good = signed(ath=dpop.hash_of(TOKEN))
    assert isinstance(judged(good, access_token=TOKEN), Proof)
    assert dpop.hash_of(TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "RFC 9449, 7.1"
    for other in (signed(), signed(ath=dpop.hash_of("another")), signed(ath=1)):
        assert refused(judged(other, access_token=TOKEN))


def test_what_is_remembered_tells_proofs_apart_and_lasts_as_long_as_one_could_come_again() -> None:
    one, same, other = judged(signed()), judged(signed()), judged(signed(jti="id-2"))
    assert isinstance(one, Proof) and isinstance(same, Proof) and isinstance(other, Proof)
    assert one.once == same.once != other.once
    latest = signed(iat=int((NOW + dpop.NEWEST).timestamp()))
    accepted = judged(latest)
    assert isinstance(accepted, Proof)
    assert refused(judged(latest, now=accepted.until + timedelta(seconds=1)))


def test_a_binding_asks_for_the_very_key() -> None:
    proof = judged(signed())
    assert isinstance(proof, Proof)
    assert dpop.refuse_binding(None, None) is None and dpop.refuse_binding(proof, None) is None
    assert dpop.refuse_binding(proof, proof.jkt) is None
    assert refused(dpop.refuse_binding(None, proof.jkt))
    assert refused(dpop.refuse_binding(proof, ECKey.generate_key("P-256").thumbprint()))


@given(st.text(max_size=300) | st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode() + ".e30.e30"))
def test_whatever_else_comes_is_refused_in_words(text) -> None:
    assert refused(judged(text))


def test_a_huge_or_deep_header_costs_nothing() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2900).decode()
    began = time.process_time()
    for text in (f"{deep}.e30.e30", "a" * 10_000_000, "." * 3000):
        assert refused(judged(text))
    assert time.process_time() - began < 1
