from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from beholden.watch.judge import RULES, judge, risk
from tests.watch.days import DAY, day

NOW = datetime(2026, 3, 20, tzinfo=UTC)
HARVEST = {"new_strangers": 9000, "granters": 30}
ALL = ["installs", "uses", "canaries"]


def test_days_in_a_row_are_one_finding_that_tells_the_worst() -> None:
    days = [day(ago=2, **HARVEST), day(ago=1, new_strangers=20000, granters=30), day(**HARVEST)]
    (finding,) = judge(days, {1: "Quiz"}, ALL, None, NOW).findings
    assert (finding.first_day, finding.last_day) == (DAY - timedelta(days=2), DAY)
    assert finding.people == 38000
    assert finding.sentence.startswith("Between 2026-03-12 and 2026-03-14, worst on 2026-03-13, Quiz read 20,000")


def test_a_second_run_finds_the_same_finding() -> None:
    days = [day(ago=1, **HARVEST)]
    first = judge(days, {}, ALL, None, NOW).findings[0]
    grown = judge([*days, day(**HARVEST)], {}, ALL, None, NOW + timedelta(days=1)).findings[0]
    assert first.id == grown.id
    assert grown.last_day > first.last_day


def test_a_rule_without_its_input_says_so_and_is_not_silently_quiet() -> None:
    judged = judge([day(canaries=3)], {}, ["installs", "uses"], None, NOW)
    assert judged.findings == ()
    assert judged.not_running == {"canary": "needs canaries"}


def test_days_before_since_are_baseline_only() -> None:
    assert judge([day(ago=5, **HARVEST)], {}, ALL, DAY, NOW).findings == ()


def test_peers_are_other_apps_of_the_same_category_in_the_last_30_days() -> None:
    late = [day(ago=40 + n, app=2, **HARVEST) for n in range(10)]
    other = [day(ago=n, app=3, category="calendar", **HARVEST) for n in range(10)]
    judged = judge([day(**HARVEST), *late, *other], {}, ALL, DAY, NOW)
    assert 1 in {f.app for f in judged.findings}


@given(st.lists(st.floats(0, 1e6), max_size=10))
def test_risk_is_at_most_one_and_a_half_times_the_strongest(scores: list[float]) -> None:
    assert max(scores, default=0) <= risk(scores) <= 1.5 * max(scores, default=0) + 1e-9


def test_every_rule_tells_what_it_misses_and_has_a_hit_and_a_miss() -> None:
    for rule in RULES:
        info = rule.info
        assert info.known_gaps and info.false_positives and len(info.runbook) >= 2 and info.ask_developer.endswith("?")
        tests = (Path(__file__).parent / "rules" / f"test_{info.id}.py").read_text(encoding="utf-8")
        assert "def test_hit_" in tests and "def test_miss_" in tests
