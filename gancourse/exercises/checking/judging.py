"""What the checks share: making numbers of any reasonable answer, recognising a mistake by its value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong


def close(value: Tensor, expected: Tensor, rtol: float = 2e-3, atol: float = 1e-5) -> bool:
    """Whether two tensors of equal shape agree: loosely enough for float32, or an eps inside a logarithm."""
    return value.shape == expected.shape and bool(torch.allclose(value, expected, rtol=rtol, atol=atol))


def numbers(value: Any) -> Tensor:
    """Any numeric answer (number, list, array, tensor) as a float64 tensor without graph; else `Wrong`."""
    try:
        if isinstance(value, str | bool):
            raise TypeError
        if isinstance(value, tuple | list):
            return torch.stack([numbers(item) for item in value])
        return torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"It returned {describe((value,))}: numbers are expected.") from None


def scalar(value: Any) -> Tensor:
    """A numeric answer that is a single number, as a 0-d float64 tensor; else `Wrong`."""
    tensor = numbers(value)
    if tensor.numel() != 1:
        raise Wrong(f"It returned {tensor.numel()} numbers (shape {tuple(tensor.shape)}): a single number is expected.")
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
    points: N descriptions of the inputs ("p = 0.2, q = 0.6"), for a disagreement that fits no mistake.
    """
    same = torch.equal if exact else close
    if same(value, expected):
        return
    for mistaken, message in mistakes:
        if same(value, mistaken):
            raise Wrong(message)
    shown = ",.0f" if exact else ".4g"
    for name, got, wanted in zip(points, value, expected, strict=True):
        if not same(got, wanted):
            raise Wrong(f"For {name} it gives {got:{shown}}, and {wanted:{shown}} is right. {hint}".rstrip())


def letter(answer: Any, options: str) -> str:
    """The chosen letter of a multiple choice ("b", " B. " and "(B)" are all B); else `Wrong`."""
    chosen = answer.strip(" .():'\"").upper() if isinstance(answer, str) else ""
    if len(chosen) != 1 or chosen not in options:
        letters = ", ".join(options)
        raise Wrong(f"The answer is {describe((answer,))}: one letter is expected, as a string, of {letters}.")
    return chosen
