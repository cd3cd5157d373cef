"""The limiter: an app in all, an app on one person's word, and memory that does not grow."""

from beholden.backends.host.limiter import MemoryLimiter, Rate


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_grant_is_limited_alone_and_an_app_in_all() -> None:
    hand = Hand()
    limiter = MemoryLimiter(Rate(10, 5), Rate(1, 2), hand)
    assert [limiter.wait("quiz", "ann") for _ in range(3)] == [0, 0, 1]
    assert [limiter.wait("quiz", "bea") for _ in range(2)] == [0, 0]
    assert limiter.wait("quiz", "cem") == 0, "the refused question cost the app nothing"
    assert limiter.wait("quiz", "dan") == 0.1, "the app's own bucket is empty now"
    assert limiter.wait("other", "ann") == 0, "another app is another matter"
    hand.seconds = 1.0
    assert limiter.wait("quiz", "ann") == 0


def test_a_row_of_questions_costs_as_many() -> None:
    limiter = MemoryLimiter(Rate(10, 100), Rate(0, 0), Hand())
    assert limiter.wait("quiz", "ann", 90) == 0
    assert limiter.wait("quiz", "ann", 20) == 1
    assert limiter.wait("quiz", "ann", 10) == 0


def test_without_rates_nothing_is_limited_or_kept() -> None:
    limiter = MemoryLimiter(Rate(0, 0), Rate(0, 0), Hand())
    assert not any(limiter.wait("quiz", str(n)) for n in range(1000))
    assert not limiter._apps
    assert not limiter._grants


def test_memory_is_bounded_and_made_up_people_do_not_free_an_app() -> None:
    limiter = MemoryLimiter(Rate(1, 100), Rate(1, 1), Hand(), max_apps=10, max_grants=10)
    passed = sum(limiter.wait("quiz", f"made-up-{n}" + "x" * 10_000) == 0 for n in range(1000))
    assert passed == 100
    assert len(limiter._grants) == 10
    assert max(len(key) for key in limiter._grants) < 20_000
    for n in range(1000):
        limiter.wait(f"app-{n}", "ann")
    assert len(limiter._apps) == 10


def test_ids_that_run_together_are_still_two() -> None:
    limiter = MemoryLimiter(Rate(0, 0), Rate(1, 1), Hand())
    assert limiter.wait("ab", "c") == 0
    assert limiter.wait("a", "bc") == 0
