"""From app-days to findings: every rule on every day, repeats merged, rules that cannot run named."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2s

from beholden.model.finding import Finding, RowQuery
from beholden.model.ids import AppNumber, DeveloperNumber, FindingId
from beholden.watch.features import AppDay
from beholden.watch.rule import Evidence, Rule, Setting
from beholden.watch.rules import canary, friend_harvest, id_enumeration, inactive_access

RULES: tuple[Rule, ...] = (friend_harvest.RULE, id_enumeration.RULE, inactive_access.RULE, canary.RULE)

PEER_DAYS = 30
MERGE_WITHIN_DAYS = 30
"""A rule that objects to an app again within this time says the same thing again: one finding, which grows."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules found, and which rules could not run for want of what input."""

    findings: tuple[Finding, ...]
    not_running: Mapping[str, str]


def judge(
    days: Sequence[AppDay], names: Mapping[int, str], inputs: Collection[str], since: date | None, now: datetime
) -> Judgement:
    """Findings over `days` from `since` on (earlier days are baseline only). `inputs` are the tables that have rows."""
    silent = {
        rule.info.id: f"needs {', '.join(sorted(rule.info.needs - set(inputs)))}"
        for rule in RULES
        if rule.info.needs - set(inputs)
    }
    found: list[Finding] = []
    by_app: dict[int, list[AppDay]] = {}
    for day in sorted(days, key=lambda d: (d.app, d.day)):
        by_app.setdefault(day.app, []).append(day)
    for app, own in by_app.items():
        for rule in RULES:
            if rule.info.id not in silent:
                found.extend(_merged(rule, _hits(rule, own, days, since), names.get(app, f"app {app}"), now))
    found.sort(key=lambda f: -f.score)
    return Judgement(tuple(found), silent)


def risk(scores: Sequence[float]) -> float:
    """An app's risk: its strongest finding and half of the second; repeats add nothing."""
    first, second = (*sorted(scores, reverse=True), 0.0, 0.0)[:2]
    return first + second / 2


def _hits(rule: Rule, own: list[AppDay], days: Sequence[AppDay], since: date | None) -> list[tuple[AppDay, Evidence]]:
    hits = []
    for position, day in enumerate(own):
        if since is not None and day.day < since:
            continue
        peers = [
            d
            for d in days
            if d.app != day.app and d.category == day.category and timedelta(0) <= day.day - d.day < PEER_DAYS * _DAY
        ]
        evidence = rule.score(Setting(day, own[:position], peers))
        if evidence is not None:
            hits.append((day, evidence))
    return hits


_DAY = timedelta(days=1)


def _merged(rule: Rule, hits: list[tuple[AppDay, Evidence]], name: str, now: datetime) -> list[Finding]:
    findings: list[Finding] = []
    group: list[tuple[AppDay, Evidence]] = []
    for hit in hits:
        if group and hit[0].day - group[-1][0].day > MERGE_WITHIN_DAYS * _DAY:
            findings.append(_finding(rule, group, name, now))
            group = []
        group.append(hit)
    if group:
        findings.append(_finding(rule, group, name, now))
    return findings


def _finding(rule: Rule, group: list[tuple[AppDay, Evidence]], name: str, now: datetime) -> Finding:
    """One finding of one or more days; its id is made from what it says, so that a second run finds the same one."""
    worst_day, worst = max(group, key=lambda hit: hit[1].score)
    first, last = group[0][0], group[-1][0]
    key = f"{rule.info.id}/{first.app}/{first.day}"
    when = (
        f"On {worst_day.day}"
        if first.day == last.day
        else f"Between {first.day} and {last.day}, worst on {worst_day.day},"
    )
    return Finding(
        id=FindingId("finding_" + blake2s(key.encode(), digest_size=10).hexdigest()),
        rule=rule.info.id,
        level=rule.info.level,
        app=AppNumber(first.app),
        developer=DeveloperNumber(first.developer),
        first_day=first.day,
        last_day=last.day,
        score=worst.score,
        sentence=f"{when} {name} {worst.sentence}.",
        numbers=dict(worst.numbers),
        baseline=dict(worst.baseline),
        rows=RowQuery(AppNumber(first.app), first.day, last.day, rule.info.rows),
        found_at=now,
        people=sum(evidence.people for _, evidence in group),
    )
