"""The certification linter: what a statement of deletion leaves open, beside what the ledger says was given.

The certificates of 2016 and 2017 were undated, spoke of raw data first and of derivatives a year later, and of storage
"under my direct or influential control". Each of these can be read by a machine. No defect is not a proof of deletion:
the statement is then only complete enough to be tested (law 9).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from beholden.cases.certification import Defect, SignatureState, Statement
from beholden.model.time import day_of


@dataclass(frozen=True, slots=True)
class Given:
    """What the ledger says that the apps were given.

    `apps` are the client ids of the developer; `exposed` those of them that were given anything. `clusters` are the
    kinds of data, `direct` and `indirect` distinct people, `records` disclosures. A person can be in both.
    """

    apps: frozenset[str]
    exposed: frozenset[str]
    clusters: frozenset[str]
    direct: int
    indirect: int
    records: int
    last_at: datetime | None


_SAYS_NOTHING = {"n/a", "na", "not applicable", "-", "--", "?", "tbd", "tbc", "unknown", "see above", "pending", "."}
_HEDGES = re.compile(
    r"""
    under\ (?:my|our|its|their)\ (?:direct|influential|immediate|reasonable)(?:\ or\ \w+)*\ control
    | (?:with)?in\ (?:my|our)\ (?:direct\ )?(?:possession|control)
    | to\ the\ best\ of\ (?:my|our)\ (?:knowledge|belief|ability)
    | (?:as|so)\ far\ as\ (?:i|we)\ (?:am|are|know|can)(?:\ aware)?
    | (?:commercially\ )?reasonabl[ey]\ (?:efforts?|steps|endeavou?rs|practicable|believe)
    | best\ (?:efforts|endeavou?rs)
    | where(?:ver)?\ (?:possible|practicable|feasible|applicable)
    | (?:i|we)\ (?:believe|understand|think|assume|expect)\b
    | should\ (?:now\ )?have\ been
    | substantially\ all | (?:almost|nearly)\ all | for\ the\ most\ part
    | (?:active|known|primary|production)\ (?:storage|systems?|copies)\ only
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PARTS = (
    ("raw", "no_raw", "the data as it was received", "Say what was done with the data as you received it."),
    (
        "derived",
        "no_derivatives",
        "models, scores and aggregates made from the data",
        "Say which models, scores, segments and aggregates were made from the data, and what was done with each.",
    ),
    (
        "backups",
        "no_backups",
        "backups, archives and test copies",
        "Say which backups, archives, replicas and test copies held the data, and when each was destroyed.",
    ),
    (
        "recipients",
        "no_recipients",
        "whom the data was passed on to",
        "Name everyone to whom the data or anything derived from it was passed on, or state that there is nobody.",
    ),
)


def lint(statement: Statement, signature: SignatureState, given: Given, now: datetime) -> tuple[Defect, ...]:
    """Everything that is wrong with a statement, in the order in which one would ask about it."""
    found = [
        *_signing(statement, signature),
        *_dating(statement, given, day_of(now)),
        *_parts(statement),
        *_scope(statement, given),
        *_counts(statement, given),
        *_hedges(statement),
    ]
    return tuple(found)


def _signing(statement: Statement, signature: SignatureState) -> Iterator[Defect]:
    if signature is SignatureState.UNSIGNED:
        yield Defect("unsigned", "Nobody signed it.", "Sign it in your portal, or with your registered key.")
    if signature is SignatureState.INVALID:
        yield Defect(
            "signature_invalid",
            "The signature does not bind this developer to these words.",
            "Sign exactly this text, with your registered key, or in your portal under the signatory's name.",
        )
    if not statement.signatory or not statement.role:
        yield Defect(
            "signatory_unnamed",
            "It does not say who signs, and in which role.",
            "Name the person who answers for it, and their office.",
        )


