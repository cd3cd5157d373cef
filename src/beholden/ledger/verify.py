"""Verification: the published half against its signature, the private half against the published one.

The published half needs only the files and the public key: every bundle is hashed again, every tile is derived again
and compared, and the root must be the one that was signed. The private half adds: that the segments hold the same
entries, that every record opens its entry, and that no record is blank that no erasure blanked.

What does not hold is a defect; a report without defects says "it verifies", and nothing is skipped silently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from beholden.ledger import checkpoint as checkpoints
from beholden.ledger import record as records
from beholden.ledger import tile, tree
from beholden.ledger.batch import Batch
from beholden.ledger.checkpoint import Checkpoint, VerifierKey
from beholden.ledger.entry import Entry, Kind, unpack
from beholden.ledger.record import Totals
from beholden.model.errors import Damaged
from beholden.model.ids import NOBODY, PersonNumber

MAX_DEFECTS = 1000
"""Defects that a report spells out; beyond them it only counts."""

Keys = Callable[[Sequence[PersonNumber]], Mapping[PersonNumber, bytes]]


@dataclass(frozen=True, slots=True)
class Defect:
    """What does not hold, and where: a path, a place (`entry 17`), or a part of the log."""

    where: str
    what: str


@dataclass
class Defects:
    """Defects as they are found, at most MAX_DEFECTS of them spelt out."""

    listed: list[Defect] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: str) -> None:
        """Note one."""
        self.count += 1
        if len(self.listed) < MAX_DEFECTS:
            self.listed.append(Defect(where, what))


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified. `size` is what the segments hold, None where only the published half was read.

    `opened` entries were opened with their record; `erased` ones cannot be, by an erasure that the log has on record.
    """

    origin: str
    published: int
    root: str
    size: int | None
    entries: Mapping[str, int]
    opened: int
    erased: int
    defects: tuple[Defect, ...]
    defect_count: int

    @property
    def verified(self) -> bool:
        """Whether nothing was found wrong."""
        return self.defect_count == 0


class Published(NamedTuple):
    """The published half: how to read a file, and the paths of all that there are under `tile/`."""

    read: tile.Read
    paths: Callable[[], Iterable[str]]


def published_half(published: Published, key: VerifierKey, earlier: str | None = None) -> Report:
    """Verify what anyone can: with `earlier`, a checkpoint kept from before, also that the log only grew since."""
    defects = Defects()
    head = _head(published.read, key, defects)
    root, kinds = tree.EMPTY, dict.fromkeys(Kind, 0)
    if head is not None:
        root = _derive(published, head.size, kinds, defects)
        if root != head.root:
            defects.add(tile.CHECKPOINT, "its root is not the root over the entries")
        _check_growth(published.read, head, key, earlier, defects)
        _check_leftovers(published, head.size, defects)
    return Report(
        key.name,
        head.size if head else 0,
        root.hex(),
        None,
        _by_word(kinds),
        0,
        0,
        tuple(defects.listed),
        defects.count,
    )


def _head(read: tile.Read, key: VerifierKey, defects: Defects) -> Checkpoint | None:
    data = read(tile.CHECKPOINT)
    if data is None:
        defects.add(tile.CHECKPOINT, "it is missing")
        return None
    try:
        return checkpoints.verify(data.decode(), key)
    except UnicodeDecodeError:
        defects.add(tile.CHECKPOINT, "it is not UTF-8")
    except Damaged as error:
        defects.add(tile.CHECKPOINT, error.message)
    return None


def _derive(published: Published, size: int, kinds: dict[Kind, int], defects: Defects) -> bytes:
    """Hash every entry of every bundle, derive every tile and compare; the root over what the bundles hold."""
    edge = tile.Edge()
    for derived in edge.extend(_entries(published.read, size, kinds, defects)):
        _compare(published.read, derived, tile.WIDTH, defects)
    for derived in edge.partial():
        named = tile.place(derived.path)
        assert named is not None
        _compare(published.read, derived, named.width, defects)
    if edge.size != size:
        defects.add("tile/entries", f"the bundles hold {edge.size} entries, the checkpoint signs {size}")
    return edge.root()


def _compare(read: tile.Read, derived: tile.File, width: int, defects: Defects) -> None:
    named = tile.place(derived.path)
    assert named is not None
    found = tile.fetch(read, named.level, named.number, width)
    if found is None:
        defects.add(derived.path, "it is missing")
    elif found != derived.content:
        defects.add(derived.path, "it is not what the entries give")


