"""The decision over the table: what `decision.decide` says, from words and masks instead of objects.

`decision.py` is the meaning; this is a compiled form of it, held to it by random cases, by a state machine and by
engines of others. What depends on few things is settled once: the fields asked for, the terms of a shape, an app's
reviews for one purpose (with the times between which they hold, so that an approval's end turns the answer in its very
microsecond). What depends on the person is a kernel's (`table.kernel`), and the rest a few comparisons of masks.

Every answer is from one state of the table: a counter that moves with each store is read before and after.
"""

import struct
from ctypes import memmove
from typing import Final

from beholden.gate.grant_id import grant_id
from beholden.gate.rows import BASE, DIGEST_BYTES, digest_of
from beholden.gate.table.kernel import (
    AGAIN,
    OWN,
    PARTLY,
    SOME,
    THROUGH,
    Desk,
    called,
    find,
    judge_numbered,
    put_digest,
    verdict_own,
    verdict_through,
)
from beholden.gate.table.layout import EXISTS, Cell
from beholden.gate.table.settled import FOREVER, App, Asked, Reviewed, Settled
from beholden.gate.table.view import TableView
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.ids import NOBODY, AppNumber, GrantId, PersonNumber
from beholden.model.time import from_micros

Who = str | int | None
"""A person by the platform's id, by number, or nobody that is known."""

TRIES: Final = 64
_SECOND: Final = 1_000_000
_BASE_MICROS: Final = BASE * _SECOND
AS_OF, SEQUENCE, POLICY = int(Cell.AS_OF), int(Cell.SEQUENCE), int(Cell.POLICY)
_LEFT, WORD = int(Desk.LEFT), 2**64 - 1
_made = tuple.__new__  # what the class of a named tuple calls
_halves = struct.Struct("<QI").unpack  # a digest as the kernel takes it


