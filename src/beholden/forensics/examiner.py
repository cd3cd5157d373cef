"""One piece of evidence after the other: recognise it, open it, search it, account for its bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from beholden.forensics.beside import NOTHING, Beside, once
from beholden.forensics.containers import HEAD, PACKED, Form, Limits, Stop, recognise, shown
from beholden.forensics.coverage import Coverage, Reason
from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.databases import DATABASES, Databases, Opened
from beholden.forensics.entropy import BLOCK, is_opaque
from beholden.forensics.match import match_row, match_text
from beholden.forensics.needles import Needles
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Ranges, Region, State, first
from beholden.forensics.scan import Tested
from beholden.forensics.source import Held, Part, Source
from beholden.forensics.tally import Site, Tally
from beholden.model.errors import BadInput

CHUNK = 4 << 20
MARGIN = 2048
"""Bytes read again on both sides of a chunk, so that nothing is cut and every window is whole; even, for UTF-16."""
SMALLEST_BLOB = 256
LOGS = ("-wal", "-journal")

Open = Callable[[Form, Source], Iterator[Entry]]
_STOPS = {
    Stop.ENCRYPTED: Reason.ENCRYPTED,
    Stop.CORRUPT: Reason.CORRUPT,
    Stop.METHOD: Reason.METHOD,
    Stop.RATIO: Reason.BOMB,
    Stop.TOO_LARGE: Reason.TOO_LARGE,
    Stop.TOTAL: Reason.TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source comes from: its exhibit, and the way into it."""

    exhibit: int
    path: str
    depth: int = 0
    region: Region = Region.FILE

    def inner(self, name: str, region: Region = Region.MEMBER) -> "Place":
        """A member of a container. What lies in something deleted is deleted."""
        region = self.region if self.region.state is State.DELETED else region
        return Place(self.exhibit, f"{self.path} > {shown(name)}", self.depth + 1, region)


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
    databases: Databases = field(default_factory=Databases)

    def examine(
        self, place: Place, source: Source, logs: Mapping[str, Source] | None = None, beside: Beside = NOTHING
    ) -> None:
        """Search one file. `logs` are the companions of a database, by the end of their names; `beside` are the files
        around it, which are searched on their own."""
        logs = logs or {}
        self.coverage.file(source.size, unpacked=place.depth > 0)
        form, name = recognise(source.read(0, HEAD))
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
        else:
            if form is Form.SQLITE:
                self.coverage.gap(place.path, Reason.DAMAGED, 0, "the header makes no sense")
            self._plain(place, source)
        for ending, log in logs.items():  # what no database took is a file like any other
            self.examine(replace(place, path=place.path + ending), log)

    # Text and unknown bytes

    def _plain(self, place: Place, source: Source, *, judge: bool = True) -> None:
        """Search bytes as text in every reading; `judge` counts blocks that nobody can read as unreadable."""
        site = Site(place.exhibit, place.path, place.region, place.region.state)
        opaque = 0
        for start in range(0, source.size, CHUNK):
            first = max(0, start - MARGIN)
            raw = source.read(first, CHUNK + MARGIN + (start - first))
            for match in match_text(raw, self.sought, self.tested):
                if first + match.last >= start and first + match.first < start + CHUNK:
                    self.tally.add(site, match, first + match.first)
            body = raw[start - first :][:CHUNK]
            if judge:
                opaque += _opaque_bytes(body)
            self.progress(len(body))
        if opaque:
            self.coverage.gap(place.path, Reason.DISORDER, opaque)

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
            self.coverage.gap(place.path, Reason.CORRUPT, source.size, error.message)
            self._plain(place, source, judge=False)
            return
        left = source.size
        for size, reason, detail in bad:
            self.coverage.gap(place.path, reason, min(size, left), detail)
            left -= min(size, left)
        self._between(place, source, covered, left)

    def _listed(self, place: Place, source: Source, form: Form) -> list[Entry]:
        listed: list[Entry] = []
        for entry in self.entries(form, source):
            if len(listed) >= self.limits.members:
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
            self._with_logs(place, entry, names, unpacked.source, logs, bad)
            if unpacked.stop is not None:
                bad.append((_unread(entry, unpacked), _STOPS[unpacked.stop], shown(entry.name)))
            return entry.covers if unpacked.stop is not None else first(entry.covers, unpacked.packed)

    def _with_logs(
        self,
        place: Place,
        entry: Entry,
        names: Mapping[str, Entry],
        source: Source,
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
                self._with_logs(place, entry, names, source, logs, bad)
            return
        with ExitStack() as stack:
            beside = Beside(entry.name, place.path, once(lambda path: _opened(path, names, stack)))
            self.examine(place.inner(entry.name, entry.region), source, logs, beside)

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

    def _raw(self, place: Place, source: Source, where: str, base: int) -> int:
        """Search bytes that are no file of their own; how many of them nobody can read."""
        site = Site(place.exhibit, place.path, where, State.DELETED)
        opaque = 0
        for start in range(0, source.size, CHUNK):
            raw = source.read(start, CHUNK + MARGIN)
            for match in match_text(raw, self.sought, self.tested, binary=True):
                self.tally.add(site, match, base + start + match.first)
            opaque += _opaque_bytes(raw[:CHUNK])
        return opaque

    # Databases

    def _database(self, place: Place, source: Source, logs: Mapping[str, Source], opened: Opened) -> dict[str, Source]:
        """Search a database together with its logs; the logs that are none of it."""
        database, taken = opened.reader, opened.taken
        for ending in taken:
            self.coverage.file(logs[ending].size, unpacked=place.depth > 0)
        live: dict[int, bool] = {}
        opaque = 0
        for number, found in enumerate(database.rows()):
            if isinstance(found, Row):
                opaque += self._row(place, found, live)
            else:
                opaque += self._leftover(place, found, live)
            if number % 1000 == 999:
                self.progress(0)
        opaque += database.unreadable
        if opaque:
            self.coverage.gap(place.path, Reason.DISORDER, min(opaque, source.size), "inside the database")
        for what, times in database.faults.items():
            self.coverage.gap(place.path, Reason.DAMAGED, 0, f"{what}: {times}")
        if database.missing:
            self.coverage.gap(place.path, Reason.CUT_OFF, 0, f"{database.missing} bytes are missing at the end")
        self.progress(source.size + sum(logs[ending].size for ending in taken))
        return {ending: log for ending, log in logs.items() if ending not in taken}

    def _row(self, place: Place, row: Row, live: dict[int, bool]) -> int:
        site = Site(place.exhibit, place.path, _table(row.table, row.zone), _state(place, row.state))
        for match in match_row(row.values, self.sought, self.tested):
            if row.state is not State.DELETED:
                live[match.person] = live.get(match.person, False) or match.corroborated
            self.tally.add(site, match, row.offset)
        blobs = [value for value in row.values if isinstance(value, bytes) and len(value) >= SMALLEST_BLOB]
        return sum(self._blob(place, row, blob) for blob in blobs)

    def _blob(self, place: Place, row: Row, blob: bytes) -> int:
        """A binary value: a file in a table is examined as one; else how much of it nobody can read."""
        form, _ = recognise(blob[:HEAD])
        if form is not Form.PLAIN:
            name = f"{row.table or 'unknown table'} at {row.offset}"
            self.examine(place.inner(name), Held(blob))
            return 0
        site = Site(place.exhibit, place.path, _table(row.table, row.zone), _state(place, row.state))
        for match in match_text(blob, self.sought, self.tested):
            self.tally.add(site, match, row.offset + match.first)
        return _opaque_bytes(blob)

    def _leftover(self, place: Place, found: Leftover, live: dict[int, bool]) -> int:
        """Bytes without rows. Who is live in this database is not called deleted for a stale copy in its pages."""
        site = Site(place.exhibit, place.path, _table(found.table, found.zone), _state(place, found.state))
        for match in match_text(found.data, self.sought, self.tested, binary=True):
            if found.state is State.LIVE:
                live[match.person] = live.get(match.person, False) or match.corroborated
                self.tally.add(site, match, found.offset + match.first)
            elif not live.get(match.person, False) and (match.corroborated or match.person not in live):
                self.tally.add(site, match, found.offset + match.first)
        return _opaque_bytes(found.data) if len(found.data) >= 4 * SMALLEST_BLOB else 0


def _state(place: Place, state: State) -> State:
    """What lies in something deleted is deleted."""
    return State.DELETED if place.region.state is State.DELETED else state


def _table(table: str, zone: str) -> str:
    return f"table {table}, {zone}" if table and not table.startswith("index ") else f"{table or 'unknown'}, {zone}"


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


def _opaque_bytes(data: bytes) -> int:
    """Bytes of the blocks that nobody can read."""
    total = 0
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        total += len(block) if is_opaque(block) else 0
    return total
