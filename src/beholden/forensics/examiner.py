"""One piece of evidence after the other: recognise it, open it, search it, account for its bytes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime

from beholden.forensics.beside import NOTHING, Beside, once
from beholden.forensics.containers import HEAD, PACKED, VOLUMES, Form, Limits, Stop, form_of, recognise, shown
from beholden.forensics.coverage import Coverage, Reason
from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.databases import DATABASES, Databases, Opened
from beholden.forensics.entropy import BLOCK, is_opaque
from beholden.forensics.kernel.found import Tested
from beholden.forensics.match import Match, match_rows, match_text
from beholden.forensics.needles import Needles
from beholden.forensics.ports import Entry, Open, Unlisted, Unpacked
from beholden.forensics.readings.reading import Allowance
from beholden.forensics.readings.tree import allowance
from beholden.forensics.region import Ranges, Region, State, first, shared
from beholden.forensics.rows import AT_ONCE, Line, rows, together, weight
from beholden.forensics.source import Held, Part, Source, chunks
from beholden.forensics.spot import Spot, whole
from beholden.forensics.tally import Site, Tally
from beholden.forensics.text import count_of
from beholden.model.errors import BadInput

CHUNK = 4 << 20
MARGIN = 8192
"""Bytes read again on both sides of a chunk, so that nothing is cut and every record is whole, encoded thrice too;
even, for UTF-16."""
SMALLEST_BLOB = 256
LOGS = ("-wal", "-journal")

REMAINS = frozenset({Region.STRUCTURE, Region.SLACK})
"""Bytes that are left when a disk or file system has been opened; its first ones would have it opened once more."""

_STOPS = {
    Stop.ENCRYPTED: Reason.ENCRYPTED,
    Stop.CORRUPT: Reason.CORRUPT,
    Stop.METHOD: Reason.METHOD,
    Stop.RATIO: Reason.BOMB,
    Stop.TOO_LARGE: Reason.TOO_LARGE,
    Stop.TOTAL: Reason.TOO_LARGE,
    Stop.ELSEWHERE: Reason.CUT_OFF,
    Stop.NOT_INSTALLED: Reason.FORMAT,
    Stop.NOT_DECODED: Reason.FORMAT,
    Stop.CRASHED: Reason.CRASHED,
    Stop.MEMORY: Reason.MEMORY,
    Stop.TIME: Reason.TIME,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source comes from: its exhibit, and the way into it.

    `covers` is what the source takes of its container. `modified` is when that says that it was written last.
    """

    exhibit: int
    path: str
    depth: int = 0
    region: Region = Region.FILE
    covers: Ranges = ()
    modified: datetime | None = None

    def inner(self, name: str, region: Region = Region.MEMBER) -> "Place":
        """A member of a container. What lies in something deleted is deleted."""
        region = self.region if self.region.state is State.DELETED else region
        path = f"{self.path} > {shown(name)}" if name else self.path
        return Place(self.exhibit, path, self.depth + 1, region)

    def spot(self, size: int, outer: Spot | None) -> Spot:
        """Where a source of so many bytes lies, in the spot of its container if it has one."""
        if outer is None:
            return whole(self.exhibit, size, self.region, self.modified)
        return outer.within(self.covers, size, self.region, self.modified)


