"""The record filter's wire form: a filter request read from JSON, its answer and its shapes written as JSON.

    {"app": …, "through": …, "purpose": …, "records": [{…}], "person": "id", "fields": ["name"]}
    {"app": …, "through": …, "purpose": …, "document": {…}, "keep": ["/paging"], "sets": [
        {"records": "/data/friends", "person": "/user/id", "fields": {"birthday": "/profile/dob"}, "keep": ["/since"],
         "sets": [{"field": "friends", "records": "/mutual", "person": "/id"}]}]}

The first is the second with one set, whose records are the whole document. Places are JSON pointers (RFC 6901); a
place that does not begin with a slash is the name of a member. What is not known here is refused: a word that is
misspelt must not change what leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beholden.journeys.disclose import PersonRef
from beholden.journeys.filter import (
    MAX_FIELDS,
    DocumentAnswer,
    DocumentRequest,
    FilterReport,
    RecordSet,
    Shape,
    pointer,
)
from beholden.model.errors import BadInput
from beholden.web.authzen import read_person

_OF_A_SET = frozenset({"person", "fields", "keep", "sets"})
_OF_AN_INNER_SET = _OF_A_SET | {"records", "single", "field"}
_OF_A_REQUEST = frozenset({"app", "through", "purpose"})


@dataclass(frozen=True, slots=True)
class Header:
    """Who asks, on whose word, for what, and in which shape: all of a filter request but the data."""

    app: str
    through: PersonRef
    purpose: str
    shape: Shape

    def of(self, document: Any) -> DocumentRequest:
        """The request for this data."""
        return DocumentRequest(self.app, self.through, self.purpose, document, self.shape)


def read_filter(request: Mapping[str, Any]) -> DocumentRequest:
    """The filter request in a JSON object; raises BadInput naming the member."""
    if "document" in request:
        _refuse_unknown(request, _OF_A_REQUEST | {"document", "sets", "keep"}, "A request with a document")
        shape = Shape(_sets(request), _texts(request, "keep"))
        return _header(request, shape).of(request["document"])
    records = request.get("records")
    if not isinstance(records, list):
        raise BadInput("'records' must be a list of objects.", "Add or mend it.")
    return read_header({name: value for name, value in request.items() if name != "records"}).of(records)


def read_header(request: Mapping[str, Any]) -> Header:
    """A filter request without its records, each of which will be an object in a list; raises BadInput."""
    _refuse_unknown(request, _OF_A_REQUEST | _OF_A_SET, "The request")
    return _header(request, Shape((_set(request),)))


def write_answer(answer: DocumentAnswer, *, whole: bool) -> dict[str, Any]:
    """The filter's answer as a JSON object; `whole` where a document was asked about, not a list of records."""
    return {"document" if whole else "records": answer.document, "report": _report(answer.report, whole=whole)}


def write_request(request: DocumentRequest) -> dict[str, Any]:
    """What `read_filter` reads as this request."""
    through = {"type": "scoped_person" if request.through.scoped else "person", "id": request.through.id}
    named = {"app": request.app, "through": through, "purpose": request.purpose}
    shape = {"keep": list(request.shape.keep), "sets": [_written(one) for one in request.shape.sets]}
    return {**named, **shape, "document": request.document}


def _header(request: Mapping[str, Any], shape: Shape) -> Header:
    through = read_person(request.get("through"), "'through'")
    return Header(_text(request, "app"), through, _text(request, "purpose"), shape)


def _set(members: Mapping[str, Any]) -> RecordSet:
    single = members.get("single", False)
    if not isinstance(single, bool):
        raise BadInput("'single' must be true or false.", "Mend it or leave it out.")
    return RecordSet(
        records=_place(_text(members, "records", empty=True)) if "records" in members else "",
        person=_person(members.get("person", "id")),
        fields=_fields(members),
        keep=_texts(members, "keep"),
        sets=_sets(members),
        field=_text(members, "field") if "field" in members else None,
        single=single,
    )


def _sets(members: Mapping[str, Any]) -> tuple[RecordSet, ...]:
    given = members.get("sets", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput("'sets' must be a list of objects.", "Mend it or leave it out.")
    for one in given:
        _refuse_unknown(one, _OF_AN_INNER_SET, "A set")
        if "records" not in one:
            raise BadInput("A set must say where its 'records' stand.", "Add the pointer.")
    return tuple(_set(one) for one in given)


def _person(given: Any) -> tuple[str, ...]:
    places = [given] if isinstance(given, str) else given
    if not isinstance(places, list) or not places or not all(isinstance(p, str) and p for p in places):
        raise BadInput("'person' must be a text, or a list of them.", "Say where the person's id stands.")
    return tuple(map(_place, places))


def _fields(members: Mapping[str, Any]) -> Mapping[str, str] | None:
    """By name: a list of members, or pointers to whatever else. The place of the person's id is no field."""
    given = members.get("fields")
    if given is None:
        return None
    if not isinstance(given, list | dict) or len(given) > MAX_FIELDS:
        raise BadInput(f"'fields' must be a list of texts or an object of pointers, {MAX_FIELDS} at most.", "Mend it.")
    if not all(isinstance(one, str) for one in (given if isinstance(given, list) else given.values())):
        raise BadInput("'fields' must hold texts.", "Mend it or leave it out.")
    if isinstance(given, dict):
        return {name: _place(at) for name, at in given.items()}
    persons = _person(members.get("person", "id"))
    return {name: pointer(name) for name in given if pointer(name) not in persons}


def _place(text: str) -> str:
    return text if text == "" or text.startswith("/") else pointer(text)


def _text(members: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    found = members.get(key)
    if not isinstance(found, str) or not (found or empty):
        raise BadInput(f"{key!r} must be a text.", "Add or mend it.")
    return found


def _texts(members: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = members.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadInput(f"{key!r} must be a list of texts.", "Mend it or leave it out.")
    return tuple(map(_place, found))


def _refuse_unknown(members: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = next((name for name in members if name not in known), None)
    if unknown is not None:
        raise BadInput(f"{what} has no member {unknown[:60]!r}.", f"It has {', '.join(sorted(known))}.")


def _written(one: RecordSet) -> dict[str, Any]:
    written: dict[str, Any] = {"records": one.records, "person": list(one.person), "single": one.single}
    if one.fields is not None:
        written["fields"] = dict(one.fields)
    if one.field is not None:
        written["field"] = one.field
    return {**written, "keep": list(one.keep), "sets": [_written(inner) for inner in one.sets]}


def _report(report: FilterReport, *, whole: bool) -> dict[str, Any]:
    withheld: list[dict[str, Any]] = [{"index": one.index, "denied": dict(one.denied)} for one in report.withheld]
    if whole:
        withheld = [{**told, "at": one.at} for told, one in zip(withheld, report.withheld, strict=True)]
    counts = {"received": report.received, "released": report.released, "reasons": dict(report.reasons)}
    return {**counts, "withheld": withheld}
