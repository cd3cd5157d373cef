"""The server as a whole: errors, sizes, health."""

import logging

import pytest
from starlette.routing import Route

from beholden.model import errors
from beholden.web import app


def _crash(request):
    raise RuntimeError("secret inner detail")


@pytest.fixture
def broken(web):
    """The server with a page that crashes, and one for each error of the tree."""
    web.app.router.routes.append(Route("/crash", _crash))
    for kind in (errors.BadInput, errors.NotFound, errors.NotAllowed, errors.Conflict, errors.Unavailable):

        def fail(request, kind=kind):
            raise kind("It is <wrong>.", "Mend it.")

        web.app.router.routes.append(Route(f"/{kind.__name__}", fail))
    return web


@pytest.mark.parametrize(
    ("kind", "status"),
    [("BadInput", 400), ("NotFound", 404), ("NotAllowed", 403), ("Conflict", 409), ("Unavailable", 503)],
)
def test_each_error_is_one_sentence_with_the_number_of_the_request(broken, kind, status):
    page = broken.visitor().get(f"/{kind}")
    assert page.status_code == status
    assert "It is &lt;wrong&gt;. Mend it." in page.text
    assert page.headers["x-request-id"] in page.text
    answer = broken.visitor().get(f"/{kind}", headers={"accept": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"] == {
        "status": status,
        "message": "It is <wrong>.",
        "remedy": "Mend it.",
        "request_id": answer.headers["x-request-id"],
    }


def test_a_crash_tells_the_visitor_a_number_and_nothing_of_its_inside(broken, caplog):
    with caplog.at_level(logging.ERROR, "beholden.web"):
        response = broken.visitor().get("/crash")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    number = response.text.split("<code>")[1].split("</code>")[0]
    assert number in caplog.text


def test_an_address_that_is_not_there_is_404_and_a_wrong_method_405(web):
    client = web.visitor()
    assert client.get("/nope/at/all").status_code == 404
    refused = client.post("/privacy/affected", data={})
    assert refused.status_code == 405
    assert "GET" in refused.headers["allow"]


def test_a_callers_own_request_id_is_not_taken_over(web):
    assert web.visitor().get("/", headers={"x-request-id": "forged"}).headers["x-request-id"] != "forged"


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_413_announced_or_not(web, announced):
    body = b"token=" + b"a" * (app.MAX_BODY_BYTES + 1)
    content = body if announced else iter([body[:1000], body[1000:]])
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://beholden.test"}
    assert web.visitor().post("/sign-in/link", content=content, headers=headers).status_code == 413


def test_health_says_whether_the_store_and_the_ledger_answer(web):
    response = web.visitor().get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "ledger_size": web.house.engines.ledger.size()}
