"""The route catalogue: what each route of the platform's API gives away, about whom, and why.

A gateway knows paths, not data; this document (YAML, docs/gateways.md) is what ties them. A route that is not in it is
not passed. Like the data catalogue it decides what leaves the house, so a mistake in it is one clear error, and two
routes that could both fit one request are a mistake: the server behind the gateway may prefer the other one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from beholden.gate.target import Ambiguous, Target, parameter
from beholden.model.catalogue import Catalogue
from beholden.model.documents import list_of, only_keys, read_mapping, text_of
from beholden.model.errors import BadInput

MAX_ROUTES = 2_000
_MAX_SEGMENTS = 32
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
_CAPTURE = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_LONGEST_PURPOSE = 200


class Place(StrEnum):
    """Where a request says whose data it is about."""

    GRANTING = "granting"  # nowhere: it is the granting person's own
    PATH = "path"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Whose:
    """`name` is the capture or the parameter that holds the person's id; `scoped` whether it is the app's own id."""

    place: Place
    name: str = ""
    scoped: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern of paths with its methods. An `open` one gives nothing of anybody away and asks for no token.

    `partial` says that the server behind obeys the list of allowed fields that it is handed; without it a route goes
    as a whole or not at all.
    """

    path: str
    segments: tuple[str, ...]
    methods: frozenset[str]
    whose: Whose = Whose(Place.GRANTING)
    fields: tuple[str, ...] = ()
    purpose: str = ""
    partial: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request, and the id of the person in it; None where it is the granting person."""

    route: Route
    person: str | None


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes, by how many segments they have; the more literal ones first."""

    by_length: Mapping[int, Sequence[Route]] = field(default_factory=dict)

    def match(self, method: str, target: Target) -> Match | None:
        """The one route that fits; None where none does. Raises Ambiguous.

        Literals are compared without regard to case, and then one that differs only in that is ambiguous: a server
        that does not regard case would serve `/api/ME` as `/api/me`, not as `/api/{id}`.
        """
        for route in self.by_length.get(len(target.raw), ()):
            if method not in route.methods or not _fits(route, target):
                continue
            if any(literal != raw for literal, raw in zip(route.segments, target.raw, strict=True) if literal):
                raise Ambiguous("its path differs from a route only in upper and lower case")
            return Match(route, _person(route, target))
        return None


def read(text: str, catalogue: Catalogue) -> Routes:
    """Read a route catalogue; raises BadInput naming the place and the remedy."""
    document = read_mapping(text, "route catalogue")
    only_keys(document, {"routes"}, "route catalogue")
    entries = list_of(document, "routes", "route catalogue")
    if len(entries) > MAX_ROUTES:
        raise BadInput(f"route catalogue: {len(entries)} routes, more than {MAX_ROUTES}.", "Use patterns.")
    by_length: dict[int, list[Route]] = {}
    for number, entry in enumerate(entries, 1):
        route = _route(entry, f"route {number}", catalogue)
        others = by_length.setdefault(len(route.segments), [])
        for other in others:
            _refuse_overlap(other, route, f"route {number}")
        others.append(route)
    for routes in by_length.values():
        routes.sort(key=lambda route: sum(not literal for literal in route.segments))
    return Routes(by_length)


def _fits(route: Route, target: Target) -> bool:
    pairs = zip(route.segments, target.segments, strict=True)
    return all(not literal or literal.casefold() == segment.casefold() for literal, segment in pairs)


def _person(route: Route, target: Target) -> str | None:
    whose = route.whose
    if whose.place is Place.PATH:
        return target.segments[_captures(route.path).index(whose.name)]
    # A parameter that is left out names nobody, whom the gate knows as little as a made-up id.
    return (parameter(target.query, whose.name) or "") if whose.place is Place.QUERY else None


def _captures(path: str) -> list[str]:
    """For each segment the name that it is captured by, or nothing."""
    return [found[1] if (found := _CAPTURE.fullmatch(part)) else "" for part in path[1:].split("/")]


