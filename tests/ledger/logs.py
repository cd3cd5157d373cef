"""Small real logs for the ledger's tests."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beholden.backends.segments import SegmentLedger
from beholden.ledger.checkpoint import VerifierKey, parse_key
from beholden.ledger.verify import Published
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.disclosure import Disclosure
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber

START = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = "log.example/test"
OPERATOR = Actor(ActorKind.OPERATOR, "operator_a")


def key_of(person: int) -> bytes:
    """A person key that tests can say again."""
    return hashlib.sha256(f"key of {person}".encode()).digest()


class Log:
    """A ledger in a folder, with a directory of keys and a clock that tests move."""

    def __init__(self, folder: Path, people: Sequence[int] = range(1, 1001)) -> None:
        self.folder = folder
        self.keys = {PersonNumber(n): key_of(n) for n in people}
        self.now = START
        self.ledger = self.opened()

    def opened(self) -> SegmentLedger:
        """Another instance on the same folder, as another process would have it."""
        return SegmentLedger(self.folder / "ledger", ORIGIN, self.folder / "keys", self._keys, lambda: self.now)

    def _keys(self, numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, bytes]:
        return {n: self.keys[n] for n in numbers if n in self.keys}

    def erase(self, person: int, ticket: str = "erasure_1") -> int:
        """As the journey does it: the key first, then the log."""
        self.keys.pop(PersonNumber(person), None)
        return self.ledger.erase(PersonNumber(person), ticket)

    @property
    def key(self) -> VerifierKey:
        """The public key."""
        return parse_key(self.ledger.verifier_key())

    @property
    def public(self) -> Path:
        """The folder of the published half."""
        return self.folder / "ledger" / "public"

    def segments(self) -> list[Path]:
        """The segment files, in order."""
        return sorted((self.folder / "ledger" / "segments").glob("*.seg"))


def disclosure(
    person: int = 1,
    through: int | None = None,
    app: int = 1,
    *,
    fields: Sequence[str] = ("name",),
    values: Mapping[str, str] | None = None,
    developer: int = 1,
    at: datetime = START,
) -> Disclosure:
    """A disclosure; direct unless `through` names another person."""
    return Disclosure(
        AppNumber(app),
        DeveloperNumber(developer),
        PersonNumber(person),
        PersonNumber(person if through is None else through),
        tuple(fields),
        "service",
        GrantId("grant_a"),
        at,
        dict(values or {}),
    )


def act(subject: str = "case:1", at: datetime = START, **details: object) -> Act:
    """An act of an operator."""
    return Act(OPERATOR, "case:open", subject, at, AppNumber(1), details)


def filled(folder: Path, count: int, batch: int = 100) -> Log:
    """A log of that many entries: mostly indirect disclosures, some direct, an act now and then."""
    log = Log(folder)
    for first in range(0, count, batch):
        log.now += timedelta(seconds=1)
        log.ledger.append([item(n) for n in range(first, min(count, first + batch))])
    return log


def item(n: int) -> Disclosure | Act:
    """The nth item of a filled log."""
    if n % 17 == 16:
        return act(f"case:{n}", number=n)
    person = 1 + n % 97
    return disclosure(person, person if n % 5 == 0 else 100 + n % 7, 1 + n % 3, values={"name": f"Person {person}"})


def held(published: Mapping[str, bytes]) -> Published:
    """A published half in memory."""
    return Published(published.get, lambda: [path for path in published if path.startswith("tile/")])


def files(public: Path) -> dict[str, bytes]:
    """A published half, read into memory."""
    return {p.relative_to(public).as_posix(): p.read_bytes() for p in sorted(public.rglob("*")) if p.is_file()}
