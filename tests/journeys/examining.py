"""A process of its own that examines a folder with a frozen clock and a given id: `DATA FOLDER OUT ID`."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from beholden import bootstrap, settings
from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.report_files import prepare, write
from beholden.journeys import examine, vouch
from beholden.journeys.ports import Engines, Ids
from beholden.model.act import Actor, ActorKind

OPERATOR = Actor(ActorKind.OPERATOR, "olga")


@dataclass(frozen=True)
class Given:
    """Ids that say which examination it is; nothing else is asked of them."""

    name: str
    others: Ids

    def new(self, kind: str) -> str:
        """See Ids."""
        return f"{kind}_{self.name}"

    def secret(self, length: int = 32) -> bytes:
        """See Ids."""
        return self.others.secret(length)


def examined(engines: Engines, folder: Path, out: Path, id_: str) -> None:
    """Examine, and write the signed report."""
    fixed = replace(engines, ids=Given(id_, engines.ids))
    with prepare(out, [str(folder)]) as hits:
        done = examine.examine(fixed, FileEvidence(), [str(folder)], "quiz", OPERATOR, hits=hits)
    write(out, done, lambda sums: vouch.sign(fixed, OPERATOR, done.record, sums))


if __name__ == "__main__":
    data, folder, out, id_ = sys.argv[1:]
    examined(bootstrap.embedded(settings.read(data=Path(data))), Path(folder), Path(out), id_)