@dataclass(slots=True)
class Examiner:
    """Searches sources for people and remembers what it found and what it could not read.

    `entries` lists a container's members (it raises BadInput where it has no readable list). `progress` is told how
    many bytes were searched, unpacked ones too.
    """

    sought: Needles
    limits: Limits
    entries: Open
    progress: Callable[[int], None]
    tally: Tally = field(default_factory=Tally)
    coverage: Coverage = field(default_factory=Coverage)
    tested: Tested = field(default_factory=Tested)
    encoded: Allowance = field(default_factory=lambda: Allowance(0))
    """What decoding left out of the file that is being read."""
    databases: Databases = field(default_factory=Databases)
    records: Counter[Site] = field(default_factory=Counter)
    """Rows of each table of the database that is being read."""

    def examine(
        self,
        place: Place,
        source: Source,
        logs: Mapping[str, Source] | None = None,
        *,
        beside: Beside = NOTHING,
        known: Form | None = None,
    ) -> None:
        """Search one file. `logs` are the companions of a database, by the end of their names; `beside` are the files
        around it, which are searched on their own. `known` is how it is to be read, where its first bytes are not to
        decide."""
        outer = self.coverage.spot
        spot = place.spot(source.size, outer)
        if outer is None:
            self.coverage.strips.sized(place.exhibit, source.size)
            self.tally.strips.sized(place.exhibit, source.size)
        with self.coverage.within(spot), self.tally.within(spot):
            self._examine(place, source, logs or {}, beside, known)

    def _examine(
        self, place: Place, source: Source, logs: Mapping[str, Source], beside: Beside, known: Form | None
    ) -> None:
        self.coverage.file(source.size, unpacked=place.depth > 0)
        if known is not None:
            form, name = known, ""
        else:
            form, name = (Form.PLAIN, "") if place.region in REMAINS else form_of(source)
        database = self.databases.open(form, source, logs, beside) if form in DATABASES else None
        if database is not None:
            logs = self._database(place, source, logs, database)
        elif form in PACKED and place.depth >= self.limits.depth:
            self.coverage.gap(place.path, Reason.TOO_DEEP, source.size)
        elif form in PACKED:
            self._container(place, source, form)
        elif form is Form.OPAQUE:
            self._plain(place, source, judge=False)
            self.coverage.gap(place.path, Reason.FORMAT, source.size, name)
        elif form is Form.ROWS:
            self._rows(place, source)
        else:
            if form is Form.SQLITE:
                self.coverage.gap(place.path, Reason.DAMAGED, 0, "the header makes no sense")
            self._plain(place, source, inflated=self._fragments(place, source))
        for ending, log in logs.items():  # what no database took is a file like any other
            self.examine(replace(place, path=place.path + ending), log)

    # Text and unknown bytes

    def _match(self, raw: bytes, *, binary: bool | None = None) -> list[Match]:
        """Everyone in a buffer, in all its readings."""
        allowed = allowance(len(raw))
        found = match_text(raw, self.sought, self.tested, binary=binary, allowed=allowed)
        self.encoded.refused += allowed.refused
        self.encoded.too_deep += allowed.too_deep
        return found

    def _left_encoded(self, place: Place) -> None:
        """Say what decoding left out. The bytes themselves were searched as they stand."""
        left, self.encoded = self.encoded, Allowance(0)
        if left.refused:
            self.coverage.gap(place.path, Reason.TOO_LARGE, 0, f"{left.refused} bytes, decoded, were not searched")
        if left.too_deep:
            self.coverage.gap(place.path, Reason.TOO_DEEP, 0, f"{left.too_deep} stretches of encoded text")

    def _plain(self, place: Place, source: Source, *, judge: bool = True, inflated: Ranges = ()) -> None:
        """Search bytes as text in every reading; `judge` counts blocks that nobody can read as unreadable, but for
        those that were `inflated`."""
        site = Site(place.exhibit, place.path, place.region, place.region.state)
        opaque = lines = addresses = 0
        for start in chunks(source, CHUNK):
            first = max(0, start - MARGIN)
            raw = source.read(first, CHUNK + MARGIN + (start - first))
            for match in self._match(raw):
                if first + match.last >= start and first + match.first < start + CHUNK:
                    self.tally.add(site, match, first + match.first)
            body = raw[start - first :][:CHUNK]
            lines, addresses = lines + count_of(body, b"\n"), addresses + count_of(body, b"@")
            if judge:
                opaque += _opaque_bytes(body, start, inflated)
            self.progress(len(body))
        self._left_encoded(place)
        self.tally.count(site, addresses or lines + 1)
        if opaque:
            self.coverage.gap(place.path, Reason.DISORDER, opaque)

    def _rows(self, place: Place, source: Source) -> None:
        """Search the rows of a table that its reader wrote out; a line that is no row is searched as text."""
        site = Site(place.exhibit, place.path, place.region, place.region.state)
        opaque = 0
        for some in together(rows(source), lambda one: len(one.raw)):
            for one, matches in zip(some, self._in_lines(some), strict=True):
                for match in matches:
                    self.tally.add(site, match, one.offset + match.first)
                for value in one.values or ():
                    if isinstance(value, bytes) and len(value) >= SMALLEST_BLOB:
                        opaque += self._blob(place, site, "value", one.offset, value)
        if opaque:
            self.coverage.gap(place.path, Reason.DISORDER, min(opaque, source.size), "inside the table")
        self.progress(source.size)

    def _in_lines(self, lines: Sequence[Line]) -> Iterator[list[Match]]:
        """Everyone in each of some lines of a table."""
        in_rows = iter(match_rows([line.values for line in lines if line.values is not None], self.sought, self.tested))
        for line in lines:
            yield match_text(line.raw, self.sought, self.tested) if line.values is None else next(in_rows)

    def _fragments(self, place: Place, source: Source) -> Ranges:
        """Search what compressed streams in the midst of other bytes hold; the bytes that they take."""
        if place.depth >= self.limits.depth:
            return ()
        taken: list[tuple[int, int]] = []
        for entry in self.entries(Form.FRAGMENTS, source):
            with entry.open() as unpacked:
                if unpacked.stop is not None:
                    self.coverage.gap(place.path, _STOPS[unpacked.stop], 0, shown(entry.name))
                self.examine(place.inner(entry.name, entry.region), unpacked.source, known=unpacked.form)
            taken.extend(entry.covers)
        return tuple(taken)

    # Containers

    def _container(self, place: Place, source: Source, form: Form) -> None:
        covered: list[Ranges] = []
        bad: list[tuple[int, Reason, str]] = []
        try:
            members = self._listed(place, source, form)
            names = {entry.name: entry for entry in members}
            for entry in members:
                if not _is_log_of_other(entry.name, names):
                    covered.append(self._member(place, entry, names, bad))
            covered += [entry.covers for entry in members if _is_log_of_other(entry.name, names)]
        except BadInput as error:
            reason = Reason.DAMAGED_VOLUME if form in VOLUMES else Reason.CORRUPT
            if isinstance(error, Unlisted):
                reason = _STOPS[error.stop]
            self.coverage.gap(place.path, reason, source.size, error.message)
            self._plain(place, source, judge=False)
            return
        left = source.size
        for size, reason, detail in bad:
            self.coverage.gap(place.path, reason, min(size, left), detail)
            left -= min(size, left)
        self._between(place, source, covered, left)

    def _listed(self, place: Place, source: Source, form: Form) -> list[Entry]:
        listed: list[Entry] = []
        most = self.limits.files if form in VOLUMES else self.limits.members
        for entry in self.entries(form, source):
            if len(listed) >= most:
                self.coverage.gap(place.path, Reason.TOO_MANY, 0, f"only the first {len(listed)} members were read")
                break
            listed.append(entry)
        return listed

    def _member(
        self, place: Place, entry: Entry, names: Mapping[str, Entry], bad: list[tuple[int, Reason, str]]
    ) -> Ranges:
        """Search a member; the bytes of the container that it took."""
        logs: dict[str, Source] = {}
        with entry.open() as unpacked:
            self._with_logs(place, entry, names, unpacked, logs, bad)
            if unpacked.stop is not None:
                bad.append((_unread(entry, unpacked), _STOPS[unpacked.stop], shown(entry.name)))
            path = place.inner(entry.name).path
            for part in unpacked.damage():
                self.coverage.gap(path, part.reason, part.length, f"from byte {part.start}: {part.detail}")
            for said in unpacked.checks():
                self.coverage.checked(path, said)
            return entry.covers if unpacked.stop is not None else first(entry.covers, unpacked.packed)

    def _with_logs(
        self,
        place: Place,
        entry: Entry,
        names: Mapping[str, Entry],
        unpacked: Unpacked,
        logs: dict[str, Source],
        bad: list[tuple[int, Reason, str]],
    ) -> None:
        """Open the database's logs, one inside the other, then search all together."""
        for ending in LOGS:
            companion = names.get(entry.name + ending)
            if companion is None or ending in logs:
                continue
            with companion.open() as opened:
                if opened.stop is not None:
                    bad.append((_unread(companion, opened), _STOPS[opened.stop], shown(companion.name)))
                logs[ending] = opened.source
                self._with_logs(place, entry, names, unpacked, logs, bad)
            return
        with ExitStack() as stack:
            beside = Beside(entry.name, place.path, once(lambda path: _opened(path, names, stack)))
            inner = replace(place.inner(entry.name, entry.region), covers=entry.covers, modified=entry.modified)
            self.examine(inner, unpacked.source, logs, beside=beside, known=unpacked.form)

    def _between(self, place: Place, source: Source, covered: Sequence[Ranges], left: int) -> None:
        """The bytes that belong to no member: headers and names, but also members that were deleted from the list."""
        at = 0
        taken = sorted((start, start + length) for ranges in covered for start, length in ranges)
        for start, end in [*taken, (source.size, source.size)]:
            if start > at:
                gap = Part(source, at, start - at)
                opaque = self._raw(place, gap, "between the members", at)
                if opaque and left:
                    self.coverage.gap(place.path, Reason.DISORDER, min(opaque, left), "between the members")
                    left -= min(opaque, left)
            at = max(at, end)
        self._left_encoded(place)

    def _raw(self, place: Place, source: Source, where: str, base: int) -> int:
        """Search bytes that are no file of their own; how many of them nobody can read."""
        site = Site(place.exhibit, place.path, where, State.DELETED)
        inflated = self._fragments(replace(place, path=f"{place.path} > {where}", region=Region.UNALLOCATED), source)
        opaque = 0
        for start in chunks(source, CHUNK):
            raw = source.read(start, CHUNK + MARGIN)
            for match in self._match(raw, binary=True):
                self.tally.add(site, match, base + start + match.first)
            opaque += _opaque_bytes(raw[:CHUNK], start, inflated)
        return opaque

    # Databases

    def _database(self, place: Place, source: Source, logs: Mapping[str, Source], opened: Opened) -> dict[str, Source]:
        """Search a database together with its logs; the logs that are none of it."""
        database, taken = opened.reader, opened.taken
        for ending in taken:
            self.coverage.file(logs[ending].size, unpacked=place.depth > 0)
        live: dict[int, bool] = {}
        opaque = 0
        for some in together(database.rows(), _size):
            own = [one for one in some if isinstance(one, Row)]
            everyone = match_rows([row.values for row in own], self.sought, self.tested)
            for row, matches in zip(own, everyone, strict=True):
                opaque += self._row(place, row, matches, live)
            opaque += sum(self._leftover(place, one, live) for one in some if isinstance(one, Leftover))
            self.progress(0)
        self._left_encoded(place)
        opaque += database.unreadable
        self._count_records(place)
        if opaque:
            self.coverage.gap(place.path, Reason.DISORDER, min(opaque, source.size), "inside the database")
        for what, times in database.faults.items():
            self.coverage.gap(place.path, Reason.DAMAGED, 0, f"{what}: {times}")
        if database.missing:
            self.coverage.gap(place.path, Reason.CUT_OFF, 0, f"{database.missing} bytes are missing at the end")
        self.progress(source.size + sum(logs[ending].size for ending in taken))
        return {ending: log for ending, log in logs.items() if ending not in taken}

    def _count_records(self, place: Place) -> None:
        own = [site for site in self.records if (site.exhibit, site.path) == (place.exhibit, place.path)]
        for site in own:
            self.tally.count(site, self.records.pop(site))

    def _row(self, place: Place, row: Row, matches: Iterable[Match], live: dict[int, bool]) -> int:
        site = Site(place.exhibit, place.path, _table(row.table, row.zone), _state(place, row.state))
        self.records[site] += 1
        for match in matches:
            if row.state is not State.DELETED:
                live[match.person] = live.get(match.person, False) or match.corroborated
            self.tally.add(site, match, row.offset, row.detail)
        blobs = [value for value in row.values if isinstance(value, bytes) and len(value) >= SMALLEST_BLOB]
        return sum(self._blob(place, site, row.table or "unknown table", row.offset, blob) for blob in blobs)

    def _blob(self, place: Place, site: Site, table: str, offset: int, blob: bytes) -> int:
        """A binary value: a file in a table is examined as one; else how much of it nobody can read."""
        form, _ = recognise(blob[:HEAD])
        if form is not Form.PLAIN:
            inner = replace(place.inner(f"{table} at {offset}"), covers=((offset, 1),))
            self.examine(inner, Held(blob))
            return 0
        for match in self._match(blob):
            self.tally.add(site, match, offset + match.first)
        return _opaque_bytes(blob)

    def _leftover(self, place: Place, found: Leftover, live: dict[int, bool]) -> int:
        """Bytes without rows. Who is live in this database is not called deleted for a stale copy in its pages."""
        site = Site(place.exhibit, place.path, _table(found.table, found.zone), _state(place, found.state))
        for match in self._match(found.data, binary=True):
            if found.state is State.LIVE:
                live[match.person] = live.get(match.person, False) or match.corroborated
                self.tally.add(site, match, found.offset + match.first)
            elif not live.get(match.person, False) and (match.corroborated or match.person not in live):
                self.tally.add(site, match, found.offset + match.first)
        return _opaque_bytes(found.data) if len(found.data) >= 4 * SMALLEST_BLOB else 0


