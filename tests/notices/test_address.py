"""Addresses are hostile until they are shown to be addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.notices.address import MAX_ADDRESS, Address, Unusable, usable


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ann.o'neil+tag@Mail.Example.ORG", "ann.o'neil+tag@mail.example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_taken_with_its_domain_in_ascii(raw: str, written: str) -> None:
    assert usable(raw) == Address(written, international=False)


def test_a_local_part_in_another_script_needs_an_international_server() -> None:
    assert usable("δοκιμή@παράδειγμα.δοκιμή") == Address("δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp", international=True)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@example",
        "ann@@example.org",
        "ann@example.org\r\nRCPT TO:<eve@evil.example>",
        "ann\r\nBcc: eve@evil.example@example.org",
        "ann\n@example.org",
        "ann\x00@example.org",
        "ann b@example.org",
        "<ann@example.org>",
        "ann@example.org>",
        '"ann b"@example.org',
        "ann@[127.0.0.1]",
        "ann@127.0.0.1",
        "ann@exa mple.org",
        "ann@-example.org",
        "ann@example..org",
        "ann@example.org.",
        ".ann@example.org",
        "ann..b@example.org",
        "ann,eve@example.org",
        "ann@example.org,eve@evil.example",
        "ann\u202e@example.org",
        "ann\u2028@example.org",
        "x" * 65 + "@example.org",
        "ann@" + "x" * 64 + ".org",
        "ann@" + ".".join(["x" * 60] * 5),
        "\ud800@example.org",
        "ann@\ud800.org",
        "a" * 5000 + "@example.org",
    ],
)
def test_what_is_no_address_is_refused_with_a_reason_that_does_not_repeat_it(raw: str) -> None:
    found = usable(raw)
    assert isinstance(found, Unusable)
    assert found.reason
    assert "example" not in found.reason


@given(st.text(max_size=300) | st.from_regex(r"[^@]{0,20}@[^@]{0,30}\.[a-z]{2,5}"))
def test_whatever_is_taken_can_stand_in_a_command_and_a_header(raw: str) -> None:
    found = usable(raw)
    if isinstance(found, Address):
        assert not set(found.text) & set('\r\n \t<>()[],;:\\"\0')
        assert found.text.count("@") == 1
        assert len(found.text.encode()) <= MAX_ADDRESS
        assert found.international == (not found.text.isascii())
