"""Token buckets: what they hold, and how long one has to wait."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.limits import Bucket, Rate, filled, wait

RATE = Rate(per_second=10, burst=50)


def test_a_bucket_that_is_not_kept_is_full() -> None:
    assert filled(None, RATE, 7.0) == 50


def test_it_fills_by_the_second_and_never_over_its_brim() -> None:
    assert filled(Bucket(0, 100.0), RATE, 101.5) == 15
    assert filled(Bucket(0, 100.0), RATE, 1000.0) == 50
    assert filled(Bucket(5, 100.0), RATE, 99.0) == 5, "a clock that steps back takes nothing"


def test_the_wait_is_until_it_can_pay() -> None:
    assert wait(1.0, RATE, 1) == 0
    assert wait(0.0, RATE, 1) == 0.1
    assert wait(0.0, RATE, 20) == 2
    assert wait(0.0, RATE, 1000) == 5, "more than a bucket holds costs a bucket"


def test_no_rate_is_no_limit() -> None:
    assert Rate(0, 50).unlimited
    assert Rate(5, 0).unlimited
    assert not RATE.unlimited


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 80)), max_size=60))
def test_no_stretch_of_time_lets_more_through_than_the_burst_and_the_rate(steps: list[tuple[float, int]]) -> None:
    now, bucket, passed = 0.0, None, 0
    for pause, cost in steps:
        now += pause
        tokens = filled(bucket, RATE, now)
        if wait(tokens, RATE, cost) == 0:
            passed += min(cost, RATE.burst)
            tokens = max(0.0, tokens - min(cost, RATE.burst))
        bucket = Bucket(tokens, now)
    assert passed <= RATE.burst + RATE.per_second * now + 1e-6
