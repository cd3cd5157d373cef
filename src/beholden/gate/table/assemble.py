"""A file's contents: from columns where it is built from the store, from an older file where it is compacted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from beholden.gate.rows import DIGEST_BYTES, AppRow, PairColumns, PeopleColumns, Shape
from beholden.gate.table.layout import (
    ALL_OFF,
    DIRECTORY,
    EXISTS,
    HAS_OVERLAY,
    IN_FLUX,
    INDIRECT_SAID,
    INDIRECT_YES,
    MOST_PEOPLE,
    SET_SHIFT,
    Cell,
    Section,
    Sizes,
)
from beholden.gate.table.records import FIRST, app_word, write_app, write_policy, write_set, write_shape
from beholden.gate.table.view import TableView, overlay_place
from beholden.model.errors import BadInput, Unavailable
from beholden.model.ids import AppNumber
from beholden.model.policy import Policy

PEOPLE_SLACK = 65_536
OVERLAY_LEAST = 65_536
LOG_SLACK = 1 << 20
_WIDEST_NTH = 255
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file is written from: its sections, as far as they are not zeros, and its cells."""

    sizes: Sizes
    arrays: Mapping[Section, Array]
    cells: Mapping[Cell, int]


@dataclass
class Log:
    """The log of a file that is being made, and the directories into it."""

    parts: list[bytes] = field(default_factory=lambda: [bytes(FIRST)])
    used: int = FIRST
    shapes: dict[Shape, int] = field(default_factory=dict)
    shape_places: list[int] = field(default_factory=list)
    sets: dict[frozenset[str], int] = field(default_factory=dict)
    set_places: list[int] = field(default_factory=list)
    apps: dict[AppNumber, int] = field(default_factory=dict)
    app_words: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape(Shape())
        self.shape_places.append(0)  # IN_FLUX has no record
        self.set(frozenset())

    def add(self, record: bytes) -> int:
        """Append a record; its place."""
        at = self.used
        self.parts.append(record)
        self.used += len(record)
        return at

    def shape(self, shape: Shape) -> int:
        """The number of a shape, with its record where it is new."""
        number = self.shapes.get(shape)
        if number is None:
            number = self.shapes[shape] = len(self.shape_places)
            refuse_more(number, "different terms of grants")
            self.shape_places.append(self.add(write_shape(shape)))
        return number

    def set(self, clusters: frozenset[str]) -> int:
        """The number of a set of clusters, with its record where it is new."""
        number = self.sets.get(clusters)
        if number is None:
            number = self.sets[clusters] = len(self.set_places)
            refuse_more(number, "different choices of clusters")
            self.set_places.append(self.add(write_set(clusters)))
        return number

    def app(self, row: AppRow | AppNumber) -> int:
        """The place of an app, with its record where it is new."""
        number = row.facts.number if isinstance(row, AppRow) else row
        place = self.apps.get(number)
        if place is None:
            place = self.apps[number] = len(self.app_words)
            refuse_more(place, "apps")
            facts = row.facts if isinstance(row, AppRow) else None
            self.app_words.append(app_word(self.add(write_app(row)), facts))
        return place


def refuse_more(number: int, what: str) -> None:
    """Refuse a number that 16 bits do not hold."""
    if number >= DIRECTORY:
        raise Unavailable(
            f"The decision table cannot hold more than {DIRECTORY - 2} {what}.", "Let the gate read the store instead."
        )


def from_columns(
    people: Iterable[PeopleColumns], pairs: Iterable[PairColumns], apps: Iterable[AppRow], policy: Policy, epoch: int
) -> Contents:
    """Contents from the store's columns. A pair that comes twice, or a person, is a mistake of the caller."""
    log = Log()
    policy_at = log.add(write_policy(policy))
    for row in apps:
        log.app(row)
    numbers, digests, flags = _people(people, log)
    person, columns, nth = _pairs(pairs, log)
    most = max(int(numbers[-1]) if len(numbers) else 0, int(person[-1]) if len(person) else 0)
    room = most + 1 + PEOPLE_SLACK
    all_flags, all_digests = np.zeros(room, np.uint32), np.zeros((room, DIGEST_BYTES), np.uint8)
    all_flags[numbers], all_digests[numbers] = flags, digests
    start = np.zeros(room + 1, np.uint32)
    np.cumsum(np.bincount(person, minlength=room), out=start[1:])
    wide = np.flatnonzero(nth > _WIDEST_NTH)
    entries = np.empty((len(wide), 4), np.uint32)
    entries[:, 0], entries[:, 3] = columns[Section.SHAPE][wide], nth[wide]
    entries[:, 1], entries[:, 2] = columns[Section.ENDS][wide], columns[Section.USED][wide]
    keys = person[wide].astype(np.uint64) << np.uint64(16) | columns[Section.APP][wide].astype(np.uint64)
    all_flags[person[wide]] |= HAS_OVERLAY
    columns[Section.NTH] = np.minimum(nth, _WIDEST_NTH).astype(np.uint8)
    arrays: dict[Section, Array] = {
        Section.START: start,
        Section.FLAGS: all_flags,
        Section.DIGEST: all_digests,
        **columns,
    }
    return _contents(log, arrays, (keys, entries), {Cell.EPOCH: epoch, Cell.POLICY: policy_at})


