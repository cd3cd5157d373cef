"""Acts: how a journey puts them in the ledger (law 12), and what a refusal becomes.

An act is written before what it tells of is done, while the unit of work is open that will do it. A crash in between
leaves an act that nothing followed: the ledger may say too much, never too little, and who asked was told nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from beholden.journeys.ports import Engines, Unit
from beholden.ledger.ports import RecordedAct
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.errors import BadInput, Conflict, NotAllowed
from beholden.model.refusal import Refusal

Wanted = TypeVar("Wanted")
Word = TypeVar("Word", bound=StrEnum)
Essence = tuple[str, str, str, str]
"""Actor, verb, subject, details: an act without its time."""


def record(engines: Engines, act: Act) -> int:
    """Put one act in the ledger; its place there."""
    return engines.ledger.append([act])[0]


@dataclass(frozen=True, slots=True)
class Said:
    """The acts of one sanction that are in the ledger, by what they say; all places below `upto` were looked at."""

    sanction: str
    places: Mapping[Essence, int]
    upto: int


def said_since(engines: Engines, sanction: str, mark: int) -> Said:
    """Look for a sanction's acts from place `mark` on.

    Before a unit of work is opened: a matter that lay for weeks means a long search, and no writer should wait for it.
    """
    return _further(engines, Said(sanction, {}, mark))


def record_once(engines: Engines, said: Said, acts: Sequence[Act]) -> list[int]:
    """Put those acts in the ledger that are not there yet; the places of all, in order.

    For what is done again after a crash. Two acts are the same when all but their time is.
    """
    places = dict(_further(engines, said).places)
    missing = [act for act in acts if _essence(act) not in places]
    if missing:
        new = engines.ledger.append(missing)
        places |= {_essence(act): place for act, place in zip(missing, new, strict=True)}
    return [places[_essence(act)] for act in acts]


def _further(engines: Engines, said: Said) -> Said:
    upto = engines.ledger.size()
    acts = (act for act in engines.ledger.acts(start=said.upto) if act.details.get("sanction") == said.sanction)
    return Said(said.sanction, {**said.places, **{_essence(act): act.seq for act in acts}}, upto)


def _essence(act: Act | RecordedAct) -> Essence:
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
