"""What the log of the mail sink proves."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tally:
    """`delivered` are people with a letter, `twice` those with two different letters (by Message-ID), `again` those
    to whom one letter came more than once; `letters` counts every arrival."""

    letters: int
    delivered: frozenset[str]
    twice: frozenset[str]
    again: frozenset[str]


def tally(log: Path) -> Tally:
    """Count a log. A torn last line (the sink was killed while writing) was never answered with 250: left out."""
    seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
    letters = 0
    lines = log.read_bytes().split(b"\n") if log.exists() else [b""]
    for line in lines[:-1]:
        entry = json.loads(line)
        mine = seen[entry["to"]]
        mine[entry["id"]] = mine.get(entry["id"], 0) + 1
        letters += 1
    return Tally(
        letters,
        frozenset(seen),
        frozenset(to for to, ids in seen.items() if len(ids) > 1),
        frozenset(to for to, ids in seen.items() if max(ids.values()) > 1),
    )
