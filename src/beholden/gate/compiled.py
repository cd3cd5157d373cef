"""The decision over the table: what `decision.decide` says, from words and masks instead of objects.

`decision.py` is the meaning; this is a compiled form of it, held to it by random cases, by a state machine and by
engines of others. What depends on few things is settled once: the fields asked for, the terms of a shape, an app's
reviews for one purpose (with the times between which they hold, so that an approval's end turns the answer in its very
microsecond). The rest is a few comparisons a decision.

Every answer is from one state of the table: a counter that moves with each store is read before and after.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from beholden.gate.facts import Facts, PersonFacts
from beholden.gate.grant_id import grant_id
from beholden.gate.rows import BASE, DIGEST_BYTES, Shape
from beholden.gate.table.layout import ALL_OFF, EXISTS, HAS_OVERLAY, INDIRECT_SAID, INDIRECT_YES, SET_SHIFT, Cell
from beholden.gate.table.settled import FOREVER, App, Asked, Compiled, Reviewed, Settled
from beholden.gate.table.view import Pair, TableView
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Decision, Reason
from beholden.model.errors import Unavailable
from beholden.model.grant import Grant
from beholden.model.ids import ClientId, GrantId, PersonNumber
from beholden.model.time import from_micros

Who = str | int | None
"""A person by the platform's id, by number, or nobody that is known."""

TRIES: Final = 64
_SECOND: Final = 1_000_000
_BASE_MICROS: Final = BASE * _SECOND
_UNKNOWN_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
AS_OF, SEQUENCE, POLICY = int(Cell.AS_OF), int(Cell.SEQUENCE), int(Cell.POLICY)


