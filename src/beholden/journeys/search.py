"""Search: which apps may read of a person, of whom an app may read, what it may do; each by the evaluation's decision.

A page is decided on one snapshot; where there is a decision table, who may be found comes from the store's snapshot and
what is said of each from the table, as in an evaluation. Candidates come in order of a key that never changes (a
person's number, an app's number, a supplied id), and the next page begins behind the last one looked at, so pages never
repeat or skip anybody who stayed. A page looks at a bounded number of candidates; it may therefore be shorter than was
asked for, even empty, and still not be the last: only an empty token is the end.

A store that cannot answer is an error here, not an empty list: "nobody" would be believed (law 4).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from beholden.gate.page_token import Place
from beholden.gate.page_token import read as read_token
from beholden.gate.page_token import write as write_token
from beholden.gate.pairwise import scoped_ids
from beholden.gate.resource_types import APP
from beholden.journeys.evaluate import decide_within
from beholden.journeys.filter import refuse_size
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.ruling import PersonRef, Request, Wish, is_possible, numbers, rule_own, rule_within
from beholden.model.app import App
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, Unavailable
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.resource import Action, Entity, ResourceQuestion

MAX_RESULTS = 1_000
"""Results in one page, whatever limit is asked for."""
USUAL_RESULTS = 100
MAX_PEOPLE = 2_000
"""People looked at for one page; all of them in a handful of reads."""
MAX_APPS = 50
"""Apps looked at for one page; each costs its own reads."""
MAX_ENTITIES = 2_000
READ = "read"
_FEWEST = 50  # candidates read at once: not one by one for a page of one


class Sought(StrEnum):
    """Which member of the question is looked for."""

    SUBJECT = "subject"
    RESOURCE = "resource"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class PersonSearch:
    """A `disclose.Question` with one member open: `app`, or the id of `person`, or whether `read` is allowed."""

    sought: Sought
    app: str
    person: PersonRef
    fields: tuple[str, ...] | None
    purpose: str
    through: PersonRef | None = None

    def __post_init__(self) -> None:
        refuse_size(self.fields, self.purpose)


@dataclass(frozen=True, slots=True)
class ResourceSearch:
    """A question about one of the platform's own types with one member open."""

    sought: Sought
    question: ResourceQuestion


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is wanted: behind `token`, or the first; with at most `limit` results.

    `parameters` is a digest of everything else that was asked; a token is good for those alone.
    """

    parameters: bytes
    token: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page: the ids (or action names) found, and the token for the next page, empty at the end."""

    ids: tuple[str, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Who or what may be found. `behind` lists up to so many keys behind one, in order; `decide` says what is answered
    for each, None for a no; `most` is how many a page looks at."""

    behind: Callable[[Any, int], Sequence[Any]]
    decide: Callable[[Sequence[Any]], Sequence[str | None]]
    most: int


_NOBODY = _Candidates(lambda _after, _limit: (), lambda _keys: (), 1)


def search(engines: Engines, wanted: PersonSearch | ResourceSearch, page: Page) -> Found:
    """One page of what was looked for. Raises BadInput for a token of another search, Unavailable without a store."""
    place = None if page.token is None else read_token(engines.pairwise, page.parameters, page.token)
    if place is not None and page.limit not in {None, place.limit}:
        raise BadInput("page: 'limit' changed within one search.", "Keep it, leave it out, or begin without a token.")
    limit = place.limit if place is not None else min(page.limit or USUAL_RESULTS, MAX_RESULTS)
    began = time.monotonic()
    with engines.store.read() as unit:
        if isinstance(wanted, PersonSearch):
            candidates = _PEOPLE[wanted.sought](engines, unit, wanted, began)
        else:
            candidates = _of_resources(engines, unit, wanted)
        ids, last = _turn(candidates, None if place is None else place.after, limit)
    token = "" if last is None else write_token(engines.pairwise, page.parameters, Place(last, limit))
    return Found(tuple(ids), token)


def _turn(candidates: _Candidates, after: int | str | None, limit: int) -> tuple[list[str], int | str | None]:
    """Up to `limit` finds behind `after`, and the last key looked at; None where there is nothing behind it."""
    found: list[str] = []
    seen = 0
    while seen < candidates.most:
        size = min(max(limit, _FEWEST), candidates.most)
        keys = candidates.behind(after, size + 1)  # one more, to know whether any is left
        for key, id_ in zip(keys[:size], candidates.decide(keys[:size]), strict=True):
            after = key
            if id_ is not None:
                found.append(id_)
            if len(found) == limit:
                return found, after if after != keys[-1] else None
        if len(keys) <= size:
            return found, None
        seen += size
    return found, after


def _readers(engines: Engines, unit: Unit, wanted: PersonSearch, began: float) -> _Candidates:
    """The apps that the granting person has a grant for. An id that only one app uses names nobody here."""
    (granter,) = numbers(engines, unit, None, [wanted.through or wanted.person])
    if granter is None:
        return _NOBODY
    granted = sorted({grant.app for grant in unit.directory.grants(person=granter, active=True)})

    def decide(keys: Sequence[AppNumber]) -> list[str | None]:
        apps = [app for app in map(unit.directory.app_by_number, keys) if app is not None]
        requests = [_request(engines, wanted, app.client_id, wanted.through, (wanted.person,)) for app in apps]
        rulings = zip(apps, rule_within(engines, unit, requests, began), strict=True)
        found = {app.number: app.client_id for app, ruling in rulings if _is_yes(ruling.decisions[0])}
        return [found.get(key) for key in keys]

    return _Candidates(lambda after, n: [app for app in granted if after is None or app > after][:n], decide, MAX_APPS)


def _readable(engines: Engines, unit: Unit, wanted: PersonSearch, began: float) -> _Candidates:
    """On their own word, the people with a grant for the app; on another's word, everybody."""
    app = unit.directory.app(wanted.app) if is_possible(wanted.app) else None
    if app is None:
        return _NOBODY

    def on_their_own(keys: Sequence[PersonNumber]) -> list[str | None]:
        decisions = rule_own(engines, unit, app.client_id, keys, _fields(engines, wanted), wanted.purpose)
        return _named(engines, unit, app, wanted, keys, decisions)

    def through_another(keys: Sequence[PersonNumber]) -> list[str | None]:
        persons = tuple(PersonRef(id_, scoped=True) for id_ in scoped_ids(engines.pairwise, app.number, keys))
        request = _request(engines, wanted, app.client_id, wanted.through, persons)
        (ruling,) = rule_within(engines, unit, [request], began)
        return _named(engines, unit, app, wanted, keys, ruling.decisions)

    if wanted.through is not None:
        return _Candidates(unit.search.everybody, through_another, MAX_PEOPLE)
    return _Candidates(lambda after, n: unit.search.granters(app.number, after, n), on_their_own, MAX_PEOPLE)


def _permitted(engines: Engines, unit: Unit, wanted: PersonSearch, began: float) -> _Candidates:
    """There is one action that an app may do on a person: to read."""
    request = _request(engines, wanted, wanted.app, wanted.through, (wanted.person,))

    def decide(_keys: Sequence[int]) -> list[str | None]:
        (ruling,) = rule_within(engines, unit, [request], began)
        return [READ if _is_yes(ruling.decisions[0]) else None]

    return _Candidates(lambda after, _n: [0] if after is None else [], decide, 1)


_PEOPLE = {Sought.SUBJECT: _readers, Sought.RESOURCE: _readable, Sought.ACTION: _permitted}


def _of_resources(engines: Engines, unit: Unit, wanted: ResourceSearch) -> _Candidates:
    """The entities that the platform supplied, or its actions. Who is not among those is unknown, and finds nothing."""
    question, sought = wanted.question, wanted.sought
    evaluator = engines.resource_types.get(question.resource.type)
    if evaluator is None:
        return _NOBODY
    given = [question.subject] if sought is not Sought.SUBJECT else []
    given += [question.resource] if sought is not Sought.RESOURCE else []
    # An app need not be supplied: it is in the directory, and refused there if it is not.
    if not all(evaluator.knows(one.type, one.id) for one in given if one.type != APP or one is question.resource):
        return _NOBODY
    actions = evaluator.actions
    places = range(len(actions))

    def decide(keys: Sequence[Any]) -> list[str | None]:
        names = [actions[key] if sought is Sought.ACTION else str(key) for key in keys]
        decisions = decide_within(engines, unit, [_filled(question, sought, name) for name in names])
        if any(decision.reason is Reason.GATE_STALE for decision in decisions):
            raise _stale()
        return [name if decision.whole else None for name, decision in zip(names, decisions, strict=True)]

    if sought is Sought.ACTION:
        return _Candidates(lambda after, n: places[0 if after is None else after + 1 :][:n], decide, MAX_ENTITIES)
    type_ = question.subject.type if sought is Sought.SUBJECT else question.resource.type
    return _Candidates(lambda after, n: evaluator.ids(type_, after, n), decide, MAX_ENTITIES)


def _filled(question: ResourceQuestion, sought: Sought, name: str) -> ResourceQuestion:
    """The question about one candidate. What was said of the one looked for holds for every candidate."""
    if sought is Sought.ACTION:
        return replace(question, action=Action(name))
    if sought is Sought.SUBJECT:
        return replace(question, subject=Entity(question.subject.type, name, question.subject.properties))
    return replace(question, resource=Entity(question.resource.type, name, question.resource.properties))


def _request(
    engines: Engines, wanted: PersonSearch, app: str, through: PersonRef | None, persons: tuple[PersonRef, ...]
) -> Request:
    wishes = tuple(Wish(person, _fields(engines, wanted)) for person in persons)
    return Request(app, through or wanted.person, wanted.purpose, wishes)


def _fields(engines: Engines, wanted: PersonSearch) -> tuple[str, ...]:
    """As in an evaluation: without a list, all of the catalogue."""
    return tuple(engines.catalogue.by_field) if wanted.fields is None else wanted.fields


def _named(
    engines: Engines,
    unit: Unit,
    app: App,
    wanted: PersonSearch,
    keys: Sequence[PersonNumber],
    decisions: Sequence[Decision],
) -> list[str | None]:
    """Those with a yes, by the kind of id that was asked for: the platform's own, or the app's."""
    kept = [key for key, decision in zip(keys, decisions, strict=True) if _is_yes(decision)]
    if wanted.person.scoped:
        ids: dict[PersonNumber, str] = dict(zip(kept, scoped_ids(engines.pairwise, app.number, kept), strict=True))
    else:
        ids = {number: person.outside_id for number, person in unit.directory.people(kept).items()}
    return [ids.get(key) for key in keys]


def _is_yes(decision: Decision) -> bool:
    if Reason.GATE_STALE in decision.denied.values():
        raise _stale()
    return decision.whole


def _stale() -> Unavailable:
    return Unavailable("The gate does not know the latest standing, so it finds nobody.", "Try again.")
