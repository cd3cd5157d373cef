"""Options of `beholden examine`: who reads the evidence, how many at once, within which bounds, and what is kept."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beholden.model.errors import BadInput

if TYPE_CHECKING:
    from beholden.backends.evidence.files import FileEvidence
    from beholden.backends.evidence.workers.caged import Caged
    from beholden.journeys.examine import Searcher

STATE = ".report-state"
"""The folder within --out in which finished exhibits are kept while an examination goes on."""


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command is given them by the names of `searcher`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--workers", type=click.IntRange(1, 4096), help="Exhibits read at once; one a core if left out."),
    click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder in which finished exhibits are kept, so that a stopped examination goes on.",
    ),
    click.option("--require-cage", is_flag=True, help="Read nothing where this host lacks a protection."),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=1),
        default=600.0,
        show_default=True,
        help="Seconds that an exhibit may take, and one more for every 256 KiB.",
    ),
    click.option(
        "--memory-limit",
        type=click.IntRange(min=64),
        default=4096,
        show_default=True,
        help="Memory that the reader of an exhibit may take, in MiB.",
    ),
    click.option("--over", help="`ray` or `ray=ADDRESS`: read on a Ray cluster that has the evidence at these paths."),
)


def searcher(
    evidence: "FileEvidence",
    out: Path | None,
    *,
    workers: int | None,
    state: Path | None,
    require_cage: bool,
    time_limit: float,
    memory_limit: int,
    over: str | None,
) -> "Searcher":
    """Who searches. Without a folder for its state, one in `out` is used if there is an `out`."""
    from beholden.backends.evidence.workers.caged import Caged
    from beholden.backends.evidence.workers.resumable import Resumable

    caged = Caged(evidence.open, workers or cores(), time_limit, memory_limit << 20, require_cage)
    made: Searcher = caged if over is None else _elsewhere(over, caged, workers)
    if state is not None:
        return Resumable(made, state)
    return made if out is None else Resumable(made, out / STATE, brief=True)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _elsewhere(over: str, caged: "Caged", workers: int | None) -> "Searcher":
    kind, _, address = over.partition("=")
    if kind != "ray":
        raise BadInput(f"Evidence cannot be read over {over!r}.", "Say `ray` or `ray=ADDRESS`.")
    from beholden.backends.evidence.workers.over_ray import OverRay

    return OverRay(caged, address or None, workers)


def ended(made: "Searcher") -> list[str]:
    """Tidy up after a search that came to its end; what the operator should know of it."""
    from beholden.backends.evidence.workers.cage import missing
    from beholden.backends.evidence.workers.resumable import Resumable

    lacking = missing(made.protections)
    said = [f"Readers of evidence were not fully caged on this host; missing: {', '.join(lacking)}."] if lacking else []
    if isinstance(made, Resumable):
        made.ended()
        said += [made.trouble] if made.trouble else []
    return said
