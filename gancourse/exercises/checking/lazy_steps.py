"""The check of lesson 11's penalty that is taken seldom: its weight, and Adam's numbers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import counted, judge_formula, numbers

_CASES = ((4, 0.1, 0.5, 0.9, 10.0), (16, 0.002, 0.0, 0.99, 0.0256), (8, 1e-3, 0.9, 0.999, 1.0), (2, 0.3, 0.3, 0.7, 3.0))
_POWER = "it is taken to the power k / (k + 1), so that after k + 1 steps as much is left as after k"
_RATE = "the rate is lr k / (k + 1), since there are k + 1 steps in k rounds"


def check_lazy(call: StudentFunction) -> str:
    """The check of `lesson11.lazy`: lazy(k, lr, beta1, beta2, gamma) -> four numbers."""
    answers: dict[tuple[float, ...], Tensor] = {}
    for case in _CASES:
        value = numbers(call(*case))
        if value.shape != (4,):
            raise Wrong(f"It returned {counted(value)}: four are expected, the weight, the rate, beta1 and beta2.")
        answers[case] = value
    for place, (name, right, slips) in enumerate(_LAZY):
        points = [
            f"k = {k}, lr = {lr:g}, beta1 = {b1:g}, beta2 = {b2:g}, gamma = {g:g}, as the {name},"
            for k, lr, b1, b2, g in _CASES
        ]
        told = [(slip, f"The {name}: {message}") for slip, message in slips]
        judge_formula(lambda *case, place=place: answers[case][place], _CASES, right, told, points)  # type: ignore[arg-type]
    return (
        "In k rounds the penalty weighs what it did, Adam goes as far, and forgets as fast. Without the k it would "
        "be a k-th of what you set, and nothing would say so (labml's StyleGAN2 is asked about that in #161, where the "
        "path length lacks it)."
    )


def _betas(at: int) -> list[tuple[Callable[..., float], str]]:
    """Slips of the beta that is argument `at` of a case."""
    return [
        (lambda *case: case[at], f"it is as it was: {_POWER}."),
        (lambda *case: case[at] * case[0] / (case[0] + 1), f"it is multiplied: {_POWER}."),
        (lambda *case: case[at] ** ((case[0] + 1) / case[0]), f"the power is turned round: {_POWER}."),
        (lambda *case: case[at] ** (1 / (case[0] + 1)), f"the power is 1 / (k + 1): {_POWER}."),
        (lambda *case: case[at] ** (1 / case[0]), f"the power is 1 / k: {_POWER}."),
        (lambda *case: case[at] ** case[0], f"the power is k: {_POWER}."),
        (lambda *case: case[at] ** ((case[0] - 1) / case[0]), f"the power is (k - 1) / k: {_POWER}."),
        (
            lambda *case: 1 - (1 - case[at]) * case[0] / (case[0] + 1),
            f"1 - beta is multiplied, which is nearly the same where beta is nearly 1: {_POWER}.",
        ),
        (lambda *case: case[5 - at], "the two betas are exchanged."),
        (lambda *case: case[5 - at] ** (case[0] / (case[0] + 1)), "the two betas are exchanged."),
    ]


_LAZY: tuple[tuple[str, Callable[..., float], list[tuple[Callable[..., float], str]]], ...] = (
    (
        "weight",
        lambda k, lr, b1, b2, g: k * g / 2,
        [
            (lambda k, lr, b1, b2, g: g / 2, "k is missing: one step has to weigh as much as k."),
            (lambda k, lr, b1, b2, g: k * g, "the half is missing: R1 is gamma / 2 times E|grad D|^2."),
            (lambda k, lr, b1, b2, g: g, "it is gamma alone: it is k gamma / 2."),
            (lambda k, lr, b1, b2, g: g / 2 / k, "you divide by k: one step has to weigh as much as k."),
            (lambda k, lr, b1, b2, g: (k + 1) * g / 2, "k + 1 is too much: it stands for k rounds."),
            (lambda k, lr, b1, b2, g: k, "gamma / 2 is missing: it is k gamma / 2."),
            (
                lambda k, lr, b1, b2, g: k * g / 2 * k / (k + 1),
                "k / (k + 1) belongs to the rate: the weight is k gamma / 2.",
            ),
        ],
    ),
    (
        "rate",
        lambda k, lr, b1, b2, g: lr * k / (k + 1),
        [
            (lambda k, lr, b1, b2, g: lr, f"it is as it was: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr * (k + 1) / k, f"the fraction is turned round: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr / (k + 1), f"k is missing above: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr / k, f"it is divided by k: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr * k, f"it is multiplied by k, which is the penalty's: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr * (k - 1) / k, f"it is lr (k - 1) / k: {_RATE}."),
            (lambda k, lr, b1, b2, g: lr ** (k / (k + 1)), f"it is taken to the power, as the betas are: {_RATE}."),
        ],
    ),
    ("beta1", lambda k, lr, b1, b2, g: b1 ** (k / (k + 1)), _betas(2)),
    ("beta2", lambda k, lr, b1, b2, g: b2 ** (k / (k + 1)), _betas(3)),
)
