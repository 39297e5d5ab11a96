"""The earth mover's distance W1 between two samples, exactly: by sorting on the line, by an assignment, by a linear
programme. `theory.kantorovich` has the dual, and `minimax.wasserstein_1d` the same distance for two densities.

W1(a, b) is the least mean distance over which the points of one sample have to be carried to become the other;
distances are Euclidean. A sample is (n,) or (n, d); of more axes, images for example, all but the first are one.

Sources: [ACB17] Arjovsky, Chintala and Bottou 2017, "Wasserstein generative adversarial networks", section 2;
[PC19] Peyré and Cuturi 2019, "Computational optimal transport", sections 2.3 (linear programme) and 2.6 (the line).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gancourse.theory.minimax import LOG2

Values = Tensor | Sequence[Any]
MOST_PAIRS = 250_000  # of a linear programme, such as 500 points against 500


# -------------------------------------------------------------------------------------------- what is a sample


def as_sample(x: Values, name: str) -> Tensor:
    """A sample as float64 points (n, d) on the CPU; (n,) becomes (n, 1), and axes after the first are joined.

    Raises ValueError for no points and for points that are not finite numbers, under the sample's `name`.
    """
    points = torch.as_tensor(x).detach().to("cpu", torch.float64)
    if points.ndim == 0 or not points.numel():
        raise ValueError(f"{name} has shape {tuple(points.shape)}, expected (n,) or (n, d): give at least one point")
    points = points.reshape(len(points), -1)
    bad = ~points.isfinite().all(1)
    if bad.any():
        first = int(bad.nonzero()[0])
        raise ValueError(
            f"{name} has {int(bad.sum())} of {len(points)} points that are not finite numbers, the first at index "
            f"{first}: {name}[{name}.isfinite().reshape(len({name}), -1).all(1)] keeps the others"
        )
    return points


def as_samples(a: Values, b: Values) -> tuple[Tensor, Tensor]:
    """Both samples as float64 points, (n, d) and (m, d). Raises ValueError where they lie in different spaces."""
    x, y = as_sample(a, "a"), as_sample(b, "b")
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"a has {x.shape[1]} coordinates a point and b has {y.shape[1]}: a distance needs both in one space"
        )
    return x, y


def as_weights(weights: Values | None, n: int, name: str) -> Tensor:
    """The weights of n points, (n,) float64, summing to 1; 1/n each where None is given.

    Raises ValueError for another number of them, negative ones, and a sum other than 1 (to a millionth).
    """
    if weights is None:
        return torch.full((n,), 1 / n, dtype=torch.float64)
    w = torch.as_tensor(weights).detach().to("cpu", torch.float64)
    if w.shape != (n,):
        raise ValueError(f"{name} has shape {tuple(w.shape)}, expected ({n},): one weight a point")
    if not bool((w >= 0).all()):
        raise ValueError(f"{name} holds {w[~(w >= 0)][0].item():.4g}, expected numbers from 0 up")
    if not abs(total := w.sum().item() - 1) <= 1e-6:
        raise ValueError(f"{name} sums to {total + 1:.6g}, expected 1: divide each by the sum")
    return w / w.sum()


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances of x (n, d) and y (m, d), (n, m); by differences, so that equal points are at 0 exactly."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def scipy_part(name: str) -> Any:
    """scipy.NAME, "optimize" or "sparse". Raises ValueError with the remedy where scipy is not installed."""
    try:
        from scipy import optimize, sparse
    except ImportError as error:
        raise ValueError(
            'the exact earth mover\'s distance beyond the line needs scipy: pip install "gancourse[lab]"'
        ) from error
    return {"optimize": optimize, "sparse": sparse}[name]


def few_enough(pairs: int, n: int, m: int) -> None:
    """Raises ValueError for a linear programme that would take many minutes or all memory."""
    if pairs > MOST_PAIRS:
        raise ValueError(
            f"a has {n} points and b {m}, which makes {pairs:,} pairs in a linear programme, at most {MOST_PAIRS:,} "
            "are taken: take fewer points, or w1_assignment for equally many"
        )


# ------------------------------------------------------------------------------------------------ the distance


def w1_sorted(a: Values, b: Values, weights_a: Values | None = None, weights_b: Values | None = None) -> float:
    """W1 on the line: the n-th smallest goes to the n-th smallest; samples (n,) and (m,), n and m may differ.

    In general the integral over u in (0, 1) of the distance of the two quantile functions ([PC19] remark 2.30), which
    are steps: a sum over the pieces between the steps of either. With a density's values times the cell's width as
    weights it is `minimax.wasserstein_1d`. Raises ValueError as `as_sample` and `as_weights` do, and for points off the
    line.
    """
    x, y = as_samples(a, b)
    if x.shape[1] != 1:
        raise ValueError(
            f"a and b have {x.shape[1]} coordinates a point, and only numbers can be sorted: w1_assignment"
        )
    (x, by_x), (y, by_y) = x[:, 0].sort(), y[:, 0].sort()
    if weights_a is None and weights_b is None and len(x) == len(y):
        return (x - y).abs().mean().item()
    levels_x = as_weights(weights_a, len(x), "weights_a")[by_x].cumsum(0)
    levels_y = as_weights(weights_b, len(y), "weights_b")[by_y].cumsum(0)
    ends = torch.cat([levels_x, levels_y]).clamp(max=1.0).sort().values
    widths = ends.diff(prepend=ends.new_zeros(1))
    # a piece (begin, end] belongs to the first point whose level reaches its end
    at_x = torch.searchsorted(levels_x, ends).clamp(max=len(x) - 1)
    at_y = torch.searchsorted(levels_y, ends).clamp(max=len(y) - 1)
    return ((x[at_x] - y[at_y]).abs() * widths).sum().item()


def assignment(a: Values, b: Values) -> Tensor:
    """The partner of each point: a[i] goes to b[partner[i]], so that the summed distance is least; (n,) int64.

    Samples (n, d) of equal size. Between such, no coupling that splits a point is cheaper than the best permutation
    ([PC19] proposition 2.1). Raises ValueError for unequal sizes, without scipy, and as `as_samples` does.
    """
    return _assigned(a, b)[0]


def w1_assignment(a: Values, b: Values) -> float:
    """W1 between samples of equal size in any dimension, (n, d) each: the mean distance to the partner.

    Its time grows with the cube of n: thousands of points take seconds. Raises ValueError as `assignment` does.
    """
    return _assigned(a, b)[1]


def _assigned(a: Values, b: Values) -> tuple[Tensor, float]:
    x, y = as_samples(a, b)
    if len(x) != len(y):
        raise ValueError(
            f"a has {len(x)} points and b has {len(y)}, and an assignment needs equally many: take "
            f"{min(len(x), len(y))} of each, or transport_plan, which splits points"
        )
    cost = distances(x, y)
    rows, partner = scipy_part("optimize").linear_sum_assignment(cost.numpy())
    return torch.from_numpy(partner).long(), cost[torch.from_numpy(rows), torch.from_numpy(partner)].mean().item()


@dataclass(frozen=True)
class Plan:
    """An optimal coupling. cost: its mean distance, W1. mass (n, m): how much of a[i] goes to b[j]; it sums to 1."""

    cost: float
    mass: Tensor


def transport_plan(a: Values, b: Values, weights_a: Values | None = None, weights_b: Values | None = None) -> Plan:
    """W1 as the linear programme that defines it: the cheapest of all ways to split and carry ([PC19] eq. 2.11).

    Minimise sum_ij mass_ij |a_i - b_j| over mass >= 0 whose rows sum to weights_a and whose columns to weights_b.
    a (n, d), b (m, d); weights (n,) and (m,), equal ones by default. Solved by HiGHS, to about 1e-7.
    Raises ValueError as `as_samples` and `as_weights` do, for more than MOST_PAIRS pairs, and without scipy.
    """
    x, y = as_samples(a, b)
    n, m = len(x), len(y)
    p, q = as_weights(weights_a, n, "weights_a"), as_weights(weights_b, m, "weights_b")
    few_enough(n * m, n, m)
    sparse = scipy_part("sparse")
    rows = sparse.kron(sparse.eye(n), torch.ones(1, m).numpy())
    columns = sparse.kron(torch.ones(1, n).numpy(), sparse.eye(m))
    cost = distances(x, y)
    mass = solved(cost.flatten(), A_eq=sparse.vstack([rows, columns]).tocsr(), b_eq=torch.cat([p, q]).numpy())
    return Plan(float(mass @ cost.flatten()), mass.reshape(n, m))


def solved(objective: Tensor, **constraints: Any) -> Tensor:
    """The minimiser (k,) of objective (k,) under scipy.optimize.linprog's constraints. Raises ValueError if none."""
    found = scipy_part("optimize").linprog(objective.numpy(), method="highs", **constraints)
    if found.status != 0:
        raise ValueError(
            f"the linear programme has no solution that HiGHS can find ({found.message}): rescale the points"
        )
    return torch.from_numpy(found.x)


# ------------------------------------------------------------------------------- a divergence and a distance


def moving_bars(shift: Tensor, width: float = 0.0) -> tuple[Tensor, Tensor]:
    """(JSD in nats, W1) of a bar [0, width] and the same bar moved by `shift`, any shape; both float64, equal shape.

    Width 0 is a point, and a line that moves sideways, example 1 of [ACB17]: JSD log 2 at every shift but 0, W1
    |shift|. With a width the JSD is log 2 times the share that no longer overlaps: it stands still once the bars are
    apart, while W1 goes on saying how far. Raises ValueError for a negative width.
    """
    if not (width >= 0 and math.isfinite(width)):
        raise ValueError(f"width is {width}, expected a number from 0 up")
    far = torch.as_tensor(shift).to(torch.float64).abs()
    apart = (far / width).clamp(max=1.0) if width else (far > 0).double()
    return LOG2 * apart, far
