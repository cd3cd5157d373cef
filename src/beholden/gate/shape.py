"""Shapes: where in a JSON document the records stand, whose each record is, and what its fields are called.

    {"records": "/data/friends", "person": "/user/id", "fields": {"birthday": "/profile/dob"}, "keep": ["/since"]}

All places are JSON pointers (RFC 6901), so that there is nothing to guess and nothing to search. They go through
objects only: a list is either a set of records or a value as a whole, since an element that is withheld has no place
that others could keep. What no pointer names does not leave. A pointer that lies within another is refused: the same
datum would be governed twice, and the laxer rule would win.

People within people (a friend's own list of friends) are a set inside a set, with pointers from the enclosing record.
Such a list is itself a datum of the enclosing person and so has a `field`: it leaves when that field may, with those
of its people that may; and whoever is within a record that does not leave does not leave either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

from beholden.model.decision import Decision
from beholden.model.errors import BadInput

Tokens = tuple[str, ...]
MAX_POINTER = 500
MAX_TOKENS = 32
MAX_SETS = 32
MAX_NESTING = 4
MAX_NAMED = 1_000
"""Pointers that one set may name."""
MAX_LOOKED_UP = 2_000_000
"""Places looked up in one document: a few bytes of it must not make a second of work."""


def tokens(pointer: str) -> Tokens:
    """The reference tokens of a JSON pointer (RFC 6901, section 4); raises BadInput for what is none."""
    if pointer == "":
        return ()
    if not pointer.startswith("/") or len(pointer) > MAX_POINTER or pointer.count("/") > MAX_TOKENS:
        remedy = f"It is empty or begins with a slash, and has at most {MAX_TOKENS} parts, {MAX_POINTER} characters."
        raise BadInput(f"{pointer[:60]!r} is not a JSON pointer.", remedy)
    if "~" in pointer.replace("~0", "").replace("~1", ""):
        raise BadInput(f"{pointer[:60]!r} is not a JSON pointer.", "Write ~0 for ~ and ~1 for /.")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer(member: str) -> str:
    """The pointer to the member of this name."""
    return "/" + member.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class RecordSet:
    """One set of records: a list of objects at `records`, or, if `single`, one object there.

    `person` are the places of the person's id in each record; of several, all must say the same one. `fields` are the
    pointers by the catalogue's names of fields; None takes every member that nothing else is declared for as the field
    of its name. `keep` leaves with its record although it is nobody's datum: that it is none is the platform's word.
    `sets` are the people within each record; a set that is within another has the `field` of the enclosing person that
    its list is. Making one that contradicts itself raises BadInput.
    """

    records: str = ""
    person: tuple[str, ...] = ("/id",)
    fields: Mapping[str, str] | None = None
    keep: tuple[str, ...] = ()
    sets: tuple["RecordSet", ...] = ()
    field: str | None = None
    single: bool = False

    def __post_init__(self) -> None:
        named = [*self.person, *(self.fields or {}).values(), *self.keep, *(one.records for one in self.sets)]
        if not self.person:
            raise BadInput(f"The set at {self.records[:60]!r} does not say where the person's id is.", "Add 'person'.")
        if len(named) > MAX_NAMED:
            raise BadInput(f"{len(named)} pointers in one set are more than {MAX_NAMED}.", "Name fewer.")
        _refuse_overlap(named)
        fields = [one.field for one in self.sets]
        if None in fields:
            raise BadInput("A set within a set must say which field of the enclosing person it is.", "Add 'field'.")
        if len(set(fields)) < len(fields) or (self.fields is not None and set(fields) & set(self.fields)):
            raise BadInput("A field of the enclosing person is declared twice.", "Give each place a field of its own.")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where everything stands in a whole document; `keep` is what leaves beside the records."""

    sets: tuple[RecordSet, ...]
    keep: tuple[str, ...] = ()
    plans: tuple["_Plan", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.sets:
            raise BadInput("The shape declares no records.", "Say where they stand.")
        if _count(self.sets) > MAX_SETS or _depth(self.sets) > MAX_NESTING:
            raise BadInput(f"A shape has at most {MAX_SETS} sets, {MAX_NESTING} within another.", "Declare fewer.")
        if any(one.field is not None for one in self.sets):
            raise BadInput("Only a set within a set is a field of somebody.", "Leave 'field' out.")
        _refuse_overlap([*self.keep, *(one.records for one in self.sets)])
        numbers = count()
        object.__setattr__(self, "plans", tuple(_plan(one, numbers) for one in self.sets))

    @property
    def nested(self) -> bool:
        """Whether a record may hold further people."""
        return any(one.sets for one in self.sets)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A record set with its pointers read. `fixed` are the members that a set without `fields` leaves alone.

    `flat` says that the person's id and all fields are members of the record itself, and that there is nothing else.
    """

    number: int  # among all sets of the shape
    at: str
    records: Tokens
    persons: tuple[Tokens, ...]
    fields: Mapping[str, Tokens] | None
    keep: tuple[Tokens, ...]
    sets: tuple["_Plan", ...]
    by_field: Mapping[str, "_Plan"]
    field: str | None
    single: bool
    fixed: frozenset[str]
    flat: bool
    named: int  # places that are looked up in each record


@dataclass(slots=True)
class Found:
    """The records of a document, in one row: those within a record come after it.

    Column by column, since there may be thousands: the record, the person's id, the fields that it has (one tuple for
    all records with the same), the place of the enclosing record or -1, the set, and its place within that.
    """

    records: list[Mapping[str, Any]] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    fields: list[tuple[str, ...]] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    plans: list[_Plan] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    looked_up: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def pointer(self, n: int) -> str:
        """Where the record stands in the document, as a JSON pointer."""
        plan, parent = self.plans[n], self.parents[n]
        own = plan.at if plan.single else f"{plan.at}/{self.places[n]}"
        return own if parent < 0 else self.pointer(parent) + own

    def value(self, n: int, name: str) -> Any:
        """The value of a field that the record has; None where it is people within it, who speak for themselves."""
        plan = self.plans[n]
        if name in plan.by_field:
            return None
        return self.records[n][name] if plan.fields is None else _look(self.records[n], plan.fields[name])


def find(document: Any, shape: Shape, most: int) -> Found:
    """All records of a document; raises BadInput, saying where, for what does not have the shape, or for too many."""
    found = Found()
    memo: _Memo = {}
    for plan in shape.plans:
        _collect(found, memo, plan, document, -1, most)
    return found


def enclosed(found: Found, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions, with a no for whoever is within a record, or a list, that does not leave."""
    if all(parent < 0 for parent in found.parents):
        return list(decisions)
    settled: list[Decision] = []
    for n, decision in enumerate(decisions):
        parent, name = found.parents[n], found.plans[n].field
        if parent >= 0 and name is not None and name in settled[parent].denied:
            reason = settled[parent].denied[name]
            decision = Decision((), dict.fromkeys([*decision.allowed, *decision.denied], reason))  # noqa: PLW2901
        settled.append(decision)
    return settled