def _route(entry: Any, where: str, catalogue: Catalogue) -> Route:
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: must be a mapping.", "Give it path, methods, person, fields and purpose.")
    path = text_of(entry, "path", where)
    where = f"{where} ({path})"
    segments = _segments(path, where)
    methods = _methods(entry, where)
    if _switch(entry, "open", where):
        only_keys(entry, {"path", "methods", "open"}, f"{where}, an open route")
        return Route(path, segments, methods, open=True)
    only_keys(entry, {"path", "methods", "person", "fields", "purpose", "partial", "open"}, where)
    return Route(
        path,
        segments,
        methods,
        _whose(entry.get("person"), path, where),
        _fields(entry, where, catalogue),
        text_of(entry, "purpose", where, longest=_LONGEST_PURPOSE),
        _switch(entry, "partial", where),
    )


def _segments(path: str, where: str) -> tuple[str, ...]:
    """The literal of each segment, empty where anything may stand."""
    if path == "/":
        return ()
    parts = path[1:].split("/")
    if not path.startswith("/") or len(parts) > _MAX_SEGMENTS:
        raise BadInput(f"{where}: the path must begin with a slash and have at most {_MAX_SEGMENTS} parts.", "Mend it.")
    captures = _captures(path)
    for part, capture in zip(parts, captures, strict=True):
        if not capture and (not _LITERAL.fullmatch(part) or set(part) == {"."}):
            raise BadInput(
                f"{where}: the part {part!r} of the path cannot be used.",
                "Use letters, digits and -._~!$&'()*+,=:@, or {name} for any one part; no slash at the end.",
            )
    named = [capture for capture in captures if capture]
    if len(set(named)) != len(named):
        raise BadInput(f"{where}: a {{name}} stands twice in the path.", "Give each its own.")
    return tuple("" if capture else part for part, capture in zip(parts, captures, strict=True))


def _methods(entry: dict[str, Any], where: str) -> frozenset[str]:
    methods = list_of(entry, "methods", where)
    for method in methods:
        if method not in _METHODS:
            raise BadInput(f"{where}: the method {method!r} is not known.", f"Use {', '.join(_METHODS)}.")
    return frozenset(methods)


def _switch(entry: dict[str, Any], key: str, where: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise BadInput(f"{where}: {key!r} must be true or false.", "Mend it.")
    return value


def _whose(value: Any, path: str, where: str) -> Whose:
    if value == Place.GRANTING:
        return Whose(Place.GRANTING)
    if not isinstance(value, dict):
        raise BadInput(f"{where}: 'person' must say where the person stands.", "Use granting, {path: …} or {query: …}.")
    only_keys(value, {"path", "query", "ids"}, f"{where}, person")
    places = [place for place in (Place.PATH, Place.QUERY) if place in value]
    if len(places) != 1:
        raise BadInput(f"{where}: 'person' must have exactly one of path and query.", "Keep one of them.")
    ids = value.get("ids", "scoped")
    if ids not in {"scoped", "platform"}:
        raise BadInput(f"{where}: ids {ids!r} is not known.", "Use scoped (the app's own ids) or platform.")
    name = text_of(value, places[0], f"{where}, person", longest=60)
    if places[0] is Place.PATH and name not in _captures(path):
        raise BadInput(f"{where}: the path has no {{{name}}}.", "Name a part of it.")
    if places[0] is Place.QUERY and not _PARAMETER.fullmatch(name):
        raise BadInput(f"{where}: the parameter {name!r} cannot be used.", "Use letters, digits, _ and -.")
    return Whose(places[0], name, ids == "scoped")


def _fields(entry: dict[str, Any], where: str, catalogue: Catalogue) -> tuple[str, ...]:
    names = list_of(entry, "fields", where)
    for name in names:
        if not isinstance(name, str) or name not in catalogue.by_field:
            raise BadInput(f"{where}: the data catalogue has no field {name!r}.", "Name what the route returns.")
    if len(set(names)) != len(names):
        raise BadInput(f"{where}: a field stands twice.", "Keep one of them.")
    return tuple(names)


def _refuse_overlap(one: Route, other: Route, where: str) -> None:
    """Two routes may fit the same request only where every part of one is at least as literal as the other's."""
    if not one.methods & other.methods:
        return
    pairs = list(zip(one.segments, other.segments, strict=True))
    if not all(not a or not b or a.casefold() == b.casefold() for a, b in pairs):
        return
    narrower = all(a or not b for a, b in pairs), all(b or not a for a, b in pairs)
    if narrower in {(True, True), (False, False)}:
        remedy = "Merge them, or tell them apart by a part that stands in the path."
        raise BadInput(f"{where} ({other.path}): a request can fit {one.path} as well.", remedy)