def _dating(statement: Statement, given: Given, today: date) -> Iterator[Defect]:
    deleted, signed = statement.deleted_on, statement.signed_on
    if deleted is None or signed is None:
        missing = " and ".join(w for w, d in (("of the deletion", deleted), ("of signing", signed)) if d is None)
        yield Defect("undated", f"It has no date {missing}.", "State the day of the deletion and the day of signing.")
    if any(day is not None and day > today for day in (deleted, signed)):
        yield Defect("in_the_future", "It is dated in the future.", "State what has been done, not what will be.")
    if deleted is not None and signed is not None and signed < deleted:
        yield Defect(
            "signed_before_deletion",
            f"It was signed on {signed}, before the deletion of {deleted}.",
            "Sign when the deletion is done.",
        )
    if deleted is not None and given.last_at is not None and deleted < day_of(given.last_at):
        yield Defect(
            "before_last_disclosure",
            f"The deletion is dated {deleted}; data was still given on {day_of(given.last_at)}.",
            "State what was done with the data that you received after that day.",
        )


def _parts(statement: Statement) -> Iterator[Defect]:
    silent = {part for part, *_ in _PARTS if not _says(getattr(statement, part))}
    if silent == {"derived", "backups", "recipients"}:
        yield Defect(
            "raw_only",
            "It speaks of the raw data only.",
            "Extend it to everything made from the data, every copy, and everyone who received it.",
        )
    for part, code, what, ask in _PARTS:
        if part in silent:
            yield Defect(code, f"It says nothing of {what}.", ask)


def _says(words: str) -> bool:
    return words.casefold().strip(" .") not in _SAYS_NOTHING | {""}


def _scope(statement: Statement, given: Given) -> Iterator[Defect]:
    strange = sorted(set(statement.apps) - given.apps)
    if strange:
        yield Defect(
            "wrong_app",
            f"It names apps that are not this developer's: {_some(strange)}.",
            "Name your apps by their client ids.",
        )
    left_out = sorted(given.exposed - set(statement.apps))
    if left_out:
        yield Defect(
            "app_left_out",
            f"It leaves out apps that were given data: {_some(left_out)}.",
            "Cover every app of yours that received data.",
        )
    kinds = sorted(given.clusters - set(statement.categories))
    if kinds:
        yield Defect(
            "category_left_out",
            f"It leaves out kinds of data that were given: {_some(kinds)}.",
            "List every kind of data that your apps received.",
        )


def _some(names: Collection[str]) -> str:
    shown = list(names)[:10]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _counts(statement: Statement, given: Given) -> Iterator[Defect]:
    stated = (
        ("people who used the app", statement.people_direct, given.direct),
        ("people whose data came through others", statement.people_indirect, given.indirect),
        ("records", statement.records, given.records),
    )
    silent = [what for what, said, _ in stated if said is None]
    if silent:
        yield Defect(
            "counts_missing",
            f"It does not count {', '.join(silent)}.",
            "Count the people, direct and indirect apart, and the records that were deleted.",
        )
    differing = [f"{said:,} {what}, not {count:,}" for what, said, count in stated if said not in {None, count}]
    if differing:
        yield Defect(
            "counts_differ",
            f"The ledger has other numbers: it states {'; '.join(differing)}. "
            "People who were erased meanwhile are no longer in the ledger's count.",
            "Your numbers do not fit ours. Count again, and say how you counted.",
        )


def _hedges(statement: Statement) -> Iterator[Defect]:
    said = [statement.statement, statement.raw, statement.derived, statement.backups, statement.recipients]
    plain = [" ".join(words.split()) for words in said]
    phrases = list(dict.fromkeys(m.group() for words in plain for m in _HEDGES.finditer(words)))
    if phrases:
        quoted = ", ".join(f"“{p}”" for p in phrases[:10])
        yield Defect(
            "hedged",
            f"It hedges: {quoted}.",
            f"Say it without {quoted}: name what was not in your control or not searched, and who has it.",
        )
