"""When a difference counts: the rules behind the verdicts of `claims`, and of the lessons' tables.

A verdict rests on values under equal conditions, one a seed. Where the spread swallows the difference: "not decided".
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

HOLDS, FAILS, PARTLY = "holds", "fails", "holds in part"
UNDECIDED, OPEN = "not decided", "not measured yet"


def decide(smaller: Sequence[float], larger: Sequence[float]) -> str:
    """Whether `smaller` is so on average: both are one value a seed, measured under equal conditions.

    HOLDS where the means differ in that direction by more than both standard deviations together, FAILS where they do
    so in the other; UNDECIDED in between, and where a side has less than two seeds, since then nothing says how far the
    next seed would fall. (With so few seeds this is a rule of thumb and no significance test.)
    """
    if min(len(smaller), len(larger)) < 2:
        return UNDECIDED
    gap = statistics.mean(larger) - statistics.mean(smaller)
    noise = statistics.stdev(smaller) + statistics.stdev(larger)
    return HOLDS if gap > noise else FAILS if -gap > noise else UNDECIDED


def reach(values: Sequence[float], bar: float) -> str:
    """Whether every seed's value reaches a bar that has no spread; UNDECIDED on both of its sides, and of one seed."""
    if len(values) < 2:
        return UNDECIDED
    return HOLDS if min(values) >= bar else FAILS if max(values) < bar else UNDECIDED


def seed_by_seed(smaller: Sequence[float], larger: Sequence[float]) -> tuple[str, float, float]:
    """Whether `smaller` is so where both sides share their seeds, in one order: a paired, two-sided t test at 95 %.

    Returns the verdict, the mean of larger - smaller, and its standard error. Raises ValueError for sides of unequal
    length.
    """
    gaps = [b - a for a, b in zip(smaller, larger, strict=True)]
    if len(gaps) < 2:
        return UNDECIDED, math.nan, math.nan
    mean, error = statistics.mean(gaps), statistics.stdev(gaps) / math.sqrt(len(gaps))
    # t squared is an F of 1 and n - 1 degrees of freedom
    decided = error == 0 or f_tail((mean / error) ** 2, 1, len(gaps) - 1) < 0.05
    return UNDECIDED if not decided else HOLDS if mean > 0 else FAILS, mean, error


def steadier(a: Sequence[float], b: Sequence[float]) -> tuple[str, float, float]:
    """Whether positive values `a` vary less over seeds than `b`, relative to their size: a two-sided F test of logs.

    Returns the verdict, F (b's variance over a's) and the test's p. HOLDS or FAILS where p is below 0.05.
    """
    if min(len(a), len(b)) < 2:
        return UNDECIDED, math.nan, math.nan
    f = statistics.variance(map(math.log, b)) / statistics.variance(map(math.log, a))
    above = f_tail(f, len(b) - 1, len(a) - 1)
    p = 2 * min(above, 1 - above)
    return UNDECIDED if p >= 0.05 else HOLDS if f > 1 else FAILS, f, p


def f_tail(f: float, n: int, m: int) -> float:
    """P(F > f) for the F distribution with n and m degrees of freedom, by the beta integral it equals (midpoints)."""
    end, steps = m / (m + n * f), 20_000
    # t = u^2 takes the density's root at 0 away, which one degree of freedom has; at 1 the midpoints stay clear of it
    points = [((i + 0.5) / steps) for i in range(steps)]
    weights = [u ** (m - 1) * (1 - u * u) ** (n / 2 - 1) for u in points]
    return sum(w for u, w in zip(points, weights, strict=True) if u * u < end) / sum(weights)


def together(verdicts: Sequence[str]) -> str:
    """One verdict on a claim of several parts: all hold; some do; none does and all fail; else undecided."""
    if HOLDS in verdicts:
        return HOLDS if set(verdicts) == {HOLDS} else PARTLY
    return FAILS if set(verdicts) == {FAILS} else UNDECIDED