class CompiledGate:
    """Decides from one table file. It keeps what it settled; one object serves one thread at a time.

    `now` is microseconds since 1970, `clock` nanoseconds of the host's monotonic clock, by which the lag is told.
    """

    def __init__(self, view: TableView, catalogue: Catalogue, secret: bytes) -> None:
        self.view = view
        self.settled = Settled(view, catalogue)
        self._secret = secret
        self._keyed = hashlib.blake2s(key=secret, person=b"table-id", digest_size=DIGEST_BYTES)

    def decide(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, *, now: int, clock: int
    ) -> Decision:
        """As `decision.decide`; `through` is the granting person, the same as `person` where it is their own data."""
        cells = self.view.cells
        sequence = cells[SEQUENCE]
        answer = self._once(client, person, through, fields, purpose, now, clock)
        if answer is not None and cells[SEQUENCE] == sequence:
            return answer
        for _ in range(TRIES):
            sequence = cells[SEQUENCE]
            answer = self._once(client, person, through, fields, purpose, now, clock)
            if answer is not None and cells[SEQUENCE] == sequence:
                return answer
        return self.settled.asked(fields).refused(Reason.GATE_STALE)  # it never stands still: its state is not known

    def stale(self, clock: int) -> bool:
        """Whether the table is older than the limit, so that nothing is allowed from it (law 4)."""
        if self.view.cells[POLICY] != self.settled.policy_at:
            self.settled.take_policy()
        return not -self.settled.limit <= clock - self.view.cells[AS_OF] <= self.settled.limit

    def facts(
        self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber], clock: int
    ) -> Facts:
        """The table as the port `GateFacts` tells it. Of a grant it knows what the rules read, not when it was given
        or why it ended. Raises Unavailable where the table does not stand still."""
        cells = self.view.cells
        for _ in range(TRIES):
            sequence = cells[SEQUENCE]
            found = self._facts_once(client, through, persons, clock)
            if found is not None and cells[SEQUENCE] == sequence:
                return found
        raise Unavailable("The decision table is being stored anew all the time.", "Ask again.")

    def grant_of(self, client: str, through: Who) -> GrantId | None:
        """The id of the grant by which `through` lets the app read; None where the store must be asked for it."""
        app, number = self.settled.app(client), self.number(through)
        if app is None or number is None:
            return None
        nth = self.view.pair(number, self.view.flags_of(number), app.place).nth
        return grant_id(self._secret, number, app.facts.number, nth) if nth else None

    def number(self, who: Who) -> PersonNumber | None:
        """The number of a person who is there."""
        if isinstance(who, str):
            keyed = self._keyed.copy()
            keyed.update(who.encode("utf-8", "surrogatepass"))
            digest, view = keyed.digest(), self.view
            number = view.ids[int.from_bytes(digest[:8], "little") % view.sizes.ids]
            if not number:
                return None
            began = number * DIGEST_BYTES
            if view.digest[began : began + DIGEST_BYTES] == digest and view.flags[number] & EXISTS:
                return PersonNumber(number)
            return view.person(digest)  # somebody else has that place: search on
        return PersonNumber(who) if who is not None and self.view.flags_of(who) & EXISTS else None

    def _once(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, now: int, clock: int
    ) -> Decision | None:
        """One attempt; None where a pair was being stored. The order of the checks is `decision.decide`'s."""
        view, settled = self.view, self.settled
        asked = settled.questions.get(fields) or settled.asked(fields)
        if view.cells[POLICY] != settled.policy_at:
            settled.take_policy()
        if not -settled.limit <= clock - view.cells[AS_OF] <= settled.limit:
            return asked.refused(Reason.GATE_STALE)
        app = settled.apps.get(client)
        if app is None or view.apps[app.place] != app.word:
            app = settled.take_app(client)
            if app is None:
                return asked.refused(Reason.APP_UNKNOWN)
        if app.refusal is not None:
            return asked.refused(app.refusal)
        giver = self.number(through)
        subject = giver if person is through or person == through else self.number(person)
        if giver is None:
            return asked.refused(Reason.PERSON_UNKNOWN if subject is None else Reason.NO_GRANT)
        second = now // _SECOND - BASE
        flags = view.flags[giver]
        shape, ends, used = self._pair(giver, flags, app.place)
        terms = settled.shapes[shape] if shape < len(settled.shapes) else settled.compiled(shape)
        if terms is None:
            return None
        if terms.refusal is not None:
            unknown = subject is None and terms.refusal is Reason.NO_GRANT
            return asked.refused(Reason.PERSON_UNKNOWN if unknown else terms.refusal)
        if ends and second >= ends:
            return asked.refused(Reason.GRANT_EXPIRED)
        if subject is None:
            return asked.refused(Reason.PERSON_UNKNOWN)
        after = settled.inactive_after  # R6; `asleep` is the second from which it stands: 0 for never, -1 for always
        asleep = (used + after if used else -1) if after and terms.had_grant else 0
        until = ends if not asleep or 0 < ends < asleep else asleep
        if subject != giver:
            return self._other(asked, app, terms, flags, asleep, subject, until, purpose, now)
        if flags & ALL_OFF or terms.app_off or (asleep and second >= asleep):
            return asked.refused(_refuse_self(flags, terms, asleep, second) or Reason.INACTIVE)
        return self.fields(asked, app, terms, terms.own, flags, purpose, now, until)

    def _other(
        self,
        asked: Asked,
        app: App,
        terms: Compiled,
        giver_flags: int,
        giver_asleep: int,
        subject: PersonNumber,
        until: int,
        purpose: str,
        now: int,
    ) -> Decision | None:
        """Somebody else's data on the word of the granting person: both must stand (law 2)."""
        flags, second = self.view.flags[subject], now // _SECOND - BASE
        shape, _, used = self._pair(subject, flags, app.place)
        other = self.settled.compiled(shape)
        if other is None:
            return None
        after = self.settled.inactive_after
        asleep = (used + after if used else -1) if after and other.had_grant else 0
        refusal = _refuse_self(flags, other, asleep, second)
        if refusal is None:
            refusal = _AS_GRANTER.get(_refuse_self(giver_flags, terms, giver_asleep, second))
        if refusal is None and not (flags & INDIRECT_YES if flags & INDIRECT_SAID else self.settled.by_default):
            refusal = Reason.INDIRECT_OFF
        if refusal is not None:
            return asked.refused(refusal)
        until = min(until, asleep) if until and asleep else until or asleep
        return self.fields(asked, app, terms, terms.through, flags, purpose, now, until)

    def _pair(self, number: int, flags: int, place: int) -> tuple[int, int, int]:
        """Shape, end and last use of a pair."""
        view = self.view
        if flags & HAS_OVERLAY:
            at = view.overlay_index(number, place)
            if at >= 0:
                overlay = view.overlay
                return overlay[4 * at], overlay[4 * at + 1], overlay[4 * at + 2]
        low, high, app = view.start[number], view.start[number + 1], view.app
        at = bisect_left(app, place, low, high)
        return (view.shape[at], view.ends[at], view.used[at]) if at < high and app[at] == place else _NOTHING

    def fields(
        self, asked: Asked, app: App, terms: Compiled, granted: int, flags: int, purpose: str, now: int, until: int
    ) -> Decision:
        """R8 and the person's choice of clusters, for all fields at once. `until` is in seconds, 0 for never."""
        off = self.settled.off(flags)[0] if flags >> SET_SHIFT else 0
        reviewed, allowed = None, 0
        if purpose in terms.purposes:
            reviewed = app.purposes.get(purpose)
            if reviewed is None or not reviewed.since <= now < reviewed.until:
                reviewed = self.settled.reviewed(app, purpose, now)
            allowed = asked.mask & granted & ~off & reviewed.mask
            if allowed == asked.whole:
                return Decision(asked.names, {}, ends_at(until, allowed, reviewed))
        names: list[str] = []
        denied: dict[str, Reason] = {}
        for name in asked.names:
            bit = self.settled.bits.get(name, 0)
            if bit & allowed:
                names.append(name)
            elif not bit:
                denied[name] = Reason.FIELD_UNKNOWN
            elif not bit & granted:
                denied[name] = Reason.FIELD_NOT_GRANTED
            elif bit & off:
                denied[name] = Reason.OPTED_OUT_CLUSTER
            else:
                denied[name] = (
                    Reason.PURPOSE_NOT_GRANTED if reviewed is None else reviewed.reasons[self.settled.clusters[name]]
                )
        return Decision(tuple(names), denied, ends_at(until, allowed, reviewed) if names else None)

    def _facts_once(
        self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber], clock: int
    ) -> Facts | None:
        lag = abs(clock - self.view.cells[AS_OF]) / _SECOND
        app = self.settled.app(client)
        if app is None:
            return Facts(lag, None, None, None, {})
        known: dict[PersonNumber, PersonFacts] = {}
        grant = None
        for number in dict.fromkeys([*persons, *([through] if through is not None else [])]):
            flags = self.view.flags_of(number)
            if not flags & EXISTS:
                continue
            pair = self.view.pair(number, flags, app.place)
            terms = self.settled.compiled(pair.shape)
            if terms is None:
                return None
            known[number] = PersonFacts(
                number,
                bool(flags & ALL_OFF),
                terms.app_off,
                self.settled.off(flags)[1],
                bool(flags & INDIRECT_YES) if flags & INDIRECT_SAID else None,
                terms.had_grant,
                instant_of(pair.used),
            )
            if number == through:
                grant = self._grant(number, app, pair, terms.shape)
        return Facts(lag, app.facts, known.get(through) if through is not None else None, grant, known)

    def _grant(self, number: PersonNumber, app: App, pair: Pair, shape: Shape) -> Grant | None:
        if shape.state is None:
            return None
        return Grant(
            grant_id(self._secret, number, app.facts.number, pair.nth) if pair.nth else GrantId(""),
            number,
            app.facts.number,
            shape.fields,
            shape.through_fields,
            shape.purposes,
            _UNKNOWN_TIME,
            instant_of(pair.ends),
            shape.state,
        )


