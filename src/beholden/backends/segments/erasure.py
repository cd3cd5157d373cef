"""Blanking: what an erasure changes in frames. The public half never changes."""

from dataclasses import dataclass, field

from beholden.backends.segments.frame import Frame, private_half
from beholden.ledger import record as records
from beholden.ledger.entry import Kind, places
from beholden.ledger.record import Totals
from beholden.model.ids import NOBODY


@dataclass
class Survey:
    """What an erasure of one person will change, and what earlier erasures stated.

    `blank` and `loose` are places whose record, or whose granting person, is to be blanked; `logged` is how many
    records the erasure with this ticket stated, None where the log does not have it yet.
    """

    person: int
    ticket: str
    places: list[int] = field(default_factory=list)
    blank: int = 0
    loose: int = 0
    lost: int = 0
    stated: Totals = field(default_factory=Totals)
    logged: int | None = None

    def see(self, frame: Frame) -> None:
        """Take in one frame, in the order of the log."""
        if self.person in frame.persons or self.person in frame.throughs:
            self.places.append(frame.first)
            self._count(frame)
        for place in places(frame.public, Kind.ERASURE):
            self._note(frame.record(place))

    def _count(self, frame: Frame) -> None:
        for person, through in zip(frame.persons, frame.throughs, strict=True):
            if person == self.person:
                self.blank += 1
                self.lost += through == NOBODY
            elif through == self.person:
                self.loose += 1

    def _note(self, record: bytes) -> None:
        self.stated = records.totals(record)
        content = records.read(Kind.ERASURE, record)
        if content.get("ticket") == self.ticket:
            self.logged = int(content["records"])

    @property
    def totals(self) -> Totals:
        """What the log's erasures together will have changed after this one.

        A record that had lost its granting person and is blanked now no longer counts as one that lost it.
        """
        return Totals(self.stated.blanked + self.blank, self.stated.loosened + self.loose - self.lost)


def blanked(frame: Frame, person: int) -> Frame:
    """The frame without the person: their own records gone, and their number beside the records of others."""
    if person not in frame.persons and person not in frame.throughs:
        return frame
    held = frame.records()
    for place, whose in enumerate(frame.persons):
        if whose == person:
            held[place] = b""
    own = [whose == person for whose in frame.persons]
    persons = [NOBODY if mine else whose for mine, whose in zip(own, frame.persons, strict=True)]
    throughs = [NOBODY if mine or t == person else t for mine, t in zip(own, frame.throughs, strict=True)]
    return Frame(frame.first, frame.count, frame.public, private_half(persons, throughs, held))
