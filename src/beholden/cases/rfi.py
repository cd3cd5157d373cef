"""Requests for information: what a developer is asked, until when, and what they answered.

The deadline, as the letter states it: the end of the day, in UTC, that lies `rfi_days` after the day of sending. An
RFI that is sent at any time on 1 January with 14 days is due before 16 January 00:00 UTC. The day of sending does
not count, so nobody loses hours to the time of day or the time zone in which the operator worked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from beholden.model.act import Actor
from beholden.model.errors import BadInput
from beholden.model.time import day_of, text

MAX_QUESTIONS = 50
MAX_RECIPIENTS = 20
MAX_QUESTION = 2_000
MAX_ANSWER = 20_000
MAX_LATE_LETTERS = 10
"""Late answers that are kept for one RFI; more would let a refuser fill the store."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `number` counts from 1 within its RFI."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to one question, when, and whether the deadline had passed by then."""

    question: int
    text: str
    by: Actor
    at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Rfi:
    """One request. `due` is the first instant that is too late. `answers` are in the order of their arrival."""

    number: int
    questions: tuple[Question, ...]
    recipients: tuple[str, ...]
    sent_at: datetime
    due: datetime
    answers: tuple[Answer, ...] = ()

    @property
    def late_letters(self) -> int:
        """How many late answers to the whole RFI arrived."""
        return len({answer.at for answer in self.answers if answer.late})


def due_at(sent_at: datetime, days: int) -> datetime:
    """The first instant that is too late: midnight UTC at the end of the day `days` after the day of sending."""
    midnight = datetime.combine(day_of(sent_at), time(), UTC)
    return midnight + timedelta(days=days + 1)


def compose(number: int, questions: Sequence[str], recipients: Sequence[str], sent_at: datetime, days: int) -> Rfi:
    """An RFI that can be sent; raises BadInput for what could not be answered or delivered."""
    if not 1 <= len(questions) <= MAX_QUESTIONS:
        raise BadInput(f"An RFI has 1 to {MAX_QUESTIONS} questions, not {len(questions)}.", "Ask fewer, or ask.")
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise BadInput(f"An RFI has 1 to {MAX_RECIPIENTS} recipients, not {len(recipients)}.", "Name who must answer.")
    for recipient in recipients:
        if not 3 <= len(recipient) <= 320 or recipient.count("@") != 1 or not recipient.isprintable():
            raise BadInput(f"The recipient {recipient[:80]!r} is not a mail address.", "Mend it.")
    asked = tuple(Question(n, _said(q, f"question {n}", MAX_QUESTION)) for n, q in enumerate(questions, 1))
    return Rfi(number, asked, tuple(dict.fromkeys(recipients)), sent_at, due_at(sent_at, days))


def answered(rfi: Rfi, answers: Mapping[int, str], by: Actor, at: datetime) -> Rfi:
    """The RFI with an answer to each of its questions; raises BadInput when one is missing, empty or unknown.

    A part of the answers is no answer: whoever could answer one question of ten and so stop the clock would.
    """
    known = {question.number for question in rfi.questions}
    for number in answers:
        if number not in known:
            raise BadInput(f"There is no question {number}.", f"Answer 1 to {len(known)}.")
    missing = sorted(known - set(answers))
    if missing:
        raise BadInput(f"Question {missing[0]} has no answer.", "Answer every question; the deadline holds for all.")
    late = at >= rfi.due
    said = tuple(
        Answer(n, _said(answers[n], f"the answer to question {n}", MAX_ANSWER), by, at, late) for n in sorted(answers)
    )
    return replace(rfi, answers=rfi.answers + said)


def letter(rfi: Rfi, developer: str, apps: Sequence[str], where: str) -> str:
    """The request in words, as it is sent and shown."""
    questions = "\n".join(f"{q.number}. {q.text}" for q in rfi.questions)
    return (
        f"To {developer}\nAbout {', '.join(apps)}\n\n"
        f"We are looking into how your {'app uses' if len(apps) == 1 else 'apps use'} people's data. "
        f"Please answer every question:\n\n{questions}\n\n"
        f"Answer at {where} before {text(rfi.due)}. "
        "If no answer to every question has reached us by then, we take it as a refusal: "
        "your company is banned, and all its apps lose access at once. You may appeal.\n"
    )


def _said(words: str, what: str, longest: int) -> str:
    if not words.strip() or len(words) > longest or "\x00" in words:
        raise BadInput(f"{what.capitalize()} must be a text of 1 to {longest} characters.", "Mend it.")
    return words.strip()
