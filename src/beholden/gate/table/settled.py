"""What a decision over the table can settle once: fields, shapes, apps with their reviews, the policy.

Everything here depends on few things, is kept while they stand, and is read anew when their word in the table changes.
What a caller can make up (names of fields, purposes) is kept within bounds, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from beholden.gate.decision import judge_cluster, refuse_standing
from beholden.gate.facts import AppFacts
from beholden.gate.rows import AppRow, Shape
from beholden.gate.table.layout import IN_FLUX, SET_SHIFT, Cell
from beholden.gate.table.records import read_app, read_policy, read_set, read_shape
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
_LONGEST: Final = 64
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_STATE_REASON: Final = {
    None: Reason.NO_GRANT,
    GrantState.ACTIVE: None,
    GrantState.EXPIRED: Reason.GRANT_EXPIRED,
    GrantState.REVOKED: Reason.GRANT_ENDED,
}


class Asked:
    """Fields that are asked for together: their bits, and the answers that refuse all of them."""

    __slots__ = ("bits", "mask", "names", "refusals", "whole")

    def __init__(self, fields: Sequence[str], bits: dict[str, tuple[int, str]]) -> None:
        self.names = tuple(dict.fromkeys(fields))
        self.bits = [(name, *bits.get(name, (0, ""))) for name in self.names]
        self.mask = 0
        for _, bit, _ in self.bits:
            self.mask |= bit
        self.whole = self.mask if self.names and all(bit for _, bit, _ in self.bits) else -1
        self.refusals: dict[Reason, Decision] = {}

    def refused(self, reason: Reason) -> Decision:
        """Nothing of it, for this reason."""
        found = self.refusals.get(reason)
        if found is None:
            found = self.refusals[reason] = Decision((), dict.fromkeys(self.names, reason))
        return found


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What an app's reviews and contracts say of every field for one purpose, from `since` until just before `until`
    (microseconds). `ends` are approvals that end, with the fields that end with them."""

    mask: int
    reasons: dict[str, Reason]
    ends: tuple[tuple[int, int], ...]
    since: int
    until: int


@dataclass(slots=True)
class App:
    """An app as its word in the table says."""

    place: int
    word: int
    facts: AppFacts
    refusal: Reason | None
    purposes: dict[str, Reviewed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A shape: what stands against its grant as such, and masks of its fields."""

    refusal: Reason | None
    own: int
    through: int
    purposes: frozenset[str]
    app_off: bool
    had_grant: bool
    shape: Shape


class Settled:
    """All of it, for one table file."""

    def __init__(self, view: TableView, catalogue: Catalogue) -> None:
        self._view = view
        self._catalogue = catalogue
        clusters = {name: cluster.name for name, cluster in catalogue.by_field.items()}
        self._bits = {name: (1 << n, cluster) for n, (name, cluster) in enumerate(clusters.items())}
        self._cluster_masks: dict[str, int] = {}
        for bit, cluster in self._bits.values():
            self._cluster_masks[cluster] = self._cluster_masks.get(cluster, 0) | bit
        self.questions: dict[tuple[str, ...], Asked] = {}
        self.apps: dict[str, App] = {}
        self._shapes: list[Compiled | None] = []
        self._sets: list[tuple[int, frozenset[str]]] = []
        self._places: dict[str, int] = {}
        self._places_read = 0
        self._nameless: dict[int, int] = {}
        self.take_policy()

    def asked(self, fields: tuple[str, ...]) -> Asked:
        """The fields of a question, settled. Names that no catalogue has are not kept: they may be anything."""
        found = self.questions.get(fields)
        if found is None:
            found = Asked(fields, self._bits)
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

    def compiled(self, number: int) -> Compiled | None:
        """A shape by its number; None while its pair is being stored."""
        if number >= len(self._shapes):
            self._take_shapes()
        return self._shapes[number]

    def off(self, flags: int) -> tuple[int, frozenset[str]]:
        """The clusters that a person switched off, and the mask of their fields."""
        number = flags >> SET_SHIFT
        if number >= len(self._sets):
            self._take_sets()
        return self._sets[number]

    def reviewed(self, app: App, purpose: str, now: int) -> Reviewed:
        """What the app's reviews say for a purpose at a time."""
        found = app.purposes.get(purpose)
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
            mask |= self._cluster_masks.get(cluster.name, 0)
            if end is not None:
                ends.append((self._cluster_masks.get(cluster.name, 0), to_micros(end)))
        turns = [
            to_micros(end) for asked, end in app.facts.approvals.items() if asked[1] == purpose and end is not None
        ]
        since = max((turn for turn in turns if turn <= now), default=-FOREVER)
        return Reviewed(mask, reasons, tuple(ends), since, min((t for t in turns if t > now), default=FOREVER))

    def take_policy(self) -> None:
        """Read the policy anew; what was settled under the old one is gone."""
        at = self._view.cells[Cell.POLICY]
        self.policy = read_policy(self._view.log, at)
        self.policy_at = at
        self.limit = self.policy.gate_lag_limit_ms * 1_000_000
        self.inactive_after = (self.policy.inactivity_days or 0) * 86_400
        self.by_default = self.policy.indirect is Indirect.OPT_OUT
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
        found = self.apps[client] = App(place, word, row.facts, refuse_standing(row.facts))
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
        for number in range(len(self._shapes), self._view.cells[Cell.SHAPES]):
            if number == IN_FLUX:
                self._shapes.append(None)
                continue
            shape = read_shape(self._view.log, self._view.shapes[number])
            own, through = (
                sum(self._bits[f][0] for f in s if f in self._bits) for s in (shape.fields, shape.through_fields)
            )
            refusal = _STATE_REASON[shape.state]
            self._shapes.append(Compiled(refusal, own, through, shape.purposes, shape.app_off, shape.had_grant, shape))

    def _take_sets(self) -> None:
        """Read the sets of clusters that came since."""
        for number in range(len(self._sets), self._view.cells[Cell.SETS]):
            clusters = read_set(self._view.log, self._view.sets[number])
            self._sets.append((sum(self._cluster_masks.get(cluster, 0) for cluster in clusters), clusters))