def _size(found: Row | Leftover) -> int:
    """About how many bytes; rows before bytes without rows are searched before those."""
    return weight(found.values) if isinstance(found, Row) else AT_ONCE


def _table(table: str, zone: str) -> str:
    return f"table {table}, {zone}" if table and not table.startswith("index ") else f"{table or 'unknown'}, {zone}"


def _state(place: Place, state: State) -> State:
    """What a row is: in a deleted file nothing is live."""
    return State.DELETED if place.region.state is State.DELETED else state


def _opened(path: str, names: Mapping[str, Entry], stack: ExitStack) -> Source | None:
    """A member by its path, however the container writes paths; None where it is not whole."""
    found = names.get(path) or names.get(f"./{path}") or names.get(f"/{path}")
    if found is None:
        return None
    unpacked = stack.enter_context(found.open())
    return unpacked.source if unpacked.stop is None else None


def _is_log_of_other(name: str, names: Mapping[str, Entry]) -> bool:
    return any(name.endswith(ending) and name[: -len(ending)] in names for ending in LOGS)


def _unread(entry: Entry, unpacked: Unpacked) -> int:
    """How many of a member's packed bytes were not read."""
    return max(0, entry.packed - unpacked.packed) if unpacked.source.size else entry.packed


def _opaque_bytes(data: bytes, base: int = 0, inflated: Ranges = ()) -> int:
    """Bytes of the blocks that nobody can read, but for those in the ranges that were inflated."""
    total = 0
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        if is_opaque(block):
            total += len(block) - shared(inflated, base + start, len(block))
    return total
