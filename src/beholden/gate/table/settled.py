"""What a decision over the table can settle once: fields, shapes, apps with their reviews, the policy.

Everything here depends on few things, is kept while they stand, and is read anew when their word in the table changes.
What a caller can make up (names of fields, purposes) is kept within bounds, or not at all.
"""

from array import array
from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from beholden.gate.decision import judge_cluster, refuse_standing
from beholden.gate.facts import AppFacts
from beholden.gate.rows import AppRow, Shape
from beholden.gate.table.kernel import (
    APP_CHANGED,
    APP_OFF,
    CODE,
    HAD_GRANT,
    POLICY_CHANGED,
    REASONS,
    SETS_OF_PURPOSES,
    SHAPES_CAME,
    Desk,
)
from beholden.gate.table.layout import DIRECTORY, IN_FLUX, Cell, Section
from beholden.gate.table.records import read_app, read_policy, read_set, read_shape
from beholden.gate.table.text import keyed
from beholden.gate.table.view import TableView
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Decision, Reason
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import NOBODY, AppNumber, GrantId
from beholden.model.policy import Indirect
from beholden.model.time import from_micros, to_micros

FOREVER: Final = 2**63
_MOST_QUESTIONS: Final = 8_192
_MOST_PURPOSES: Final = 256
_MOST_ANSWERS: Final = 64
"""What is kept of the same fields."""
_LONGEST: Final = 64
_TOLD: Final = 62
"""Fields that a kernel can tell apart."""
_LAST: Final = 2**63 - 1
_PARTS: Final = (
    Section.START,
    Section.FLAGS,
    Section.DIGEST,
    Section.IDS,
    Section.APP,
    Section.SHAPE,
    Section.ENDS,
    Section.USED,
    Section.NTH,
    Section.APPS,
    Section.OVERLAY_KEY,
    Section.OVERLAY,
)
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_STATE_REASON: Final = {
    None: Reason.NO_GRANT,
    GrantState.ACTIVE: None,
    GrantState.EXPIRED: Reason.GRANT_EXPIRED,
    GrantState.REVOKED: Reason.GRANT_ENDED,
}


class Asked:
    """Fields that are asked for together: their mask, and the answers that refuse all of them.

    `whole` is the mask that allows all of it; no mask is that where a name is unknown, or there is none. `told` is the
    same as a kernel takes it, -1 where it cannot. `parts` are the fields with their bits, 0 for a name that is unknown;
    `by_code` are the refusals by a kernel's codes, `answers` those of `answer`.
    """

    __slots__ = ("_refusals", "answers", "by_code", "mask", "names", "parts", "told", "whole")

    def __init__(self, fields: tuple[str, ...], bits: Mapping[str, int]) -> None:
        mask = 0
        for name in fields:
            mask |= bits.get(name, 0)
        known = mask.bit_count()
        self.mask = mask
        self.names = fields if known == len(fields) else tuple(dict.fromkeys(fields))
        self.whole = mask if known and known == len(self.names) else -1
        self.parts = tuple((bits.get(name, 0), name) for name in self.names)
        self.told = self.whole if len(bits) <= _TOLD else -1
        self.answers: dict[tuple[int, int], tuple[tuple[str, ...], Mapping[str, Reason]]] = {}
        self._refusals: dict[Reason, Decision] = {}
        self.by_code: list[Decision | None] = [None] * len(REASONS)

    def refused(self, reason: Reason) -> Decision:
        """Nothing of it, for this reason."""
        found = self._refusals.get(reason)
        if found is None:
            found = self._refusals[reason] = Decision((), dict.fromkeys(self.names, reason))
        return found

    def answer(self, allowed: int, granted: int) -> tuple[tuple[str, ...], Mapping[str, Reason]]:
        """What is allowed of the fields, and why not the rest, where everything granted is allowed or off."""
        denied = {
            name: Reason.OPTED_OUT_CLUSTER if bit & granted else Reason.FIELD_NOT_GRANTED
            for bit, name in self.parts
            if not bit & allowed
        }
        found = tuple(name for bit, name in self.parts if bit & allowed), denied
        if len(self.answers) < _MOST_ANSWERS:
            self.answers[allowed, granted] = found
        return found

    def refused_by(self, code: int) -> Decision:
        """The same for a kernel's code."""
        found = self.by_code[code]
        if found is None:
            reason = REASONS[code]
            assert reason is not None, "a word that stands refuses nothing"
            found = self.by_code[code] = self.refused(reason)
        return found


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What an app's reviews and contracts say of every field for one purpose, from `since` until just before `until`
    (microseconds). `ends` are approvals that end, with the fields that end with them, and `soonest` the first."""

    mask: int
    reasons: dict[str, Reason]
    ends: tuple[tuple[int, int], ...]
    since: int
    until: int
    terms: npt.NDArray[np.int64]  # the same for a kernel
    at: int  # where those lie
    _firsts: dict[int, int] = field(default_factory=dict)

    def first_end(self, allowed: int) -> int:
        """When the first approval of these fields ends, or FOREVER."""
        found = self._firsts.get(allowed)
        if found is None:
            found = min((end for mask, end in self.ends if mask & allowed), default=FOREVER)
            if len(self._firsts) >= _MOST_QUESTIONS:
                self._firsts.clear()
            self._firsts[allowed] = found
        return found


@dataclass(slots=True, eq=False)
class App:
    """An app as its word in the table says."""

    place: int
    word: int
    facts: AppFacts
    refusal: Reason | None
    seat: int  # its place for a kernel, or -1 where nothing is given to it
    purposes: dict[str, Reviewed] = field(default_factory=dict)
    other: Reviewed | None = None  # for every purpose that no grant has


def address_of(part: memoryview) -> int:
    """Where in this process's memory a part of the file is mapped; it stays there while the view lives."""
    return int(np.frombuffer(part, np.uint8).ctypes.data) if len(part) else 0


