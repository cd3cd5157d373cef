"""The report of a traced dump: which app it came from, who is in it, how sure, which fields, since when.

People appear by their number; never by name or address.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from beholden.forensics.attribution import CALLED, PRIOR_UNKNOWN, Attribution, Held
from beholden.forensics.coverage import Statement
from beholden.forensics.leak import Book, Seen, period
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.time import text

FORMAT = "beholden leak 1"
Names = Mapping[AppNumber, tuple[str, str]]
"""Client id and name of each app."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who traced what, when. `files` are name, size in bytes and SHA-256."""

    id: str
    operator: str
    began_at: datetime
    ended_at: datetime
    software: str
    files: tuple[tuple[str, int, str], ...]


def document(
    header: Header,
    names: Names,
    book: Book,
    found: Mapping[PersonNumber, Seen],
    apps: Sequence[Held],
    answer: Attribution,
    statement: Statement,
    findings: Sequence[str],
    loose: int,
) -> dict[str, object]:
    """The report as plain values, in a fixed order. `loose` counts made-up people whom no single app was given."""
    by_number = {one.app: one for one in apps}
    weighed = [(origin, by_number[origin.app]) for origin in answer.origins if origin.app in names]
    rows = [
        _app(names[held.app], held, origin.posterior, book, found) for origin, held in weighed if held.found or held.own
    ]
    named = [names[app][0] for app in answer.named if app in names]
    return {
        "format": FORMAT,
        "leak": asdict(header) | {"began_at": text(header.began_at), "ended_at": text(header.ended_at)},
        "named": named,
        "certain": answer.certain,
        "sentences": list(_sentences(names, by_number, answer, statement, len(found), loose)),
        "people": {"found": len(found), "certain": sum(1 for one in found.values() if one.certain)},
        "apps": rows,
        "unknown_source": round(answer.unknown, 6),
        "prior_unknown": PRIOR_UNKNOWN,
        "threshold": CALLED,
        "findings": list(findings),
        "coverage": asdict(statement) | {"share": round(statement.share, 6)},
        "persons": [_person(number, one, names) for number, one in sorted(found.items())],
    }


def _app(
    named: tuple[str, str], held: Held, posterior: float, book: Book, found: Mapping[PersonNumber, Seen]
) -> dict[str, object]:
    when = period(book, held.app, found)
    agree, differ = held.values
    return {
        "client_id": named[0],
        "name": named[1],
        "posterior": round(posterior, 6),
        "people": held.found,
        "of": held.people,
        "own_ids": held.own_ids,
        "canaries": held.canaries,
        "fields": {name: round(share, 4) for name, share in held.fields.items()},
        "versions": {"agree": agree, "differ": differ},
        "not_before": None if when.not_before is None else text(when.not_before),
        "likely_before": None if when.likely_before is None else text(when.likely_before),
    }


def _sentences(
    names: Names,
    held: Mapping[AppNumber, Held],
    answer: Attribution,
    statement: Statement,
    people: int,
    loose: int,
) -> Iterator[str]:
    if not people:
        yield "Nobody whom any app was given was found in it."
    elif answer.certain:
        yield from (_own(names, held[app]) for app in answer.named if app in names)
        if len(answer.named) > 1:
            yield "It holds what was given to several apps: it was put together, or these apps share their data."
    elif answer.named:
        app = answer.named[0]
        yield (
            f"It came from {names[app][1]} with a probability of {answer.origins[0].posterior:.1%}, weighed by whose "
            f"data it is, which fields and which values; nothing in it was given to this app alone."
        )
    else:
        yield from _undecided(names, answer)
    if loose:
        yield f"It holds {loose:,} made-up people whom no single app was given: ids were walked through, or passed on."
    if not statement.complete:
        yield "Not everything could be read; who else is in it is not known."


def _own(names: Names, held: Held) -> str:
    told = [
        f"{held.canaries:,} made-up people" if held.canaries else "",
        f"the ids of {held.own_ids:,} people" if held.own_ids else "",
    ]
    return (
        f"It holds data that came from {names[held.app][1]}: {' and '.join(filter(None, told))} stand in it that no "
        "other app was ever given. By whose hand it left, this does not say."
    )


def _undecided(names: Names, answer: Attribution) -> Iterator[str]:
    likely = [
        (names[one.app][1], one.posterior) for one in answer.origins if one.app in names and one.posterior >= 0.01
    ]
    listed = ", ".join(f"{name} {posterior:.0%}" for name, posterior in likely[:5])
    yield (
        f"No app is named: none is the source with a probability of {CALLED:.0%}. "
        f"{listed or 'No app'}{', ' if listed else ': '}a source that is none of them {answer.unknown:.0%}."
    )


def _person(number: PersonNumber, one: Seen, names: Names) -> dict[str, object]:
    return {
        "person": int(number),
        "certain": one.certain,
        "fields": sorted(one.kinds),
        "own_id_of": sorted(names[app][0] for app in one.own if app in names),
    }
