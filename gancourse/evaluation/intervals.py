"""How sure a share is: the interval of Wilson, for counts of right and wrong."""

from __future__ import annotations


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of Wilson (1927) for a share of which k in n independent trials were seen; z 1.96: about 95 %.

    Those true shares p whose k / n lies within z standard errors sqrt(p (1 - p) / n). It stays in [0, 1] and has a
    length also at k = 0 and k = n, where k / n -+ z standard errors has none. n = 0 tells nothing: (0, 1).
    Windows of one church are not independent: then the interval is too short. Raises ValueError for k outside 0 to n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"k is {k} and n is {n}, expected 0 <= k <= n: k counts those of n trials that succeeded.")
    if n == 0:
        return 0.0, 1.0
    share, square = k / n, z * z
    middle = share + square / (2 * n)
    half = z * (share * (1 - share) / n + square / (4 * n * n)) ** 0.5
    low, high = ((middle + sign * half) / (1 + square / n) for sign in (-1, 1))
    return (0.0 if k == 0 else low), (1.0 if k == n else high)
