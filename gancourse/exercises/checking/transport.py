"""Checks of lesson 07's distances: the earth mover's distance on the line, and what a function proves about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import judge, judge_formula, scalar

# --- W1 on the line --------------------------------------------------------------------------------------------------


def _samples() -> list[tuple[Tensor, Tensor]]:
    drawn = [(torch.randn(n) * 2, torch.randn(n) + 1) for n in (9, 40)]
    by_hand = [([3.0, 0.0, 7.0, 1.0], [5.0, -2.0, 8.0, 6.0]), ([2.5], [-1.0]), ([1.0, 1.0, 4.0], [4.0, 4.0, 1.0])]
    return [(torch.tensor(x), torch.tensor(y)) for x, y in by_hand] + drawn


def check_w1(call: StudentFunction) -> str:
    """The check of `lesson07.w1`: w1(x, y) for two samples of one size, (n,) each."""
    cases = _samples()

    def gaps(x: Tensor, y: Tensor) -> Tensor:
        return x.sort().values - y.sort().values

    mistakes: list[tuple[Callable[..., Any], str]] = [
        (
            lambda x, y: gaps(x, y).square().mean(),
            "These are squared distances: W1 counts how far each grain goes, not the square of it.",
        ),
        (
            lambda x, y: gaps(x, y).square().mean().sqrt(),
            "This is W2, the root of the mean square: W1 is the mean of the distances themselves.",
        ),
        (
            lambda x, y: (x - y).abs().mean(),
            "The points are paired as they happen to stand: sort both first, then pair them.",
        ),
        (lambda x, y: gaps(x, y).abs().sum(), "You sum: each point carries 1/n of the earth, so take the mean."),
        (lambda x, y: gaps(x, y).abs().sum() / (2 * len(x)), "Half of it: n pairs carry 1/n each, not 1/(2n)."),
        (
            lambda x, y: gaps(x, y).mean(),
            "Ways to the left and to the right cancel: take the absolute value of each before the mean.",
        ),
        (
            lambda x, y: (x.mean() - y.mean()).abs(),
            "This is the distance of the two means, which is 0 for a narrow and a wide sample with one middle.",
        ),
        (
            lambda x, y: (x[:, None] - y).abs().mean(),
            "Every point is paired with every other, so even a sample and itself are apart: each has one partner.",
        ),
        (lambda x, y: (x.sort().values - y).abs().mean(), "Only x is sorted: sort both."),
        (lambda x, y: (x - y.sort().values).abs().mean(), "Only y is sorted: sort both."),
        (
            lambda x, y: (x.sort().values - y.sort(descending=True).values).abs().mean(),
            "One is sorted upwards and one downwards: this is the dearest plan, and the cheapest is asked for.",
        ),
        (lambda x, y: gaps(x, y).abs().max(), "This is the longest way alone: the mean over all ways is asked for."),
        (
            lambda x, y: (x[:, None] - y).abs().amin(1).mean(),
            "Each point goes to its nearest: then several share a partner, and others get no earth at all.",
        ),
    ]
    words = [f"samples of {len(x)}" if len(x) > 4 else f"{x.tolist()} and {y.tolist()}" for x, y in cases]
    judge_formula(call, cases, lambda x, y: gaps(x, y).abs().mean(), mistakes, words)
    return "Sort, pair, average: on the line no plan is cheaper. In the plane, sorting no longer helps."


def _weighted() -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    cases = [
        ([0.0, 4.0], [0.5, 0.5], [1.0], [1.0]),
        ([3.0, -1.0, 0.5], [0.2, 0.7, 0.1], [2.0, 0.5, -3.0, 6.0], [0.1, 0.4, 0.25, 0.25]),
        ([1.0, 5.0, 2.0], [0.0, 0.25, 0.75], [2.0, 9.0], [0.5, 0.5]),
    ]
    drawn = (torch.randn(7), torch.rand(7).softmax(0), torch.randn(12) + 0.5, (2 * torch.rand(12)).softmax(0))
    return [tuple(map(torch.tensor, case)) for case in cases] + [drawn]  # type: ignore[return-value, list-item]


def _steps(x: Tensor, p: Tensor, y: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Sorted points (n + m,), and F - G from each of them to the next (n + m,), both float64."""
    points, order = torch.cat([x, y]).double().sort()
    return points, torch.cat([p, -q]).double()[order].cumsum(0)


