"""A decision table in plain dicts, with the writer's port: what the follower leaves in it can be read off."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from beholden.gate.rows import AppRow, PairColumns, PairRow, PeopleColumns, PersonRow
from beholden.model.ids import AppNumber
from beholden.model.policy import Policy


class Killed(BaseException):
    """The process ended here."""


@dataclass
class DictTable:
    """What was put in last, by key. Columns are taken apart into what a row of them says.

    `dies` is asked before each step whether the process ends there.
    """

    people: dict[int, object] = field(default_factory=dict)
    pairs: dict[tuple[int, int], object] = field(default_factory=dict)
    apps: dict[int, AppRow] = field(default_factory=dict)
    policy: Policy | None = None
    epoch: int = 0
    as_of: int = 0
    builds: int = 0
    refusal: str | None = "there is none"
    dies: Callable[[str], bool] = lambda _: False

    def open(self) -> str | None:
        return self.refusal

    def check(self) -> str | None:
        return self.refusal

    def build(
        self,
        people: Iterable[PeopleColumns],
        pairs: Iterable[PairColumns],
        apps: Iterable[AppRow],
        policy: Policy,
        epoch: int,
        as_of_ns: int = 0,
    ) -> None:
        self._die("build")
        self.people = {int(n): s for chunk in people for n, s in _people(chunk)}
        self.pairs = {key: s for chunk in pairs for key, s in _pairs(chunk)}
        self.apps = {row.facts.number: row for row in apps}
        self.policy, self.epoch, self.as_of, self.refusal = policy, epoch, as_of_ns, None
        self.builds += 1

    def apply(
        self,
        persons: Iterable[PersonRow] = (),
        pairs: Iterable[PairRow] = (),
        apps: Iterable[AppRow] = (),
        policy: Policy | None = None,
        *,
        epoch: int,
        as_of_ns: int,
    ) -> None:
        self._die("apply")
        for person in persons:
            self.people[person.number] = (person.all_off, person.indirect, person.clusters_off)
            if person.erased:
                del self.people[person.number]
        for pair in pairs:
            self.pairs[pair.person, pair.app] = _said(pair)
        self.apps.update({row.facts.number: row for row in apps})
        self.policy = policy or self.policy
        if epoch != self.epoch:
            self._die("advance")
        self.epoch, self.as_of = epoch, as_of_ns

    def close(self) -> None:
        self.as_of = 0

    def state(self) -> tuple[object, ...]:
        """All that a gate would read, but for pairs that say nothing."""
        empty = _said(PairRow(0, AppNumber(0)))  # type: ignore[arg-type]
        return self.people, {key: s for key, s in self.pairs.items() if s != empty}, self.apps, self.policy

    def _die(self, step: str) -> None:
        if self.dies(step):
            raise Killed(step)


def _said(pair: PairRow) -> object:
    from beholden.gate.rows import end_seconds, seconds, shape_of

    ends = end_seconds(pair.grant.ends_at if pair.grant else None)
    return shape_of(pair), ends, seconds(pair.last_use), pair.nth


def _people(chunk: PeopleColumns) -> Iterable[tuple[int, object]]:
    for number, all_off, indirect, off in zip(chunk.number, chunk.all_off, chunk.indirect, chunk.off, strict=True):
        yield int(number), (bool(all_off), (None, False, True)[indirect], chunk.sets[off])


def _pairs(chunk: PairColumns) -> Iterable[tuple[tuple[int, int], object]]:
    columns = (chunk.person, chunk.app, chunk.shape, chunk.ends, chunk.used, chunk.nth)
    for person, app, shape, ends, used, nth in zip(*columns, strict=True):
        yield (int(person), int(app)), (chunk.shapes[shape], int(ends), int(used), int(nth))
