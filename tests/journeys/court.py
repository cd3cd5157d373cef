"""What the tests of cases and sanctions share: operators, and a developer with three apps that people connected."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from beholden.gate.decision import decide
from beholden.journeys import access
from beholden.journeys.ports import Engines, Store, Unit
from beholden.ledger.ports import Ledger
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App, Developer
from beholden.model.decision import Reason
from beholden.model.disclosure import Disclosure
from beholden.model.ids import PersonNumber
from tests.conftest import House

ANNA, BEN, CARA = (Actor(ActorKind.OPERATOR, name) for name in ("anna", "ben", "cara"))


@dataclass(frozen=True)
class Scene:
    """A quiz developer with three apps, each connected by three people."""

    house: House
    developer: Developer
    apps: tuple[App, ...]
    people: tuple[PersonNumber, ...]

    @property
    def actor(self) -> Actor:
        """The developer as an actor."""
        return Actor(ActorKind.DEVELOPER, str(self.developer.number))

    @property
    def engines(self) -> Engines:
        """The house's engines."""
        return self.house.engines

    def refusals(self, app: App) -> set[Reason | None]:
        """What the gate says now to each person's own name asked for by the app; None is a yes."""
        engines = self.engines
        with engines.store.read() as unit:
            # A pause of the machine is not what is tested here.
            policy, said = replace(unit.directory.policy(), gate_lag_limit_ms=60_000), set[Reason | None]()
            for person in self.people:
                facts = unit.gate.facts(app.client_id, person, [person])
                decision = decide(
                    facts, person, ("name",), "service",
                    policy=policy, catalogue=engines.catalogue, now=engines.clock.now(),
                )  # fmt: skip
                said.add(decision.denied.get("name"))
        return said

    def acts(self, *prefixes: str) -> list[tuple[str, str]]:
        """(verb, subject) of the acts in the ledger whose verb begins so, in their order."""
        return [(a.verb, a.subject) for a in self.engines.ledger.acts() if a.verb.startswith(prefixes or ("",))]


def scene(house: House) -> Scene:
    """Set the scene."""
    for name in ("anna", "ben", "cara"):
        access.add_operator(house.engines, name, name.title(), f"{name}@platform.example")
    developer = house.developer("Quiz Mill Ltd", "legal@quizmill.example")
    apps = tuple(house.app(developer, f"quiz-{n}") for n in (1, 2, 3))
    people = tuple(house.people([f"p{n}" for n in range(3)]))
    for app in apps:
        for person in people:
            house.grant(person, app)
    return Scene(house, developer, apps, people)


class Crash(Exception):
    """The process dies here."""


class Fuse:
    """Counts the places where a crash can come, and crashes at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self) -> None:
        """Pass one place, or crash."""
        if self.left == 0:
            self.left = -1
            raise Crash
        self.left -= 1


@dataclass
class _CrashingStore:
    """The real store, with a crash before or after a commit."""

    inner: Store
    fuse: Fuse

    @contextmanager
    def write(self) -> Iterator[Unit]:
        with self.inner.write() as unit:
            yield unit
            self.fuse.burn()
        self.fuse.burn()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class _CrashingLedger:
    """The real ledger, with a crash before or after an append."""

    inner: Ledger
    fuse: Fuse

    def append(self, items: Sequence[Disclosure | Act]) -> range:
        self.fuse.burn()
        places = self.inner.append(items)
        self.fuse.burn()
        return places

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def crashing(engines: Engines, at: int) -> Engines:
    """The same engines, which crash at the given place (0 is the first) and never again."""
    fuse = Fuse(at)
    return replace(
        engines,
        store=_CrashingStore(engines.store, fuse),  # type: ignore[arg-type] # the rest is the real one's
        ledger=_CrashingLedger(engines.ledger, fuse),  # type: ignore[arg-type]
    )
