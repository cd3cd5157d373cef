"""Deliver an RFI by mail. The portal shows it anyway; but whoever is banned for silence must have been written to.

What the mail server said of each recipient goes into the case. A letter that is sent again, after a crash or because a
server was away, has the same Message-ID and the same bytes.
"""

from dataclasses import dataclass

from beholden.cases.case import Case, Step
from beholden.cases.rfi import Rfi, letter
from beholden.journeys import audit, docket, enforce
from beholden.journeys.docket import CaseView
from beholden.journeys.ports import Engines
from beholden.model.act import SYSTEM, Actor
from beholden.model.errors import Conflict
from beholden.model.ids import NOBODY, CaseId
from beholden.notices import letter as letters
from beholden.notices.address import Unusable, usable
from beholden.notices.campaign import Outcome
from beholden.notices.letter import Letter
from beholden.notices.ports import Mailer


@dataclass(frozen=True, slots=True)
class Delivered:
    """One recipient; `taken` when a mail server took responsibility, else `reply` says why not.

    `again` says that another try may succeed: it was the server or the line that failed, not the letter.
    """

    recipient: str
    taken: bool
    reply: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of one RFI's letters. `waits` when none could leave yet; the next round tries again."""

    case: CaseId
    waits: bool
    reply: str


def deliver_rfi(engines: Engines, mailer: Mailer, actor: Actor, case_id: str) -> list[Delivered]:
    """Hand the case's latest RFI to the mail server for each recipient, and note in the case what came of it."""
    view = docket.case_view(engines, case_id)
    if view.case.due is None:
        raise Conflict("No RFI of this case waits for an answer.", "Send one first.")
    done = _hand_over(engines, mailer, view)
    _note(engines, actor, view, done)
    return done


def deliver_due(engines: Engines, mailer: Mailer) -> list[Posted]:
    """Hand over the letters of open RFIs for which nobody has yet, such as those sent from the console.

    Letters that could not leave at all are tried again at the next call, and the case says nothing of it until then.
    What else came of them is noted: a letter that a server refused needs an operator, not another try every minute.
    """
    waiting = [c for c in docket.list_cases(engines, open_only=True) if c.due is not None]
    views = [docket.case_view(engines, c.id) for c in waiting]
    return enforce.each([v for v in views if not letter_noted(v.case)], lambda v: _post(engines, mailer, v))


def letter_noted(case: Case) -> bool:
    """Whether the case says what became of the letter of its latest RFI."""
    beginning = _beginning(case.rfis[-1])
    return any(e.step is Step.NOTE and e.reason.startswith(beginning) for e in case.history)


def _post(engines: Engines, mailer: Mailer, view: CaseView) -> Posted:
    done = _hand_over(engines, mailer, view)
    waits = all(one.again for one in done)
    if not waits:
        _note(engines, SYSTEM, view, done)
    return Posted(view.case.id, waits, _said(done))


def _hand_over(engines: Engines, mailer: Mailer, view: CaseView) -> list[Delivered]:
    rfi = view.case.rfis[-1]
    return [_deliver(engines, mailer, view, rfi, recipient) for recipient in rfi.recipients]


def _note(engines: Engines, actor: Actor, view: CaseView, done: list[Delivered]) -> None:
    audit.add_note(engines, actor, view.case.id, f"{_beginning(view.case.rfis[-1])} {_said(done)}"[:4_000])


def _beginning(rfi: Rfi) -> str:
    return f"Letter of RFI {rfi.number}."


def _said(done: list[Delivered]) -> str:
    return "; ".join(f"{d.recipient}: {'taken by the mail server' if d.taken else d.reply}" for d in done)


def _deliver(engines: Engines, mailer: Mailer, view: CaseView, rfi: Rfi, recipient: str) -> Delivered:
    address = usable(recipient)
    if isinstance(address, Unusable):
        return Delivered(recipient, False, address.reason)
    where = f"{engines.url}/developer/cases/{view.case.id}"
    words = letter(rfi, view.developer.name, [app.name for app in view.apps], where)
    mould = letters.mould(mailer.sender, "Request for information: answer needed", words, rfi.sent_at)
    # The case's random id is secret enough to key the Message-ID, and makes it the same at every try.
    secret = view.case.id.encode()[:32]
    name = letters.message_id(secret, f"{rfi.number}:{address.text}".encode(), letters.domain_of(engines.url))
    written: Letter = letters.letter(mould, NOBODY, view.developer.name, address, name)
    (outcome,) = mailer.deliver([written])
    taken, again = outcome.outcome is Outcome.DELIVERED, outcome.outcome in {Outcome.LATER, Outcome.UNSENT}
    return Delivered(recipient, taken, outcome.reply or str(outcome.outcome), again)