class CompiledGate:
    """Decides from one table file. It keeps what it settled; one object serves one thread at a time.

    `now` is microseconds since 1970, `clock` nanoseconds of the host's monotonic clock, by which the lag is told.
    """

    def __init__(self, view: TableView, catalogue: Catalogue, secret: bytes) -> None:
        self.view = view
        self.settled = Settled(view, catalogue, secret)
        self._desk = self.settled.desk_at
        self._secret = secret

    def decide(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, *, now: int, clock: int
    ) -> Decision:
        """As `decision.decide`; `through` is the granting person, the same as `person` where it is their own data."""
        for _ in range(TRIES):
            answer = self.attempt(client, person, through, fields, purpose, now, clock)
            if answer is not None:
                return answer
            if self.stale(clock):
                break
        return self.settled.asked(fields).refused(Reason.GATE_STALE)  # or it never stands still: its state is not known

    def leaving(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, *, now: int, clock: int
    ) -> tuple[Decision, Disclosure | None]:
        """As `decide`, with the disclosure that the answer is once it leaves, from the same state of the table.

        There is none where nothing is allowed, and none where the table cannot name the grant: the store must be
        asked then.
        """
        cells = self.view.cells
        for _ in range(TRIES):
            sequence = cells[SEQUENCE]
            giver = self.number(through)
            subject = giver if person == through else self.number(person)
            answer = self.attempt(client, subject, giver, fields, purpose, now, clock)
            found = None
            if answer is not None and answer.allowed and subject is not None and giver is not None:
                found = self._disclosure(client, subject, giver, purpose, answer, now)
            if answer is not None and cells[SEQUENCE] == sequence:
                return answer, found
            if self.stale(clock):
                break
        return self.settled.asked(fields).refused(Reason.GATE_STALE), None

    def _disclosure(
        self, client: str, person: PersonNumber, through: PersonNumber, purpose: str, answer: Decision, now: int
    ) -> Disclosure | None:
        app, grant = self.settled.app(client), self.grant_of(client, through)
        if app is None or grant is None:
            return None
        facts = app.facts
        return Disclosure(
            facts.number, facts.developer, person, through, answer.allowed, purpose, grant, from_micros(now)
        )

    def stale(self, clock: int) -> bool:
        """Whether the table is older than the limit, so that nothing is allowed from it (law 4)."""
        if self.view.cells[POLICY] != self.settled.policy_at:
            self.settled.take_policy()
        return not -self.settled.limit <= clock - self.view.cells[AS_OF] <= self.settled.limit

    def grant_of(self, client: str, through: Who) -> GrantId | None:
        """The id of the grant by which `through` lets the app read; None where the store must be asked for it."""
        app, number = self.settled.app(client), self.number(through)
        if app is None or number is None:
            return None
        nth = self.view.pair(number, self.view.flags_of(number), app.place).nth
        return self.grant_id(number, app.facts.number, nth) if nth else None

    def grant_id(self, person: PersonNumber, app: AppNumber, nth: int) -> GrantId:
        """See `grant_id.grant_id`; under this table's secret."""
        return grant_id(self._secret, person, app, nth)

    def number(self, who: Who) -> PersonNumber | None:
        """The number of a person who is there."""
        if isinstance(who, str):
            try:
                return PersonNumber(called(self._desk, who)) or None
            except UnicodeEncodeError:
                return PersonNumber(find(self._desk, *_halves(digest_of(self._secret, who)))) or None
        return PersonNumber(who) if who is not None and self.view.flags_of(who) & EXISTS else None

    def put_digest(self, who: str, into_at: int) -> None:
        """What the table knows of an outside id, at an address; as `rows.digest_of`."""
        try:
            put_digest(self._desk, who, into_at)
        except UnicodeEncodeError:
            memmove(into_at, digest_of(self._secret, who), DIGEST_BYTES)

    def attempt(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, now: int, clock: int
    ) -> Decision | None:
        """One attempt at `decide`; None where the table is stale, was changed meanwhile, or has to be read anew."""
        settled = self.settled
        app = settled.apps.get(client)
        if app is None or app.refusal is not None:
            return self.refused(client, fields, clock)
        if person.__class__ is not str or through.__class__ is not str:
            return self._numbered(app, client, self.number(person), self.number(through), fields, purpose, now, clock)
        asked = settled.questions.get(fields) or settled.asked(fields)
        reviewed = app.purposes.get(purpose) or settled.reviewed(app, purpose, now)
        try:
            if person == through:
                found = verdict_own(self._desk, reviewed.at, asked.told, person, now, clock)
            else:
                found = verdict_through(self._desk, reviewed.at, asked.told, person, through, now, clock)
        except UnicodeEncodeError:  # half of a surrogate pair, which no kernel is told
            return self._numbered(app, client, self.number(person), self.number(through), fields, purpose, now, clock)
        if found > 0:
            return _made(Decision, (asked.names, {}, found))
        if found > -AGAIN:
            return asked.by_code[-found] or asked.refused_by(-found) if found else Decision(asked.names, {}, None)
        if found == -SOME:
            desk = settled.desk
            return self.some(asked, desk[_LEFT], desk[_LEFT + 1], desk[_LEFT + 2])
        if found == -PARTLY:
            return self.told(asked, app, settled.desk[_LEFT], settled.desk[_LEFT + 1] & WORD, purpose, now)
        settled.renew(-found, client)
        return None

    def _numbered(
        self,
        app: App,
        client: str,
        person: PersonNumber | None,
        through: PersonNumber | None,
        fields: tuple[str, ...],
        purpose: str,
        now: int,
        clock: int,
    ) -> Decision | None:
        second, asked = now // _SECOND - BASE, self.settled.asked(fields)
        code, packed = judge_numbered(self._desk, app.place, person or NOBODY, through or NOBODY, second, clock)
        if code >= AGAIN:
            self.settled.renew(code, client)
            return None
        return self.told(asked, app, code, packed, purpose, now) if code <= THROUGH else asked.refused_by(code)

    def refused(self, client: str, fields: tuple[str, ...], clock: int) -> Decision | None:
        """The no of an app that nothing is given to; None where the table is stale, or the app stands after all."""
        settled = self.settled
        if self.stale(clock):
            return None
        app = settled.app(client)
        if app is not None and app.refusal is None:
            return None
        return settled.asked(fields).refused(Reason.APP_UNKNOWN if app is None else app.refusal or Reason.APP_UNKNOWN)

    def told(self, asked: Asked, app: App, code: int, packed: int, purpose: str, now: int) -> Decision:
        """R8 and the person's choice of clusters, for all fields at once, where a word stands as `kernel` packs it."""
        settled = self.settled
        shape, until = packed & 0xFFFF, packed >> 32
        granted = settled.owns[shape] if code == OWN else settled.throughs[shape]
        off = settled.off(off)[0] if (off := packed >> 16 & 0xFFFF) else 0
        reviewed, allowed = None, 0
        if purpose in settled.purpose_sets[settled.purposes[shape]]:
            reviewed = app.purposes.get(purpose)
            if reviewed is None or not reviewed.since <= now < reviewed.until:
                reviewed = settled.reviewed(app, purpose, now)
            allowed = asked.mask & granted & ~off & reviewed.mask
            if allowed == asked.whole:
                return Decision(asked.names, {}, ends_at(until, allowed, reviewed))
        names: list[str] = []
        denied: dict[str, Reason] = {}
        for bit, name in asked.parts:
            if bit & allowed:
                names.append(name)
            elif not bit:
                denied[name] = Reason.FIELD_UNKNOWN
            elif not bit & granted:
                denied[name] = Reason.FIELD_NOT_GRANTED
            elif bit & off:
                denied[name] = Reason.OPTED_OUT_CLUSTER
            elif reviewed is None:
                denied[name] = Reason.PURPOSE_NOT_GRANTED
            else:
                denied[name] = reviewed.reasons[settled.clusters[name]]
        return Decision(tuple(names), denied, ends_at(until, allowed, reviewed) if names else None)

    def some(self, asked: Asked, allowed: int, granted: int, until: int) -> Decision:
        """What `kernel.SOME` leaves, as a decision."""
        names, denied = asked.answers.get((allowed, granted)) or asked.answer(allowed, granted)
        return _made(Decision, (names, denied, until or None if names else None))


def ends_at(until: int, allowed: int, reviewed: Reviewed | None) -> int | None:
    """When a clock alone turns the answer: the end of grant and activity, or of an approval of what is allowed; in
    microseconds since 1970."""
    first = until * _SECOND + _BASE_MICROS if until else FOREVER
    if reviewed is not None:
        first = min(first, reviewed.first_end(allowed))
    return None if first == FOREVER else first
