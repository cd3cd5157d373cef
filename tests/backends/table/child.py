"""Other processes of the host, for the tests of the table: one that reads, and writers that may be killed.

python -m tests.backends.table.child read FOLDER     a line in (client person through), the decision out
python -m tests.backends.table.child write FOLDER    epoch after epoch, each printed when it is applied
python -m tests.backends.table.child compact FOLDER  the same, with a compaction beside each
python -m tests.backends.table.child flip FOLDER     one pair to and fro between two states
"""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from beholden.backends.table.reader import TableReader
from beholden.backends.table.writer import TableWriter
from beholden.gate.facts import AppFacts
from beholden.gate.rows import AppRow, PairRow, PersonRow
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, OutsideId, PersonNumber
from beholden.model.standing import Standing
from beholden.model.time import to_micros
from tests.gate.worlds import CATALOGUE, FIELDS, NOW

SECRET = bytes(range(32))
PEOPLE = 40
BASIC = AppFacts(AppNumber(1), DeveloperNumber(1), Standing.ACTIVE, Standing.ACTIVE)
ALL = frozenset({"name"})


def app(standing: Standing = Standing.ACTIVE) -> AppRow:
    """The one app; it may have basic fields only."""
    return AppRow(ClientId("quiz"), AppFacts(AppNumber(1), DeveloperNumber(1), standing, Standing.ACTIVE))


def person(number: int) -> PersonRow:
    """A person who shares everything."""
    return PersonRow(PersonNumber(number), OutsideId(f"person-{number}"), indirect=True)


def pair(number: int, epoch: int) -> PairRow:
    """What the store says of a pair at an epoch: its fields, state and end all follow from it."""
    state = GrantState.REVOKED if (number + epoch) % 3 == 0 else GrantState.ACTIVE
    fields = ALL if epoch % 2 else frozenset(FIELDS)
    ends = NOW + timedelta(days=1 + epoch)
    ids = GrantId("grant_x"), PersonNumber(number), AppNumber(1)
    grant = Grant(*ids, fields, fields, frozenset({"service"}), NOW, ends, state)
    return PairRow(PersonNumber(number), AppNumber(1), grant, 1 + epoch % 200, False, True, NOW)


def pairs(epoch: int) -> Iterator[PairRow]:
    """All pairs at an epoch; later epochs have more of them."""
    return (pair(number, epoch) for number in range(1, PEOPLE + min(epoch, 2000) + 1))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _read(folder: Path) -> None:
    reader = TableReader(folder, CATALOGUE, SECRET)
    for line in sys.stdin:
        client, who, through = line.split()
        _say(reader.decide(client, who, through, ("name", "likes"), "service", to_micros(NOW)))


def _write(folder: Path, *, compact: bool = False, flip: bool = False) -> None:
    writer = TableWriter(folder, CATALOGUE, SECRET)
    refusal = writer.open()
    assert refusal is None, refusal
    _say("open")
    while True:
        epoch = writer.epoch + 1
        if compact:
            writer.compact_at = -1
        rows = [pair(1, 1 + epoch % 2)] if flip else list(pairs(epoch))
        people = [] if flip else [person(row.person) for row in rows]
        writer.apply(people, rows, epoch=epoch, as_of_ns=time.monotonic_ns())
        if not flip:
            _say(epoch)


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "read":
        _read(where)
    else:
        _write(where, compact=what == "compact", flip=what == "flip")