class Settled:
    """All of it, for one table file."""

    def __init__(self, view: TableView, catalogue: Catalogue, secret: bytes) -> None:
        self._view = view
        self._catalogue = catalogue
        self.bits = {name: 1 << n for n, name in enumerate(catalogue.by_field)}
        self.clusters = {name: cluster.name for name, cluster in catalogue.by_field.items()}
        self._cluster_masks = {c.name: sum(self.bits[f.name] for f in c.fields) for c in catalogue.clusters}
        self.questions: dict[tuple[str, ...], Asked] = {}
        self.apps: dict[str, App] = {}
        self.shapes: list[Shape | None] = []
        # The same of all shapes side by side: thousands of them are otherwise as many places in memory to go to. They
        # are as long as they can become, so that they stay where a kernel was told that they are.
        self._narrow = len(self.bits) <= _TOLD
        self.owns, self.throughs, self._offs = self._masks(), self._masks(), self._masks()
        self.purposes = array("H", bytes(2 * DIRECTORY))  # a place among `purpose_sets`
        self.purpose_sets: list[frozenset[str]] = []
        self._marks = np.zeros(DIRECTORY, np.uint8)
        self._words = np.zeros(DIRECTORY, np.uint64)
        self.desk = self._laid_out(keyed(secret))
        self.desk_at = self.desk.buffer_info()[0]
        self._sets: list[tuple[int, frozenset[str]]] = []
        self._places: dict[str, int] = {}
        self._places_read = 0
        self._nameless: dict[int, int] = {}
        self._purposes: dict[frozenset[str], int] = {}
        self.take_policy()

    def _masks(self) -> MutableSequence[int]:
        return array("Q", bytes(8 * DIRECTORY)) if self._narrow else [0] * DIRECTORY

    def _laid_out(self, secret: bytes) -> "array[int]":
        """The desk of the kernels, over this file and what is settled here; `secret` as `text.keyed` has it."""
        view, sizes = self._view, self._view.sizes
        desk = array("q", bytes(8 * Desk.END))
        desk[Desk.CELLS] = address_of(view.cells)
        for part in _PARTS:
            desk[Desk[part.name]] = address_of(view.section(part))
        desk[Desk.PEOPLE], desk[Desk.IDS_PLACES], desk[Desk.OVERLAY_PLACES] = sizes.people, sizes.ids, sizes.overlay
        desk[Desk.SHAPE_MARKS], desk[Desk.APP_WORDS] = self._marks.ctypes.data, self._words.ctypes.data
        desk[Desk.PURPOSES] = self.purposes.buffer_info()[0]
        desk[Desk.KEYED : Desk.WORK] = array("q", secret)
        for place, masks in ((Desk.OWNS, self.owns), (Desk.THROUGHS, self.throughs), (Desk.OFFS, self._offs)):
            desk[place] = masks.buffer_info()[0] if isinstance(masks, array) else 0  # then no question is told
        return desk

    def renew(self, code: int, client: str) -> None:
        """Read anew what a kernel found to have changed."""
        if code == POLICY_CHANGED:
            self.take_policy()
        elif code == APP_CHANGED:
            self.take_app(client)
        elif code == SHAPES_CAME:
            self._take_shapes()

    def asked(self, fields: tuple[str, ...]) -> Asked:
        """The fields of a question, settled. Names that no catalogue has are not kept: they may be anything."""
        found = self.questions.get(fields)
        if found is None:
            found = Asked(fields, self.bits)
            if len(fields) <= _LONGEST and found.whole >= 0:
                if len(self.questions) >= _MOST_QUESTIONS:
                    self.questions.clear()
                self.questions[fields] = found
        return found

    def app(self, client: str) -> App | None:
        """The app as it stands now."""
        found = self.apps.get(client)
        if found is None or self._view.apps[found.place] != found.word:
            found = self.take_app(client)
        return found

    def shape(self, number: int) -> Shape | None:
        """A shape by its number; None while its pair is being stored."""
        if number >= len(self.shapes):
            self._take_shapes()
        return self.shapes[number]

    def off(self, number: int) -> tuple[int, frozenset[str]]:
        """The clusters of a set that people switched off, after the mask of their fields."""
        if number >= len(self._sets):
            self._take_sets()
        return self._sets[number]

    def reviewed(self, app: App, purpose: str, now: int) -> Reviewed:
        """What the app's reviews say for a purpose at a time; nothing is kept for one that no grant has."""
        found = app.purposes.get(purpose)
        if found is None and not any(purpose in purposes for purposes in self.purpose_sets):
            app.other = app.other or self._settle(app, purpose, 0, {}, [], (-FOREVER, FOREVER))
            return app.other
        if found is None or not found.since <= now < found.until:
            found = self._review(app, purpose, now)
            if len(app.purposes) >= _MOST_PURPOSES:
                app.purposes.clear()
            app.purposes[purpose] = found
        return found

    def _review(self, app: App, purpose: str, now: int) -> Reviewed:
        """Settle every cluster for a purpose, by the very rules of `decision.py`."""
        word = Grant(GrantId(""), NOBODY, AppNumber(0), frozenset(), frozenset(), frozenset({purpose}), _ANY_TIME, None)
        instant, mask, reasons, ends = from_micros(now), 0, {}, []
        for cluster in self._catalogue.clusters:
            reason, end = judge_cluster(app.facts, word, cluster, purpose, self.policy, instant)
            if reason is not None:
                reasons[cluster.name] = reason
                continue
            mask |= self._cluster_masks[cluster.name]
            if end is not None:
                ends.append((self._cluster_masks[cluster.name], to_micros(end)))
        turns = [
            to_micros(end) for asked, end in app.facts.approvals.items() if asked[1] == purpose and end is not None
        ]
        since = max((turn for turn in turns if turn <= now), default=-FOREVER)
        until = min((turn for turn in turns if turn > now), default=FOREVER)
        return self._settle(app, purpose, mask, reasons, ends, (since, until))

    def _settle(
        self,
        app: App,
        purpose: str,
        mask: int,
        reasons: dict[str, Reason],
        ends: Sequence[tuple[int, int]],
        window: tuple[int, int],
    ) -> Reviewed:
        """With the same as Terms. Where there are more fields than a word has bits no question is told by its mask, so
        none reads those."""
        since, until = window
        having = sum(
            1 << place for place, purposes in enumerate(self.purpose_sets[:SETS_OF_PURPOSES]) if purpose in purposes
        )
        told = (1 << _TOLD) - 1
        words = [app.place, max(since, -_LAST), min(until, _LAST), mask & told, having, len(ends)]
        for fields, end in ends:
            words += [fields & told, min(end, _LAST)]
        terms = np.array(words, np.int64)
        return Reviewed(mask, reasons, tuple(ends), since, until, terms, terms.ctypes.data)

    def take_policy(self) -> None:
        """Read the policy anew; what was settled under the old one is gone."""
        at = self._view.cells[Cell.POLICY]
        self.policy = read_policy(self._view.log, at)
        self.policy_at = at
        self.limit = self.policy.gate_lag_limit_ms * 1_000_000
        self.inactive_after = (self.policy.inactivity_days or 0) * 86_400
        self.by_default = self.policy.indirect is Indirect.OPT_OUT
        desk = self.desk
        desk[Desk.POLICY_AT], desk[Desk.LIMIT] = at, self.limit
        desk[Desk.INACTIVE_AFTER], desk[Desk.BY_DEFAULT] = self.inactive_after, self.by_default
        self.apps.clear()

    def take_app(self, client: str) -> App | None:
        """Read an app anew; what was settled of it is gone."""
        self._take_places()
        place = self._places.get(client)
        if place is None:
            return None
        word = self._view.apps[place]
        row = read_app(self._view.log, word)
        if not isinstance(row, AppRow):
            return None
        self._words[place] = word
        refusal = refuse_standing(row.facts)
        found = App(place, word, row.facts, refusal, place if refusal is None else -1)
        self.apps[client] = found
        return found

    def _take_places(self) -> None:
        """Read where apps stand that came since, or of which only the number was known."""
        words = self._view.apps
        known = [place for place, word in self._nameless.items() if words[place] != word]
        for place in [*known, *range(self._places_read, self._view.cells[Cell.APPS])]:
            self._nameless.pop(place, None)
            word = words[place]
            row = read_app(self._view.log, word)
            if isinstance(row, AppRow):
                self._places[row.client_id] = place
            else:
                self._nameless[place] = word
            self._places_read = max(self._places_read, place + 1)

    def _take_shapes(self) -> None:
        """Read the shapes that came since."""
        for number in range(len(self.shapes), self._view.cells[Cell.SHAPES]):
            if number == IN_FLUX:
                self.shapes.append(None)
                self._lay(number, 0, 0, frozenset())
                continue
            shape = read_shape(self._view.log, self._view.shapes[number])
            own, through = (
                sum(self.bits.get(name, 0) for name in names) for names in (shape.fields, shape.through_fields)
            )
            refusal = _STATE_REASON[shape.state]
            marks = CODE[refusal] if refusal is not None else 0
            self._marks[number] = marks | APP_OFF * shape.app_off | HAD_GRANT * shape.had_grant
            self._lay(number, own, through, shape.purposes)
            self.shapes.append(shape)
        self.desk[Desk.SHAPES] = len(self.shapes)

    def _lay(self, number: int, own: int, through: int, purposes: frozenset[str]) -> None:
        place = self._purposes.setdefault(purposes, len(self.purpose_sets))
        if place == len(self.purpose_sets):
            self.purpose_sets.append(purposes)
            for app in self.apps.values():
                app.purposes.clear()
                app.other = None  # what a kernel was told of them does not know this set
        self.owns[number], self.throughs[number], self.purposes[number] = own, through, place

    def _take_sets(self) -> None:
        """Read the sets of clusters that came since."""
        for number in range(len(self._sets), self._view.cells[Cell.SETS]):
            clusters = read_set(self._view.log, self._view.sets[number])
            mask = sum(self._cluster_masks.get(cluster, 0) for cluster in clusters)
            self._sets.append((mask, clusters))
            self._offs[number] = mask
        self.desk[Desk.SETS] = len(self._sets)
