"""Warnings before the 90 days, or a grant's longest time, are over: when one is due, and its words (R6).

Each of the policy's days is warned of once, late rather than skipped. When several were missed, only the most urgent
one is sent, and it stands for those before it: nobody gets three letters at once.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from beholden.model.catalogue import Catalogue
from beholden.model.grant import EndReason, Grant
from beholden.model.time import DAY, day_of
from beholden.notices.letter import unlinked
from beholden.notices.wording import Section, Words, day, labels

ENDED = 0
"""In place of a number of days: the letter that it has ended, to somebody whom no warning of the last day reached."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When and why an active grant ends by the clock alone."""

    at: datetime
    reason: EndReason


def ending(grant: Grant, last_use: datetime | None, inactivity_days: int | None) -> Ending | None:
    """The earlier of the end by disuse and by age; None where no clock runs.

    The granting is a use, so that a grant without any use counts from when it was given.
    """
    ends: list[Ending] = []
    if inactivity_days is not None:
        ends.append(Ending((last_use or grant.granted_at) + timedelta(days=inactivity_days), EndReason.INACTIVE))
    if grant.ends_at is not None:
        ends.append(Ending(grant.ends_at, EndReason.AGE))
    return min(ends, key=lambda end: end.at, default=None)


def due(end: datetime, now: datetime, days: Sequence[int], given: Collection[int]) -> int | None:
    """Which warning to send now, in days before the end; None for none. `given` were sent for this end."""
    if now >= end:
        return None
    reached = [d for d in days if end - now <= d * DAY]
    urgent = min(reached, default=None)
    return urgent if urgent is not None and not any(g <= urgent for g in given) else None


def words(
    grant: Grant,
    app_name: str,
    developer: str,
    end: Ending,
    now: datetime,
    *,
    inactivity_days: int | None,
    catalogue: Catalogue,
    page: str,
    contact: str,
) -> Words:
    """The letter: which app, for what, what ends and when, how to keep it, and that doing nothing is an answer."""
    name = f"“{unlinked(app_name)}”"
    over = now >= end.at
    what = labels(sorted(grant.fields), catalogue)
    through = labels(sorted(grant.through_fields), catalogue)
    points = tuple(f"your {label}" for label in what) + tuple(f"your contacts’ {label}" for label in through)
    purposes = ", ".join(sorted(unlinked(p) for p in grant.purposes)) or "no stated purpose"
    return Words(
        f"{name} can no longer see your data"
        if over
        else f"{name} will lose access to your data {remaining(end, now)}",
        (
            Section("What ends", (_what_ends(name, unlinked(developer), end, over=over),), points),
            Section("What it was for", (f"You allowed this for: {purposes}.",)),
            Section("Why", (_why(end, inactivity_days),)),
            _choice(name, end, page, over=over),
            Section("Whom to ask", (f"Write to {contact}.",)),
        ),
    )


def remaining(end: Ending, now: datetime) -> str:
    """`in 7 days`, `in 1 day`; begun days count whole."""
    days = max(1, math.ceil((end.at - now) / DAY))
    return f"in {days} day{'' if days == 1 else 's'}"


def _what_ends(name: str, developer: str, end: Ending, *, over: bool) -> str:
    date = day(day_of(end.at))
    if over:
        return f"Since {date} the app {name} by “{developer}” receives no more of:"
    return f"On {date} at {end.at:%H:%M} UTC the app {name} by “{developer}” stops receiving:"


def _why(end: Ending, inactivity_days: int | None) -> str:
    if end.reason is EndReason.AGE:
        return "A permission lasts a limited time. This one reaches its end."
    return (
        f"You have not used the app yourself for a while. After {inactivity_days} days without your own use an app "
        "loses your data; what the app does by itself does not count."
    )


def _choice(name: str, end: Ending, page: str, *, over: bool) -> Section:
    nothing = "To let it end, do nothing."
    if over:
        return Section(
            "What you can do",
            ("Nothing, if you do not miss it. To use it again, open the app and connect it again.",),
            (f"What the app was given before stays on your page ({page}); there you can ask it to delete it.",),
        )
    if end.reason is EndReason.AGE:
        keep = f"To keep it, open {name} and connect it again; it then asks you anew."
    else:
        keep = f"To keep it, use {name} once, or sign in yourself, open your apps ({page}) and choose to keep it."
    return Section(
        "What you can do", (nothing, keep), ("Do not trust links in letters: sign in the way you always do.",)
    )
