"""Deliver an RFI by mail. The portal shows it anyway; but whoever is banned for silence must have been written to.

What the mail server said of each recipient goes into the case. A letter that is sent again, after a crash or because a
server was away, has the same Message-ID and the same bytes.
"""

from dataclasses import dataclass

from beholden.cases.rfi import Rfi, letter
from beholden.journeys import audit, docket
from beholden.journeys.docket import CaseView
from beholden.journeys.ports import Engines
from beholden.model.act import Actor
from beholden.model.errors import Conflict
from beholden.model.ids import NOBODY
from beholden.notices import letter as letters
from beholden.notices.address import Unusable, usable
from beholden.notices.campaign import Outcome
from beholden.notices.letter import Letter
from beholden.notices.ports import Mailer


@dataclass(frozen=True, slots=True)
class Delivered:
    """One recipient; `taken` when a mail server took responsibility, else `reply` says why not."""

    recipient: str
    taken: bool
    reply: str


def deliver_rfi(engines: Engines, mailer: Mailer, actor: Actor, case_id: str) -> list[Delivered]:
    """Hand the case's latest RFI to the mail server for each recipient, and note in the case what came of it."""
    view = docket.case_view(engines, case_id)
    if view.case.due is None:
        raise Conflict("No RFI of this case waits for an answer.", "Send one first.")
    rfi = view.case.rfis[-1]
    done = [_deliver(engines, mailer, view, rfi, recipient) for recipient in rfi.recipients]
    said = "; ".join(f"{d.recipient}: {'taken by the mail server' if d.taken else d.reply}" for d in done)
    audit.add_note(engines, actor, case_id, f"Letter of RFI {rfi.number}. {said}"[:4_000])
    return done


def _deliver(engines: Engines, mailer: Mailer, view: CaseView, rfi: Rfi, recipient: str) -> Delivered:
    address = usable(recipient)
    if isinstance(address, Unusable):
        return Delivered(recipient, False, address.reason)
    where = f"{engines.url}/developers/cases/{view.case.id}"
    words = letter(rfi, view.developer.name, [app.name for app in view.apps], where)
    mould = letters.mould(mailer.sender, "Request for information: answer needed", words, rfi.sent_at)
    # The case's random id is secret enough to key the Message-ID, and makes it the same at every try.
    secret = view.case.id.encode()[:32]
    name = letters.message_id(secret, f"{rfi.number}:{address.text}".encode(), letters.domain_of(engines.url))
    written: Letter = letters.letter(mould, NOBODY, view.developer.name, address, name)
    (outcome,) = mailer.deliver([written])
    return Delivered(recipient, outcome.outcome is Outcome.DELIVERED, outcome.reply or str(outcome.outcome))
