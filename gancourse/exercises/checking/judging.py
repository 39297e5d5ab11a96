"""What the checks share: making numbers of any reasonable answer, recognising a mistake by its value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.relations import relation

#: The values of a known mistake, and the message for it.
Mistake = tuple[Any, str]


def close(value: Tensor, expected: Tensor, rtol: float = 5e-5, atol: float = 1e-6) -> bool:
    """Whether two tensors of equal shape agree: loosely enough for float32, or a tiny eps inside a logarithm."""
    return value.shape == expected.shape and bool(torch.allclose(value, expected, rtol=rtol, atol=atol))


def numbers(value: Any) -> Tensor:
    """Any numeric answer (number, list, array, tensor) as a float64 tensor without graph; else `Wrong`."""
    try:
        if isinstance(value, str | bool):
            raise TypeError
        if isinstance(value, int | float):
            return torch.tensor(value, dtype=torch.float64)
        if isinstance(value, tuple | list):
            return torch.stack([numbers(item) for item in value])
        return torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"It returned {describe((value,))}: numbers are expected.") from None


def counted(values: Tensor) -> str:
    """How many numbers these are, in words: "1 number", "3 numbers"."""
    return f"{values.numel()} number{'s' * (values.numel() != 1)}"


def array(value: Any) -> Tensor | None:
    """A tensor or a numpy array as a tensor of its own dtype, without graph; None for anything else."""
    return torch.as_tensor(value).detach().cpu() if isinstance(value, Tensor | np.ndarray) else None


def scalar(value: Any) -> Tensor:
    """A numeric answer that is a single number, as a 0-d float64 tensor; else `Wrong`."""
    tensor = numbers(value)
    if tensor.numel() != 1:
        raise Wrong(f"It returned {counted(tensor)} (shape {tuple(tensor.shape)}): a single number is expected.")
    return tensor.reshape(())


def pointwise(call: StudentFunction, *columns: Tensor) -> Tensor:
    """The function's value at each point. It may be written for tensors or for numbers; both are tried.

    `columns`: tensors of shape (N,), one per argument. Returns (N,), float64; a single number is repeated.
    """
    count = len(columns[0])
    try:
        value = numbers(call(*[column.clone() for column in columns]))
    except Wrong as problem:
        try:
            value = torch.stack(
                [scalar(call(*[float(item) for item in point])) for point in zip(*columns, strict=True)]
            )
        except Wrong:
            raise problem from None
    if value.numel() == 1:
        return value.reshape(1).expand(count)
    if value.numel() != count:
        raise Wrong(f"For {count} points it returned shape {tuple(value.shape)}: one number per point is expected.")
    return value.reshape(count)


def judge(
    value: Tensor,
    expected: Tensor,
    mistakes: Iterable[tuple[Tensor, str]],
    points: Iterable[str],
    hint: str = "",
    exact: bool = False,
) -> None:
    """Raise `Wrong` unless `value` is close to `expected` (both (N,)), or equal to it if `exact` (counts).

    mistakes: pairs of the values that a known mistake gives and the message for it, tried in order.
    points: N descriptions of the inputs ("p = 0.2, q = 0.6"), for a disagreement that fits no mistake: then the first
    that differs is told, and what `relation` finds.
    """
    same = torch.equal if exact else close
    if same(value, expected):
        return
    for mistaken, message in mistakes:
        if same(value, mistaken):
            raise Wrong(message)
    few = max(1e-3, 5e-3 * float(expected.abs().max()))
    nearly = not exact and close(value, expected, rtol=1e-2, atol=few)
    related = relation(value.double(), expected.double())
    rows = [row for row in zip(points, value, expected, strict=True) if not same(row[1], row[2])]
    far = [row for row in rows if not exact and not close(row[1], row[2], rtol=1e-2, atol=few)]
    for name, got, wanted in far or rows:  # the first that differs clearly, if one does
        told, right = apart(float(got), float(wanted))
        if math.isnan(got) and math.isfinite(wanted):
            hint = (
                "A nan comes from 0/0, or from the root or the logarithm of a negative number: a logit can be "
                "negative, a probability cannot."
            )
        elif related:
            hint = f"{related} {hint}"
        elif nearly:
            hint = "That is close, but not the same: is something rounded, approximated or added for safety?"
        raise Wrong(f"For {name} it gives {told}, and {right} is right. {hint}".rstrip())
    raise AssertionError("unreachable")


def apart(got: float, wanted: float) -> tuple[str, str]:
    """Two different numbers in words, with as many digits as it takes to tell them apart (4 at least)."""
    told = [
        f"{x:,.0f}" if math.isfinite(x) and x.is_integer() and 1e4 <= abs(x) < 1e15 else f"{x:.4g}"
        for x in (got, wanted)
    ]
    for digits in (6, 8, 10, 17):
        if told[0] != told[1]:
            break
        told = [f"{x:.{digits}g}" for x in (got, wanted)]
    return told[0], told[1]


def judge_one(value: Any, right: Any, mistakes: Iterable[Mistake], what: str) -> None:
    """`judge` for an answer that is a single number."""
    pairs = [(scalar(mistaken).reshape(1), message) for mistaken, message in mistakes]
    judge(scalar(value).reshape(1), scalar(right).reshape(1), pairs, [what])


def tabulate(cases: Sequence[tuple[Any, ...]], formula: Callable[..., Any]) -> Tensor:
    """The values of a formula over cases, tuples of its arguments: (N,), float64."""
    return torch.stack([scalar(formula(*map(_copied, case))) for case in cases])


def _copied(item: Any) -> Any:
    """A list or a tensor as a new one, so that an answer may change it."""
    return list(item) if isinstance(item, list) else item.clone() if isinstance(item, Tensor) else item


def judge_formula(
    call: StudentFunction,
    cases: Sequence[tuple[Any, ...]],
    right: Callable[..., Any],
    mistakes: Iterable[tuple[Callable[..., Any], str]],
    points: Iterable[str],
    exact: bool = False,
) -> None:
    """`judge` for a function of numbers: the student's values over the cases against those of formulas."""
    pairs = [(tabulate(cases, formula), message) for formula, message in mistakes]
    judge(tabulate(cases, call), tabulate(cases, right), pairs, points, exact=exact)


