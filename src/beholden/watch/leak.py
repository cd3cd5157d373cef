"""Leak: what only this app was ever given stands in a dump that was found in the wild."""

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import blake2s

from beholden.model.app import App
from beholden.model.finding import Finding, Level, RowQuery
from beholden.model.ids import FindingId
from beholden.watch.rule import RuleInfo

INFO = RuleInfo(
    id="leak",
    title="What only this app was given stands in a dump",
    level=Level.HIGH,
    needs=frozenset(),
    rows="own canary",
    false_positives="A dump of the platform's own copy; a canary that somebody told of; an id quoted in a report.",
    known_gaps="Runs when a dump is traced. A dump without ids and canaries is weighed by its people, not found here.",
    runbook=(
        "Open the trace: which canaries, how many ids of the app's own, who else is in the dump, since when.",
        "Open the rows: when the app was given the canaries, and through whom.",
        "Ask for its logs and backups of that time, and examine them.",
    ),
    ask_developer="Who had access to the data that you were given up to this day?",
)


def finding(
    app: App, dump: str, canaries: int, own_ids: int, people: int, days: Sequence[date], now: datetime
) -> Finding:
    """The finding against one app. `dump` is the digest of the dump's manifest: the same dump is found once. `days` are
    those on which the app was given what stands there; without any, the present one."""
    told = [f"{canaries:,} made-up people" if canaries else "", f"ids of {own_ids:,} people" if own_ids else ""]
    first, last = min(days, default=now.date()), max(days, default=now.date())
    return Finding(
        id=FindingId("finding_" + blake2s(f"leak/{int(app.number)}/{dump}".encode(), digest_size=10).hexdigest()),
        rule=INFO.id,
        level=INFO.level,
        app=app.number,
        developer=app.developer,
        first_day=first,
        last_day=last,
        score=10.0 * max(1, canaries),
        sentence=f"A dump found in the wild holds {' and '.join(filter(None, told))} that only {app.name} was given.",
        numbers={"canaries": canaries, "own_ids": own_ids, "people": people},
        baseline={},
        rows=RowQuery(app.number, first, last, "own canary" if canaries else "all"),
        found_at=now,
        people=people,
    )
