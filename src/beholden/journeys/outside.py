"""Outside: let somebody search evidence who may not see whom the ledger names.

What is given away is an index of keyed digests; that it was given, and of whom, is in the ledger first (law 12).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beholden.forensics import outside
from beholden.forensics import report as reports
from beholden.forensics.containers import Limits
from beholden.forensics.kernel import auditor
from beholden.forensics.ports import Evidence, Progress
from beholden.forensics.units import InProcess, Job, Searcher
from beholden.journeys.acts import operators_only, record
from beholden.journeys.ports import Engines
from beholden.journeys.received import Values, load
from beholden.journeys.searching import search
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an auditor gets: the index, and the key, which goes another way. `people` is how many are in it."""

    index: bytes
    key: bytes
    people: int


def prepare(
    engines: Engines, app: App, actor: Actor, *, values: Values | None = None, hashed: bool = False
) -> Prepared:
    """The index of everyone whose data the app received, under a key of its own. Raises NotAllowed for a developer, a
    person or an app."""
    with engines.store.read() as unit:
        if actor.kind not in (ActorKind.PLATFORM, ActorKind.SYSTEM):
            operators_only(unit, actor)
    key = secrets.token_bytes(KEY_BYTES)
    sought, unsought, _, _ = load(engines, app, values or {}, hashed=hashed, key=key)
    made = auditor.to_bytes(sought.index)
    details: dict[str, object] = {"sha256": reports.sha256(made), "people": len(sought.people), "unsought": unsought}
    record(engines, Act(actor, "examination:prepare", f"app:{app.client_id}", engines.clock.now(), app.number, details))
    return Prepared(made, key, len(sought.people))


def examine(
    evidence: Evidence,
    paths: Sequence[str],
    index: bytes,
    key: bytes,
    *,
    limits: Limits | None = None,
    searcher: Searcher | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Mapping[str, object]:
    """Search evidence with an index that was prepared. Nothing of a platform is needed, and nothing is recorded.

    Raises BadInput for paths that do not exist, and for an index that is not whole or of another key.
    """
    sought = outside.blind(auditor.from_bytes(index, key))
    intake = evidence.take_in(paths, progress)
    job = Job(sought, limits or Limits(), intake.exhibits)
    found = search(searcher or InProcess(evidence), intake, job, None, progress)
    exhibits = [
        {"number": one.number, "name": one.name, "bytes": one.size, "sha256": one.sha256} for one in intake.exhibits
    ]
    return {"index_sha256": reports.sha256(index), "exhibits": exhibits, **outside.told(found, sought)}