def check_draws(z: Tensor) -> None:
    """`Wrong` unless the rows of z (n, d) can be independent draws of numbers that are all alike.

    A right answer is turned away less than once in a million checks: the correlation of neighbours, down the rows and
    along them, is judged at 6 / sqrt(n d), and repeated rows are no chance at all.
    """
    if len(z) > 1 and bool((z == z[0]).all()):
        raise Wrong("All rows of z are the same: draw one for each sample, independently of the others.")
    if z.shape[1] > 1 and bool((z == z[:, :1]).all()):
        raise Wrong("All numbers of a row of z are the same: each is drawn on its own.")
    if len(z.unique(dim=0)) < len(z):
        raise Wrong("Some rows of z are repeated: draw each of them afresh.")
    unit = (z - z.mean()) / z.std()
    for name, product in (("the next row", unit[1:] * unit[:-1]), ("its neighbour", unit[:, 1:] * unit[:, :-1])):
        if product.numel() and abs(float(product.mean())) > 6 / product.numel() ** 0.5:
            raise Wrong(
                f"The numbers of z are not independent, each is like that of {name}: are they sorted, or added up?"
            )


def ks_distance(ranks: Tensor) -> float:
    """How far ranks in [0, 1] are from being evenly spread: Kolmogorov's and Smirnov's distance.

    Of n ranks of right draws, 2.7 / sqrt(n) is passed once in a million times.
    """
    ranks = ranks.flatten().double().sort().values
    even = (torch.arange(len(ranks), dtype=torch.float64) + 0.5) / len(ranks)
    return float((ranks - even).abs().max())


_STRAIGHT = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00b4": "'", "-": " ", "_": " "})


def plain(word: Any) -> str:
    """A word as it is compared: lower case, straight apostrophes, no hyphens, quotes or full stops, single blanks."""
    return " ".join(str(word).lower().translate(_STRAIGHT).split()).strip(" .,;:!\"'`")


def choices(answer: Any, what: str, keys: Iterable[Any], options: Sequence[str]) -> dict[str, str]:
    """The options chosen in a dict, key -> option, as spelt in `options`; `Wrong` names the key without one.

    what: what a key stands for ("Patient"). A key may be a number or a string ("1", "patient 1:").
    """
    if not isinstance(answer, dict):
        raise Wrong(f"The answer is {describe((answer,))}: a dict is expected, {what.lower()} -> diagnosis.")
    names = {plain(option): option for option in options}

    def key_of(key: Any) -> str:
        number = int(key) if isinstance(key, float) and key.is_integer() else key
        return plain(number).removeprefix(what.lower()).strip(" .:")

    given = {key_of(key): word for key, word in answer.items()}
    chosen = {}
    for key in map(str, keys):
        word = given.get(key.lower())
        if word is None or word is ...:
            raise Wrong(f"{what} {key} has no diagnosis yet.")
        if plain(word) not in names:
            raise Wrong(f"{what} {key}: the diagnoses to choose from are {', '.join(options)}.")
        chosen[key] = names[plain(word)]
    return chosen


_LETTER = re.compile(r"[\s('\"]*([A-Z])\s*(?:[.:,)'\"\u2013\u2014-].*)?$", re.DOTALL)


def letter(answer: Any, options: str) -> str:
    """The chosen letter of a multiple choice ("b", " B. ", "(B)" and "B: where ..." are all B); else `Wrong`."""
    found = _LETTER.match(answer.upper()) if isinstance(answer, str) else None
    if not found or found.group(1) not in options:
        letters = ", ".join(options)
        raise Wrong(f"The answer is {describe((answer,))}: one letter is expected, as a string, of {letters}.")
    return found.group(1)
