"""A process that appends, three acts at a time, and prints each place once it was acknowledged."""

import sys
from pathlib import Path

from tests.ledger.logs import Log, act, disclosure


def main(folder: str, name: str, batches: str, mixed: str = "") -> None:
    log = Log(Path(folder))
    for n in range(int(batches)):
        items = [act(f"case:{name}-{n}-{part}") for part in range(3)]
        if mixed:
            items = [*items, *(disclosure(1 + (n + k) % 50, 60) for k in range(40))]
        places = log.ledger.append(items)
        for item, place in zip(items[:3], places[:3], strict=True):
            print(item.subject, place)  # noqa: T201 - this is how it tells what was acknowledged
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
