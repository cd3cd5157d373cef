"""Verdicts: what a case came to, on which evidence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beholden.model.act import Actor
from beholden.model.errors import BadInput
from beholden.model.finding import Level

MAX_EVIDENCE = 200
MAX_REASON = 5_000
EVIDENCE_KINDS = ("finding", "certification", "examination", "answer", "ledger", "exhibit")
_REFERENCE = re.compile(rf"({'|'.join(EVIDENCE_KINDS)}):[A-Za-z0-9_.:-]{{1,100}}")


class Outcome(StrEnum):
    """What was found of the suspicion."""

    UPHELD = "upheld"  # it happened, and it broke the rules
    NOT_UPHELD = "not_upheld"  # it could not be shown
    BENIGN = "benign"  # it happened, and it was in order


@dataclass(frozen=True, slots=True)
class Verdict:
    """`severity` is of what happened and stands only with upheld; `deceit` says that the developer misled us."""

    outcome: Outcome
    reason: str
    evidence: tuple[str, ...]
    by: Actor
    at: datetime
    severity: Level | None = None
    deceit: bool = False


def give(
    outcome: Outcome,
    reason: str,
    evidence: Sequence[str],
    by: Actor,
    at: datetime,
    severity: Level | None = None,
    *,
    deceit: bool = False,
) -> Verdict:
    """A verdict that can stand; raises BadInput. An upheld one cites evidence and says how grave it was."""
    if not reason.strip() or len(reason) > MAX_REASON:
        raise BadInput(f"A verdict needs a reason of 1 to {MAX_REASON} characters.", "Say what was found.")
    cited = references(evidence)
    if outcome is Outcome.UPHELD and not cited:
        raise BadInput("An upheld verdict cites no evidence.", f"Cite one: {', '.join(EVIDENCE_KINDS)}, as kind:id.")
    if (outcome is Outcome.UPHELD) != (severity is not None):
        raise BadInput("A severity belongs to an upheld verdict, and to no other.", "Use low, medium or high.")
    if deceit and outcome is not Outcome.UPHELD:
        raise BadInput("Deceit belongs to an upheld verdict.", "Uphold it, or leave deceit out.")
    return Verdict(outcome, reason.strip(), cited, by, at, severity, deceit)


def references(evidence: Sequence[str]) -> tuple[str, ...]:
    """Evidence references, each once; raises BadInput for one that is not `kind:id`."""
    if len(evidence) > MAX_EVIDENCE:
        raise BadInput(f"More than {MAX_EVIDENCE} pieces of evidence.", "Cite the ones that carry it.")
    for reference in evidence:
        if not _REFERENCE.fullmatch(reference):
            raise BadInput(
                f"The evidence {reference[:80]!r} is not a reference.",
                f"Write kind:id, of {', '.join(EVIDENCE_KINDS)}.",
            )
    return tuple(dict.fromkeys(evidence))
