"""Access after inactivity: the app goes on reading people who have stopped using it."""

from beholden.model.finding import Level
from beholden.watch.features import INACTIVE_AFTER_DAYS, AppDay
from beholden.watch.rule import Evidence, Rule, RuleInfo, Setting

LEAST_PEOPLE = 20
LEAST_SHARE = 0.5
LEAST_DAYS = 3

INFO = RuleInfo(
    id="inactive_access",
    title="Keeps reading people who have stopped using it",
    level=Level.MEDIUM,
    needs=frozenset({"installs", "uses"}),
    rows="inactive",
    false_positives="A nightly synchronisation that people asked for and rarely look at; a weekly digest.",
    known_gaps=(
        f"The first {LEAST_DAYS - 1} days of it, and fewer than {LEAST_PEOPLE} people a day. Without the platform's "
        "word on who was present, every use looks like none."
    ),
    runbook=(
        "Open the rows and see whether fields are read that a background job does not need.",
        "Check whether the purpose in the review names background work.",
        "Look whether the same people are read every day, or all of them in turn.",
    ),
    ask_developer="Which of your functions reads people who have not used your app for over a month?",
)


def share(day: AppDay) -> float:
    """Idle people among the app's own people read that day."""
    return day.inactive / max(day.installed_read, 1)


def _idle(day: AppDay) -> bool:
    return day.inactive >= LEAST_PEOPLE and share(day) >= LEAST_SHARE


def score(setting: Setting) -> Evidence | None:
    """Lasting, not a single job: at least three such days within the last seven active ones."""
    day = setting.day
    if not _idle(day):
        return None
    before = setting.history[-6:]
    days = 1 + sum(1 for d in before if _idle(d))
    peers = setting.peers_median(share)
    if days < LEAST_DAYS or (peers is not None and share(day) < 2 * peers):
        return None
    return Evidence(
        score=days * share(day),
        sentence=(
            f"read {day.inactive:,} people who had not used it themselves for over {INACTIVE_AFTER_DAYS} days "
            f"({share(day):.0%} of its own people read that day), on {days} of its last {len(before) + 1} active days"
        ),
        people=day.inactive,
        numbers={"inactive": day.inactive, "share": share(day), "days": days},
        baseline={} if peers is None else {"peers_median": peers},
    )


RULE = Rule(INFO, score)
