"""Pages: headers, escaping, words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from jinja2 import UndefinedError

from beholden.web import pages

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nope", "/sign-in/link?token=abc"])
def test_every_page_forbids_scripts_frames_and_foreign_forms(web, path):
    response = web.visitor().get(path)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "<script" not in response.text
    assert "style=" not in response.text
    assert response.text.count("<h1") == 1
    assert '<html lang="en-GB">' in response.text
    assert response.headers["x-request-id"].startswith("req_")


def test_https_is_remembered_only_where_people_come_by_https(web):
    assert "strict-transport-security" not in web.visitor().get("/").headers


def test_the_stylesheet_and_the_icon_are_served(web):
    client = web.visitor()
    assert client.get("/static/beholden.css").headers["content-type"].startswith("text/css")
    assert client.get("/static/beholden.svg").headers["content-type"].startswith("image/svg+xml")
    assert client.get("/static/../pages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_simulated_time_is_on_every_page(web):
    assert "Simulated time: 1 January 2026, 00:00 UTC" in web.visitor().get("/").text


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://app.example/back?x=1", "https://app.example"),
        ("http://127.0.0.1:8123/cb", "http://127.0.0.1:8123"),
        ("http://[::1]:80/cb", "http://[::1]:80"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_a_form_target_becomes_the_origin_or_the_scheme(web, address, source):
    assert pages.form_source(address) == source


@pytest.mark.parametrize("address", ["", "/path", "a b:/x", "javascript;x:y", "https://a,b.example/", "https://a;b/"])
def test_a_form_target_that_would_break_the_policy_is_refused(address):
    with pytest.raises(ValueError, match="not an address"):
        pages.form_source(address)


def test_a_template_that_is_missing_a_value_is_an_error_not_a_blank():
    with pytest.raises(UndefinedError):
        pages.ENVIRONMENT.from_string("{{ nothing }}").render()


def test_everything_is_escaped_whatever_the_name_of_the_template():
    assert pages.ENVIRONMENT.from_string("{{ x }}").render(x="<b>'\"&") == "&lt;b&gt;&#39;&#34;&amp;"


def test_dates_and_words_read_well():
    late = datetime(2026, 3, 5, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert pages.day(late) == "6 March 2026"
    assert pages.moment(datetime(2026, 3, 5, 9, 3, tzinfo=UTC)) == "5 March 2026, 09:03 UTC"
    assert pages.day(None) == pages.moment(None) == "—"
    assert pages.listed([]) == "nothing"
    assert pages.listed(["name"]) == "name"
    assert pages.listed(["name", "photo", "likes"]) == "name, photo and likes"
    assert pages.counted(1, "app") == "1 app"
    assert pages.counted(1204, "person", "people") == "1,204 people"
