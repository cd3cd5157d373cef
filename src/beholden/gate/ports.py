"""What the gate needs to know, and from whom."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from beholden.gate.facts import AppFacts, Facts
from beholden.gate.feed import Changes
from beholden.gate.judged import Judged
from beholden.gate.rows import AppRow, PairColumns, PairRow, PeopleColumns, PersonRow
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.ids import AppNumber, ClientId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.resource import ResourceDecision, ResourceQuestion


class GateFacts(Protocol):
    """Reads the state of the world for one request.

    Everything in one answer is from one snapshot: a ban that was committed before the call is in it (law 5). It
    raises Unavailable when the store does not answer; the caller then allows nothing.
    """

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """Facts for an app, a granting person (None if unknown) and the people whose data is asked for."""
        ...


class ChangeFeed(Protocol):
    """Which keys of the gate's facts changed, transaction by transaction.

    Each transaction that changed any has one epoch, counted from 1. Epochs are in the order of the commits and
    without a gap: whoever sees epoch N in a snapshot sees every change of 1 to N in it.
    """

    def head(self) -> int:
        """The latest epoch; 0 where nothing was ever changed."""
        ...

    def since(self, epoch: int, limit: int) -> Changes | None:
        """Keys of the transactions after `epoch`, whole ones, about `limit` keys at most but one transaction at least.

        None when they cannot all be told any more: pruned, or the store is of an earlier day than `epoch`.
        """
        ...

    def prune(self, before: datetime, limit: int) -> int:
        """Forget the transactions before that moment (the host's clock), `limit` at most. How many epochs."""
        ...


class GateRows(Protocol):
    """Whole rows by key, for the decision table; all that one unit gives is of one snapshot.

    It is made with the house's secret, for digests of outside ids and for which of a pair's grants one is.
    """

    def people(self, first: PersonNumber, last: PersonNumber) -> tuple[Sequence[PersonRow], Sequence[PairRow]]:
        """The people with these numbers (first and last included; the caller keeps the range small), erased ones too,
        and every pair of theirs."""
        ...

    def pairs(self, keys: Sequence[tuple[PersonNumber, AppNumber]]) -> Sequence[PairRow]:
        """These pairs; one of which nothing is on record is an empty row."""
        ...

    def ended_pairs(self, app: AppNumber, after: PersonNumber, limit: int) -> Sequence[PairRow]:
        """Pairs of an app that have a revoked grant, of the next `limit` people with a number above `after`."""
        ...

    def apps(self, numbers: Sequence[AppNumber] | None = None) -> Sequence[AppRow]:
        """These apps, or all of them, by number."""
        ...

    def policy(self) -> Policy:
        """The policy in force."""
        ...

    def people_chunks(self) -> Iterator[PeopleColumns]:
        """Everybody by ascending numbers, a bounded chunk at a time."""
        ...

    def pair_chunks(self) -> Iterator[PairColumns]:
        """Every pair by ascending person and app, a bounded chunk at a time."""
        ...


class Pulse(Protocol):
    """The cheapest possible question to the store: has anything changed? On a connection of its own."""

    def head(self) -> int:
        """The latest committed epoch. Raises Unavailable soon when the store does not answer."""
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...


class TableWriter(Protocol):
    """The decision table of this host, as its one writer sees it."""

    def open(self) -> str | None:
        """Go on with the table that is there; or why it must be built anew."""
        ...

    def check(self) -> str | None:
        """Look at some more of the table in use: None, or why it must be built anew; nobody vouches for it then."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch that the table is at."""
        ...

    def build(
        self,
        people: Iterable[PeopleColumns],
        pairs: Iterable[PairColumns],
        apps: Iterable[AppRow],
        policy: Policy,
        epoch: int,
        as_of_ns: int = 0,
    ) -> None:
        """Make the table anew."""
        ...

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
        """Put rows in, then write the epoch, then `as_of_ns` (monotonic clock of the host). The same rows twice are
        harmless; a policy of None stays what it is."""
        ...

    def close(self) -> None:
        """Let go of the table, whole."""
        ...


class Backlog(Protocol):
    """The apps of whose ended pairs some are still to be read: kept beside the table, to outlive the follower."""

    def load(self) -> Collection[AppNumber]:
        """What was saved last."""
        ...

    def save(self, apps: Collection[AppNumber]) -> None:
        """Keep these; durable against the end of the process."""
        ...


class Applied(Protocol):
    """How far this host's table is, for whoever just committed (law 5). Any process of the host may ask."""

    def wait(self, epoch: int) -> bool:
        """Return when the table has this epoch (True), or when no gate of this host answers from it any more or it
        took as long as the lag limit (False)."""


class Item(NamedTuple):
    """One question to the decision table; people are meant as there."""

    client: str
    person: str | int | None
    through: str | int | None
    fields: tuple[str, ...]
    purpose: str


class Questions(NamedTuple):
    """Many of them, a list a member. `throughs` is the very list of `persons` where everybody speaks for themself."""

    clients: list[str]
    persons: list[str | int | None]
    throughs: list[str | int | None]
    fields: list[tuple[str, ...]]
    purposes: list[str]

    @staticmethod
    def of(items: Sequence[Item]) -> "Questions":
        """At least one question, as lists."""
        clients, persons, throughs, fields, purposes = map(list, zip(*items, strict=True))
        return Questions(clients, persons, persons if throughs == persons else throughs, fields, purposes)

    def item(self, place: int) -> Item:
        """One of them."""
        return Item(
            self.clients[place], self.persons[place], self.throughs[place], self.fields[place], self.purposes[place]
        )


class DecisionTable(Protocol):
    """The state of the world in memory, followed from the store (decision 0004).

    A person is meant by the platform's id (text) or by number. `now` is microseconds since 1970. A table that is older
    than the limit, or is not there, refuses with `gate_stale` (law 4).
    """

    def decide(
        self,
        client: str,
        person: str | int | None,
        through: str | int | None,
        fields: tuple[str, ...],
        purpose: str,
        now: int,
    ) -> Decision:
        """What `decision.decide` says on the facts in the table."""
        ...

    def decide_row(self, row: Questions, now: int) -> list[Decision]:
        """The same for many questions, from one state of the table."""
        ...

    def leaving_row(self, row: Questions, now: int) -> list[tuple[Decision, Disclosure | None]]:
        """The same, with the disclosure that each is once it leaves; None where the table cannot name the grant."""
        ...

    def app(self, client: str) -> AppFacts | None:
        """An app as it stands in the table."""
        ...

    def epoch(self) -> int:
        """Up to where the table has followed the store; 0 where there is none."""
        ...

    def stale(self) -> bool:
        """Whether nothing is allowed from the table, since nobody vouches for it (law 4)."""
        ...


class SharedTable(Protocol):
    """The same for whoever asks about many people, or in threads. People and `now` are as in DecisionTable."""

    def judge(
        self,
        client: str,
        persons: Sequence[str | int | None],
        through: str | int | None,
        fields: Sequence[tuple[str, ...]],
        purpose: str,
        now: int,
    ) -> Judged:
        """What `decision.decide` says of each person, `fields` being theirs, one tuple a person."""
        ...

    def stands(self, moment: tuple[int, int] | None) -> bool:
        """Whether the table can be trusted and nothing was stored in it since that moment (see Judged)."""
        ...

    def decide(
        self,
        client: str,
        person: str | int | None,
        through: str | int | None,
        fields: tuple[str, ...],
        purpose: str,
        now: int,
    ) -> Decision:
        """See DecisionTable."""
        ...

    def refuse_app(self, client: str) -> Reason | None:
        """What `decision.refuse_app` says."""
        ...

    def app(self, client: str) -> AppFacts | None:
        """See DecisionTable."""
        ...


class SearchFacts(Protocol):
    """Who may be asked about at all, so that a search need not ask about everybody; from the unit's snapshot."""

    def granters(self, app: AppNumber, after: PersonNumber | None, limit: int) -> Sequence[PersonNumber]:
        """People with an active grant for the app, by number, from behind `after` on."""
        ...

    def everybody(self, after: PersonNumber | None, limit: int) -> Sequence[PersonNumber]:
        """People who are not erased, by number, from behind `after` on."""
        ...

    def own_facts(self, client: ClientId, persons: Sequence[PersonNumber]) -> Sequence[Facts]:
        """For each person what `GateFacts.facts(client, person, [person])` says, in a handful of reads for all."""
        ...


class Evaluator(Protocol):
    """Decides about a platform's own resource types, by rules that the platform supplies. Safe to share by threads.

    It never raises for what a question holds: what cannot be decided is a no with a reason (law 4).
    """

    @property
    def resource_types(self) -> Collection[str]:
        """The resource types that it answers for."""
        ...

    @property
    def actions(self) -> Sequence[str]:
        """The actions that it knows, in order."""
        ...

    def decide(self, questions: Sequence[ResourceQuestion]) -> Sequence[ResourceDecision]:
        """An answer to each question."""
        ...

    def knows(self, type_: str, id_: str) -> bool:
        """Whether there is such an entity among those that the platform supplied."""
        ...

    def ids(self, type_: str, after: str | None, limit: int) -> Sequence[str]:
        """Ids of the supplied entities of a type, in order, from behind `after` on; none of a type it does not know."""
        ...