@dataclass(frozen=True, slots=True)
class Known:
    """The few of a file, each list in the order of its numbers there. The shape in flux is listed as an empty one."""

    apps: Sequence[AppRow | AppNumber]
    policy: Policy
    shapes: Sequence[Shape]
    sets: Sequence[frozenset[str]]


def from_view(view: TableView, known: Known, people: int = 0) -> Contents:
    """Contents of a compacted file: the overlay goes into the columns, and what nobody uses any more stays behind.

    `people` is a number that must have a place.
    The file may change meanwhile; whoever compacts stores every row once more that was stored since this began.
    """
    log = Log()
    policy_at = log.add(write_policy(known.policy))
    for row in known.apps:  # in the order of their places, which the columns keep
        log.app(row)
    start, person, columns, wide = _merged(view)
    renumbered = _renumber(log, columns[Section.SHAPE], wide[1][:, 0], known.shapes)
    columns[Section.SHAPE], wide[1][:, 0] = renumbered[columns[Section.SHAPE]], renumbered[wide[1][:, 0]]
    room = view.sizes.people
    present = np.array(np.frombuffer(view.flags, np.uint32))  # once: people come and go while this looks
    there = np.flatnonzero(present)
    most = max(int(there[-1]) if len(there) else 0, int(person[-1]) if len(person) else 0)
    grown = max(room, max(most, people) + 1 + PEOPLE_SLACK)
    flags, digests = np.zeros(grown, np.uint32), np.zeros((grown, DIGEST_BYTES), np.uint8)
    flags[:room] = _renumber_sets(log, present & ~np.uint32(HAS_OVERLAY), known.sets)
    digests[:room] = np.frombuffer(view.digest, np.uint8).reshape(-1, DIGEST_BYTES)
    digests[flags & EXISTS == 0] = 0  # an erased person leaves no trace
    flags[(wide[0] >> np.uint64(16)).astype(np.int64)] |= HAS_OVERLAY
    all_start = np.full(grown + 1, start[-1], np.uint32)
    all_start[: room + 1] = start
    arrays: dict[Section, Array] = {Section.START: all_start, Section.FLAGS: flags, Section.DIGEST: digests, **columns}
    return _contents(log, arrays, wide, {Cell.EPOCH: view.cells[Cell.EPOCH], Cell.POLICY: policy_at})


def _people(chunks: Iterable[PeopleColumns], log: Log) -> tuple[npt.NDArray[np.uint32], Array, Array]:
    """Numbers in ascending order, with digests and flags beside them."""
    numbers, digests, flags = (
        [np.zeros(0, np.uint32)],
        [np.zeros((0, DIGEST_BYTES), np.uint8)],
        [np.zeros(0, np.uint32)],
    )
    for chunk in chunks:
        sets = np.array([log.set(clusters) for clusters in chunk.sets] or [0], np.uint32)
        word = np.full(len(chunk.number), EXISTS, np.uint32)
        word |= chunk.all_off.astype(np.uint32) * ALL_OFF
        word |= (chunk.indirect > 0).astype(np.uint32) * INDIRECT_SAID
        word |= (chunk.indirect > 1).astype(np.uint32) * INDIRECT_YES
        word |= sets[chunk.off] << SET_SHIFT
        numbers.append(chunk.number)
        digests.append(chunk.digest)
        flags.append(word)
    number, digest, flag = np.concatenate(numbers), np.concatenate(digests), np.concatenate(flags)
    if np.any(number[1:] <= number[:-1]):
        order = np.argsort(number)
        number, digest, flag = number[order], digest[order], flag[order]
    if np.any(number[1:] == number[:-1]):
        raise BadInput("A person stands twice among the columns.", "Name each once.")
    if len(number) and (number[0] == 0 or number[-1] >= MOST_PEOPLE):
        raise BadInput("A person's number is 0 or too large for the table.", f"Use 1 to {MOST_PEOPLE - 1}.")
    return number, digest, flag


