"""The report as one page, without scripts or anything from elsewhere; whatever evidence wrote is escaped."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from beholden.backends.evidence.pictures import pictures
from beholden.backends.evidence.svg import svg
from beholden.forensics.containers import shown

MAX_LISTED = 500
"""Rows of a table on the page; the JSON has them all."""
MAX_TEXT = 4_000
"""Characters of one text."""


def page(report: Mapping[str, object], sha256: str) -> bytes:
    """The page, in UTF-8. `sha256` is the digest of report.json."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters |= {"count": "{:,}".format, "svg": svg}
    made = environment.get_template("report.html").render(
        report=report,
        sha256=sha256,
        pictures=pictures(report),
        chance=chance(report),
        most=at_most(report),
        max_listed=MAX_LISTED,
    )
    return made.lstrip().encode("utf-8", "replace")


def _printable(value: object) -> object:
    """No text on the page has invisible characters, or ones that turn its direction, whoever wrote it."""
    return shown(value, MAX_TEXT) if isinstance(value, str) and not isinstance(value, Markup) else value


def chance(report: Mapping[str, object]) -> str:
    """How many people would be met by chance, in few characters."""
    coincidences = report["coincidences"]
    assert isinstance(coincidences, Mapping)
    expected = float(coincidences["expected_hits"])
    return "under 1 in a billion" if expected < 1e-9 else f"{expected:.2g}"


def at_most(report: Mapping[str, object]) -> str:
    """The same as a bound: two fields of one person side by side are met by chance less often than one."""
    return by_chance if (by_chance := chance(report)).startswith("under") else f"at most {by_chance}"