def check_w1_weighted(call: StudentFunction) -> str:
    """The check of `lesson07.w1_weighted`: w1_weighted(x, p, y, q), points (n,), (m,) with their weights."""
    cases = _weighted()

    def even(weights: Tensor) -> Tensor:
        return torch.full_like(weights, 1 / len(weights))

    def of(term: Callable[[Tensor, Tensor], Tensor], how: Callable[..., Any] = _steps) -> Callable[..., Any]:
        def formula(*case: Tensor) -> Tensor:
            points, height = how(*case)
            return term(height, points.diff())

        return formula

    def unordered(x: Tensor, p: Tensor, y: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([x, y]).double().sort().values, torch.cat([p, -q]).double().cumsum(0)

    mistakes: list[tuple[Callable[..., Any], str]] = [
        (
            of(lambda h, gap: (h[:-1].abs() * gap).sum(), unordered),
            "The points are sorted and their weights are not: take both in the same order.",
        ),
        (
            of(lambda h, gap: (h[1:].abs() * gap).sum()),
            "Between two points F - G has the value *after the left one*: yours is taken after the right one.",
        ),
        (of(lambda h, gap: (h[:-1] * gap).sum()), "Where G is above F the area counts as well: the absolute value."),
        (
            of(lambda h, gap: (h[:-1] * gap).sum().abs()),
            "The absolute value comes too late: inside the sum. This is the distance of the two means.",
        ),
        (of(lambda h, gap: (h[:-1].square() * gap).sum()), "F - G is squared: that is Cramér's distance, not W1."),
        (
            lambda x, p, y, q: of(lambda h, gap: (h[:-1].abs() * gap).sum())(x, p, y, -q),
            "The weights of y are added: F - G falls by q at each y, so they come with a minus sign.",
        ),
        (
            of(lambda h, gap: (h.diff(prepend=h.new_zeros(1))[:-1].abs() * gap).sum()),
            "The weights are not summed up: F - G at a point is the sum of all that lie left of it, `cumsum`.",
        ),
        (
            of(lambda h, gap: (h[:-1].abs() * gap).mean()),
            "You take the mean of the pieces: the area is their sum.",
        ),
        (of(lambda h, gap: h.abs().max()), "This is the largest |F - G|, Kolmogorov's: W1 is the area between them."),
        (of(lambda h, gap: h.abs().sum()), "The heights are not multiplied by the gaps: distances do not matter here."),
        (
            of(lambda h, gap: ((h[:-1].abs() + h[1:].abs()) / 2 * gap).sum()),
            "F and G are steps, flat between two points: no trapezoids.",
        ),
        (
            lambda x, p, y, q: of(lambda h, gap: (h[:-1].abs() * gap).sum())(x, even(p), y, even(q)),
            "Every point counts alike: the weights p and q are not used.",
        ),
        (
            lambda x, p, y, q: p @ (x[:, None] - y).abs() @ q,
            "This sends earth from everywhere to everywhere, in proportion: the plan is not the cheapest one.",
        ),
    ]
    words = [
        f"points {x.tolist()} and {y.tolist()}" if len(x) < 5 else f"{len(x)} and {len(y)} points"
        for x, _, y, _ in cases
    ]
    judge_formula(call, cases, of(lambda h, gap: (h[:-1].abs() * gap).sum()), mistakes, words)
    return "The area between the two distribution functions: for equal weights, the mean gap of the sorted points."


# --- the dual --------------------------------------------------------------------------------------------------------

_Case = tuple[str, Tensor, Tensor, Tensor, Tensor]


def _candidates() -> list[_Case]:
    """What is special, points (n, 2), f (n,), p (n,), q (n,)."""
    rows = [
        ("points far apart, f steep nowhere", [(0, 0), (3, 4), (0, 9)], [0, 4, 8], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1]),
        (
            "an f that rises by exactly the distance of two points",
            [(0, 0), (3, 4), (6, 8)],
            [1, 6, 2],
            [0.1, 0.6, 0.3],
            [0.6, 0.2, 0.2],
        ),
        (
            "two points close to each other that stand apart in the list",
            [(0, 0), (0.125, 5), (0.25, 0)],
            [0, 0.5, 1],
            [0.2, 0.1, 0.7],
            [0.5, 0.25, 0.25],
        ),
        (
            "an f that falls too fast",
            [(0, 0), (0.125, 5), (0.25, 0)],
            [1, 0.5, 0],
            [0.2, 0.1, 0.7],
            [0.5, 0.25, 0.25],
        ),
        ("points across a diagonal", [(0, 0), (3, 4)], [0, 6], [0.75, 0.25], [0.5, 0.5]),
        ("points across a diagonal, f less steep", [(0, 0), (3, 4)], [0, 4.5], [0.75, 0.25], [0.5, 0.5]),
        ("points half a unit apart", [(0, 0), (0.5, 0)], [0, 0.375], [0.25, 0.75], [0.5, 0.5]),
        ("points two units apart", [(0, 0), (2, 0)], [0.5, -2.5], [0.25, 0.75], [0.5, 0.5]),
        ("two points at one place", [(1, 1), (1, 1), (3, 1)], [2, 2, 1], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]),
        ("two values at one place", [(1, 1), (1, 1), (3, 1)], [2, 2.5, 1], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]),
    ]
    return [(name, *(torch.tensor(value, dtype=torch.float32) for value in values)) for name, *values in rows]  # type: ignore[misc]