def _pairs(
    chunks: Iterable[PairColumns], log: Log
) -> tuple[npt.NDArray[np.uint32], dict[Section, Array], npt.NDArray[np.uint32]]:
    """The columns in the order of person and app, with the persons and the wide `nth` beside them."""
    kinds = {"person": np.uint32, "app": np.uint16, "shape": np.uint16, "ends": np.uint32, "used": np.uint32}
    kinds["nth"] = np.uint32
    parts: dict[str, list[Array]] = {name: [np.zeros(0, kind)] for name, kind in kinds.items()}
    for chunk in chunks:
        found, back = np.unique(chunk.app, return_inverse=True)
        places = np.array([log.app(AppNumber(int(number))) for number in found], np.uint16)
        shapes = np.array([log.shape(shape) for shape in chunk.shapes] or [0], np.uint16)
        ready = {"app": places[back] if len(found) else chunk.app.astype(np.uint16), "shape": shapes[chunk.shape]}
        for name, kind in kinds.items():
            parts[name].append(ready.get(name, getattr(chunk, name)).astype(kind, copy=False))
    joined = {}
    for name in kinds:
        joined[name] = np.concatenate(parts.pop(name))
    key = joined["person"].astype(np.uint64) << np.uint64(16) | joined["app"].astype(np.uint64)
    if np.any(key[1:] <= key[:-1]):
        order = np.argsort(key)
        key = key[order]
        joined = {name: column[order] for name, column in joined.items()}
    if np.any(key[1:] == key[:-1]):
        raise BadInput("A pair stands twice among the columns.", "Name each once.")
    if len(key) and (joined["person"][0] == 0 or joined["person"][-1] >= MOST_PEOPLE):
        raise BadInput("A person's number is 0 or too large for the table.", f"Use 1 to {MOST_PEOPLE - 1}.")
    sections = {"app": Section.APP, "shape": Section.SHAPE, "ends": Section.ENDS, "used": Section.USED}
    return joined["person"], {section: joined[name] for name, section in sections.items()}, joined["nth"]


def _merged(view: TableView) -> tuple[Array, Array, dict[Section, Array], tuple[Array, Array]]:
    """Columns with the overlay merged in: `start`, the persons, the columns, and what stays in the overlay."""
    start = np.frombuffer(view.start, np.uint32)
    person = np.repeat(np.arange(view.sizes.people, dtype=np.uint32), np.diff(start))
    key = person.astype(np.uint64) << np.uint64(16) | np.frombuffer(view.app, np.uint16)
    over_key = np.array(np.frombuffer(view.overlay_key, np.uint64))
    entry = np.array(np.frombuffer(view.overlay, np.uint32)).reshape(-1, 4)
    there = np.flatnonzero(over_key)
    there = there[np.argsort(over_key[there])]
    over_key, entry = over_key[there], entry[there]
    at = np.searchsorted(key, over_key)
    same = np.zeros(len(at), np.bool_)
    inside = at < len(key)
    same[inside] = key[at[inside]] == over_key[inside]
    del key
    kinds: dict[Section, tuple[Array, Array]] = {
        Section.APP: (np.frombuffer(view.app, np.uint16), over_key & np.uint64(0xFFFF)),
        Section.SHAPE: (np.frombuffer(view.shape, np.uint16), entry[:, 0]),
        Section.ENDS: (np.frombuffer(view.ends, np.uint32), entry[:, 1]),
        Section.USED: (np.frombuffer(view.used, np.uint32), entry[:, 2]),
        Section.NTH: (np.frombuffer(view.nth, np.uint8), np.minimum(entry[:, 3], _WIDEST_NTH)),
    }
    columns: dict[Section, Array] = {}
    for section, (old, new) in kinds.items():
        kept = np.array(old)
        kept[at[same]] = new[same].astype(old.dtype)
        columns[section] = np.insert(kept, at[~same], new[~same].astype(old.dtype))
    new_person = (over_key[~same] >> np.uint64(16)).astype(np.uint32)
    person = np.insert(person, at[~same], new_person)
    counts = np.diff(start).astype(np.int64) + np.bincount(new_person, minlength=view.sizes.people)
    wide = entry[:, 3] > _WIDEST_NTH
    started = np.concatenate([np.zeros(1, np.uint32), np.cumsum(counts).astype(np.uint32)])
    return started, person, columns, (over_key[wide], entry[wide])


