"""What chance gives: exact tails of counting distributions, and what may be said from a count.

Tails are natural logarithms, since most of them are far below the smallest float. All sums go term by term from the
largest term on and end where the terms no longer count, so that populations of billions cost no more than small ones.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NEGLIGIBLE = 1e-18
_STEPS = 80
"""Halvings of the interval from 0 to 1: exact to the last bit of a float."""

Ratio = Callable[[int], float]
"""The probability of a count over that of the count before it (or after it, on the way down)."""


def hypergeometric(at_least: int, population: int, marked: int, drawn: int) -> float:
    """log P(X >= at_least) where `drawn` of a population are drawn without return, `marked` of which are marked.

    Raises ValueError where there are more marked or drawn than there are.
    """
    if not 0 <= marked <= population or not 0 <= drawn <= population:
        raise ValueError("More marked or drawn than there are.")
    low, high = max(0, drawn + marked - population), min(marked, drawn)
    rest = population - marked - drawn
    if at_least <= low:
        return 0.0
    if at_least > high:
        return -math.inf

    def log_pmf(count: int) -> float:
        return (
            _log_choose(marked, count)
            + _log_choose(population - marked, drawn - count)
            - _log_choose(population, drawn)
        )

    def up(count: int) -> float:
        return (marked - count + 1) * (drawn - count + 1) / (count * (rest + count))

    return _tail(at_least, low, high, log_pmf, up, (drawn + 1) * (marked + 1) / (population + 2))


def binomial(at_least: int, trials: int, chance: float) -> float:
    """log P(X >= at_least) of so many independent trials."""
    if at_least <= 0 or (chance >= 1 and at_least <= trials):
        return 0.0
    if at_least > trials or chance <= 0:
        return -math.inf
    odds = chance / (1 - chance)

    def log_pmf(count: int) -> float:
        return _log_choose(trials, count) + count * math.log(chance) + (trials - count) * math.log1p(-chance)

    def up(count: int) -> float:
        return (trials - count + 1) / count * odds

    return _tail(at_least, 0, trials, log_pmf, up, (trials + 1) * chance)


def poisson(at_least: int, mean: float, *, doubt: float = 0.0) -> float:
    """log P(X >= at_least) of a Poisson count whose mean is known only up to `doubt`.

    `doubt` is the mean's own standard deviation over the mean: the mean is then gamma distributed, and the count
    negative binomial.
    """
    if at_least <= 0:
        return 0.0
    if mean <= 0:
        return -math.inf
    if doubt <= 0:
        return _tail(
            at_least, 0, None, lambda k: k * math.log(mean) - mean - math.lgamma(k + 1), lambda k: mean / k, mean
        )
    shape = 1 / doubt**2
    share = mean / (shape + mean)

    def log_pmf(count: int) -> float:
        coefficient = math.lgamma(shape + count) - math.lgamma(shape) - math.lgamma(count + 1)
        return coefficient + shape * math.log1p(-share) + count * math.log(share)

    return _tail(at_least, 0, None, log_pmf, lambda k: (shape + k - 1) / k * share, mean)


def _tail(
    at_least: int, low: int, high: int | None, log_pmf: Callable[[int], float], up: Ratio, centre: float
) -> float:
    """Sum upwards beyond the centre; below it, take what is missing downwards from one."""
    if at_least > centre:
        total = term = 1.0
        count = at_least
        while (high is None or count < high) and term > total * _NEGLIGIBLE:
            count += 1
            term *= up(count)
            total += term
        return min(0.0, log_pmf(at_least) + math.log(total))
    total = term = 1.0
    count = at_least - 1
    while count > low and term > total * _NEGLIGIBLE:
        term /= up(count)
        count -= 1
        total += term
    below = math.exp(min(0.0, log_pmf(at_least - 1) + math.log(total)))
    return math.log1p(-below) if below < 1 else -math.inf


def _log_choose(all_: int, some: int) -> float:
    return math.lgamma(all_ + 1) - math.lgamma(some + 1) - math.lgamma(all_ - some + 1)


@dataclass(frozen=True, slots=True)
class Interval:
    """A share, and the ends between which the true one lies as often as was asked for."""

    share: float
    low: float
    high: float


def clopper_pearson(seen: int, trials: int, confidence: float = 0.95) -> Interval:
    """The exact interval of a share (Clopper and Pearson 1934): the true share is outside at most 1 - confidence.

    Nothing tried means nothing known: from 0 to 1.
    """
    if not 0 <= seen <= trials:
        raise ValueError("More were seen than tried.")
    if trials == 0:
        return Interval(0.0, 0.0, 1.0)
    side = (1 - confidence) / 2
    low = 0.0 if seen == 0 else _where(lambda p: math.exp(binomial(seen, trials, p)) >= side)
    high = 1.0 if seen == trials else _where(lambda p: math.exp(binomial(seen + 1, trials, p)) >= 1 - side)
    return Interval(seen / trials, low, high)


def _where(reached: Callable[[float], bool]) -> float:
    """The smallest chance at which something that grows with it is reached."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if reached(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def holm(logs: Sequence[float], tests: int = 0) -> list[float]:
    """Log p-values corrected for how many there are (Holm 1979): even one false call is then as rare as it was.

    `tests` counts those too that are not given because nothing came of them.
    """
    order = sorted(range(len(logs)), key=lambda place: logs[place])
    made = [0.0] * len(logs)
    largest = -math.inf
    for rank, place in enumerate(order):
        largest = max(largest, min(0.0, logs[place] + math.log(max(tests, len(logs)) - rank)))
        made[place] = largest
    return made


LEAST = 1e-12
"""No model is right enough to speak of rarer things."""


def at_most(log_p: float) -> str:
    """A bound for a sentence, never below `LEAST`."""
    return f"{max(LEAST, math.exp(log_p)):.2g}"


def written(log_p: float) -> str:
    """A probability for reading: `0.012`, `3.1e-08`, `1e-412`; what no float holds is still written."""
    if log_p == -math.inf:
        return "0"
    if log_p > -690:
        return f"{math.exp(log_p):.2g}"
    return f"1e-{math.floor(-log_p / math.log(10))}"
