"""Single stores into a mapped table: how a row gets into a file that others are reading.

Each row is one word that changes, or passes through a shape that says "read again". A counter moves before and after,
so that whoever read in between notices. What does not fit raises Full before anything was stored; the file is then
made anew.
"""

import zlib
from dataclasses import replace

from beholden.gate.rows import DIGEST_BYTES as WIDTH
from beholden.gate.rows import AppRow, PairRow, PersonRow, Shape, digest_of, end_seconds, seconds, shape_of
from beholden.gate.table.assemble import Known
from beholden.gate.table.layout import (
    ALL_OFF,
    DIRECTORY,
    EXISTS,
    HAS_OVERLAY,
    IN_FLUX,
    INDIRECT_SAID,
    INDIRECT_YES,
    MOST_PEOPLE,
    PAGE,
    SET_SHIFT,
    Cell,
    Section,
    cells_sum,
)
from beholden.gate.table.records import (
    app_word,
    read_app,
    read_policy,
    read_set,
    read_shape,
    write_app,
    write_policy,
    write_set,
    write_shape,
)
from beholden.gate.table.view import TableView, id_place, overlay_key, overlay_place
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.policy import Policy

Row = PersonRow | PairRow | AppRow | Policy
_WIDEST_NTH = 255


class FullError(Exception):
    """The file has no place for this; `people` is the number that found none, if it was one."""

    def __init__(self, what: str, people: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.people = people


class Stores:
    """The writer's view of one file, with the numbers of its shapes, sets and apps at hand."""

    def __init__(self, view: TableView, secret: bytes) -> None:
        self.view = view
        self._secret = secret
        self._dirty: set[int] = set()
        log, cells = view.log, view.cells
        self._shapes = {
            read_shape(log, view.shapes[n]): n for n in range(cells[Cell.SHAPES] - 1, -1, -1) if n != IN_FLUX
        }
        self._sets = {read_set(log, view.sets[n]): n for n in range(cells[Cell.SETS])}
        self._apps = [read_app(log, view.apps[n]) for n in range(cells[Cell.APPS])]
        self._places = {_number(row): place for place, row in enumerate(self._apps)}
        self.policy = read_policy(log, cells[Cell.POLICY])

    def known(self) -> Known:
        """The few of this file, as they stand."""
        shapes = [Shape()] * self.view.cells[Cell.SHAPES]
        for shape, number in self._shapes.items():
            shapes[number] = shape
        sets = sorted(self._sets, key=lambda one: self._sets[one])
        return Known(list(self._apps), self.policy, shapes, sets)

    def filling(self) -> float:
        """How full the fullest part is that fills as the file is used."""
        cells, sizes = self.view.cells, self.view.sizes
        return max(cells[Cell.OVERLAY_USED] / (0.75 * sizes.overlay), cells[Cell.LOG_USED] / sizes.log)

    def put(self, row: Row) -> None:
        """Store a row, if it says anything new."""
        if isinstance(row, PairRow):
            self._put_pair(row)
        elif isinstance(row, PersonRow):
            self._put_person(row)
        elif isinstance(row, AppRow):
            self._put_app(row)
        else:
            self._put_policy(row)

    @property
    def settled(self) -> bool:
        """Whether the checksums are those of what was stored."""
        return not self._dirty

    def settle(self) -> None:
        """Make the checksums right again; before that, the file does not verify."""
        sums = self.view.section(Section.SUMS).cast("I")
        for page in self._dirty:
            sums[page - 1] = zlib.crc32(self.view.buffer[page * PAGE : (page + 1) * PAGE])
        self._dirty.clear()
        self.view.cells[Cell.SUM] = cells_sum(self.view.cells)

    def _put_person(self, row: PersonRow) -> None:
        number, view = self._place_for(row.number), self.view
        flags = view.flags[number]
        wanted = flags & HAS_OVERLAY
        if not row.erased:
            wanted |= EXISTS | self._set(row.clusters_off) << SET_SHIFT
            wanted |= row.all_off * ALL_OFF | (row.indirect is not None) * INDIRECT_SAID
            wanted |= bool(row.indirect) * INDIRECT_YES
        digest = bytes(WIDTH) if row.erased else digest_of(self._secret, row.outside_id)
        if view.digest[WIDTH * number : WIDTH * (number + 1)] != digest:
            self._put_digest(number, digest)
        if wanted != view.flags[number]:
            self._moved()
            view.flags[number] = wanted
            self._moved()
            self._touch(Section.FLAGS, 4 * number)

    def _put_digest(self, number: int, digest: bytes) -> None:
        """A new outside id, or none any more; nobody finds the person while it is stored."""
        view, sizes = self.view, self.view.sizes
        at, free = id_place(digest, sizes.ids), False
        if any(digest):
            while view.ids[at] not in (0, number):
                at = (at + 1) % sizes.ids
            free = not view.ids[at]
            if free and (view.cells[Cell.IDS_USED] + 1) * 10 > 9 * sizes.ids:
                raise FullError("ids")
        self._moved()
        view.flags[number] &= ~EXISTS
        view.digest[WIDTH * number : WIDTH * (number + 1)] = digest
        if free:
            view.ids[at] = number
            view.cells[Cell.IDS_USED] += 1
            self._touch(Section.IDS, 4 * at)
        self._moved()
        self._touch(Section.FLAGS, 4 * number)
        self._touch(Section.DIGEST, WIDTH * number, WIDTH)

    def _put_pair(self, row: PairRow) -> None:
        number, place = self._place_for(row.person), self._app_place(row.app)
        shape = self._shape(shape_of(row))
        ends, used = end_seconds(row.grant.ends_at if row.grant else None), seconds(row.last_use)
        view = self.view
        if view.flags[number] & HAS_OVERLAY:
            at = view.overlay_index(number, place)
            if at >= 0:
                self._overlay_pair(at, shape, ends, used, row.nth)
                return
        at = view.column_place(number, place)
        if at >= 0 and row.nth <= _WIDEST_NTH:
            self._column_pair(at, shape, ends, used, row.nth)
        elif at >= 0 or (shape, ends, used, row.nth) != (0, 0, 0, 0):
            self._new_pair(number, place, (shape, ends, used, row.nth))

    def _column_pair(self, at: int, shape: int, ends: int, used: int, nth: int) -> None:
        view = self.view
        if (view.shape[at], view.ends[at], view.used[at], view.nth[at]) == (shape, ends, used, nth):
            return
        if (view.ends[at], view.nth[at]) == (ends, nth) and (view.shape[at] == shape or view.used[at] == used):
            self._moved()
            view.used[at] = used
            view.shape[at] = shape
            self._moved()
        else:
            self._moved()
            view.shape[at] = IN_FLUX
            self._moved()
            view.ends[at], view.used[at], view.nth[at] = ends, used, nth
            self._moved()
            view.shape[at] = shape
            self._moved()
        for section, width in ((Section.SHAPE, 2), (Section.ENDS, 4), (Section.USED, 4), (Section.NTH, 1)):
            self._touch(section, width * at)

    def _overlay_pair(self, at: int, shape: int, ends: int, used: int, nth: int) -> None:
        overlay, at = self.view.overlay, 4 * at
        if tuple(overlay[at : at + 4]) == (shape, ends, used, nth):
            return
        if (overlay[at + 1], overlay[at + 3]) == (ends, nth) and (overlay[at] == shape or overlay[at + 2] == used):
            self._moved()
            overlay[at + 2] = used
            overlay[at] = shape
            self._moved()
        else:
            self._moved()
            overlay[at] = IN_FLUX
            self._moved()
            overlay[at + 1], overlay[at + 2], overlay[at + 3] = ends, used, nth
            self._moved()
            overlay[at] = shape
            self._moved()
        self._touch(Section.OVERLAY, 4 * at, 16)

    def _new_pair(self, number: int, place: int, values: tuple[int, int, int, int]) -> None:
        """A pair that the columns do not have: its values first, then its key, then the person's word for it."""
        view, sizes = self.view, self.view.sizes
        if (view.cells[Cell.OVERLAY_USED] + 1) * 4 > 3 * sizes.overlay:
            raise FullError("new pairs")
        key = overlay_key(number, place)
        at = overlay_place(key, sizes.overlay)
        while view.overlay_key[at]:
            at = (at + 1) & (sizes.overlay - 1)
        self._moved()
        for n, value in enumerate(values):
            view.overlay[4 * at + n] = value
        view.overlay_key[at] = key
        view.cells[Cell.OVERLAY_USED] += 1
        view.flags[number] |= HAS_OVERLAY
        self._moved()
        self._touch(Section.OVERLAY, 16 * at, 16)
        self._touch(Section.OVERLAY_KEY, 8 * at)
        self._touch(Section.FLAGS, 4 * number)

    def _put_app(self, row: AppRow) -> None:
        place = self._places.get(row.facts.number)
        if place is None:
            self._new_app(row)
            return
        told = self._apps[place]
        if told == row:
            return
        word = self.view.apps[place]
        same = isinstance(told, AppRow) and write_app(told) == write_app(row)
        at = word & 0xFFFF_FFFF if same else self._append(write_app(row))
        self._moved()
        self.view.apps[place] = app_word(at, row.facts)  # one word: a ban is one store
        self._moved()
        self._touch(Section.APPS, 8 * place)
        self._apps[place] = row

    def _new_app(self, row: AppRow | AppNumber) -> int:
        place = len(self._apps)
        if place >= DIRECTORY:
            raise FullError("apps")
        word = app_word(self._append(write_app(row)), row.facts if isinstance(row, AppRow) else None)
        self._moved()
        self.view.apps[place] = word
        self.view.cells[Cell.APPS] = place + 1
        self._moved()
        self._touch(Section.APPS, 8 * place)
        self._apps.append(row)
        self._places[_number(row)] = place
        return place

    def _put_policy(self, policy: Policy) -> None:
        if policy == self.policy:
            return
        at = self._append(write_policy(policy))
        self._moved()
        self.view.cells[Cell.POLICY] = at
        self._moved()
        self.policy = replace(policy)

    def _place_for(self, number: PersonNumber) -> int:
        if not 0 < number < MOST_PEOPLE:
            raise BadInput(f"The person number {number} has no place in a table.", f"Use 1 to {MOST_PEOPLE - 1}.")
        if number >= self.view.sizes.people:
            raise FullError("people", number)
        return number

    def _app_place(self, number: AppNumber) -> int:
        place = self._places.get(number)
        return self._new_app(number) if place is None else place

    def _shape(self, shape: Shape) -> int:
        number = self._shapes.get(shape)
        if number is None:
            number = self._listed(Section.SHAPES, Cell.SHAPES, write_shape(shape), "different terms of grants")
            self._shapes[shape] = number
        return number

    def _set(self, clusters: frozenset[str]) -> int:
        number = self._sets.get(clusters)
        if number is None:
            number = self._listed(Section.SETS, Cell.SETS, write_set(clusters), "different choices of clusters")
            self._sets[clusters] = number
        return number

    def _listed(self, section: Section, count: Cell, record: bytes, what: str) -> int:
        """Give a record the next number of its directory."""
        number = self.view.cells[count]
        if number >= DIRECTORY:
            raise FullError(what)
        places = self.view.shapes if section is Section.SHAPES else self.view.sets
        places[number] = self._append(record)
        self.view.cells[count] = number + 1
        self._touch(section, 4 * number)
        return number

    def _append(self, record: bytes) -> int:
        at = self.view.cells[Cell.LOG_USED]
        if at + len(record) > self.view.sizes.log:
            raise FullError("records")
        self.view.log[at : at + len(record)] = record
        self.view.cells[Cell.LOG_USED] = at + len(record)
        self._touch(Section.LOG, at, len(record))
        return at

    def _moved(self) -> None:
        self.view.cells[Cell.SEQUENCE] += 1

    def _touch(self, section: Section, at: int, length: int = 1) -> None:
        began = self.view.layout.places[section][0] + at
        self._dirty.update(range(began // PAGE, (began + length - 1) // PAGE + 1))


def _number(row: AppRow | AppNumber) -> AppNumber:
    return row.facts.number if isinstance(row, AppRow) else row
