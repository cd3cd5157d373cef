"""Route catalogues: what is a mistake in one, and which route a request is decided on."""

from pathlib import Path

import pytest

from beholden.gate.routing import MAX_ROUTES, Match, Place, Routes, read
from beholden.gate.target import Ambiguous
from beholden.gate.target import read as read_target
from beholden.model import catalogue as catalogues
from beholden.model.errors import BadInput

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOGUE = catalogues.read((EXAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
GOOD = """
routes:
  - {path: /api/me, methods: [GET, HEAD], person: granting, fields: [name, email], purpose: service, partial: true}
  - {path: "/api/{id}", methods: [GET], person: {path: id}, fields: [name], purpose: service}
  - {path: "/api/{id}/likes", methods: [GET], person: {path: id, ids: platform}, fields: [likes], purpose: service}
  - {path: /search, methods: [GET], person: {query: user}, fields: [name], purpose: service}
  - {path: /search, methods: [OPTIONS], open: true}
  - {path: /, methods: [GET], open: true}
"""


@pytest.fixture
def routes() -> Routes:
    return read(GOOD, CATALOGUE)


def match(routes: Routes, method: str, target: str) -> Match | None:
    return routes.match(method, read_target(target))


def test_a_route_says_whose_fields_go_for_which_purpose(routes: Routes) -> None:
    found = match(routes, "GET", "/api/me?fields=name")
    assert found is not None
    assert found.person is None
    assert (found.route.fields, found.route.purpose, found.route.partial) == (("name", "email"), "service", True)
    found = match(routes, "GET", "/api/b%C3%A9a")
    assert found is not None
    assert (found.person, found.route.whose.scoped) == ("béa", True)
    found = match(routes, "GET", "/api/bea/likes")
    assert found is not None
    assert (found.person, found.route.whose.place, found.route.whose.scoped) == ("bea", Place.PATH, False)
    found = match(routes, "GET", "/search?user=u1&x=2")
    assert found is not None
    assert found.person == "u1"
    found = match(routes, "GET", "/search")
    assert found is not None
    assert found.person == "", "nobody, whom the gate does not know"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api"),
        ("GET", "/api/a/b"),
        ("POST", "/api/me"),
        ("get", "/api/me"),
        ("HEAD", "/api/bea"),
        ("OPTIONS", "/api/me"),
        ("GET", "/me"),
    ],
)
def test_what_is_in_no_route_is_in_no_route(routes: Routes, method: str, target: str) -> None:
    assert match(routes, method, target) is None


@pytest.mark.parametrize("target", ["/api/ME", "/API/me", "/Api/bea", "/api/bea/Likes", "/search?User=x", "/api/Me"])
def test_what_a_server_that_ignores_case_would_serve_otherwise_is_refused(routes: Routes, target: str) -> None:
    with pytest.raises(Ambiguous):
        match(routes, "GET", target)


def test_open_routes_are_marked(routes: Routes) -> None:
    for method, target in (("GET", "/"), ("OPTIONS", "/search")):
        found = match(routes, method, target)
        assert found is not None
        assert found.route.open
        assert found.route.fields == ()


ENTRY = "path: /x, methods: [GET], person: granting, fields: [name], purpose: service"


def one(**changes: str | None) -> str:
    """The entry with some of its parts changed or taken out."""
    parts = dict(part.split(": ", 1) for part in ENTRY.split(", "))
    parts |= {key: value for key, value in changes.items() if value is not None}
    kept = [f"{key}: {value}" for key, value in parts.items() if changes.get(key, "") is not None]
    return "routes: [{" + ", ".join(kept) + "}]"


def test_the_entry_that_is_spoilt_below_is_good() -> None:
    assert read(one(), CATALOGUE).by_length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("routes: []", "'routes' must be a list with at least one entry"),
        ("routes: [x]", "route 1: must be a mapping"),
        ("route: []", "unknown key 'route'"),
        (one(extra="1"), "unknown key 'extra'"),
        (one(path=None), "'path' must be a text"),
        (one(path="x"), "must begin with a slash"),
        (one(path="/x/"), "the part '' of the path"),
        (one(path="/x/.."), "the part '..' of the path"),
        (one(path='"/{Id}"'), "the part '{Id}' of the path"),
        (one(path='"/a{id}"'), "the part 'a{id}' of the path"),
        (one(path='"/%61"'), "the part '%61' of the path"),
        (one(path='"/{a}/{a}"'), "stands twice in the path"),
        (one(path="/a" * 33), "at most 32 parts"),
        (one(methods="[get]"), "the method 'get' is not known"),
        (one(methods="[]"), "'methods' must be a list"),
        (one(methods="GET"), "'methods' must be a list"),
        (one(person=None), "'person' must say where"),
        (one(person="me"), "'person' must say where"),
        (one(person="{path: id}"), "the path has no {id}"),
        (one(person="{path: id, query: id}"), "exactly one of path and query"),
        (one(person="{query: 'a b'}"), "the parameter 'a b'"),
        (one(person="{query: a, ids: any}"), "ids 'any' is not known"),
        (one(person="{where: a}"), "unknown key 'where'"),
        (one(fields=None), "'fields' must be a list"),
        (one(fields="[nam]"), "has no field 'nam'"),
        (one(fields="[name, name]"), "a field stands twice"),
        (one(fields="[[name]]"), "has no field"),
        (one(purpose=None), "'purpose' must be a text"),
        (one(partial="perhaps"), "'partial' must be true or false"),
        (one(open="true"), "an open route: unknown key"),
        ("routes:\n  - path: /a\n    path: /b", "line 3: the key 'path' stands twice"),
        ("routes: [" + "{}, " * (MAX_ROUTES + 1) + "]", f"more than {MAX_ROUTES}"),
    ],
)
def test_a_mistake_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        read(text, CATALOGUE)
    assert message in str(error.value)
    assert error.value.remedy


@pytest.mark.parametrize(
    ("one_path", "other", "fits"),
    [
        ("/a/{x}", "/a/{y}", False),
        ("/a/b", "/a/b", False),
        ("/a/b", "/A/b", False),
        ("/a/{x}/c", "/a/b/{y}", False),
        ("/{x}/b", "/a/{y}", False),
        ("/a/{x}", "/a/b", True),
        ("/{x}/{y}", "/a/{y}", True),
        ("/a/{x}/c", "/a/{x}/d", True),
    ],
)
def test_two_routes_may_fit_one_request_only_where_one_is_the_narrower(one_path: str, other: str, fits: bool) -> None:
    entries = [
        f'{{path: "{one_path}", methods: [GET], open: true}}',
        f'{{path: "{other}", methods: [GET], open: true}}',
    ]
    text = f"routes: [{', '.join(entries)}]"
    if fits:
        assert read(text, CATALOGUE).by_length
        return
    with pytest.raises(BadInput, match="a request can fit"):
        read(text, CATALOGUE)


def test_the_narrower_route_wins_whatever_the_order() -> None:
    paths = ["/{x}/{y}", "/a/{y}", "/a/b"]
    for order in (paths, paths[::-1]):
        entries = ", ".join(f'{{path: "{path}", methods: [GET], open: true}}' for path in order)
        found = read(f"routes: [{entries}]", CATALOGUE)
        for target, path in (("/a/b", "/a/b"), ("/a/c", "/a/{y}"), ("/c/b", "/{x}/{y}")):
            matched = match(found, "GET", target)
            assert matched is not None
            assert matched.route.path == path


def test_the_example_catalogue_of_routes_is_good() -> None:
    assert read((EXAMPLES / "gateways" / "routes.yaml").read_text(encoding="utf-8"), CATALOGUE).by_length