def rebuilt(document: Any, shape: Shape, found: Found, decisions: Sequence[Decision], ids: Mapping[int, str]) -> Any:
    """A document of the same shape with what may leave: `ids` are the persons' new ids, by place in the row.

    A record without one is left out, be it for an unknown person or for one who opted out (law 3). `single` records
    that are left out leave no member behind.
    """
    built = {n: _record(found, n, decisions[n].allowed, new) for n, new in ids.items()}
    rows: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for n, record in built.items():
        rows.setdefault((found.parents[n], found.plans[n].number), []).append(record)
    for n, record in built.items():
        for inner in found.plans[n].sets:
            if inner.field in decisions[n].allowed:
                _place(record, inner, rows.get((n, inner.number), []))
    whole: dict[str, Any] = {}
    for kept in map(tokens, shape.keep):
        _keep(whole, document, kept)
    for plan in shape.plans:
        row = rows.get((-1, plan.number), [])
        if not plan.records:
            return row if not plan.single else (row[0] if row else None)
        _place(whole, plan, row)
    return whole


def empty(shape: Shape) -> Any:
    """The document in which nobody is left: lists without anybody, and nothing beside them."""
    return rebuilt({}, Shape(shape.sets), Found(), [], {})


def lacks(document: Any, shape: Shape) -> bool:
    """Whether the shape is for one record alone, and this document has it no more."""
    if len(shape.plans) > 1 or not shape.plans[0].single:
        return False
    at = shape.plans[0].records
    return _look(document, at) is _NOTHING if at else document is None


_NOTHING: Any = object()
_Memo = dict[tuple[object, ...], tuple[str, ...]]


def _plan(one: RecordSet, numbers: Iterator[int]) -> _Plan:
    number = next(numbers)
    persons = tuple(tokens(p) for p in one.person)
    fields = None if one.fields is None else {name: tokens(p) for name, p in one.fields.items()}
    keep, sets = tuple(tokens(p) for p in one.keep), tuple(_plan(inner, numbers) for inner in one.sets)
    fixed = frozenset(t[0] for t in (*persons, *keep, *(inner.records for inner in sets)) if t)
    plain = len(persons) == 1 and len(persons[0]) == 1 and not keep and not sets
    flat = plain and (fields is None or all(t == (name,) for name, t in fields.items()))
    by_field = {inner.field: inner for inner in sets if inner.field is not None}
    named = len(persons) + len(fields or ()) + len(keep) + len(sets)
    own = (one.field, one.single, fixed, flat, named)
    return _Plan(number, one.records, tokens(one.records), persons, fields, keep, sets, by_field, *own)


