"""Features: what an app did on one day, from the ledger's rows.

Expressions only; a backend runs them. They stay inside what every engine compiles: no ASOF join, no bit operations
(`docs/watch.md`). Same rows, same features.
"""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

INACTIVE_AFTER_DAYS = 30
"""When reading somebody who no longer uses the app begins to be a sign; the gate's own limit is the policy's."""

SCHEMAS: dict[str, dict[str, str]] = {
    "disclosures": {
        "seq": "int64",
        "day": "date",
        "app": "int64",
        "developer": "int64",
        "person": "int64",
        "through": "int64",
        "fieldset": "string",
        "sensitive": "int64",
    },
    "installs": {"app": "int64", "person": "int64", "first_day": "date"},
    "uses": {"app": "int64", "person": "int64", "day": "date"},
    "canaries": {"person": "int64", "app": "int64"},
    "apps": {"app": "int64", "developer": "int64", "category": "string"},
}
"""The tables that features read. `sensitive` is how many of a row's fields are beyond basic; a canary's `app` is the
one app that may have it, 0 for none."""


@dataclass(frozen=True, slots=True)
class AppDay:
    """One app on one day. Counts of people are of distinct people.

    granters        people through whom it read
    indirect        people read through somebody else
    strangers       of those, people who never installed the app up to that day
    new_strangers   strangers whom the app had never read before
    most_through_one  most people read through a single granter
    sequence        indirect reads whose person number follows the read before it, in the order of the log
    installed_read  people read who have or had a grant of their own
    inactive        of those, people whose own last use of the app is more than 30 days back
    canaries        reads of made-up people whom no app, or only another app, was ever given
    """

    app: int
    developer: int
    category: str
    day: date
    rows: int
    people: int
    granters: int
    indirect: int
    strangers: int
    new_strangers: int
    most_through_one: int
    sequence: int
    indirect_rows: int
    installed_read: int
    inactive: int
    canaries: int
    sensitive_rows: int


def tables() -> dict[str, Any]:
    """The input tables, unbound: any engine that has tables of these names and types can run what is built on them."""
    import ibis  # half a second to import, and only whoever watches needs it

    return {name: ibis.table(schema, name=name) for name, schema in SCHEMAS.items()}


def app_days() -> Any:
    """One row per app and day with disclosures; columns as in `AppDay`."""
    t = tables()
    reads = t["disclosures"]
    indirect = reads.filter(reads.person != reads.through)
    strange = _strangers(indirect, t["installs"])
    base = reads.group_by("app", "day").agg(
        rows=reads.count(),
        people=reads.person.nunique(),
        granters=reads.through.nunique(),
        sensitive_rows=(reads.sensitive > 0).sum(),
    )
    parts = [
        indirect.group_by("app", "day").agg(indirect=indirect.person.nunique(), indirect_rows=indirect.count()),
        strange.group_by("app", "day").agg(strangers=strange.person.nunique()),
        _new(strange),
        _most_through_one(indirect),
        _sequence(indirect),
        _inactive(reads, t["installs"], t["uses"]),
        _canaries(reads, t["canaries"]),
    ]
    for part in parts:
        base = base.left_join(part, ["app", "day"]).drop("app_right", "day_right")
    base = base.join(t["apps"], "app")
    names = [f.name for f in fields(AppDay)]
    counts = {n: base[n].coalesce(0).cast("int64") for n in names if n not in {"app", "developer", "category", "day"}}
    return base.mutate(**counts).select(*names).order_by("app", "day")


def _strangers(indirect: Any, installs: Any) -> Any:
    """Indirect reads of people who had not installed the app by that day."""
    joined = indirect.left_join(installs, ["app", "person"])
    return joined.filter(joined.first_day.isnull() | (joined.first_day > joined.day)).select(
        "seq", "app", "day", "person", "through"
    )


def _new(strange: Any) -> Any:
    """Strangers on the first day that the app ever read them."""
    first = strange.group_by("app", "person").agg(day=strange.day.min())
    return first.group_by("app", "day").agg(new_strangers=first.count())


def _most_through_one(indirect: Any) -> Any:
    each = indirect.group_by("app", "day", "through").agg(n=indirect.person.nunique())
    return each.group_by("app", "day").agg(most_through_one=each.n.max())


def _sequence(indirect: Any) -> Any:
    """Person numbers are dense, so reading them one after the other is walking the directory, not a friend list."""
    import ibis

    window = ibis.window(group_by="app", order_by="seq")
    stepped = indirect.mutate(step=indirect.person - indirect.person.lag().over(window))
    return stepped.group_by("app", "day").agg(sequence=(stepped.step == 1).sum())


def _inactive(reads: Any, installs: Any, uses: Any) -> Any:
    """People with a grant of their own whose last own use, as of that day, is too far back.

    The last use as of a day is the latest use day not after it: an equality join and a maximum, not an ASOF join.
    """
    import ibis

    daily = reads.select("app", "day", "person").distinct()
    mine = daily.join(installs, ["app", "person"]).select("app", "day", "person", "first_day")
    used = uses.rename(use_day="day")
    seen = mine.left_join(used, ["app", "person"])
    seen = seen.mutate(past=ibis.ifelse(seen.use_day <= seen.day, seen.use_day, ibis.null("date")))
    last = seen.group_by("app", "day", "person").agg(last=seen.past.max(), first=seen.first_day.min())
    gone = last.mutate(idle=last.day.delta(last["last"].coalesce(last["first"]), unit="day"))
    return gone.group_by("app", "day").agg(
        installed_read=gone.count(), inactive=(gone.idle > INACTIVE_AFTER_DAYS).sum()
    )


def _canaries(reads: Any, canaries: Any) -> Any:
    planted = canaries.rename(owner="app")
    hit = reads.join(planted, "person")
    hit = hit.filter(hit.owner != hit.app)
    return hit.group_by("app", "day").agg(canaries=hit.count())
