"""What of a request target is refused because two servers could read it in two ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.target import LONGEST, Ambiguous, parameter, read


def test_a_plain_target_is_read_as_it_stands() -> None:
    found = read("/api/people/z%C3%BC%20x/friends?fields=name,photo&x[]=1")
    assert found.raw == ("api", "people", "z%C3%BC%20x", "friends")
    assert found.segments == ("api", "people", "zü x", "friends")
    assert found.query == "fields=name,photo&x[]=1"
    assert read("/").segments == ()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "api/me",
        "*",
        "http://api.example/api/me",
        "//api/me",
        "/api//me",
        "/api/me/",
        "/api/./me",
        "/api/../me",
        "/api/x/..",
        "/api/...",
        "/%2e%2e/api",
        "/api/%2E/me",
        "/api/%2e%2e/me",
        "/api/.%2e/me",
        "/api%2Fme",
        "/api%2fme",
        "/api%5Cme",
        "/api\\me",
        "/api/%6De",
        "/api/me;v=1",
        "/api/me%3Bv=1",
        "/api;x/me",
        "/api/me%00",
        "/api/me%0d%0aX:1",
        "/api/me%3fx",
        "/api/me%23x",
        "/api/me#x",
        "/api/%252e%252e/me",
        "/api/%c0%ae%c0%ae/me",
        "/api/%ff",
        "/api/%zz",
        "/api/%2",
        "/api/mé",
        "/api/me x",
        "/api/me\t",
        "/api/me\n",
        "/api/{id}",
        "/api/me?x=\n",
        "/api/me?x=é",
        "/api/me?x=%",
        "/api/me?x=#",
        "/" + "x" * LONGEST,
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(Ambiguous):
        read(target)


def test_a_parameter_is_found_once_and_decoded() -> None:
    assert parameter("a=1&user=z%C3%BC+x&b", "user") == "zü x"
    assert parameter("a=1&users=2", "user") is None
    assert parameter("", "user") is None


@pytest.mark.parametrize(
    "query",
    [
        "user=a&user=b",
        "user=a&User=b",
        "USER=b",
        "user[]=b",
        "user[0]=b",
        "user%5B%5D=b",
        "u%73er=b",
        "%75ser=a",
        "x=1;user=b",
        "user=a;user=b",
        "user=%ff",
        "+user=b",
        "user%00=b",
        "&".join(["x=1"] * 202) + "&user=a",
    ],
)
def test_a_parameter_that_another_server_might_find_otherwise_is_refused(query: str) -> None:
    with pytest.raises(Ambiguous):
        parameter(query, "user")


@given(st.text(max_size=40) | st.text(alphabet="/.%25eEfF;\\?#ab", max_size=40))
def test_whatever_is_read_says_itself_again_and_hides_no_delimiter(text: str) -> None:
    try:
        found = read("/" + text)
    except Ambiguous:
        return
    assert "/" + "/".join(found.raw) == ("/" + text).partition("?")[0]
    assert not any(set(part) & set("/\\;?#%") or set(part) <= {"."} for part in found.segments)
