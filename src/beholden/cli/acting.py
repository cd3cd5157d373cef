"""What commands share that act in somebody's name: who it is, and how their answer is printed."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from beholden import bootstrap, settings
from beholden.journeys import access
from beholden.journeys.ports import Engines
from beholden.model import time
from beholden.model.act import Actor

NUMBER = click.IntRange(1, 2**53)
"""A developer's number, as it can be in a JSON document."""


def operator_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--operator ID`, on every command that only an operator may give."""
    return click.option("--operator", required=True, help="Who acts: an operator's id.")(function)


def open_as(data: Path, operator: str) -> tuple[Engines, Actor]:
    """The engines, and the operator as an actor; raises NotFound when there is none of that id."""
    engines = bootstrap.embedded(settings.read(data=data))
    return engines, access.acting_operator(engines, operator)


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return time.text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def print_json(value: Any) -> None:
    """One line of JSON, times in RFC 3339."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))
