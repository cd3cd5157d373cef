"""The ledger on one host: group commits into the segment log, reading it, publishing it, erasing a person from it."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from beholden.backends.segments import disk, frame, keys
from beholden.backends.segments.erasure import Survey, blanked
from beholden.backends.segments.publish import Publisher
from beholden.backends.segments.wal import Head, Wal, segments_begun
from beholden.ledger import batch as batches
from beholden.ledger import checkpoint as checkpoints
from beholden.ledger import proof, tile, tree
from beholden.ledger import record as records
from beholden.ledger import verify as verification
from beholden.ledger.batch import Batch
from beholden.ledger.entry import Kind, places, unpack
from beholden.ledger.ports import RecordedAct
from beholden.ledger.verify import Report
from beholden.model.act import Act
from beholden.model.disclosure import Disclosure, RecordedDisclosure
from beholden.model.errors import BadInput, BeholdenError, Damaged, NotFound, Unavailable
from beholden.model.ids import NOBODY, AppNumber, DeveloperNumber, PersonNumber
from beholden.model.time import to_micros

PersonKeys = Callable[[Sequence[PersonNumber]], Mapping[PersonNumber, bytes]]
Item = Disclosure | Act


@dataclass(eq=False)
class _Request:
    """One call of `append` on its way. `generation` is that of the log before the person keys were read."""

    items: Sequence[Item]
    generation: int
    keys: Mapping[PersonNumber, bytes]
    first: int = -1
    error: BeholdenError | None = None
    done: bool = False


class SegmentLedger:
    """See ledger.ports.Ledger. `keys` reads person keys from the directory, `clock` gives the time of entries.

    The log's own keys are made in `key_folder` when it begins. An instance holds no file open and may be shared by
    threads; any number of processes may have one on the same folder.
    """

    def __init__(
        self, folder: Path, origin: str, key_folder: Path, keys_: PersonKeys, clock: Callable[[], datetime]
    ) -> None:
        refusal = checkpoints.origin_refusal(origin)
        if refusal:
            raise BadInput(f"The ledger's origin is wrong: {refusal}")
        self._keys = keys_
        self._clock = clock
        self._waiting: list[_Request] = []
        self._queue = threading.Lock()
        self._commits = threading.Lock()
        with disk.failing(f"The ledger's folder {folder} cannot be used"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with disk.locked(folder / "lock"):
                self._own = keys.load(key_folder, begun=segments_begun(folder))
        self._publisher = Publisher(folder, origin, self._own.signing, key_folder / "ledger-signed")
        self._wal = Wal(folder, self._publisher.signed_size)

    # Writing.

    def append(self, items: Sequence[Item]) -> range:
        """See Ledger. Threads that append at once share one commit: whoever comes while another commit is under way
        is taken along by the next. So the window is as long as a commit takes, and a lone caller never waits for it.
        """
        if len(items) > frame.MAX_ENTRIES:
            raise BadInput(f"{len(items)} items are more than {frame.MAX_ENTRIES}.", "Append them in parts.")
        generation = self._wal.head().generation
        needed = batches.people(items)
        request = _Request(items, generation, self._keys(needed) if needed else {})
        with self._queue:
            self._waiting.append(request)
        with self._commits:
            if not request.done:
                self._commit(self._taken(request))
        if request.error is not None:
            raise type(request.error)(request.error.message, request.error.remedy)
        return range(request.first, request.first + len(items))

    def _taken(self, own: _Request) -> list[_Request]:
        """As many of those who wait as fit into one frame, in the order in which they came, the caller's among them."""
        with self._queue:
            self._waiting.remove(own)
            taken, room = [own], frame.MAX_ENTRIES - len(own.items)
            while self._waiting and len(self._waiting[0].items) <= room:
                taken.append(self._waiting.pop(0))
                room -= len(taken[-1].items)
        return taken

    def _commit(self, requests: list[_Request]) -> None:
        """Write one frame for all of them. One whose items cannot be written fails alone."""
        try:
            with self._wal.locked() as held:
                self._commit_locked(requests, held)
        except BeholdenError as error:
            for request in requests:
                request.error = request.error or error
        except BaseException:
            for request in requests[1:]:
                request.error = request.error or Unavailable("The ledger's commit was broken off.", "Try again.")
            raise
        finally:
            for request in requests:
                request.done = True

    def _commit_locked(self, requests: list[_Request], held: Head) -> None:
        now = max(to_micros(self._clock()), held.latest)
        together = batches.empty(held.size)
        for request in requests:
            try:
                sealed = self._sealed(request, together.end, now, held)
            except BeholdenError as error:
                request.error = error
                continue
            request.first = together.end
            together.extend(sealed)
        if together.entries:
            self._wal.append(held, _frame(together), now)

    def _sealed(self, request: _Request, first: int, now: int, held: Head) -> Batch:
        if request.generation != held.generation:
            # Somebody was erased since the keys were read. Erasing destroys the key before it changes the log, so
            # reading again, under the lock, cannot miss it: no record of that person comes after their erasure.
            needed = batches.people(request.items)
            request.keys = self._keys(needed) if needed else {}
        return batches.sealed(request.items, first, now, request.keys, self._own.secret)

    def erase(self, person: PersonNumber, ticket: str) -> int:
        """See Ledger. Again with the same ticket it only finishes what a crash left, and returns the same count."""
        if person == NOBODY:
            raise BadInput("Nobody cannot be erased.")
        with self._commits, self._wal.locked() as held:
            survey = Survey(person, ticket)
            for found in self._wal.frames(0, held.size):
                survey.see(found)
            after = held if survey.logged is not None else self._log_erasure(survey, held)
            firsts = {self._wal.segment_of(place) for place in survey.places}
            self._wal.rewrite(after, firsts, lambda found: blanked(found, person))
            return survey.blank if survey.logged is None else survey.logged

    def _log_erasure(self, survey: Survey, held: Head) -> Head:
        now = self._clock()
        record = records.of_erasure(survey.ticket, now, survey.blank, survey.totals)
        time = max(to_micros(now), held.latest)
        entry = batches.erasure(held.size, time, record, self._own.secret)
        return self._wal.append(held, _frame(entry), time, erasure=True)

    # Reading.

    def size(self) -> int:
        """See Ledger."""
        return self._wal.head().size

    def disclosures(
        self,
        *,
        apps: Collection[AppNumber] | None = None,
        developer: DeveloperNumber | None = None,
        person: PersonNumber | None = None,
        start: int = 0,
    ) -> Iterator[RecordedDisclosure]:
        """See Ledger."""
        upto = self.size()
        wanted = None if apps is None else frozenset(apps)
        return self._disclosures(upto, wanted, developer, person, start)

    def _disclosures(
        self,
        upto: int,
        apps: frozenset[AppNumber] | None,
        developer: DeveloperNumber | None,
        person: PersonNumber | None,
        start: int,
    ) -> Iterator[RecordedDisclosure]:
        mark = b"" if developer is None else b'"developer":%d,' % developer
        for found in self._wal.frames(start, upto):
            if person is not None and person not in found.persons:
                continue
            for place in _places(found, Kind.DISCLOSURE, apps, start):
                if person is not None and found.persons[place] != person:
                    continue
                record = found.record(place)
                # Canonical JSON writes the developer in one way only, and quotes inside a text are escaped there.
                if record and mark in record:
                    yield records.recorded_disclosure(found.first + place, found.throughs[place], record)

    def rows(self, seqs: Sequence[int]) -> list[RecordedDisclosure]:
        """See Ledger. In the order that was asked for."""
        upto, wanted = self.size(), sorted({seq for seq in seqs if seq >= 0})
        rows: dict[int, RecordedDisclosure] = {}
        at = 0
        for found in self._wal.frames(wanted[0], min(upto, wanted[-1] + 1)) if wanted else ():
            while at < len(wanted) and wanted[at] < found.end:
                place, at = wanted[at] - found.first, at + 1
                record = found.record(place)
                if record and unpack(found.entry(place)).kind is Kind.DISCLOSURE:
                    rows[found.first + place] = records.recorded_disclosure(
                        found.first + place, found.throughs[place], record
                    )
        return [rows[seq] for seq in seqs if seq in rows]

    def acts(self, *, start: int = 0) -> Iterator[RecordedAct]:
        """See Ledger."""
        return self._acts(start, self.size())

    def _acts(self, start: int, upto: int) -> Iterator[RecordedAct]:
        for found in self._wal.frames(start, upto):
            for place in _places(found, Kind.ACT, None, start):
                yield RecordedAct(found.first + place, **records.recorded_act(found.record(place)))

    # Publishing and proving.

    def checkpoint(self) -> str:
        """See Ledger. Appends go on while it publishes."""
        return self._publisher.publish(self.size, self._entries)

    def _entries(self, start: int, upto: int) -> Iterator[bytes]:
        for found in self._wal.frames(start, upto):
            for place in range(max(0, start - found.first), min(found.count, upto - found.first)):
                yield found.entry(place)

    def published(self, path: str) -> bytes | None:
        """See Ledger. Whatever is not exactly a path of C2SP tlog-tiles is not there."""
        if path != tile.CHECKPOINT and tile.place(path) is None:
            return None
        return self._publisher.published.read(path)

    def verifier_key(self) -> str:
        """See Ledger."""
        return str(self._publisher.verifier)

    def prove(self, seq: int) -> str:
        """See Ledger. A receipt that would not verify is not handed out: that raises Damaged."""
        if not 0 <= seq < self.size():
            raise NotFound(f"There is no entry {seq}.", f"The log has {self.size()} entries, counted from 0.")
        note = self._publisher.signed()
        if note is None or seq >= checkpoints.verify(note, self._publisher.verifier).size:
            note = self.checkpoint()
        size = checkpoints.verify(note, self._publisher.verifier).size
        path = tree.inclusion_path(seq, size, tile.subtrees(self._publisher.published.read, size))
        receipt = proof.write(seq, self._opened(seq), path, note)
        try:
            proof.verify(receipt, self._publisher.verifier)
        except BeholdenError as error:
            raise Damaged(f"Entry {seq} cannot be proved: {error.message}", "Run `beholden ledger verify`.") from error
        return receipt

    def _opened(self, seq: int) -> proof.Opened:
        found = next(self._wal.frames(seq, seq + 1))
        place = seq - found.first
        entry, record, person = found.entry(place), found.record(place), PersonNumber(found.persons[place])
        if unpack(entry).kind is not Kind.DISCLOSURE:
            return proof.Opened(entry, record, records.salt(self._own.secret, seq))
        key = self._keys([person]).get(person) if record else None
        return proof.Opened(entry) if key is None else proof.Opened(entry, record, records.salt(key, seq))

    def verify(self, earlier: str | None = None) -> Report:
        """See Ledger. Appends go on meanwhile; what comes after it began is not looked at."""
        published, signed = self._publisher.snapshot()
        return verification.whole_log(
            self._wal.batches(), published, self._publisher.verifier, self._own.secret, self._keys, signed, earlier
        )


def _frame(sealed: Batch) -> frame.Frame:
    return frame.frame(sealed.first, sealed.entries, sealed.persons, sealed.throughs, sealed.records)


def _places(found: frame.Frame, kind: Kind, apps: frozenset[AppNumber] | None, start: int) -> Iterator[int]:
    """The places within a frame, from `start` on, that hold entries of a kind and of one of these apps."""
    skipped = start - found.first
    return (place for place in places(found.public, kind, apps) if place >= skipped)
