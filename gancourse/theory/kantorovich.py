"""The dual of the earth mover's distance: the best 1-Lipschitz ruler, which is what a critic would like to be.

Kantorovich and Rubinstein: W1(a, b) is the largest E f(a) - E f(b) over all f with |f(x) - f(y)| <= |x - y|. Here that
maximum is a linear programme in the values of f at the points alone, solved without looking at any transport.

Sources: [ACB17] Arjovsky, Chintala and Bottou 2017, eq. 2; [V09] Villani 2009, "Optimal transport", theorem 5.10;
[M34] McShane 1934, "Extension of range of functions", theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.theory.transport import (
    Values,
    as_sample,
    as_samples,
    as_weights,
    distances,
    few_enough,
    scipy_part,
    solved,
)


@dataclass(frozen=True)
class Potential:
    """A best ruler. points (n + m, d): those of a, then those of b. values (n + m,): f there, with mean 0 over b.

    gap: E f(a) - E f(b), which is W1. Called with x (B, d), it is f off the points too (`lipschitz_extension`).
    """

    points: Tensor
    values: Tensor
    gap: float

    def __call__(self, x: Values) -> Tensor:
        return lipschitz_extension(self.points, self.values, x)


def kantorovich_dual(
    a: Values, b: Values, weights_a: Values | None = None, weights_b: Values | None = None
) -> Potential:
    """The potential of W1 between a (n, d) and b (m, d), weights (n,) and (m,), equal ones by default ([ACB17] eq. 2).

    Maximise sum_i weights_a[i] f(a_i) - sum_j weights_b[j] f(b_j) with f(x) - f(y) <= |x - y| for every two of the
    n + m points. f is not unique: a constant is free (here f has mean 0 over b), and so is what no mass depends on.
    Raises ValueError as `as_samples` and `as_weights` do, for more than MOST_PAIRS pairs of the n + m points, and
    without scipy.
    """
    x, y = as_samples(a, b)
    n, m = len(x), len(y)
    p, q = as_weights(weights_a, n, "weights_a"), as_weights(weights_b, m, "weights_b")
    few_enough((n + m) * (n + m - 1) // 2, n, m)
    points = torch.cat([x, y])
    far = distances(points, points)
    i, j = torch.ones_like(far).fill_diagonal_(0).nonzero().T
    ones, rows = torch.ones(len(i)), torch.arange(len(i))
    slopes = scipy_part("sparse").csr_matrix(
        (torch.cat([ones, -ones]).numpy(), (torch.cat([rows, rows]).numpy(), torch.cat([i, j]).numpy())),
        shape=(len(i), n + m),
    )
    pinned = [(0.0, 0.0)] + [(None, None)] * (n + m - 1)  # else the free constant leaves HiGHS without a corner
    values = solved(-torch.cat([p, -q]), A_ub=slopes, b_ub=far[i, j].numpy(), bounds=pinned)
    values = (values - far).amax(1)  # HiGHS keeps constraints to 1e-7; McShane's extension keeps them exactly
    values = values - q @ values[n:]
    return Potential(points, values, float(p @ values[:n]))


def lipschitz_extension(points: Tensor, values: Tensor, x: Values, slope: float = 1.0) -> Tensor:
    """McShane's extension of values (n,) at points (n, d) to x (B, d), giving (B,): max_i (f(p_i) - slope |x - p_i|).

    Where |f(p_i) - f(p_j)| <= slope |p_i - p_j| it agrees with f at the points, and it is slope-Lipschitz everywhere,
    the least such function ([M34] theorem 1). Raises ValueError for x in another space than the points.
    """
    known, wanted = as_sample(points, "points"), as_sample(x, "x")
    if known.shape[1] != wanted.shape[1]:
        raise ValueError(f"x has {wanted.shape[1]} coordinates a point, expected {known.shape[1]}, as the points have")
    return (values.double() - slope * distances(wanted, known)).amax(1)
