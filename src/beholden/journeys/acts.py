"""Acts: how a journey puts them in the ledger (law 12), and what a refusal becomes.

An act is written before what it tells of is done, while the unit of work is open that will do it. A crash in between
leaves an act that nothing followed: the ledger may say too much, never too little, and who asked was told nothing.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from beholden.journeys.ports import Engines, Unit
from beholden.ledger.ports import RecordedAct
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.errors import BadInput, Conflict, NotAllowed
from beholden.model.refusal import Refusal

Wanted = TypeVar("Wanted")
Word = TypeVar("Word", bound=StrEnum)


def record(engines: Engines, act: Act) -> int:
    """Put one act in the ledger; its place there."""
    return engines.ledger.append([act])[0]


def record_once(engines: Engines, mark: int, acts: Sequence[Act]) -> list[int]:
    """Put acts in the ledger that are not there yet, looking from place `mark` on; their places, in order.

    For what a sweep does again after a crash. Two acts are the same when all but their time is: the details name the
    sanction or the case that they belong to.
    """
    known = {_essence(act): act.seq for act in engines.ledger.acts(start=mark)}
    missing = [act for act in acts if _essence(act) not in known]
    if missing:
        places = engines.ledger.append(missing)
        known |= {_essence(act): place for act, place in zip(missing, places, strict=True)}
    return [known[_essence(act)] for act in acts]


def _essence(act: Act | RecordedAct) -> tuple[str, str, str, str]:
    return str(act.actor), act.verb, act.subject, repr(sorted(act.details.items()))


def granted(answer: Wanted | Refusal) -> Wanted:
    """What the rules allowed; raises NotAllowed or Conflict with the refusal's own words."""
    if isinstance(answer, Refusal):
        raise (NotAllowed if answer.forbidden else Conflict)(answer.sentence, answer.remedy)
    return answer


def one_of(words: type[Word], word: str) -> Word:
    """A word from outside as one of ours; raises BadInput that lists them."""
    try:
        return words(word)
    except ValueError:
        raise BadInput(f"The word {word[:40]!r} is not known.", f"Use one of {', '.join(words)}.") from None


def operators_only(unit: Unit, actor: Actor) -> None:
    """Raises NotAllowed for anybody but an operator who is one now.

    Two pairs of eyes (law 10) are two only where nobody can act under a made-up or a removed operator's id.
    """
    known = unit.access.operator(actor.id) if actor.kind is ActorKind.OPERATOR else None
    if known is None or known.removed_at is not None:
        raise NotAllowed("Only an operator may do this.", "Sign in as one.")
