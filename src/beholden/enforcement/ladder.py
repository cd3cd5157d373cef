"""The ladder: which sanction follows from what a case came to.

It goes by what was done, how grave it was, whether the developer deceived, and what came before; by nothing else
(law 11; the FTC's order of 2019 says the same: severity, nature, impact, malice, history, "not revenue"). A test reads
the names of these inputs. Whoever adds one argues with that test first.
"""

from dataclasses import dataclass
from enum import StrEnum

from beholden.enforcement.sanction import SanctionKind, TargetKind
from beholden.model.finding import Level


class Outcome(StrEnum):
    """What a case came to."""

    SILENCE = "silence"  # the deadline went by unanswered
    REFUSAL = "refusal"  # the developer said no, or the answers evaded
    UPHELD = "upheld"
    NOT_UPHELD = "not_upheld"
    BENIGN = "benign"


@dataclass(frozen=True, slots=True)
class Conduct:
    """All that a sanction may depend on. `severity` is None unless upheld; `earlier` counts earlier upheld cases."""

    outcome: Outcome
    severity: Level | None = None
    deceit: bool = False
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Rung:
    """What follows. `automatic` only where a clock and not a judgement decided it (law 10)."""

    kind: SanctionKind
    target: TargetKind
    automatic: bool
    why: str


_BY_SEVERITY = {Level.LOW: 0, Level.MEDIUM: 1, Level.HIGH: 2}
_RUNGS = (SanctionKind.RESTRICT, SanctionKind.SUSPEND, SanctionKind.BAN)


def follows(conduct: Conduct) -> Rung | None:
    """The sanction that follows, None for none.

    Deceit and repetition each lead one rung up. A ban falls on the developer, what is milder on the apps of the case.
    """
    if conduct.outcome is Outcome.SILENCE:
        return Rung(SanctionKind.BAN, TargetKind.DEVELOPER, True, "An audit was refused by silence.")
    if conduct.outcome is Outcome.REFUSAL:
        return Rung(SanctionKind.BAN, TargetKind.DEVELOPER, False, "An audit was refused.")
    if conduct.outcome is not Outcome.UPHELD or conduct.severity is None:
        return None
    height = _BY_SEVERITY[conduct.severity] + conduct.deceit + (conduct.earlier > 0)
    kind = _RUNGS[min(height, len(_RUNGS) - 1)]
    why = f"A suspicion of {conduct.severity} severity was upheld"
    why += ", with deceit" if conduct.deceit else ""
    why += ", and not for the first time" if conduct.earlier else ""
    target = TargetKind.DEVELOPER if kind is SanctionKind.BAN else TargetKind.APP
    return Rung(kind, target, False, why + ".")