def _collect(found: Found, memo: _Memo, plan: _Plan, document: Any, parent: int, most: int) -> None:
    """Add the records of one set of `document`, which is the whole one or the record at `parent`."""
    rows = _look(document, plan.records)
    if parent >= 0 and (rows is _NOTHING or rows is None):
        return
    above = "" if parent < 0 else found.pointer(parent)
    if rows is _NOTHING:
        raise BadInput(f"There is nothing at {plan.at!r}.", "Mend the pointer, or what it points into.")
    rows = [rows] if plan.single else rows
    if not isinstance(rows, list | tuple):
        raise BadInput(f"What is at {above + plan.at!r} is not a list.", "Mend the pointer, or say 'single'.")
    if len(found) + len(rows) > most:
        raise BadInput(f"{len(found) + len(rows)} records are more than {most}.", "Send them in parts.")
    found.looked_up += len(rows) * plan.named
    if found.looked_up > MAX_LOOKED_UP:
        raise BadInput(f"More than {MAX_LOOKED_UP} places would be looked up.", "Name fewer fields, or send parts.")
    for place, record in enumerate(rows):
        if not isinstance(record, Mapping):
            raise BadInput(f"{_where(above, plan, place)} is not an object.", "Send objects.")
        own = len(found)
        found.persons.append(_person(record, plan, above, place))
        found.fields.append(_fields(record, plan, memo))
        found.records.append(record)
        found.parents.append(parent)
        found.plans.append(plan)
        found.places.append(place)
        for inner in plan.sets:
            _collect(found, memo, inner, record, own, most)


def _person(record: Mapping[str, Any], plan: _Plan, above: str, place: int) -> str:
    first = plan.persons[0]
    person = record.get(first[0]) if len(first) == 1 else _look(record, first)
    if not isinstance(person, str):
        raise BadInput(f"{_where(above, plan, place)} has no text at {_told(first)}.", "Put the person's id there.")
    for other in plan.persons[1:]:
        if _look(record, other) not in (person, _NOTHING):
            remedy = "All places of the id name one person; declare others as records of their own."
            raise BadInput(f"{_where(above, plan, place)} names somebody else at {_told(other)}.", remedy)
    return person


def _fields(record: Mapping[str, Any], plan: _Plan, memo: _Memo) -> tuple[str, ...]:
    if plan.flat:
        # Most records of a list have the same members; the tuple that is found for them is then one object.
        members = (plan.number, *record)
        fields = memo.get(members)
        if fields is None:
            fields = memo[members] = tuple(_present(record, plan))
        return fields
    fields = tuple(_present(record, plan))
    return memo.setdefault(fields, fields)


def _present(record: Mapping[str, Any], plan: _Plan) -> Iterator[str]:
    if plan.fields is None:
        yield from (key for key in record if key not in plan.fixed and key not in plan.by_field)
    else:
        yield from (name for name, at in plan.fields.items() if _look(record, at) is not _NOTHING)
    for name, inner in plan.by_field.items():
        there = _look(record, inner.records)
        if there is not _NOTHING and there is not None:
            yield name


def _record(found: Found, n: int, allowed: Sequence[str], new: str) -> dict[str, Any]:
    record, plan = found.records[n], found.plans[n]
    built: dict[str, Any] = {}
    if plan.flat:
        built[plan.persons[0][0]] = new
        for name in allowed:
            built[name] = record[name]
        return built
    for at in plan.persons:
        if _look(record, at) is not _NOTHING:
            _put(built, at, new)
    for name in allowed:
        if name not in plan.by_field:
            _put(built, (name,) if plan.fields is None else plan.fields[name], found.value(n, name))
    for at in plan.keep:
        _keep(built, record, at)
    return built


def _place(above: dict[str, Any], plan: _Plan, row: list[dict[str, Any]]) -> None:
    """Put the records that are left of a set where they stood; of a single one that is withheld there is nothing."""
    if not plan.single:
        _put(above, plan.records, row)
    elif row:
        _put(above, plan.records, row[0])


def _look(document: Any, at: Tokens) -> Any:
    for token in at:
        if not isinstance(document, Mapping) or token not in document:
            return _NOTHING
        document = document[token]
    return document


def _put(document: dict[str, Any], at: Tokens, value: Any) -> None:
    for token in at[:-1]:
        document = document.setdefault(token, {})
    document[at[-1]] = value


def _keep(built: dict[str, Any], document: Any, at: Tokens) -> None:
    value = _look(document, at)
    if value is not _NOTHING:
        _put(built, at, value)


def _refuse_overlap(pointers: Sequence[str]) -> None:
    """In order of their parts, one that lies within another follows it directly, or follows others within it."""
    read = sorted(tokens(one) for one in pointers)
    for one, other in pairwise(read):
        if other[: len(one)] == one:
            raise BadInput(
                f"{_told(other)} lies within {_told(one)}, which is declared too.", "Declare each place once."
            )


def _count(sets: Sequence[RecordSet]) -> int:
    return sum(1 + _count(one.sets) for one in sets)


def _depth(sets: Sequence[RecordSet]) -> int:
    return 1 + max((_depth(one.sets) for one in sets), default=0)


def _told(at: Tokens) -> str:
    return repr("".join(map(pointer, at))[:60])


def _where(above: str, plan: _Plan, place: int) -> str:
    at = above + plan.at
    if plan.single:
        return f"The record at {at!r}"
    return f"Record {place} of {at!r}" if at else f"Record {place}"