def _entries(read: tile.Read, size: int, kinds: dict[Kind, int], defects: Defects) -> Iterator[bytes]:
    """The entries of the published bundles up to `size`, each looked at; ends early where a bundle cannot be read."""
    latest = 0
    for first in range(0, size, tile.WIDTH):
        bundle = bundle_at(read, first, size)
        if isinstance(bundle, str):
            defects.add(tile.path(tile.ENTRIES, first // tile.WIDTH), bundle)
            return
        for seq, data in enumerate(bundle, first):
            entry = _entry(seq, data, defects)
            if entry is not None:
                kinds[entry.kind] += 1
                if entry.time < latest:
                    defects.add(f"entry {seq}", "its time is before that of an earlier entry")
                latest = max(latest, entry.time)
            yield data


def bundle_at(read: tile.Read, first: int, size: int) -> list[bytes] | str:
    """The published entries from a bundle's first on, in a tree of that size, or what is wrong with the bundle."""
    wanted = min(tile.WIDTH, size - first)
    try:
        data = tile.fetch(read, tile.ENTRIES, first // tile.WIDTH, wanted)
        entries = None if data is None else tile.unpack_bundle(data)
    except Damaged as error:
        return error.message
    if entries is None:
        return "it is missing"
    return entries if len(entries) == wanted else f"it holds {len(entries)} entries instead of {wanted}"


def _entry(seq: int, data: bytes, defects: Defects) -> Entry | None:
    try:
        return unpack(data)
    except Damaged as error:
        defects.add(f"entry {seq}", error.message)
        return None


def _check_growth(read: tile.Read, head: Checkpoint, key: VerifierKey, earlier: str | None, defects: Defects) -> None:
    """That the tree which was signed earlier is the beginning of this one."""
    if earlier is None:
        return
    try:
        before = checkpoints.verify(earlier, key)
    except Damaged as error:
        defects.add("earlier checkpoint", error.message)
        return
    if before.size > head.size:
        defects.add(tile.CHECKPOINT, f"it was rolled back: {before.size} entries were signed before, now {head.size}")
        return
    try:
        perfect = tile.subtrees(read, head.size)
        path = tree.consistency_path(before.size, head.size, perfect)
    except Damaged as error:
        defects.add("tile", error.message)
        return
    if not tree.consistent(before.size, head.size, before.root, head.root, path):
        defects.add(tile.CHECKPOINT, "it is of another tree than the one that was signed before")


def _check_leftovers(published: Published, size: int, defects: Defects) -> None:
    """Older partial files must be beginnings of what stands there now, and nothing else may lie among the tiles."""
    for path in published.paths():
        named = tile.place(path)
        if named is None:
            defects.add(path, "it is no file of a log")
            continue
        wanted = tile.width(named.level, named.number, size)
        if named.width >= wanted:  # checked above, or written for a checkpoint that was not signed yet
            continue
        data, whole = published.read(path), tile.fetch(published.read, named.level, named.number, wanted)
        if data is not None and whole is not None and data != _prefix(named, whole):
            defects.add(path, "it is not the beginning of the wider one")


def _prefix(named: tile.Place, whole: bytes) -> bytes | None:
    try:
        return tile.prefix(named.level, whole, named.width)
    except Damaged:
        return None


@dataclass
class _Tally:
    """What the pass over the segments adds up."""

    size: int = 0
    opened: int = 0
    latest: int = 0
    blank: int = 0
    loose: int = 0
    stated: Totals = field(default_factory=Totals)
    kinds: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))


def whole_log(
    batches: Iterable[Batch | Defect],
    published: Published,
    key: VerifierKey,
    secret: bytes,
    keys: Keys,
    signed: str | None,
    earlier: str | None = None,
) -> Report:
    """Verify both halves. `signed` is the last note that the log signed, kept apart from the published one.

    `batches` are the segments from the beginning, a defect in the place of a batch that cannot be read.
    """
    shown = published.read(tile.CHECKPOINT)
    unpublished = signed is None and shown is None and earlier is None
    public = None if unpublished else published_half(published, key, earlier)
    defects = Defects(list(public.defects) if public else [], public.defect_count if public else 0)
    end = public.published if public else 0
    if shown is not None and (signed is None or shown != signed.encode()):
        defects.add(tile.CHECKPOINT, "it is not the checkpoint that this log signed last")
    tally = _Tally()
    for batch in batches:
        if isinstance(batch, Defect):
            defects.add(batch.where, batch.what)
            continue
        _compare_published(batch, published.read, end, defects)
        _open_batch(batch, secret, keys, tally, defects)
    if tally.size < end:
        defects.add("segments", f"they hold {tally.size} entries, {end} were published")
    if (tally.blank, tally.loose) != tally.stated:
        defects.add("segments", _totals_differ(tally))
    root = public.root if public else tree.EMPTY.hex()
    return Report(
        key.name,
        end,
        root,
        tally.size,
        _by_word(tally.kinds),
        tally.opened,
        tally.blank,
        tuple(defects.listed[:MAX_DEFECTS]),
        defects.count,
    )


def _by_word(kinds: Mapping[Kind, int]) -> dict[str, int]:
    return {kind.name.lower(): count for kind, count in kinds.items()}


def _totals_differ(tally: _Tally) -> str:
    return (
        f"{tally.blank} records are blank and {tally.loose} have lost their granting person; "
        f"the erasures in the log account for {tally.stated.blanked} and {tally.stated.loosened}"
    )


def _compare_published(batch: Batch, read: tile.Read, end: int, defects: Defects) -> None:
    """That the batch's entries are those of the published bundles."""
    last = min(batch.first + len(batch.entries), end)
    for first in range(batch.first - batch.first % tile.WIDTH, last, tile.WIDTH):
        bundle = bundle_at(read, first, end)
        if isinstance(bundle, str):  # named already by the pass over the published half
            continue
        for seq in range(max(first, batch.first), min(first + tile.WIDTH, last)):
            if bundle[seq - first] != batch.entries[seq - batch.first]:
                defects.add(f"entry {seq}", "the segment holds another entry than the published bundle")


def _open_batch(batch: Batch, secret: bytes, keys: Keys, tally: _Tally, defects: Defects) -> None:
    if batch.first != tally.size:
        defects.add("segments", f"entries {tally.size} to {batch.first} are missing")
    tally.size = batch.first + len(batch.entries)
    numbers = {PersonNumber(n) for n in (*batch.persons, *batch.throughs) if n != NOBODY}
    held = keys(sorted(numbers)) if numbers else {}
    for place, data in enumerate(batch.entries):
        seq = batch.first + place
        entry = _entry(seq, data, defects)
        if entry is None:
            continue
        tally.kinds[entry.kind] += 1
        if entry.time < tally.latest:
            defects.add(f"entry {seq}", "its time is before that of an earlier entry")
        tally.latest = max(tally.latest, entry.time)
        person, through, record = batch.persons[place], batch.throughs[place], batch.records[place]
        what = (
            _open_disclosure(seq, entry, person, through, record, held, tally)
            if entry.kind is Kind.DISCLOSURE
            else _open_other(seq, entry, record, secret, tally)
        )
        if what:
            defects.add(f"entry {seq}", what)


def _open_other(seq: int, entry: Entry, record: bytes, secret: bytes, tally: _Tally) -> str | None:
    """Why the record of an act or erasure does not hold."""
    what = records.opening(entry.kind, entry.app, entry.commitment, records.salt(secret, seq), record)
    if what is None:
        tally.opened += 1
        if entry.kind is Kind.ERASURE:
            tally.stated = records.totals(record)
    return what


def _open_disclosure(
    seq: int,
    entry: Entry,
    person: int,
    through: int,
    record: bytes,
    keys: Mapping[PersonNumber, bytes],
    tally: _Tally,
) -> str | None:
    """Why the record of a disclosure does not hold."""
    if not record:
        tally.blank += 1
        return None if person == through == NOBODY else "its record is blank, but it still names a person"
    key = keys.get(PersonNumber(person))
    if key is None:
        return "its person has no key, so it cannot be opened; an erasure was not finished, or keys were lost"
    what = records.opening(entry.kind, entry.app, entry.commitment, records.salt(key, seq), record)
    if what is None:
        tally.opened += 1
        what = _people(seq, person, through, record, keys, tally)
    return what


def _people(
    seq: int, person: int, through: int, record: bytes, keys: Mapping[PersonNumber, bytes], tally: _Tally
) -> str | None:
    """Why the numbers beside a record are not the people whom it means."""
    content = records.read(Kind.DISCLOSURE, record)
    if content.get("person") != person:
        return "its record is of another person than the index beside it says"
    said = content.get("through")
    if said == records.SELF:
        return None if through == person else "its record is direct, the index beside it is not"
    if through == NOBODY:
        tally.loose += 1
        return None
    key = keys.get(PersonNumber(through))
    if key is None:
        return "its granting person has no key; an erasure was not finished, or keys were lost"
    return None if records.through_digest(key, seq, through) == said else "its record is through another person"