_AS_GRANTER: Final = {
    None: None,
    Reason.OPTED_OUT_ALL: Reason.GRANTER_OPTED_OUT,
    Reason.OPTED_OUT_APP: Reason.GRANTER_OPTED_OUT,
    Reason.INACTIVE: Reason.GRANTER_INACTIVE,
}
"""What stands against a granting person's own data, said of their word for another's."""


def _refuse_self(flags: int, terms: Compiled, asleep: int, second: int) -> Reason | None:
    """What a person has chosen or let lapse."""
    if flags & ALL_OFF:
        return Reason.OPTED_OUT_ALL
    if terms.app_off:
        return Reason.OPTED_OUT_APP
    return Reason.INACTIVE if asleep and second >= asleep else None


_NOTHING: Final = (0, 0, 0)


def instant_of(second: int) -> datetime | None:
    """The instant of a time in the table."""
    return datetime.fromtimestamp(second + BASE, UTC) if second else None


def ends_at(until: int, allowed: int, reviewed: Reviewed | None) -> datetime | None:
    """When a clock alone turns the answer: the end of grant and activity, or of an approval of what is allowed."""
    if reviewed is not None and reviewed.ends:
        micros = until * _SECOND + _BASE_MICROS if until else FOREVER
        if reviewed.soonest < micros:
            approved = min((end for mask, end in reviewed.ends if mask & allowed), default=FOREVER)
            if approved < micros:
                return from_micros(approved)
    return datetime.fromtimestamp(until + BASE, UTC) if until else None