def _renumber(log: Log, used: Array, also: Array, shapes: Sequence[Shape]) -> npt.NDArray[np.uint16]:
    """Old shape numbers to new ones; only shapes that are used go over. A pair in flux is stored again anyway."""
    counted = np.bincount(used, minlength=DIRECTORY) + np.bincount(also, minlength=DIRECTORY)
    renumbered = np.zeros(DIRECTORY, np.uint16)
    for number in np.flatnonzero(counted).tolist():
        if number != IN_FLUX and number < len(shapes):  # a later one belongs to a row that is stored again
            renumbered[number] = log.shape(shapes[number])
    renumbered[IN_FLUX] = IN_FLUX
    return renumbered


def _renumber_sets(log: Log, flags: npt.NDArray[np.uint32], sets: Sequence[frozenset[str]]) -> Array:
    """Flags with the numbers that the sets of clusters have in the new file."""
    renumbered = np.zeros(DIRECTORY, np.uint32)
    for number in np.unique(flags >> np.uint32(SET_SHIFT)).tolist():
        if number < len(sets):
            renumbered[number] = log.set(sets[number])
    low: Array = flags & np.uint32((1 << SET_SHIFT) - 1)
    low |= renumbered[flags >> np.uint32(SET_SHIFT)] << np.uint32(SET_SHIFT)
    return low


def _contents(
    log: Log, arrays: dict[Section, Array], overlay: tuple[Array, Array], cells: Mapping[Cell, int]
) -> Contents:
    """The rest of a file beside its columns."""
    keys, entries = overlay
    room = power_of_two(max(OVERLAY_LEAST, 4 * len(keys)))
    flags = arrays[Section.FLAGS]
    there = np.flatnonzero(flags & np.uint32(EXISTS))
    ids = hashed_ids(arrays[Section.DIGEST], there, int((len(there) + PEOPLE_SLACK) * 1.4) + 1)
    over_keys, over = np.zeros(room, np.uint64), np.zeros((room, 4), np.uint32)
    for key, entry in zip(keys.tolist(), entries, strict=True):
        at = overlay_place(key, room)
        while over_keys[at]:
            at = (at + 1) & (room - 1)
        over_keys[at], over[at] = key, entry
    arrays |= {Section.IDS: ids, Section.OVERLAY_KEY: over_keys, Section.OVERLAY: over}
    arrays[Section.SHAPES] = np.array(log.shape_places, np.uint32)
    arrays[Section.SETS] = np.array(log.set_places, np.uint32)
    arrays[Section.APPS] = np.array(log.app_words, np.uint64)
    arrays[Section.LOG] = np.frombuffer(b"".join(log.parts), np.uint8)
    counts = {
        Cell.SHAPES: len(log.shape_places),
        Cell.SETS: len(log.set_places),
        Cell.APPS: len(log.app_words),
        Cell.LOG_USED: log.used,
        Cell.OVERLAY_USED: len(keys),
        Cell.IDS_USED: len(there),
    }
    log_room = -(-(2 * log.used + LOG_SLACK) // 8) * 8
    sizes = Sizes(len(flags), len(arrays[Section.APP]), len(ids), room, log_room)
    return Contents(sizes, arrays, {**cells, **counts})


def power_of_two(least: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << (least - 1).bit_length()


def hashed_ids(digests: Array, numbers: npt.NDArray[np.int64], places: int) -> npt.NDArray[np.uint32]:
    """Open addressing from digests to people, all at once: in each turn everyone still waiting tries the next place."""
    ids = np.zeros(places, np.uint32)
    words = np.ascontiguousarray(digests[numbers][:, :8]).view(np.uint64).reshape(-1)
    at = (words % np.uint64(places)).astype(np.int64)
    waiting = numbers
    while len(waiting):
        free = ids[at] == 0
        ids[at[free]] = waiting[free]  # where two want one place, the last of them has it
        lost = ids[at] != waiting
        waiting, at = waiting[lost], (at[lost] + 1) % places
    return ids
