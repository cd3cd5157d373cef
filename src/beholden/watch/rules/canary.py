"""Canary: a made-up person was read whom this app was never given."""

from beholden.model.finding import Level
from beholden.watch.rule import Evidence, Rule, RuleInfo, Setting

INFO = RuleInfo(
    id="canary",
    title="Read a made-up person whom it was never given",
    level=Level.HIGH,
    needs=frozenset({"canaries"}),
    rows="canary",
    false_positives="A scan by the platform's own testers through a real app; a canary that was planted wrongly.",
    known_gaps=(
        "An app that reads only real friend lists never meets an isolated canary; plant some among the friends of "
        "people who agreed, and some as people of one app only."
    ),
    runbook=(
        "Open the rows: which canary, through whom, and what else was read in the same minute.",
        "See whether the same app walks through numbers (id_enumeration) on that day.",
        "A canary of one app that turns up at another: ask both developers for what they passed on.",
    ),
    ask_developer="From where did your app have this id?",
)


def score(setting: Setting) -> Evidence | None:
    """One is enough: nobody has a reason to know a canary."""
    day = setting.day
    if day.canaries == 0:
        return None
    return Evidence(
        score=10.0 * day.canaries,
        sentence=f"read made-up people {day.canaries:,} times whom it was never given",
        people=day.people,
        numbers={"canaries": day.canaries},
    )


RULE = Rule(INFO, score)
