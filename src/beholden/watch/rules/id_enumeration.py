"""Id enumeration: the directory walked person by person, in the order in which people joined."""

from beholden.model.finding import Level
from beholden.watch.features import AppDay
from beholden.watch.rule import Evidence, Rule, RuleInfo, Setting

LEAST_STEPS = 50
LEAST_SHARE = 0.3

INFO = RuleInfo(
    id="id_enumeration",
    title="Walks through people in the order of their numbers",
    level=Level.HIGH,
    needs=frozenset(),
    rows="indirect",
    false_positives="A declared export or a test run over a block of accounts that joined together.",
    known_gaps=(
        "Ids that the gate refused are not in the ledger, so probing that yields nothing is not seen here. A walk in "
        "random order, or interleaved by several workers, has few steps of one; a canary finds it."
    ),
    runbook=(
        "Open the rows in the order of the log and look at the steps between people.",
        "Ask which endpoint the app used: a list of friends does not come in this order.",
        "Look for the same hours in the developer's other apps.",
    ),
    ask_developer="How did your app come to ask for these people, and from which list?",
)


def share(day: AppDay) -> float:
    """Steps of one among all indirect reads."""
    return day.sequence / max(day.indirect_rows, 1)


def score(setting: Setting) -> Evidence | None:
    """A friend list meets the next number by chance about once in as many reads as there are people."""
    day = setting.day
    if day.sequence < LEAST_STEPS or share(day) < LEAST_SHARE:
        return None
    own = setting.own_high(share)
    if own is not None and share(day) < 2 * own:
        return None
    return Evidence(
        score=day.sequence / LEAST_STEPS,
        sentence=f"read {day.indirect:,} people, {share(day):.0%} of them right after the one who joined before",
        people=day.indirect,
        numbers={"steps": day.sequence, "share": share(day), "people": day.indirect},
        baseline={} if own is None else {"own_p90": own},
    )


RULE = Rule(INFO, score)
