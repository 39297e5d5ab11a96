"""Two-dimensional data for the playground: named shapes, a formula, or points drawn by hand.

A source is a function (n, rng) -> (n, 2) float32 points inside the square |x|, |y| <= VIEW.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.theory.games import sample_ring
from gancourse.theory.minimax import jsd

Source = Callable[[int, torch.Generator], Tensor]
CELLS = 20  # the JSD is estimated on CELLS x CELLS squares
VIEW = 3.0  # half the side of the square that the playground draws
DRAWN_STD = 0.08  # a drawn point is the middle of a small normal cloud: 30 bare points would have no density


def _uniform(n: int, rng: torch.Generator) -> Tensor:
    return torch.rand(n, generator=rng)


def _blur(points: Tensor, std: float, rng: torch.Generator) -> Tensor:
    return points + std * torch.randn(points.shape, generator=rng)


def _grid(n: int, rng: torch.Generator) -> Tensor:
    return _blur(1.7 * (torch.randint(3, (n, 2), generator=rng) - 1.0), 0.12, rng)


def _spiral(n: int, rng: torch.Generator) -> Tensor:
    t = _uniform(n, rng).sqrt()  # equally dense along the arm
    angle = 3.5 * math.pi * t
    return _blur(2.4 * t[:, None] * torch.stack([angle.cos(), angle.sin()], 1), 0.06, rng)


def _line(n: int, rng: torch.Generator) -> Tensor:
    t = 4.4 * _uniform(n, rng) - 2.2
    return _blur(torch.stack([t, 0.6 * t], 1), 0.1, rng)


def _moons(n: int, rng: torch.Generator) -> Tensor:
    angle = math.pi * _uniform(n, rng)
    side = 2.0 * torch.randint(2, (n,), generator=rng) - 1.0  # the upper moon, or the lower one
    return _blur(torch.stack([1.4 * angle.cos() - 0.7 * side, side * (1.6 * angle.sin() - 0.4)], 1), 0.1, rng)


SHAPES: dict[str, Source] = {
    "ring": lambda n, rng: sample_ring(n, rng),
    "grid": _grid,
    "spiral": _spiral,
    "line": _line,
    "two moons": _moons,
}


def drawn(points: Sequence[Sequence[float]]) -> Source:
    """A source that draws one of `points` and blurs it by DRAWN_STD. Raises ValueError where there are none."""
    if not points:
        raise ValueError("no points are drawn yet: add some first")
    centres = torch.tensor([list(point) for point in points], dtype=torch.float32)
    if centres.ndim != 2 or centres.shape[1] != 2 or not bool((centres.abs() <= VIEW).all()):
        raise ValueError(f"points are {list(points)[:3]}..., expected pairs of numbers from -{VIEW:g} to {VIEW:g}")
    return lambda n, rng: _blur(centres[torch.randint(len(centres), (n,), generator=rng)], DRAWN_STD, rng)


def as_points(values: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """Pairs of numbers, kept inside the view."""
    return tuple((max(-VIEW, min(VIEW, float(x))), max(-VIEW, min(VIEW, float(y)))) for x, y in values)


def squares(n: int) -> Tensor:
    """The middles of n x n squares of the view, row by row from the top, (n * n, 2)."""
    middles = VIEW * ((torch.arange(n) + 0.5) * 2 / n - 1)
    y, x = torch.meshgrid(-middles, middles, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def jsd_estimate(a: Tensor, b: Tensor) -> float:
    """Jensen-Shannon divergence (nats, in [0, ln 2]) of two sets of points (N, 2), from counts in squares.

    Points outside the view count in the squares at its border. Few points make the estimate too large: two sets of the
    same kind do not give 0. NaN where a point is not a number.
    """
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return math.nan
    shares = []
    for x in (a, b):
        cell = ((x / VIEW + 1) / 2 * CELLS).long().clamp(0, CELLS - 1)
        counts = torch.bincount(cell[:, 0] * CELLS + cell[:, 1], minlength=CELLS**2)
        shares.append(counts.double() / len(x))
    return float(jsd(shares[0], shares[1], torch.arange(CELLS**2, dtype=torch.float64)))


# ------------------------------------------------------------------------------------------------- formulas

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS = {name: getattr(np, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sign", "tanh")}
_NAMES = {"pi": math.pi, "e": math.e}


def formula(text: str) -> Source:
    """A source from a curve such as "2*cos(2*pi*t), sin(4*pi*t)", t uniform in (0, 1), blurred by DRAWN_STD.

    The text is arithmetic only: numbers, t, pi, e, + - * / **, and sin, cos, tan, exp, log, sqrt, abs, sign, tanh.
    Raises ValueError, saying what is wrong, for anything else and for a curve that leaves the picture.
    """
    text = text.strip()
    if len(text) > 200:
        raise ValueError(f"the formula has {len(text)} characters, at most 200 are read")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is not a formula; an example: 2*cos(2*pi*t), sin(4*pi*t)") from None
    if not isinstance(tree, ast.Tuple) or len(tree.elts) != 2:
        raise ValueError(f"{text!r} needs two parts with a comma between them: x, then y")
    parts = tree.elts

    def curve(t: np.ndarray) -> np.ndarray:
        return np.stack([np.broadcast_to(_evaluate(part, t), t.shape) for part in parts], 1)

    t = np.linspace(0.001, 0.999, 999)
    try:
        with np.errstate(all="ignore"):
            points = curve(t)
    except (OverflowError, ZeroDivisionError, TypeError) as error:
        raise ValueError(f"{text!r} cannot be computed: {error}") from None
    if not np.isfinite(points).all():
        bad = t[~np.isfinite(points).all(1)][0]
        raise ValueError(f"{text!r} is not a finite number at t = {bad:.3f}")
    if (far := np.abs(points).max()) > VIEW:
        raise ValueError(f"{text!r} reaches {far:.3g}, and the picture ends at {VIEW:g}: scale it down")

    def source(n: int, rng: torch.Generator) -> Tensor:
        u = (0.001 + 0.998 * _uniform(n, rng)).double().numpy()
        return _blur(torch.from_numpy(curve(u)).float(), DRAWN_STD, rng)

    return source


def _evaluate(node: ast.AST, t: np.ndarray) -> Any:
    """The value of an arithmetic expression; everything that is not arithmetic is refused by name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)  # floats overflow, where whole numbers would grow without end
    if isinstance(node, ast.Name) and (node.id == "t" or node.id in _NAMES):
        return t if node.id == "t" else _NAMES[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.left, t), _evaluate(node.right, t))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.operand, t))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if len(node.args) != 1 or node.keywords:
            raise ValueError(f"{node.func.id} takes one value, as in {node.func.id}(t)")
        return _FUNCTIONS[node.func.id](_evaluate(node.args[0], t))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise ValueError("write ** for a power, not ^")
    known = ", ".join(["t", *_NAMES, *_FUNCTIONS])
    raise ValueError(f"{ast.unparse(node)!r} is not known here; a formula may use numbers, + - * / ** and {known}")
