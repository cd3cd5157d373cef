"""Leak: a dump was found in the wild. Which app did it come from, who is in it, and how sure is that?

The dump goes through the same readers as the evidence of an examination, and is held against what the ledger says that
every app was given. Both acts are in the ledger, intake before anything is searched and conclusion before it is told;
neither holds anything of a person. What only one app was ever given opens a finding against it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from beholden import __version__
from beholden.forensics import leak as leaks
from beholden.forensics import leak_report
from beholden.forensics import report as reports
from beholden.forensics.attribution import Attribution, Held, attribute
from beholden.forensics.containers import Limits, shown
from beholden.forensics.coverage import Reason, Statement
from beholden.forensics.leak import Book, Seen
from beholden.forensics.needles import Needles, Sought, needles
from beholden.forensics.outcome import Outcome
from beholden.forensics.ports import Evidence, Exhibit, Intake, Progress
from beholden.forensics.tally import Tally
from beholden.forensics.units import InProcess, Job, Searcher
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import detect
from beholden.journeys.acts import operators_only, record
from beholden.journeys.examine import MAX_LISTED_EXHIBITS
from beholden.journeys.ports import Engines
from beholden.journeys.searching import search
from beholden.ledger.record import matches
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App
from beholden.model.finding import Finding
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.person import Person
from beholden.model.time import day_of
from beholden.watch import leak as leak_rule

__all__ = ["Trace", "trace"]


@dataclass(frozen=True, slots=True)
class Trace:
    """A dump that was traced. `report` is everything; `encoded` the same as JSON, whose digest the ledger has.

    `named` are the apps that are said to be its source, by client id; `complete` says whether all of it was read.
    """

    report: Mapping[str, object]
    encoded: bytes
    named: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked. `canaries` are the made-up people, with the one app that may have them."""

    id: str
    operator: Actor
    began_at: datetime
    apps: Mapping[AppNumber, App]
    canaries: Mapping[PersonNumber, AppNumber | None]
    population: int


