"""Builders for the rules' tests: an ordinary day, changed where the test says so."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from beholden.watch.features import AppDay
from beholden.watch.rule import Setting

DAY = date(2026, 3, 14)
ORDINARY = AppDay(
    app=1,
    developer=1,
    category="quiz",
    day=DAY,
    rows=400,
    people=300,
    granters=200,
    indirect=40,
    strangers=20,
    new_strangers=4,
    most_through_one=3,
    sequence=0,
    indirect_rows=60,
    installed_read=250,
    inactive=10,
    canaries=0,
    sensitive_rows=0,
)


def day(ago: int = 0, **changes: Any) -> AppDay:
    """An ordinary day, so many days ago, with changes."""
    return replace(ORDINARY, day=DAY - timedelta(days=ago), **changes)


def setting(today: AppDay, history: list[AppDay] | None = None, peers: list[AppDay] | None = None) -> Setting:
    """A day beside its baselines."""
    return Setting(today, history or [], peers or [])
