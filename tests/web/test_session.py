"""Sessions and forms."""

import pytest

from beholden.journeys import access
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput
from beholden.web import session
from beholden.web.session import Form
from tests.web.conftest import URL, send

SWITCH = {"scope": "all", "target": "", "sharing": "off"}


def _off(web, person) -> bool:
    with web.house.engines.store.read() as unit:
        return any(not c.sharing for c in unit.directory.choices(person))


def test_a_stranger_is_sent_to_sign_in_and_back(web):
    response = web.visitor().get("/privacy/apps?tab=expired")
    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in/platform?next=%2Fprivacy%2Fapps%3Ftab%3Dexpired"


def test_a_made_up_or_hostile_cookie_is_a_stranger(web):
    for value in ("session_made_up", "x" * 5000, "a.b.c", "%00"):
        client = web.visitor()
        client.cookies.set(session.COOKIE, value, domain="beholden.test")
        assert client.get("/privacy").status_code == 303


def test_another_kind_of_visitor_is_refused_not_sent_round_in_circles(web):
    access.add_operator(web.house.engines, "alice", "Alice", "alice@platform.example")
    response = web.signed_in(ActorKind.OPERATOR, "alice").get("/privacy")
    assert response.status_code == 403
    assert "signed in as an operator" in response.text


def test_a_form_with_the_sessions_value_is_taken(web, house):
    person = house.person("p1")
    response = send(web.person(person), "/privacy", "/privacy/choices", **SWITCH)
    assert response.status_code == 303
    assert _off(web, person)


@pytest.mark.parametrize("csrf", [None, "", "wrong", "é", "x" * 300])
def test_a_form_without_the_sessions_value_changes_nothing(web, house, csrf):
    person = house.person("p1")
    data = SWITCH if csrf is None else {**SWITCH, "csrf": csrf}
    response = web.person(person).post("/privacy/choices", data=data, headers={"origin": URL})
    assert response.status_code in {400, 403}
    assert not _off(web, person)


def test_the_value_of_another_session_changes_nothing(web, house):
    person, other = house.people(["p1", "p2"])
    token = access.open_session(house.engines, ActorKind.PERSON, str(other))
    data = {**SWITCH, "csrf": session.csrf_of(token)}
    response = web.person(person).post("/privacy/choices", data=data, headers={"origin": URL})
    assert response.status_code == 403
    assert not _off(web, person)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{URL}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused_even_with_the_right_value(web, house, headers):
    person = house.person("p1")
    client = web.person(person)
    csrf = session.csrf_of(client.cookies[session.COOKIE])
    response = client.post("/privacy/choices", data={**SWITCH, "csrf": csrf}, headers=headers)
    assert response.status_code == 403
    assert not _off(web, person)


def test_sign_out_ends_the_session_even_for_whoever_copied_the_cookie(web, house):
    client = web.person(house.person("p1"))
    copied = client.cookies[session.COOKIE]
    response = send(client, "/privacy", "/sign-out")
    assert response.status_code == 303
    thief = web.visitor()
    thief.cookies.set(session.COOKIE, copied, domain="beholden.test")
    assert thief.get("/privacy").status_code == 303
    assert client.get("/privacy").status_code == 303


def test_sign_out_cannot_be_done_by_a_link(web, house):
    client = web.person(house.person("p1"))
    assert client.get("/sign-out").status_code == 405
    assert client.get("/privacy").status_code == 200


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=\xff", "application/x-www-form-urlencoded"),
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(session.MAX_FORM_FIELDS + 1)), "application/x-www-form-urlencoded"),
        (b'{"a": 1}', "application/json"),
        (b"", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_is_no_form_is_one_clear_error(web, body, media_type):
    response = web.visitor().post("/sign-in/link", content=body, headers={"content-type": media_type, "origin": URL})
    assert response.status_code == 400
    assert "<h1>That was not understood</h1>" in response.text


def test_a_field_is_read_once_and_of_bounded_length():
    sent = Form((("a", "1"), ("b", "1"), ("b", "2"), ("c", "x" * 201)))
    assert sent.one("a") == "1"
    assert sent.all("b") == ("1", "2")
    assert sent.one("d", default="none") == "none"
    assert sent.ticked("a")
    assert not sent.ticked("d")
    for name in ("b", "c", "d"):
        with pytest.raises(BadInput):
            sent.one(name)
    with pytest.raises(BadInput):
        sent.all("c")