def trace(
    engines: Engines,
    evidence: Evidence,
    paths: Sequence[str],
    actor: Actor,
    *,
    limits: Limits | None = None,
    hashed: bool = False,
    searcher: Searcher | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Trace:
    """Trace a dump; `hashed` looks for digests of addresses too, `searcher` is who reads it, this process by default.

    Raises BadInput for paths that do not exist, NotAllowed for a developer, a person or an app.
    """
    order = _ordered(engines, actor)
    intake = evidence.take_in(paths, progress)
    manifest = reports.sha256(b"".join(f"{one.sha256}  {one.size}\n".encode() for one in intake.exhibits))
    _record(engines, order, "leak:begin", _taken_in(intake, manifest))
    book, sought = _load(engines, order, hashed=hashed)
    chosen = limits or Limits()
    reader = searcher or InProcess(evidence)

    def searched(for_whom: Needles) -> Outcome:
        return search(reader, intake, Job(for_whom, chosen, intake.exhibits), None, progress)

    first = searched(sought)
    second = _look_again(searched, book, sought, first.tally)
    found = leaks.seen(book, *(tally for tally in (first.tally, second) if tally is not None))
    for changed in _changed(evidence, intake, progress):
        first.coverage.gap(changed.name, Reason.CHANGED, 0)
    statement = first.coverage.statement()
    apps = leaks.held(book, found, _exclusive(order, book))
    answer = attribute(leaks.dump(book, found, first.tally, order.population), apps)
    findings = _findings(engines, order, book, found, apps, manifest)
    report = _report(engines, order, intake, book, found, apps, answer, statement, findings)
    encoded = reports.encoded(report)
    named = tuple(order.apps[app].client_id for app in answer.named if app in order.apps)
    details = {"named": list(named), "certain": answer.certain, "people": len(found), "complete": statement.complete}
    _record(engines, order, "leak:end", details | {"findings": findings, "report_sha256": reports.sha256(encoded)})
    return Trace(report, encoded, named, statement.complete)


def _ordered(engines: Engines, actor: Actor) -> _Order:
    with engines.store.read() as unit:
        if actor.kind not in (ActorKind.PLATFORM, ActorKind.SYSTEM):
            operators_only(unit, actor)
        apps = {app.number: app for app in unit.directory.apps()}
        canaries = {canary.person: canary.app for canary in unit.watch.canaries()}
        population = unit.directory.count_people()
    return _Order(engines.ids.new("leak"), actor, engines.clock.now(), apps, canaries, population)


def _taken_in(intake: Intake, manifest: str) -> dict[str, object]:
    return {
        "files": len(intake.exhibits),
        "bytes": sum(exhibit.size for exhibit in intake.exhibits),
        "manifest_sha256": manifest,
        "sha256": [exhibit.sha256 for exhibit in intake.exhibits[:MAX_LISTED_EXHIBITS]],
    }


def _record(engines: Engines, order: _Order, verb: str, details: Mapping[str, object]) -> None:
    record(engines, Act(order.operator, verb, f"leak:{order.id}", engines.clock.now(), None, details))


def _load(engines: Engines, order: _Order, *, hashed: bool) -> tuple[Book, Needles]:
    """Everything that any app was ever given, as it is looked for; also made-up people whom nobody was given."""
    book = Book()
    for row in engines.ledger.disclosures():
        book.add(row)
    given = book.people
    for person, app in order.canaries.items():
        if person not in given:
            book.give(app or AppNumber(0), person, order.began_at)
    with engines.store.read() as unit:
        people = unit.directory.people(sorted(book.people))
        keys = unit.directory.keys(sorted({one.person for one in book.givings if one.with_digests}))
    sought = list(_sought(engines, book, people))
    return book, needles(sought, _Given(book, keys), hashed=hashed)


def _sought(engines: Engines, book: Book, people: Mapping[PersonNumber, Person]) -> Iterator[Sought]:
    for app, own in book.apps.items():
        known = [person for person in own if person in people]
        for number, scoped in zip(known, scoped_ids(engines.pairwise, app, known), strict=True):
            person, giving = people[number], book.givings[own[number]]
            place = PersonNumber(own[number] + 1)
            ids = (scoped if app else "", person.outside_id, person.email, person.name)
            yield Sought(place, *ids, giving.first_at, giving.last_at, giving.digests)


@dataclass(frozen=True, slots=True)
class _Given:
    """Whether a text is what an app was given of a person in a field, by the ledger's digests."""

    book: Book
    keys: Mapping[PersonNumber, bytes]

    def __call__(self, number: PersonNumber, name: str, value: str) -> bool:
        giving = self.book.of(number)
        key = self.keys.get(giving.person)
        return key is not None and any(
            name in row.digests and matches(key, row.seq, name, value, row.digests[name]) for row in giving.with_digests
        )


def _look_again(searched: Callable[[Needles], Outcome], book: Book, sought: Needles, tally: Tally) -> Tally | None:
    """Which further fields stand beside those found: each app's own versions of them. None where nothing can tell."""
    found = leaks.seen(book, tally)
    again = [
        leaks.one_key(one, found[giving.person])
        for number, giving in book.numbered()
        if giving.person in found and giving.with_digests and (one := sought.people.get(number)) is not None
    ]
    if not again:
        return None
    return searched(needles(again, sought.matches)).tally


def _changed(evidence: Evidence, intake: Intake, progress: Progress) -> Iterator[Exhibit]:
    after = evidence.digests(intake.exhibits, progress)
    return (exhibit for exhibit, digest in zip(intake.exhibits, after, strict=True) if digest != exhibit.sha256)


def _exclusive(order: _Order, book: Book) -> dict[PersonNumber, AppNumber]:
    """The made-up people whom one app alone ever had: by what was planned, and by what the ledger says."""
    givers: dict[PersonNumber, set[AppNumber]] = {}
    for app, own in book.apps.items():
        for person in own.keys() & order.canaries.keys():
            givers.setdefault(person, set()).add(app)
    planned = ((person, order.canaries[person], had) for person, had in givers.items())
    return {
        person: next(iter(had))
        for person, app, had in planned
        if len(had) == 1 and app in (None, *had) and 0 not in had
    }


def _findings(
    engines: Engines,
    order: _Order,
    book: Book,
    found: Mapping[PersonNumber, Seen],
    apps: Sequence[Held],
    manifest: str,
) -> list[str]:
    """A finding against each app of which something of its own stands in the dump."""
    exclusive = _exclusive(order, book)
    made: list[Finding] = []
    for one in apps:
        app = order.apps.get(one.app)
        if app is not None and one.own:
            canaries = [person for person in found if exclusive.get(person) == one.app]
            given = [book.givings[book.apps[one.app][person]] for person in canaries] or [
                book.givings[place] for person, place in book.apps[one.app].items() if person in found
            ]
            days = [day_of(at) for giving in given for at in (giving.first_at, giving.last_at)]
            now = engines.clock.now()
            made.append(leak_rule.finding(app, manifest, one.canaries, one.own_ids, one.found, days, now))
    if made:
        detect.open_findings(engines, made)
    return [str(finding.id) for finding in made]


def _report(
    engines: Engines,
    order: _Order,
    intake: Intake,
    book: Book,
    found: Mapping[PersonNumber, Seen],
    apps: Sequence[Held],
    answer: Attribution,
    statement: Statement,
    findings: Sequence[str],
) -> dict[str, object]:
    header = leak_report.Header(
        order.id,
        str(order.operator),
        order.began_at,
        engines.clock.now(),
        __version__,
        tuple((shown(one.name), one.size, one.sha256) for one in intake.exhibits),
    )
    names = {number: (app.client_id, app.name) for number, app in order.apps.items()}
    loose = [person for person in found if person in order.canaries and person not in _exclusive(order, book)]
    return leak_report.document(header, names, book, found, apps, answer, statement, findings, len(loose))
