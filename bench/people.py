"""What it takes to look for so many people: memory and CPU time of the tables that an examination makes of them.

`python -m bench.people --count 200000`. People are synthetic; each has an id of the platform's and of the app's, an
address, a name and a phone.
"""

import json
import os
import resource
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import click

from beholden.forensics.needles import Sought, needles
from beholden.gate.pairwise import scoped_ids
from beholden.model.ids import AppNumber, PersonNumber
from bench.forensic_world import columns

_AT = datetime(2018, 3, 17, tzinfo=UTC)


@dataclass(frozen=True)
class Figures:
    """Bytes for each person: of the people themselves, of all tables together, and at most while those were made."""

    people: int
    sought_bytes: float
    all_bytes: float
    peak_bytes: float
    cpu_s: float


def measure(count: int) -> Figures:
    """Make the tables of so many people."""
    before = _resident()
    sought = _people(count)
    held, began = _resident(), time.process_time()
    made = needles(sought, lambda _person, _field, _value: False)
    took = time.process_time() - began
    after = _resident()
    peak = max(after, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return Figures(len(made.people), (held - before) / count, (after - before) / count, (peak - before) / count, took)


def _people(count: int) -> list[Sought]:
    numbers = [PersonNumber(n) for n in range(1, count + 1)]
    blob, offsets = columns(1, count)
    raw, ends = blob.tobytes().decode(), offsets.tolist()
    values = [raw[begin:end] for begin, end in pairwise(ends)]
    return [
        Sought(number, scoped, outside, email, email.split("@")[0], _AT, _AT, values={"phone": phone})
        for number, scoped, outside, phone, email in zip(
            numbers, scoped_ids(b"k" * 32, AppNumber(1), numbers), values[::3], values[1::3], values[2::3], strict=True
        )
    ]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@click.command()
@click.option("--count", default=200_000, show_default=True, help="People.")
def main(count: int) -> None:
    """Say what so many people take."""
    click.echo(json.dumps(asdict(measure(count))))


if __name__ == "__main__":
    main()
