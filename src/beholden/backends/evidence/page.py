"""The report as one page, without scripts or anything from elsewhere; whatever evidence wrote is escaped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    two_fields, one_field = by_chance(report)
    made = environment.get_template("report.html").render(
        report=report,
        sha256=sha256,
        pictures=pictures(report),
        two_fields=two_fields,
        one_field=one_field,
        max_listed=MAX_LISTED,
    )
    return made.lstrip().encode("utf-8", "replace")


def _printable(value: object) -> object:
    """No text on the page has invisible characters, or ones that turn its direction, whoever wrote it."""
    return shown(value, MAX_TEXT) if isinstance(value, str) and not isinstance(value, Markup) else value


def by_chance(report: Mapping[str, Any]) -> tuple[str, str]:
    """How many people chance alone would show by two fields, and how many single values, each in few characters."""
    expected = report["judgement"]["coincidences"]
    people, values = float(expected["people"]), float(expected["hits"])
    return _few(people), _few(values)


def _few(expected: float) -> str:
    return "under 1 in a billion" if expected < 1e-9 else f"{expected:.2g}"
