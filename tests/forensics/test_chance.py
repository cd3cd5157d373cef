"""Tails and intervals, held to plain enumeration in exact fractions."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.chance import binomial, clopper_pearson, holm, hypergeometric, poisson, written


def hypergeometric_exactly(at_least: int, population: int, marked: int, drawn: int) -> Fraction:
    ways = sum(
        math.comb(marked, k) * math.comb(population - marked, drawn - k)
        for k in range(max(0, at_least), min(marked, drawn) + 1)
        if drawn - k <= population - marked
    )
    return Fraction(ways, math.comb(population, drawn))


def binomial_exactly(at_least: int, trials: int, chance: Fraction) -> Fraction:
    terms = (
        math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(max(0, at_least), trials + 1)
    )
    return sum(terms, Fraction(0))


def same(log: float, exact: Fraction) -> bool:
    if exact == 0:
        return log == -math.inf
    return math.isclose(math.exp(log), float(exact), rel_tol=1e-9, abs_tol=1e-12)


@given(st.data())
def test_the_hypergeometric_tail_is_what_counting_all_draws_gives(data: st.DataObject) -> None:
    population = data.draw(st.integers(1, 60))
    marked, drawn = data.draw(st.integers(0, population)), data.draw(st.integers(0, population))
    at_least = data.draw(st.integers(0, population + 1))
    exact = hypergeometric_exactly(at_least, population, marked, drawn)
    assert same(hypergeometric(at_least, population, marked, drawn), exact)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 40))
def test_the_binomial_tail_is_what_adding_all_terms_gives(at_least: int, trials: int, fortieths: int) -> None:
    chance = Fraction(fortieths, 40)
    assert same(binomial(at_least, trials, float(chance)), binomial_exactly(at_least, trials, chance))


@given(st.integers(0, 60), st.floats(0.001, 40))
def test_the_poisson_tail_is_one_without_the_terms_below(at_least: int, mean: float) -> None:
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(at_least))
    assert math.isclose(math.exp(poisson(at_least, mean)), 1 - below, rel_tol=1e-6, abs_tol=1e-9)


@given(st.integers(1, 40), st.floats(0.001, 40))
def test_a_doubtful_mean_of_its_own_size_gives_a_geometric_count(at_least: int, mean: float) -> None:
    exact = (mean / (1 + mean)) ** at_least
    assert math.isclose(math.exp(poisson(at_least, mean, doubt=1.0)), exact, rel_tol=1e-6)


@given(st.integers(2, 200), st.floats(0.001, 0.2))
def test_doubt_about_a_small_mean_never_makes_finds_rarer(found: int, mean: float) -> None:
    assert poisson(found, mean, doubt=1.0) >= poisson(found, mean) - 1e-9


def test_populations_of_billions_take_no_longer_and_do_not_underflow() -> None:
    log = hypergeometric(8_120, 2_200_000_000, 87_000_000, 8_200)
    assert -26_000 < log < -25_000
    assert written(log).startswith("1e-11")


@given(st.integers(1, 40), st.data())
def test_the_interval_holds_every_share_under_which_the_count_is_not_rare(trials: int, data: st.DataObject) -> None:
    seen = data.draw(st.integers(0, trials))
    ends = clopper_pearson(seen, trials)
    assert ends.low <= ends.share <= ends.high
    if seen:
        assert math.isclose(float(binomial_exactly(seen, trials, Fraction(ends.low))), 0.025, rel_tol=1e-6)
    if seen < trials:
        assert math.isclose(1 - float(binomial_exactly(seen + 1, trials, Fraction(ends.high))), 0.025, rel_tol=1e-6)


@pytest.mark.parametrize("trials", [5, 12, 30])
@pytest.mark.parametrize("fortieths", [1, 8, 20, 39])
def test_the_interval_misses_the_true_share_in_at_most_one_of_twenty(trials: int, fortieths: int) -> None:
    truth = Fraction(fortieths, 40)
    missed = Fraction(0)
    for seen in range(trials + 1):
        ends = clopper_pearson(seen, trials)
        if not ends.low <= truth <= ends.high:
            missed += binomial_exactly(seen, trials, truth) - binomial_exactly(seen + 1, trials, truth)
    assert missed <= Fraction(1, 20)


def test_nothing_tried_means_nothing_known() -> None:
    ends = clopper_pearson(0, 0)
    assert (ends.low, ends.high) == (0.0, 1.0)


@given(st.lists(st.floats(-50, 0), max_size=12))
def test_corrected_probabilities_keep_their_order_and_only_grow(logs: list[float]) -> None:
    corrected = holm(logs)
    assert all(new >= old for new, old in zip(corrected, logs, strict=True))
    by_size = sorted(zip(logs, corrected, strict=True))
    assert all(a[1] <= b[1] for a, b in pairwise(by_size))
    assert all(log <= 0 for log in corrected)


def test_tests_that_gave_nothing_count_too() -> None:
    assert holm([-10.0], tests=100)[0] == pytest.approx(-10 + math.log(100))


@pytest.mark.parametrize(("population", "marked", "drawn"), [(5, 6, 1), (5, 1, 6), (5, -1, 1)])
def test_more_marked_than_there_are_is_refused(population: int, marked: int, drawn: int) -> None:
    with pytest.raises(ValueError):
        hypergeometric(1, population, marked, drawn)
