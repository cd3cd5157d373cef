"""The report as files: `report.json`, byte for byte what was hashed, and `report.html` for people."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from beholden.model.errors import Unavailable

MAX_LISTED = 500
"""People listed on the page; the JSON lists them all."""


def page(report: Mapping[str, object], sha256: str) -> str:
    """The report as one page without scripts or anything from elsewhere; whatever evidence wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment.get_template("report.html").render(report=report, sha256=sha256, max_listed=MAX_LISTED)


def write(folder: Path, encoded: bytes, report: Mapping[str, object], sha256: str) -> tuple[Path, Path]:
    """Write both files; a file that was there is replaced as a whole. Raises Unavailable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = (folder / "report.json", folder / "report.html")
        _replace(made[0], encoded)
        _replace(made[1], page(report, sha256).encode("utf-8", "replace"))
    except OSError as error:
        raise Unavailable(f"The report cannot be written to {folder} ({error.strerror}).", "Name another.") from error
    return made


def _replace(path: Path, data: bytes) -> None:
    """Under its name stands the old file or the new one, never half of it. Readable by its owner alone."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
