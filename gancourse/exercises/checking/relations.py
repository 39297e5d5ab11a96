"""What a wrong answer has to do with the right one, where that alone tells the mistake: the sign, a factor, a root.

`relation` knows nothing of the exercise: it is asked where no mistake foreseen by a check fits. `one_term` makes the
mistakes that a loss of several terms can have in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

# Factors that tell a mistake even where there is one number only: (factor, what to say).
_FACTORS = [
    (2.0, "It is twice what is right: look for a factor of 2, or a 1/2 that is missing."),
    (0.5, "It is half of what is right: look for a 1/2, or a factor of 2 that is missing."),
    (1 / math.log(2), "It is in bits, of `log2`: the natural logarithm is meant, `log`."),
    (1 / math.log(10), "It is the logarithm to the base 10: the natural one is meant, `log`."),
]


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(torch.allclose(a, b, rtol=5e-5, atol=1e-6))


def relation(value: Tensor, expected: Tensor) -> str:
    """In a sentence, how the numbers of an answer follow from the right ones, both (N,) float64; "" where they do not.

    A constant factor or difference is only believed where it is the same for several different numbers, or where the
    factor is one that mistakes make (2, the 1/log 2 of bits).
    """
    finite = bool(value.isfinite().all() and expected.isfinite().all())
    if not finite or not bool((expected.abs() > 1e-3).any()) or _same(value, expected):
        return ""
    if _same(value, -expected):
        return "It is right but for the sign."
    if (several := _by_several(value, expected)) or bool((expected.abs() <= 1e-3).any()):
        return several
    for factor, words in _FACTORS:
        if _same(value, factor * expected):
            return words
    if _same(value * expected, torch.ones_like(value)):
        return "It is 1 divided by what is right: is a fraction upside down?"
    if bool((expected > 0).all()):
        if _same(value, expected.log()):
            return "It is the logarithm of what is right: is an `exp` missing at the end?"
        if _same(value, expected.sqrt()):
            return "It is the root of what is right: a root is taken too often, or a square is missing."
        if _same(value, expected.square()):
            return "It is the square of what is right: is a root missing, or something squared twice?"
    if bool((expected.abs() < 50).all()) and _same(value, expected.exp()):
        return "It is exp of what is right: is a logarithm missing?"
    return ""


def _by_several(value: Tensor, expected: Tensor) -> str:
    """`relation` for a constant difference or an odd factor: it takes three right numbers, not all of them alike."""
    if len(expected.unique()) < 3:
        return ""
    apart = value - expected
    if _same(apart, apart.mean().expand_as(apart)):
        many = "much" if float(apart[0]) > 0 else "little"
        return f"It is always {abs(float(apart[0])):.4g} too {many}: a constant is missing, or one too many."
    factor = float((value * expected).sum() / expected.square().sum())
    known = [f for f, _ in _FACTORS]
    if abs(factor) > 1e-3 and _same(value, factor * expected) and not any(math.isclose(factor, f) for f in known):
        return f"It is always {factor:.4g} times what is right: a constant factor is missing, or one too many."
    return ""


def one_term(
    terms: Mapping[str, Tensor], slips: Mapping[str, Sequence[tuple[Tensor, str]]] | None = None
) -> Iterator[tuple[Tensor, str]]:
    """The mistakes of a loss that is a sum of means, with one of its terms wrong and the others right: (loss, message).

    terms: what is averaged in each, by its name ("real half"). slips: other numbers that a term may be taken for.
    Where a mean is weighted, `terms` has the weight in it.
    """
    right = sum(term.mean() for term in terms.values())
    for name, term in terms.items():
        rest = right - term.mean()
        for number, message in (slips or {}).get(name, ()):
            yield rest + number, message
        yield rest + term.sum(), f"The {name} is summed over the batch: take the mean there as well."
        yield rest - term.mean(), f"The {name} has the wrong sign: the terms add up."
