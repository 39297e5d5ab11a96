"""What the runs of `critics` say of P1's claims: a loss read as a distance, beside the distance, and the verdicts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from gancourse.course.studies.lesson07.critics import ARMS, P1, PLAIN, WASSERSTEIN
from gancourse.course.verdicts import UNDECIDED, decide
from gancourse.training.pair_losses import PAIR_LOSSES


def reading(row: dict[str, Any]) -> list[float]:
    """What D's loss says of the distance, point by point: its value where p_g = p, minus what was logged.

    For each of these losses that is, at the best D, a distance or divergence between data and generator up to a
    factor, and from below for any other D: W1 times the slope, the JSD, the total variation, Pearson's chi squared.
    """
    mark = PAIR_LOSSES[row["recipe"]["loss"]].marks["loss_d"][0]
    return [mark - value for value in row["curve"]["loss_d"]]


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, from 1; equal values share the mean of theirs."""
    order = sorted(values)
    return [(2 * order.index(v) + order.count(v) + 1) / 2 for v in values]


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: -1 to 1; 0 where one of them does not move."""
    try:
        return statistics.correlation(ranks(a), ranks(b))
    except statistics.StatisticsError:
        return 0.0


def meaning(row: dict[str, Any]) -> tuple[float, float, float]:
    """How far the loss follows the distance along one run: rank correlations of `reading` with it.

    Of levels, over the whole curve: any two curves that both go one way agree there. Of steps, the changes from point
    to point, over the whole curve: two falls that both slow down agree there still. Of steps late in the run, its
    second half, where little of such a trend is left.
    """
    says, is_at = reading(row), row["curve"]["fid"]
    moves = [[b - a for a, b in pairwise(x)] for x in (says, is_at)]
    late = [x[len(x) // 2 :] for x in moves]
    return rank_correlation(says, is_at), rank_correlation(*moves), rank_correlation(*late)


def roughness(values: Sequence[float]) -> float:
    """The way that a curve goes up and down, over its range: 1 for one that only falls or only rises."""
    span = max(values) - min(values)
    return sum(abs(b - a) for a, b in pairwise(values)) / span if span else 1.0


def images_to(row: dict[str, Any], distance: float) -> float:
    """Images that a run was shown until it first was as near as `distance`; infinite where it never was."""
    curve = row["curve"]
    near = (n for n, fid in zip(curve["images"], curve["fid"], strict=True) if fid <= distance)
    return next(near, math.inf)


def by_arm(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Arm -> its rows, one a seed; runs that diverged are among them."""
    return {arm: [row for row in results["rows"] if row["arm"] == arm] for arm in ARMS}


#: what P1 claims, when it holds, a run's figure, and whether more of it is better
CLAIMS: tuple[tuple[str, str, Callable[[dict[str, Any]], float], bool], ...] = (
    (
        "a more meaningful loss",
        "its steps follow the distance's steps more closely than either control's",
        lambda row: meaning(row)[1],
        True,
    ),
    (
        "a more meaningful loss, late in the run",
        "the same in the second half of the run alone",
        lambda row: meaning(row)[2],
        True,
    ),
    (
        "a smoother loss",
        "its curve goes up and down less, over its range, than either control's",
        lambda row: roughness(reading(row)),
        False,
    ),
    ("less mode collapse, by KL", "KL of the ten digits below either control's", lambda row: row["kl"], False),
    ("less mode collapse, by coverage", "coverage above either control's", lambda row: row["coverage"], True),
)


def verdicts(results: dict[str, Any]) -> list[dict[str, str]]:
    """P1's claims that this study can ask, of each of WASSERSTEIN: claim, holds if, arm, measured, verdict.

    Against each control `decide`, by more than both spreads over seeds; the two have to agree, else it is not decided.
    Runs that diverged are left out here, and are counted by `stability`.
    """
    arms = {arm: [row for row in rows if "diverged" not in row] for arm, rows in by_arm(results).items()}
    found = []
    for claim, rule, figure, more in CLAIMS:
        values = {arm: [figure(row) for row in rows] for arm, rows in arms.items()}
        for arm in WASSERSTEIN:
            against = [decide(*(values[p] for p in ((c, arm) if more else (arm, c)))) for c in (P1, PLAIN)]
            measured = "; ".join(f"{name} {_words(values[name])}" for name in (arm, P1, PLAIN))
            verdict = against[0] if len(set(against)) == 1 else UNDECIDED
            found.append({"claim": claim, "holds if": rule, "arm": arm, "measured": measured, "verdict": verdict})
    return found


def _words(values: Sequence[float]) -> str:
    if not values:
        return "none"
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{round(statistics.mean(values), 9):.3g}{spread}"