def _parts(found: Any) -> tuple[bool, float]:
    """The student's pair, as a bool and a number."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"It returned {describe((found,))}: a pair is expected, such as `(True, 0.5)`.")
    first, value = found
    if isinstance(first, Tensor | np.ndarray) and np.asarray(first).size == 1:
        first = np.asarray(first).item()
    if not isinstance(first, bool | np.bool_):
        raise Wrong(
            f"The first of the pair is {describe((first,))}: True or False is expected, for all points together."
        )
    return bool(first), float(scalar(value))


def _rules() -> list[tuple[Callable[[Tensor, Tensor, Tensor], Any], str]]:
    """Other conditions than the right one: (rises f_i - f_j (n, n), distances (n, n), f (n,)) -> admissible."""
    return [
        (
            lambda rise, far, f: bool((rise.diagonal(1).abs() <= far.diagonal(1)).all()),
            "Only neighbours in the list are compared: in the plane there is no order, so compare every pair.",
        ),
        (
            lambda rise, far, f: bool(((rise.abs() < far) | (far == 0) & (rise == 0)).all()),
            "A slope of exactly 1 is allowed, and the best f has it nearly everywhere: `<=`, not `<`.",
        ),
        (
            lambda rise, far, f: bool((rise.triu(1) <= far).all()),
            "Only rises in one direction are limited: a slope of -3 is as steep as one of 3, so take |f_i - f_j|.",
        ),
        (
            lambda rise, far, f: bool((rise.tril(-1) <= far).all()),
            "Only rises in one direction are limited: a slope of -3 is as steep as one of 3, so take |f_i - f_j|.",
        ),
        (
            lambda rise, far, f: bool((f.abs() <= 1).all()),
            "The values of f are limited to [-1, 1]: its *slope* is, and f itself may be as large as it likes.",
        ),
        (
            lambda rise, far, f: bool((rise.abs() <= far.square()).all()),
            "f's rises are compared with squared distances: the root is missing.",
        ),
        (
            lambda rise, far, f: False,
            "It calls every f inadmissible: a point is at the distance 0 from itself, where `<` fails, and 0/0 is NaN.",
        ),
        (
            lambda rise, far, f: True,
            "It calls every f admissible: does no pair rise by more than its distance?",
        ),
    ]


def check_dual(call: StudentFunction) -> str:
    """The check of `lesson07.dual`: dual(x, f, p, q) -> (is f admissible, the dual's value at f)."""
    cases = _candidates()
    found = [_parts(call(*[item.clone() for item in case[1:]])) for case in cases]
    right, others = [], []
    for _, x, f, _, _ in cases:
        rise, across = f[:, None] - f, x[:, None] - x
        far = across.square().sum(2).sqrt()
        right.append(bool((rise.abs() <= far).all()))
        taxi, king = across.abs().sum(2), across.abs().amax(2)
        flags = [rule(rise, far, f) for rule, _ in _rules()]
        no_division = bool(((rise.abs() <= far) & ((far > 0) | torch.eye(len(f), dtype=torch.bool))).all())
        others.append([*flags, *(bool((rise.abs() <= d).all()) for d in (taxi, king)), no_division])
    messages = [message for _, message in _rules()] + [
        "The distance is the Euclidean one: you add up |dx| and |dy|.",
        "The distance is the Euclidean one: you take the larger of |dx| and |dy|.",
        "Two points at one place, with one value: f is fine there, and a slope of 0/0 is NaN. Compare |f_i - f_j| with "
        "the distance instead of dividing by it, and allow equality.",
    ]
    mine = [flag for flag, _ in found]
    if mine != right:
        for row, message in zip(zip(*others, strict=True), messages, strict=True):
            if list(row) == mine:
                raise Wrong(message)
        i = next(i for i, (a, b) in enumerate(zip(mine, right, strict=True)) if a != b)
        name, x, f, _, _ = cases[i]
        told, truth = ("admissible", "not") if mine[i] else ("inadmissible", "admissible")
        raise Wrong(
            f"It calls f = {f.tolist()} at {x.tolist()} ({name}) {told}, and it is {truth}: look at every pair."
        )
    values = torch.tensor([value for _, value in found], dtype=torch.float64)
    means = [(float(p @ f), float(q @ f), float(f.mean())) for _, _, f, p, q in cases]
    on_p, on_q, plain = torch.tensor(means, dtype=torch.float64).T
    mistakes = [
        (on_q - on_p, "The sign: the value is E_p f - E_q f, high where p has its mass."),
        (
            (on_p - on_q).abs(),
            "No absolute value: an f that is high where q is has a value below 0, and proves nothing.",
        ),
        (on_p, "This is E_p f alone: its level is arbitrary, so E_q f must be taken from it."),
        (on_p + on_q, "The two expectations are added: their difference is the value."),
        (0 * plain, "The two expectations are the same: each has weights of its own, p and q."),
    ]
    judge(values, on_p - on_q, mistakes, [f"f = {f.tolist()}" for _, _, f, _, _ in cases])
    return "Each admissible f proves a lower bound of W1; the best of them reaches it. A critic looks for that one."
