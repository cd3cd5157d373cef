"""Friend harvest: many people who never installed the app, read through few who did."""

from beholden.model.finding import Level
from beholden.watch.features import AppDay
from beholden.watch.rule import Evidence, Rule, RuleInfo, Setting

LEAST_STRANGERS = 100
LEAST_RATIO = 10.0

INFO = RuleInfo(
    id="friend_harvest",
    title="Reads many people who never installed it, through few who did",
    level=Level.HIGH,
    needs=frozenset({"installs"}),
    rows="stranger",
    false_positives="A new app whose purpose is an address book or a game among friends, in its first days.",
    known_gaps=(
        f"A harvest below {LEAST_STRANGERS} new people a day, or spread so thin that it never exceeds "
        f"{LEAST_RATIO:.0f} strangers a granter. People read through relations that the platform does not report."
    ),
    runbook=(
        "Open the rows of the finding: which fields, through whom, in which hours.",
        "Compare strangers per granter with other apps of the category over the same 30 days.",
        "Check the purpose of each cluster in its review against what a friend's record can serve.",
    ),
    ask_developer="For what purpose did you read people who never used your app, and where are their records now?",
)


def ratio(day: AppDay) -> float:
    """New strangers for each granting person."""
    return day.new_strangers / max(day.granters, 1)


def score(setting: Setting) -> Evidence | None:
    """Unusual in itself, for the app, and for its kind: all that can be compared must agree."""
    day = setting.day
    mine = ratio(day)
    if day.new_strangers < LEAST_STRANGERS or mine < LEAST_RATIO:
        return None
    own, peers = setting.own_high(ratio), setting.peers_median(ratio)
    if own is not None and mine < 3 * own:
        return None
    if peers is not None and mine < 5 * peers:
        return None
    baseline = {name: value for name, value in (("own_p90", own), ("peers_median", peers)) if value is not None}
    return Evidence(
        score=mine / LEAST_RATIO,
        sentence=(
            f"read {day.new_strangers:,} people for the first time who never installed it, through {day.granters:,} "
            f"who did ({mine:.0f} for each)"
        ),
        people=day.new_strangers,
        numbers={"new_strangers": day.new_strangers, "granters": day.granters, "per_granter": mine},
        baseline=baseline,
    )


RULE = Rule(INFO, score)
