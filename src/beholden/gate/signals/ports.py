"""What signals need of a store, of a signer, and of whoever carries them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from beholden.gate.signals.callback import Addresses, Call, CallState
from beholden.gate.signals.event import Kind
from beholden.gate.signals.stream import Stream
from beholden.model.ids import AppNumber, GrantId, PersonNumber


@dataclass(frozen=True, slots=True)
class Entry:
    """A signal in one stream's queue, until its receiver has it. `settled` tells how that ended; empty, it waits."""

    stream: str
    jti: str
    txn: str
    kind: Kind
    app: AppNumber | None
    person: PersonNumber | None
    grant: GrantId | None
    details: Mapping[str, object]
    at: datetime
    settled: str = ""
    trouble: str = ""
    failures: int = 0


class SignalBook(Protocol):
    """Streams, and the queue of each. An entry is added in the transaction of the act that it tells of."""

    def put_stream(self, stream: Stream) -> None:
        """Add or replace a stream."""
        ...

    def stream(self, id_: str) -> Stream | None:
        """One stream."""
        ...

    def streams(self, owner: str | None = None) -> Sequence[Stream]:
        """All streams, or one receiver's, oldest first."""
        ...

    def drop_stream(self, id_: str) -> None:
        """Remove a stream and its queue."""
        ...

    def add(self, entries: Sequence[Entry]) -> None:
        """Put entries in the queues; one that is there already stays as it is."""
        ...

    def waiting(self, stream: str, limit: int) -> Sequence[Entry]:
        """The oldest entries that wait on a stream."""
        ...

    def entries(self, stream: str, jtis: Collection[str]) -> Sequence[Entry]:
        """Entries of a stream by their ids, waiting or not."""
        ...

    def count_waiting(self, stream: str, most: int) -> int:
        """How many wait, counted up to `most`."""
        ...

    def settle(self, stream: str, outcomes: Mapping[str, str], at: datetime) -> int:
        """Entries that no longer wait, with what became of them; how many did wait till now."""
        ...

    def note(self, stream: str, jti: str, trouble: str) -> None:
        """A receiver did not take an entry; it waits on, with one failure more."""
        ...

    def clear(self, stream: str) -> int:
        """Drop all that waits on a stream; how many."""
        ...

    def failed(self, limit: int) -> Sequence[Entry]:
        """Entries that were refused or given up, newest first."""
        ...

    def sweep(self, before: datetime) -> int:
        """Delete entries and calls that were settled before; how many."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Delete what was settled about an erased person. What an app has yet to hear, it still hears."""
        ...

    def first_objection(self, person: PersonNumber) -> datetime | None:
        """When the person's browser first objected to selling and sharing."""
        ...

    def object(self, person: PersonNumber, at: datetime) -> None:
        """Note that it did; a second time changes nothing."""
        ...


class CallBook(Protocol):
    """Where apps want to be called, and the calls."""

    def addresses(self, app: AppNumber) -> Addresses:
        """An app's addresses, empty where it gave none."""
        ...

    def put_addresses(self, addresses: Addresses) -> None:
        """Replace an app's addresses."""
        ...

    def add(self, calls: Sequence[Call]) -> None:
        """New calls; one that is there already stays as it is."""
        ...

    def due(self, at: datetime, limit: int, skip: Collection[AppNumber]) -> Sequence[Call]:
        """Calls that wait, whose time has come, of apps that have an address for them, oldest first; none of `skip`."""
        ...

    def save(self, call: Call) -> None:
        """Write what became of a call that waits; one that is settled stays so."""
        ...

    def drop(self, call: Call) -> None:
        """Remove one call."""
        ...

    def of_person(self, person: PersonNumber) -> Sequence[Call]:
        """One person's, oldest first."""
        ...

    def of_app(self, app: AppNumber, limit: int) -> Sequence[Call]:
        """One app's, newest first."""
        ...

    def listed(self, state: CallState, limit: int) -> Sequence[Call]:
        """All in one state, newest first."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Delete an erased person's settled calls."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """One POST to somebody else's server."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `status` is 0 where nothing did, and `trouble` says why. `body` is bounded."""

    status: int
    body: bytes = b""
    trouble: str = ""

    @property
    def down(self) -> bool:
        """Whether the server itself is in trouble, so that there is no sense in sending it the next."""
        return self.status in {0, 429} or self.status >= 500


class Poster(Protocol):
    """Posts to servers that others named. It follows no redirect and calls no network that it must not."""

    def post(self, lanes: Sequence[Sequence[Post]]) -> list[list[Reply]]:
        """Each lane in order and side by side with the others; a lane ends with the first reply that is `down`."""
        ...


class Signer(Protocol):
    """Signs tokens with our key; JWS with RS256, the one algorithm that the interoperability profile allows."""

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """A signed token in compact form."""
        ...

    def jwks(self) -> Mapping[str, object]:
        """The public keys by which tokens are checked, the coming and the past ones among them (RFC 7517)."""
        ...
